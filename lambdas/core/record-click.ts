import { countedBefore, uncounted } from './click-claims.ts';
import { PRUNE_DELAY_MS, staleAttributes } from './counters.ts';
import type { Counts, CounterUpdate } from './counters.ts';
import type { Click } from './entities.ts';
import { FullCaps } from './full-caps.ts';
import { StorageUnavailable } from './ports.ts';
import type {
  ClickClaims,
  ClickRecorder,
  ClickSpool,
  ClickStore,
  Clock,
  RecordedClick,
  SpooledClick,
} from './ports.ts';
import type { StorageGate } from './storage-gate.ts';

/** What a visitor waits at most, in milliseconds: for storage, then for the spool. */
const STORAGE_TIME = 250;
const SPOOL_TIME = 200;

/** A counter item with more attributes is cleared of periods that are over. */
const ATTRIBUTES = 40;

interface ClickRecorderDeps {
  readonly store: ClickStore;
  readonly spool: ClickSpool;
  /** Apart, so that one busy counter of a cap does not keep all clicks from storage. */
  readonly gates: { readonly counters: StorageGate; readonly clicks: StorageGate };
  readonly now: Clock;
  /** Neither storage nor the spool took it: what is said here is all that is left of the click. */
  readonly onNotStored: (spooled: SpooledClick, error: unknown) => void;
}

/** One an environment: it remembers which caps are full. */
export function createClickRecorder(deps: ClickRecorderDeps): ClickRecorder {
  const full = new FullCaps(deps.now);
  return {
    async record(click, claims) {
      const recording = new Recording(click, claims, full, deps);
      try {
        return await recording.run();
      } catch {
        // Which failure it was, a gate has told. The visitor does not wait for what could not be claimed.
        await spool(recording.pending, deps);
        return { click: recording.pending.click, countedAt: null };
      }
    },
  };
}

async function spool(spooled: SpooledClick, deps: ClickRecorderDeps): Promise<void> {
  try {
    await deps.spool.send(spooled, SPOOL_TIME);
  } catch (error) {
    deps.onNotStored(spooled, error);
  }
}

/** One click on its way into storage; wherever it stops, `pending` is what is left to do. */
class Recording {
  pending: SpooledClick;
  readonly #full: FullCaps;
  readonly #store: ClickStore;
  readonly #gates: ClickRecorderDeps['gates'];
  readonly #now: Clock;
  readonly #end: number;

  constructor(click: Click, claims: ClickClaims | null, full: FullCaps, { store, gates, now }: ClickRecorderDeps) {
    this.pending = { click, claims };
    this.#full = full;
    this.#store = store;
    this.#gates = gates;
    this.#now = now;
    this.#end = now() + STORAGE_TIME;
  }

  async run(): Promise<RecordedClick> {
    const { click, claims } = this.pending;
    const countedAt = claims && (await this.#gates.counters.pass(() => this.#claimInTime(click, claims)));
    await this.#gates.clicks.pass(() => this.#store.put(this.pending.click, [], this.#left()));
    return { click: this.pending.click, countedAt };
  }

  async #claimInTime(click: Click, claims: ClickClaims): Promise<number | null> {
    const countedAt = await this.#claim(click, claims);
    // Counters that leave no time to store the click have failed, not the store of clicks.
    this.#left();
    return countedAt;
  }

  /** Decides the click's code; answers when a click was that makes it a duplicate. */
  async #claim(click: Click, { visit, slots }: ClickClaims): Promise<number | null> {
    const isFull = slots.some((slot) => this.#full.has(slot));
    const countedAt = visit && (await countedBefore(click, visit, !isFull, this.#store, () => this.#left()));
    if (countedAt !== null) {
      this.pending = { click: uncounted(click, 'DUPLICATE_CLICK'), claims: null };
    } else if (isFull) {
      this.pending = { click: uncounted(click, 'CAP_REACHED'), claims: null };
    } else {
      await this.#take(click, { visit, slots });
      this.pending = { click: this.pending.click, claims: null };
    }
    return countedAt;
  }

  async #take(click: Click, { visit, slots }: ClickClaims): Promise<void> {
    for (const [index, slot] of slots.entries()) {
      const { added, counts } = await this.#store.add(slot, this.#left());
      this.#full.learn(slot, counts);
      if (!added) {
        // A slot that cannot be given back now never is: a cap may be missed by one a fault, but not exceeded.
        this.pending = { click: uncounted(click, 'CAP_REACHED'), claims: { visit, slots: [] } };
        for (const taken of slots.slice(0, index)) await this.#store.add(reversed(taken), this.#left());
        if (visit !== null) await this.#store.releaseVisit(visit.key, click.id, this.#left());
        return;
      }
      this.pending = { click, claims: { visit, slots: slots.slice(index + 1) } };
      await this.#tidy(slot, counts);
    }
  }

  async #tidy({ key }: CounterUpdate, counts: Counts): Promise<void> {
    const stale = counts.size > ATTRIBUTES ? staleAttributes(counts, this.#now() - PRUNE_DELAY_MS) : [];
    if (stale.length > 0) await this.#store.forget(key, stale, this.#left());
  }

  #left(): number {
    const left = this.#end - this.#now();
    if (left <= 0) throw new StorageUnavailable(`not stored within ${STORAGE_TIME} ms`);
    return left;
  }
}

function reversed({ key, adds }: CounterUpdate): CounterUpdate {
  return { key, adds: adds.map(({ attribute, amount }) => ({ attribute, amount: -amount, limit: null })) };
}
