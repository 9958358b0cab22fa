import { counterOfCap } from './cap-counter.ts';
import type { CapCounter } from './cap-counter.ts';
import { capStart, concerns } from './caps.ts';
import type { CounterKey, Counts } from './counters.ts';
import type { Campaign, Cap } from './entities.ts';
import { periodEnd } from './periods.ts';

/** Reads one counter, strongly consistent; what was never counted is absent. Throws StorageUnavailable. */
export type ReadCounter = (key: CounterKey) => Promise<Counts>;

/** A cap in its present period. */
export interface CapUsage {
  readonly cap: Cap;
  /** Milliseconds; null: the period is all time. */
  readonly period: { readonly start: number; readonly end: number } | null;
  /** Null: each publisher has its own, and none is asked for. */
  readonly count: (Pick<CapCounter, 'unit' | 'limit'> & { readonly used: bigint }) | null;
}

/** How much of a campaign's caps is used. `publisherId`: only those that limit it, with its own counts; null: all. */
export function readCapUsage(
  { id, caps }: Pick<Campaign, 'id' | 'caps'>,
  publisherId: string | null,
  { networkTimeZone, now }: { readonly networkTimeZone: string; readonly now: number },
  readCounter: ReadCounter,
): Promise<readonly CapUsage[]> {
  const reads = new Map<string, Promise<Counts>>();
  const countsOf = (key: CounterKey): Promise<Counts> => {
    const name = `${key.pk} ${key.sk}`;
    const read = reads.get(name) ?? readCounter(key);
    reads.set(name, read);
    return read;
  };
  const countOf = async (cap: Cap): Promise<CapUsage['count']> => {
    const owner = publisherId ?? cap.publisherId;
    if (cap.scope === 'each_publisher' && owner === null) return null;
    const { key, unit, attribute, limit } = counterOfCap(id, cap, owner ?? '', networkTimeZone, now);
    return { unit, limit, used: (await countsOf(key)).get(attribute) ?? 0n };
  };
  const usageOf = async (cap: Cap): Promise<CapUsage> => {
    const start = capStart(cap, networkTimeZone, now);
    const end = periodEnd(cap.period, cap.timeZone ?? networkTimeZone, start);
    return { cap, period: end === null ? null : { start, end }, count: await countOf(cap) };
  };
  return Promise.all(caps.filter((cap) => publisherId === null || concerns(cap, publisherId)).map(usageOf));
}
