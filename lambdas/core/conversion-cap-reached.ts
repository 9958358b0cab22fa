import { capStart, concerns, CONVERSION_UNITS } from './caps.ts';
import { counterAttribute } from './counters.ts';
import type { CounterUnit } from './counters.ts';
import type { Campaign, Cap, PayoutModel, RevenueModel } from './entities.ts';
import { defaultGoal } from './goals.ts';
import { parseMoney } from './money.ts';
import type { ConversionCounts } from './ports.ts';

/** A cap that can close a link: on conversions or their money, of all goals or the default one. */
export interface WatchedCap {
  readonly cap: Cap;
  readonly unit: CounterUnit;
  readonly limit: bigint;
  /** What the next conversion of the default goal takes at least. */
  readonly need: bigint;
}

export function watchedCaps(campaign: Campaign): readonly WatchedCap[] {
  const goal = defaultGoal(campaign);
  return campaign.caps.flatMap((cap): readonly WatchedCap[] => {
    const unit = CONVERSION_UNITS[cap.metric];
    // A full cap of another goal still leaves the default one to be reached.
    if (unit === null || (cap.goal !== null && cap.goal !== goal.id)) return [];
    if (unit === 'number') return [{ cap, unit, limit: BigInt(cap.limit), need: 1n }];
    const need = leastOf(goal[unit]);
    // What is worth nothing takes no room.
    return need === 0n ? [] : [{ cap, unit, limit: micros(cap.limit), need }];
  });
}

/** Whether one of the caps is known to have no room for a publisher's next conversion of the default goal. */
export function conversionCapReached(
  caps: readonly WatchedCap[],
  publisherId: string,
  known: readonly ConversionCounts[],
  networkTimeZone: string,
  now: number,
): boolean {
  return caps.some(({ cap, unit, limit, need }) => {
    if (!concerns(cap, publisherId)) return false;
    const scope = cap.scope === 'campaign' ? null : publisherId;
    const counts = known.find((item) => item.publisherId === scope && item.goal === cap.goal)?.counts;
    const attribute = counterAttribute(unit, cap.period, capStart(cap, networkTimeZone, now));
    return limit - (counts?.get(attribute) ?? 0n) < need;
  });
}

/** A percentage may come out at anything. */
function leastOf(model: PayoutModel | RevenueModel): bigint {
  if (model.model === 'fixed') return micros(model.amount);
  return model.model === 'none' ? 0n : 1n;
}

/** Amounts were validated when they were saved. */
function micros(text: string): bigint {
  return parseMoney(text, 6) ?? 0n;
}
