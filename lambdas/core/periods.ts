import type { CapPeriod } from './entities.ts';

/**
 * Where the periods of caps begin in a time zone, daylight saving included: a day has 23, 24 or 25 hours, and an hour
 * that the clock shows twice is two periods.
 */
const QUARTER_MS = 15 * 60 * 1_000;
export const DAY_MS = 24 * 60 * 60 * 1_000;

/** Longest length of each, in milliseconds. */
const LONGEST: Readonly<Record<Exclude<CapPeriod, 'total'>, number>> = {
  hour: 2 * 60 * 60 * 1_000,
  day: 25 * 60 * 60 * 1_000,
  week: 7 * DAY_MS + 60 * 60 * 1_000,
  month: 31 * DAY_MS + 60 * 60 * 1_000,
};

/**
 * The first instant of the period that `at` lies in, in milliseconds; of `total` 0. `timeZone` is an IANA name that was
 * validated when it was saved.
 */
export function periodStart(period: CapPeriod, timeZone: string, at: number): number {
  if (period === 'total') return 0;
  // Offsets change at quarters of an hour only, so what is true of a quarter's beginning is true of all of it.
  const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS;
  const key = `${period} ${timeZone}`;
  const last = memory.get(key);
  if (last?.quarter === quarter) return last.start;
  const start = computeStart(period, timeZone, quarter);
  if (memory.size >= MEMORY) memory.clear();
  memory.set(key, { quarter, start });
  return start;
}

/** The first instant after the period that begins at `start`; null: `total` has none. */
export function periodEnd(period: CapPeriod, timeZone: string, start: number): number | null {
  if (period === 'total') return null;
  // The longest is shorter than any two, so the instant lies in the next one.
  if (period !== 'hour') return periodStart(period, timeZone, start + LONGEST[period]);
  let end = start + QUARTER_MS;
  while (periodStart(period, timeZone, end) === start) end += QUARTER_MS;
  return end;
}

/** Whether a period is over for so long that nothing which belongs to it can still come. */
export function isOver(period: CapPeriod, start: number, now: number, graceMs: number): boolean {
  return period !== 'total' && start + LONGEST[period] + graceMs <= now;
}

const MEMORY = 1_000;
const memory = new Map<string, { readonly quarter: number; readonly start: number }>();

function computeStart(period: Exclude<CapPeriod, 'total'>, timeZone: string, quarter: number): number {
  const local = localTime(timeZone, quarter);
  if (period === 'hour') {
    // Back to where the clock last showed a full hour, or was set.
    let start = quarter;
    while (start > quarter - LONGEST.hour && sameHour(timeZone, start - QUARTER_MS, local)) start -= QUARTER_MS;
    return start;
  }
  return startOfDate(timeZone, firstDate(period, local));
}

function sameHour(timeZone: string, at: number, local: LocalTime): boolean {
  const other = localTime(timeZone, at);
  return other.date === local.date && other.hour === local.hour && other.offset === local.offset;
}

/** The date on which a period begins, as milliseconds of its midnight in UTC. */
function firstDate(period: 'day' | 'week' | 'month', { date }: LocalTime): number {
  if (period === 'day') return date;
  const day = new Date(date);
  // Weeks begin on Monday; getUTCDay has Sunday as 0.
  if (period === 'week') return date - ((day.getUTCDay() + 6) % 7) * DAY_MS;
  return date - (day.getUTCDate() - 1) * DAY_MS;
}

/** The first instant at which the clock shows a date: midnight, or later where a change of the clock skips it. */
function startOfDate(timeZone: string, date: number): number {
  // No zone is further from UTC than 14 hours. Found by halving: dates never go back.
  let before = date - 15 * 60 * 60 * 1_000;
  let from = date + 15 * 60 * 60 * 1_000;
  while (from - before > QUARTER_MS) {
    const middle = before + Math.floor((from - before) / 2 / QUARTER_MS) * QUARTER_MS;
    if (localTime(timeZone, middle).date >= date) from = middle;
    else before = middle;
  }
  return from;
}

interface LocalTime {
  /** Midnight of the local date, as if it were UTC. */
  readonly date: number;
  readonly hour: number;
  /** Local time minus UTC, in milliseconds. */
  readonly offset: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(timeZone: string, at: number): LocalTime {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = (
    ['year', 'month', 'day', 'hour', 'minute'] as const
  ).map((name) => parts.get(name));
  const date = Date.UTC(year, month - 1, day);
  return { date, hour, offset: Date.UTC(year, month - 1, day, hour, minute) - at };
}
