import type { CounterAdd, CounterKey, Counts, CounterUpdate } from './counters.ts';
import type { Clock } from './ports.ts';

/** Not for as long as the period lasts: a slot may be given back. */
const LIFETIME = 10_000;
const MEMORY = 1_000;

/** Limits that an environment saw reached, so that a full cap costs no write a click. */
export class FullCaps {
  readonly #now: Clock;
  /** Until when each counts as full. */
  readonly #until = new Map<string, number>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /** Whether one of the update's limits is known to leave no room. */
  has({ key, adds }: CounterUpdate): boolean {
    return adds.some((add) => (this.#until.get(nameOf(key, add)) ?? 0) > this.#now());
  }

  /** Learns from the counts that an update of the item met or left. */
  learn({ key, adds }: CounterUpdate, counts: Counts): void {
    for (const add of adds) {
      if (add.limit === null || (counts.get(add.attribute) ?? 0n) + add.amount <= add.limit) continue;
      if (this.#until.size >= MEMORY) this.#until.clear();
      this.#until.set(nameOf(key, add), this.#now() + LIFETIME);
    }
  }
}

/** With the limit: an operator may raise it. */
function nameOf({ pk, sk }: CounterKey, { attribute, limit }: CounterAdd): string {
  return `${pk} ${sk} ${attribute} ${limit}`;
}
