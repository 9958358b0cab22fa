import type { CapPeriod } from './entities.ts';
import { isOver } from './periods.ts';

/**
 * The Counters table as core knows it. One item holds all the periods of what is counted together, as attributes, so that
 * one conditional update asks every limit and counts at once.
 */
export interface CounterKey {
  readonly pk: string;
  readonly sk: string;
}

/** Values of a counter item by attribute; what was never counted is absent. */
export type Counts = ReadonlyMap<string, bigint>;

export interface StoredCounter {
  readonly key: CounterKey;
  readonly counts: Counts;
}

/** Adds on one counter item that happen together, or not at all if one of the limits leaves no room. */
export interface CounterUpdate {
  readonly key: CounterKey;
  readonly adds: readonly CounterAdd[];
}

export interface CounterAdd {
  readonly attribute: string;
  readonly amount: bigint;
  /** What the attribute may reach at most; null: anything. */
  readonly limit: bigint | null;
}

/** What is counted: clicks or conversions by number, money in micro-units. */
export type CounterUnit = 'number' | 'payout' | 'revenue';

const UNITS: Readonly<Record<CounterUnit, string>> = { number: 'n', payout: 'p', revenue: 'r' };
const PERIODS: Readonly<Record<CapPeriod, string>> = { hour: 'h', day: 'd', week: 'w', month: 'm', total: 't' };
const QUARTER_MS = 15 * 60 * 1_000;

/** Clicks of a campaign that counted, of one publisher or (null) of all. */
export function clickCounterKey(campaignId: string, publisherId: string | null): CounterKey {
  return { pk: `clicks#${campaignId}`, sk: publisherId ?? '*' };
}

/** Conversions of a campaign, of one publisher or (null) of all, of one goal or (null) of all. */
export function conversionCounterKey(campaignId: string, publisherId: string | null, goal: string | null): CounterKey {
  return { pk: `conversions#${campaignId}`, sk: `${publisherId ?? '*'}#${goal ?? '*'}` };
}

/** The marker of a visitor's click that counted; `key`: see `VisitClaim`. */
export function visitKey(key: string): CounterKey {
  return { pk: `visit#${key}`, sk: 'visit' };
}

/** Impressions of one UTC hour. */
export function impressionCounterKey(campaignId: string, publisherId: string, at: number): CounterKey {
  return { pk: `impressions#${campaignId}#${publisherId}`, sk: new Date(at).toISOString().slice(0, 13) };
}

/**
 * The attribute of one period. `start`: see `periodStart`. Short, because an item of many is paid by the kilobyte; named by
 * an instant, so that time zones in which a period is the same share it.
 */
export function counterAttribute(unit: CounterUnit, period: CapPeriod, start: number): string {
  const prefix = UNITS[unit] + PERIODS[period];
  return period === 'total' ? prefix : prefix + (start / QUARTER_MS).toString(36);
}

/** How long after its end a period is still counted: clicks wait in the spool while storage is down. */
export const PERIOD_GRACE_MS = 48 * 60 * 60 * 1_000;

/** How much later than that attributes are removed: longer than any write that was decided while they were asked, and clocks differ. */
export const PRUNE_DELAY_MS = 60 * 60 * 1_000;

/** Attributes of periods that are over, so that they can be removed: an item must stay small. */
export function staleAttributes(counts: Counts, now: number): string[] {
  return [...counts.keys()].filter((attribute) => {
    const period = periodOfLetter(attribute.charAt(1));
    const start = Number.parseInt(attribute.slice(2), 36) * QUARTER_MS;
    return period !== undefined && isOver(period, start, now, PERIOD_GRACE_MS);
  });
}

function periodOfLetter(letter: string): CapPeriod | undefined {
  return (Object.keys(PERIODS) as CapPeriod[]).find((period) => PERIODS[period] === letter);
}
