import type { CounterKey, CounterUpdate } from '../../../lambdas/core/counters.ts';
import type { Click } from '../../../lambdas/core/entities.ts';
import type { ClickPut, ClickReader, ClickStore, VisitClaim, VisitMarker } from '../../../lambdas/core/ports.ts';

/** Clicks and their counters in memory. */
export class FakeClicks implements ClickReader, ClickStore {
  readonly clicks = new Map<string, Click>();
  readonly #counters = new Map<string, Map<string, bigint>>();
  readonly #visits = new Map<string, VisitMarker>();

  async click(id: string) {
    return this.clicks.get(id) ?? null;
  }

  /** What a counter stands at; 0n: it was never counted, or is forgotten. */
  count(key: CounterKey, attribute: string): bigint {
    return this.#counter(key).get(attribute) ?? 0n;
  }

  async put(click: Click, slots: readonly CounterUpdate[] = []): Promise<ClickPut> {
    const there = this.clicks.get(click.id);
    if (there !== undefined) return { kind: 'there', code: there.code };
    if (!slots.every((slot) => this.#hasRoom(slot))) return { kind: 'full' };
    for (const slot of slots) this.#add(slot);
    this.clicks.set(click.id, click);
    return { kind: 'stored' };
  }

  async add(update: CounterUpdate) {
    const added = this.#hasRoom(update);
    if (added) this.#add(update);
    return { added, counts: new Map(this.#counter(update.key)) };
  }

  async forget(key: CounterKey, attributes: readonly string[]) {
    for (const attribute of attributes) this.#counter(key).delete(attribute);
  }

  async visit(key: string) {
    return this.#visits.get(key) ?? null;
  }

  async claimVisit({ key, windowSeconds }: VisitClaim, { id, createdAt }: Click) {
    const standing = this.#visits.get(key);
    if (standing !== undefined && standing.clickId !== id && standing.countedAt > createdAt - windowSeconds * 1_000) {
      return standing;
    }
    this.#visits.set(key, { clickId: id, countedAt: createdAt });
    return null;
  }

  async releaseVisit(key: string, clickId: string) {
    if (this.#visits.get(key)?.clickId === clickId) this.#visits.set(key, { clickId, countedAt: 0 });
  }

  #counter({ pk, sk }: CounterKey): Map<string, bigint> {
    const name = `${pk} ${sk}`;
    const counter = this.#counters.get(name) ?? new Map<string, bigint>();
    this.#counters.set(name, counter);
    return counter;
  }

  #hasRoom({ key, adds }: CounterUpdate): boolean {
    return adds.every(({ attribute, amount, limit }) => limit === null || this.count(key, attribute) + amount <= limit);
  }

  #add({ key, adds }: CounterUpdate): void {
    for (const { attribute, amount } of adds) {
      this.#counter(key).set(attribute, this.count(key, attribute) + amount);
    }
  }
}
