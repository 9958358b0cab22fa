import { clickCounterKey, counterAttribute } from './counters.ts';
import type { CounterAdd, CounterKey, CounterUnit, CounterUpdate } from './counters.ts';
import type { Campaign, Cap, CapMetric } from './entities.ts';
import { periodStart } from './periods.ts';

/** What a cap limits of a campaign's conversions; null: clicks, which are counted apart. */
export const CONVERSION_UNITS: Readonly<Record<CapMetric, CounterUnit | null>> = {
  clicks: null,
  conversions: 'number',
  payout: 'payout',
  revenue: 'revenue',
};

/** Whether its limit is an amount in the campaign's currency, and no count. */
export function limitsMoney({ metric }: Pick<Cap, 'metric'>): boolean {
  return metric === 'payout' || metric === 'revenue';
}

/** Whether a cap has anything to do with a publisher's clicks and conversions. */
export function concerns(cap: Cap, publisherId: string): boolean {
  return cap.scope !== 'publisher' || cap.publisherId === publisherId;
}

/** When the period of a cap began that `at` lies in: by the cap's own time zone, else the network's. */
export function capStart({ period, timeZone }: Cap, networkTimeZone: string, at: number): number {
  return periodStart(period, timeZone ?? networkTimeZone, at);
}

/** What a click of a publisher takes of the campaign's click caps: at most two updates, the publisher's first. `at`: when it came. */
export function clickSlots(
  { id, caps }: Pick<Campaign, 'id' | 'caps'>,
  publisherId: string,
  networkTimeZone: string,
  at: number,
): readonly CounterUpdate[] {
  const own = new Map<string, CounterAdd>();
  const all = new Map<string, CounterAdd>();
  for (const cap of caps) {
    if (cap.metric !== 'clicks' || !concerns(cap, publisherId)) continue;
    const attribute = counterAttribute('number', cap.period, capStart(cap, networkTimeZone, at));
    const adds = cap.scope === 'campaign' ? all : own;
    const limit = BigInt(cap.limit);
    const known = adds.get(attribute)?.limit ?? limit;
    adds.set(attribute, { attribute, amount: 1n, limit: known < limit ? known : limit });
  }
  const updateOf = (key: CounterKey, adds: ReadonlyMap<string, CounterAdd>) =>
    adds.size === 0 ? [] : [{ key, adds: [...adds.values()] }];
  return [...updateOf(clickCounterKey(id, publisherId), own), ...updateOf(clickCounterKey(id, null), all)];
}
