import type { ClickSpool, ClickStore, SpooledClick } from '../../lambdas/core/ports.ts';
import { StorageUnavailable } from '../../lambdas/core/ports.ts';
import { FakeClicks } from './fakes/clicks.ts';

/** What becomes of one call: `before` fails and did nothing, `after` fails and did it, `hang` uses its time up and did it. */
export type Fault = 'ok' | 'before' | 'after' | 'hang';

/** Clicks and a spool in memory whose calls, in the order in which they come, go as planned; those beyond the plan go well. */
export class FaultyClicks {
  readonly clicks = new FakeClicks();
  readonly queue: SpooledClick[] = [];
  /** Names of all calls until now. */
  readonly calls: string[] = [];
  now = 1_764_000_000_000;
  readonly #plan: readonly Fault[];

  constructor(plan: readonly Fault[] = []) {
    this.#plan = plan;
  }

  get faults(): number {
    return this.#plan.slice(0, this.calls.length).filter((fault) => fault !== 'ok').length;
  }

  readonly store: ClickStore = {
    put: (click, slots, timeout) => this.#call('put', timeout, () => this.clicks.put(click, slots)),
    add: (update, timeout) => this.#call('add', timeout, () => this.clicks.add(update)),
    forget: (key, attributes, timeout) => this.#call('forget', timeout, () => this.clicks.forget(key, attributes)),
    visit: (key, timeout) => this.#call('visit', timeout, () => this.clicks.visit(key)),
    claimVisit: (visit, click, timeout) =>
      this.#call('claimVisit', timeout, () => this.clicks.claimVisit(visit, click)),
    releaseVisit: (key, clickId, timeout) =>
      this.#call('releaseVisit', timeout, () => this.clicks.releaseVisit(key, clickId)),
  };

  readonly spool: ClickSpool = {
    send: (spooled, timeout) => this.#call('send', timeout, async () => void this.queue.push(spooled)),
  };

  async #call<T>(name: string, timeout: number, work: () => Promise<T>): Promise<T> {
    const fault = this.#plan[this.calls.length] ?? 'ok';
    this.calls.push(name);
    if (fault === 'before') throw new StorageUnavailable(`${name} refused`);
    const result = await work();
    if (fault === 'hang') this.now += timeout;
    else this.now += 1;
    if (fault !== 'ok') throw new StorageUnavailable(`${name} gave no answer`);
    return result;
  }
}
