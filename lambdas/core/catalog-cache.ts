import type { MacKeyRing } from './click-id.ts';
import { DEFAULT_SETTINGS } from './entities.ts';
import type { CatalogReader, Clock, ConversionCountReader, ConversionCounts } from './ports.ts';

interface CacheDeps {
  readonly now: Clock;
  /** How long a value is used without being read again, in milliseconds; 0: it is read each time. */
  readonly lifetime: number;
  /** Resolves after so many milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Told each time a read fails and the last known value is used instead. */
  readonly onStale: (error: unknown) => void;
}

/** The longest that a visitor waits for news of something that is known. */
const REFRESH_WAIT = 100;
/** Rest after a refresh failed: waiting alone would exhaust concurrency while storage is down. */
const REFRESH_PAUSE = 1_000;
/** Of each kind. Unknown ids are anybody's text, so they are bounded apart and cannot push out what is known. */
const KNOWN = 5_000;
const UNKNOWN = 5_000;

/**
 * A catalog in memory (invariant 1): no read on a warm path, and what is known goes on being used while storage is slow
 * or down. That an id is unknown is cached too, but not used beyond its lifetime: it may have been made since. Callers
 * who miss the same item share one read.
 */
export function cacheCatalog(reader: CatalogReader, deps: CacheDeps): CatalogReader {
  const campaigns = new Cache((id) => reader.campaign(id), UNKNOWN, deps);
  const publishers = new Cache((id) => reader.publisher(id), UNKNOWN, deps);
  const settings = new Cache(() => reader.settings(), 0, deps);
  // An empty ring is not kept: the next call may come just after the bootstrap.
  const rings = new Cache<MacKeyRing>(
    () => reader.macKeys().then((ring) => (ring.length === 0 ? null : ring)),
    0,
    deps,
  );
  return {
    campaign: (id) => campaigns.get(id),
    publisher: (id) => publishers.get(id),
    settings: async () => (await settings.get('')) ?? DEFAULT_SETTINGS,
    macKeys: async () => (await rings.get('')) ?? [],
  };
}

/**
 * The same for the counters of conversions, but the first read is waited for no longer than any other, and none fails: unread,
 * nothing is counted.
 */
export function cacheConversionCounts(reader: ConversionCountReader, deps: CacheDeps): ConversionCountReader {
  const read = async (link: string): Promise<readonly ConversionCounts[]> => {
    const [campaignId = '', publisherId = ''] = link.split('/', 2);
    return reader.conversionCounts(campaignId, publisherId);
  };
  const counts = new Cache(read, 0, deps, []);
  // Ids have no slash.
  return {
    conversionCounts: async (campaignId, publisherId) => (await counts.get(`${campaignId}/${publisherId}`)) ?? [],
  };
}

interface Known<T> {
  readonly value: T;
  readonly readAt: number;
  /** After a failed refresh: not tried again before. */
  readonly pauseUntil: number;
}

interface Reading<T> {
  readonly startedAt: number;
  readonly result: Promise<T | null>;
}

class Cache<T> {
  readonly #known = new Map<string, Known<T>>();
  /** When an id was found to be unknown. */
  readonly #unknown = new Map<string, number>();
  readonly #readings = new Map<string, Reading<T>>();
  readonly #read: (id: string) => Promise<T | null>;
  readonly #maxUnknown: number;
  readonly #deps: CacheDeps;
  /** What stands for a value that was never read. */
  readonly #unread: Known<T> | undefined;

  constructor(read: (id: string) => Promise<T | null>, maxUnknown: number, deps: CacheDeps, unread?: T) {
    this.#read = read;
    this.#maxUnknown = maxUnknown;
    this.#deps = deps;
    this.#unread = unread === undefined ? undefined : { value: unread, readAt: -Infinity, pauseUntil: 0 };
  }

  /** Throws only if the value is not known and cannot be read. */
  async get(id: string): Promise<T | null> {
    const { now, lifetime } = this.#deps;
    const known = this.#known.get(id) ?? this.#unread;
    if (known !== undefined) {
      return now() < Math.max(known.readAt + lifetime, known.pauseUntil) ? known.value : this.#refresh(id, known);
    }
    if (now() < (this.#unknown.get(id) ?? -Infinity) + lifetime) return null;
    const joined = this.#readingOf(id);
    if (joined === undefined) return this.#start(id).result;
    // A read that began before this call may have been frozen with its environment: its failure says nothing of now.
    return joined.result.catch(() => (this.#readingOf(id) ?? this.#start(id)).result);
  }

  async #refresh(id: string, known: Known<T>): Promise<T | null> {
    const { now, lifetime, sleep } = this.#deps;
    const { result, startedAt } = this.#readingOf(id) ?? this.#start(id, known);
    // Who asks for no cache waits for the read, however slow; what is known then serves only if it fails.
    if (lifetime === 0) return result;
    const wait = startedAt + REFRESH_WAIT - now();
    return wait <= 0 ? known.value : Promise.race([result, sleep(wait).then(() => known.value)]);
  }

  /** The read under way, if it is worth joining: one that is older than a lifetime was frozen and would bring old news. */
  #readingOf(id: string): Reading<T> | undefined {
    const { now, lifetime } = this.#deps;
    const reading = this.#readings.get(id);
    return reading !== undefined && now() < reading.startedAt + lifetime ? reading : undefined;
  }

  /** If it fails and a value is known, that is the result. What it finds is as old as its beginning. */
  #start(id: string, known?: Known<T>): Reading<T> {
    const { now, lifetime, onStale } = this.#deps;
    const startedAt = now();
    const isLatest = () => this.#readings.get(id) === reading;
    const result = this.#read(id)
      .then((value) => {
        if (isLatest()) this.#keep(id, value, startedAt);
        return value;
      })
      .catch((error: unknown) => {
        if (known === undefined) throw error;
        if (isLatest()) {
          // After a frozen read the pause is over already.
          const pauseUntil = Math.min(now(), startedAt + lifetime) + Math.min(REFRESH_PAUSE, lifetime);
          this.#put(id, { ...known, pauseUntil });
          onStale(error);
        }
        return known.value;
      })
      .finally(() => {
        if (isLatest()) this.#readings.delete(id);
      });
    const reading: Reading<T> = { startedAt, result };
    this.#readings.set(id, reading);
    return reading;
  }

  #keep(id: string, value: T | null, readAt: number): void {
    this.#unknown.delete(id);
    if (value !== null) {
      this.#put(id, { value, readAt, pauseUntil: 0 });
    } else {
      this.#known.delete(id);
      if (this.#maxUnknown > 0) put(this.#unknown, id, readAt, this.#maxUnknown);
    }
  }

  #put(id: string, known: Known<T>): void {
    put(this.#known, id, known, KNOWN);
  }
}

/** The newest goes last, so that the oldest one goes when the map is full. */
function put<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  if (map.size >= max) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}
