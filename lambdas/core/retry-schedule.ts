import type { OutboundResponse } from './ports.ts';

/** When a delivery's attempts are made. */
export interface RetrySchedule {
  /** Milliseconds before each attempt, the first included; as many attempts as entries. */
  readonly waits: readonly number[];
  /** The waits are kept exactly: no jitter, no floor, no `Retry-After`. */
  readonly exact: boolean;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** 11 attempts over about 76 hours: a receiver may be down for a long weekend. */
export const DEFAULT_SCHEDULE: RetrySchedule = {
  waits: [
    ...[0, 10 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE],
    ...[2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
  ],
  exact: false,
};

/** Reads `0,1,2`, seconds before each attempt. Throws a RangeError for anything else. */
export function parseSchedule(text: string): RetrySchedule {
  const entries = text.split(',').map((entry) => entry.trim());
  if (!entries.every((entry) => /^\d{1,7}(\.\d{1,3})?$/.test(entry))) {
    throw new RangeError(`retry schedule: "${text}" is no list of seconds like 0,1,2`);
  }
  return { waits: entries.map((entry) => Math.round(Number(entry) * SECOND)), exact: true };
}

const JITTER = 0.2;
const SLOW_DOWN_WAIT = MINUTE;

/**
 * Milliseconds to wait after a failed attempt at `step` of the schedule; null: that was the last one. `random` is in
 * [0, 1).
 */
export function waitAfterFailure(
  schedule: RetrySchedule,
  step: number,
  answer: Pick<OutboundResponse, 'status' | 'error' | 'retryAfterSeconds'>,
  random: number,
): number | null {
  const base = schedule.waits[step + 1];
  if (base === undefined) return null;
  if (schedule.exact) return base;
  const { status, error, retryAfterSeconds } = answer;
  const wait =
    retryAfterSeconds === null
      ? jittered(base, random)
      : Math.min(Math.max(retryAfterSeconds * SECOND, base), 2 * base);
  const askedToSlowDown = status === 429 || error === 'timeout';
  return Math.round(askedToSlowDown ? Math.max(wait, SLOW_DOWN_WAIT) : wait);
}

/** A wait between two, evenly spread. `random` is in [0, 1). */
export function waitBetween(
  { least, most }: { readonly least: number; readonly most: number },
  random: number,
): number {
  return least + Math.round((most - least) * random);
}

/** A wait spread by 20 % to either side, so that what failed together does not come back together. */
export function jittered(wait: number, random: number): number {
  return Math.round(wait * (1 - JITTER + 2 * JITTER * random));
}
