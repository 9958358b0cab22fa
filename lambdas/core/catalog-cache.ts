import type { MacKeyRing } from './click-id.ts';
import { DEFAULT_SETTINGS } from './entities.ts';
import type { CatalogReader, Clock } from './ports.ts';

interface CatalogCacheDeps {
  readonly reader: CatalogReader;
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
export function cacheCatalog(deps: CatalogCacheDeps): CatalogReader {
  const { reader } = deps;
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
  readonly #deps: CatalogCacheDeps;

  constructor(read: (id: string) => Promise<T | null>, maxUnknown: number, deps: CatalogCacheDeps) {
    this.#read = read;
    this.#maxUnknown = maxUnknown;
    this.#deps = deps;
  }

  /** Throws only if the value is not known and cannot be read. */
  async get(id: string): Promise<T | null> {
    const { now, lifetime } = this.#deps;
    const known = this.#known.get(id);
    if (known !== undefined) {
      return now() < Math.max(known.readAt + lifetime, known.pauseUntil) ? known.value : this.#refresh(id, known);
    }
    if (now() < (this.#unknown.get(id) ?? -Infinity) + lifetime) return null;
    const joined = this.#readings.get(id);
    if (joined === undefined) return this.#start(id).result;
    // A read that began before this call may have been frozen with its environment: its failure says nothing of now.
    return joined.result.catch(() => (this.#readings.get(id) ?? this.#start(id)).result);
  }

  async #refresh(id: string, known: Known<T>): Promise<T | null> {
    const { now, lifetime, sleep } = this.#deps;
    const { result, startedAt } = this.#readings.get(id) ?? this.#start(id, known);
    // Who asks for no cache waits for the read, however slow; what is known then serves only if it fails.
    if (lifetime === 0) return result;
    const wait = startedAt + REFRESH_WAIT - now();
    return wait <= 0 ? known.value : Promise.race([result, sleep(wait).then(() => known.value)]);
  }

  /** There is at most one read of an id at a time. If it fails and a value is known, that is the result. */
  #start(id: string, known?: Known<T>): Reading<T> {
    const { now, lifetime, onStale } = this.#deps;
    const result = this.#read(id)
      .then((value) => this.#keep(id, value))
      .catch((error: unknown) => {
        if (known === undefined) throw error;
        const pauseUntil = now() + Math.min(REFRESH_PAUSE, lifetime);
        if (this.#known.has(id)) this.#known.set(id, { ...known, pauseUntil });
        onStale(error);
        return known.value;
      })
      .finally(() => this.#readings.delete(id));
    const reading = { startedAt: now(), result };
    this.#readings.set(id, reading);
    return reading;
  }

  #keep(id: string, value: T | null): T | null {
    const readAt = this.#deps.now();
    // Deleted first, so that the map's order is that of the reads and the oldest one goes when it is full.
    this.#known.delete(id);
    this.#unknown.delete(id);
    if (value !== null) {
      put(this.#known, id, { value, readAt, pauseUntil: 0 }, KNOWN);
    } else if (this.#maxUnknown > 0) {
      put(this.#unknown, id, readAt, this.#maxUnknown);
    }
    return value;
  }
}

function put<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  if (map.size >= max) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}
