import { counterOfCap } from './cap-counter.ts';
import type { CapCounter } from './cap-counter.ts';
import { concerns } from './caps.ts';
import type { Conversion } from './conversion.ts';
import { conversionCounterKey, counterAttribute, PERIOD_GRACE_MS } from './counters.ts';
import type { CounterKey, CounterUnit, CounterUpdate, StoredCounter } from './counters.ts';
import type { Campaign, Cap, CapPeriod } from './entities.ts';
import { isOver, periodStart } from './periods.ts';

/** What a conversion adds: 1 and its money; of a changed amount the differences of the money. */
type Amounts = Readonly<Record<CounterUnit, bigint>>;

/** A conversion as its campaign's counters see it. Its periods are those of its receipt, `createdAt`. */
type Counted = Pick<Conversion, 'campaignId' | 'publisherId' | 'goal' | 'createdAt' | 'countedIn'>;

interface Room {
  /** The cap that decides about a conversion for which there is no room; null: there is, as far as is known. */
  readonly reached: Cap | null;
  readonly countedIn: readonly string[];
  readonly counters: readonly CounterUpdate[];
}

/** Of a conversion that takes none and asks for none. */
export const NO_ROOM_NEEDED: Room = { reached: null, countedIn: [], counters: [] };

const UNITS: readonly CounterUnit[] = ['number', 'payout', 'revenue'];
const PERIODS: readonly CapPeriod[] = ['hour', 'day', 'week', 'month', 'total'];

/**
 * What a new conversion takes of its campaign's caps, for the transaction that records it. `full`: counters that are
 * known to have refused it; of several full caps one that rejects decides. What is worth nothing takes no room of a cap
 * on money. A capped period that is over for so long that its counters may be gone has no room: nobody can tell any more.
 */
export function takeRoom(
  { id, caps }: Pick<Campaign, 'id' | 'caps'>,
  networkTimeZone: string,
  received: Pick<Conversion, 'publisherId' | 'goal' | 'createdAt'>,
  worth: Readonly<Record<'payout' | 'revenue', bigint>>,
  full: readonly StoredCounter[],
  now: number,
): Room {
  const amounts: Amounts = { number: 1n, ...worth };
  const limits = limitsOf(id, caps, networkTimeZone, received);
  const reached = limits.filter(({ cap, key, attribute, start, unit, limit }) => {
    if (amounts[unit] === 0n) return false;
    if (isOver(cap.period, start, now, PERIOD_GRACE_MS)) return true;
    const count = full.find((counter) => isSame(counter.key, key))?.counts.get(attribute) ?? 0n;
    return count + amounts[unit] > limit;
  });
  const decisive = reached.find(({ cap }) => cap.onReached === 'reject') ?? reached[0];
  if (decisive !== undefined) return { ...NO_ROOM_NEEDED, reached: decisive.cap };
  const countedIn = zonesOf(caps, networkTimeZone);
  const counted = { ...received, campaignId: id, countedIn };
  return { reached: null, countedIn, counters: updatesOf(counted, amounts, limits, now) };
}

/**
 * What an operator's approval of a conversion that counts nowhere adds to the counters of its own periods, as if it had
 * counted from its receipt on. It asks no limit.
 */
export function countApproval(
  { caps }: Pick<Campaign, 'caps'>,
  networkTimeZone: string,
  approved: Conversion,
  now: number,
): Pick<Room, 'countedIn' | 'counters'> {
  const { wouldBePayout, wouldBeRevenue } = approved;
  const amounts: Amounts = { number: 1n, payout: wouldBePayout ?? 0n, revenue: wouldBeRevenue ?? 0n };
  const countedIn = zonesOf(caps, networkTimeZone);
  return { countedIn, counters: updatesOf({ ...approved, countedIn }, amounts, [], now) };
}

/** What a change of the amount adds to the counters of the conversion's own periods. It asks no limit. */
export function countChange(before: Conversion, after: Conversion, now: number): readonly CounterUpdate[] {
  const difference = (field: 'wouldBePayout' | 'wouldBeRevenue') => (after[field] ?? 0n) - (before[field] ?? 0n);
  const amounts = { number: 0n, payout: difference('wouldBePayout'), revenue: difference('wouldBeRevenue') };
  return updatesOf(before, amounts, [], now);
}

/** The time zones whose periods conversions of a campaign count in. */
function zonesOf(caps: readonly Cap[], networkTimeZone: string): readonly string[] {
  const zones = caps.flatMap(({ metric, timeZone }) => (metric === 'clicks' || timeZone === null ? [] : [timeZone]));
  return [...new Set([networkTimeZone, ...zones])];
}

interface Limit extends CapCounter {
  readonly cap: Cap;
}

function limitsOf(
  campaignId: string,
  caps: readonly Cap[],
  networkTimeZone: string,
  { publisherId, goal, createdAt }: Pick<Conversion, 'publisherId' | 'goal' | 'createdAt'>,
): readonly Limit[] {
  return caps.flatMap((cap): Limit[] => {
    if (cap.metric === 'clicks' || !concerns(cap, publisherId) || (cap.goal !== null && cap.goal !== goal)) return [];
    return [{ cap, ...counterOfCap(campaignId, cap, publisherId, networkTimeZone, createdAt) }];
  });
}

/**
 * Every period of every zone that the conversion counts in, capped or not, so that a new cap starts right; at most four
 * items. Periods whose attributes may have been removed already are left alone.
 */
function updatesOf(
  { campaignId, publisherId, goal, createdAt, countedIn }: Counted,
  amounts: Amounts,
  limits: readonly Limit[],
  now: number,
): readonly CounterUpdate[] {
  const units = UNITS.filter((unit) => amounts[unit] !== 0n);
  const additions = PERIODS.flatMap((period) =>
    [...new Set(countedIn.map((zone) => periodStart(period, zone, createdAt)))]
      .filter((start) => !isOver(period, start, now, PERIOD_GRACE_MS))
      .flatMap((start) =>
        units.map((unit) => ({ attribute: counterAttribute(unit, period, start), amount: amounts[unit] })),
      ),
  );
  if (additions.length === 0) return [];
  return [null, publisherId].flatMap((publisher) =>
    [null, goal].map((ofGoal) => {
      const key = conversionCounterKey(campaignId, publisher, ofGoal);
      const adds = additions.map(({ attribute, amount }) => ({
        attribute,
        amount,
        limit: lowest(limits.filter((limit) => isSame(limit.key, key) && limit.attribute === attribute)),
      }));
      return { key, adds };
    }),
  );
}

function lowest(limits: readonly Limit[]): bigint | null {
  return limits.reduce<bigint | null>((low, { limit }) => (low === null || limit < low ? limit : low), null);
}

function isSame(a: CounterKey, b: CounterKey): boolean {
  return a.pk === b.pk && a.sk === b.sk;
}
