import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SCHEDULE, parseSchedule, waitAfterFailure } from '../../../lambdas/core/retry-schedule.ts';

const failed = { status: 500, error: null, retryAfterSeconds: null };
const MIDDLE = 0.5;

describe('a schedule as text', () => {
  it.each(['', ',', '0,', 'a', '-1', '1e3', '0;1', '0,,1', 'Infinity'])('is refused: "%s"', (text) => {
    expect(() => parseSchedule(text)).toThrow(RangeError);
  });

  it.each([
    ['0,1,2', [0, 1_000, 2_000]],
    ['0', [0]],
    [' 0 , 0.25 ', [0, 250]],
  ])('is seconds before each attempt: "%s"', (text, waits) => {
    expect(parseSchedule(text)).toEqual({ waits, exact: true });
  });

  it('is kept exactly, whatever the answer asks for', () => {
    const schedule = parseSchedule('0,1,2');
    const answer = { status: 429, error: null, retryAfterSeconds: 3_600 };

    expect(waitAfterFailure(schedule, 0, answer, 0)).toBe(1_000);
    expect(waitAfterFailure(schedule, 1, answer, 0.99)).toBe(2_000);
    expect(waitAfterFailure(schedule, 2, answer, 0)).toBeNull();
  });
});

describe('the default schedule', () => {
  it('makes 11 attempts over about 76 hours', () => {
    const waits = [];
    for (let step = 0; ; step++) {
      const wait = waitAfterFailure(DEFAULT_SCHEDULE, step, failed, MIDDLE);
      if (wait === null) break;
      waits.push(wait / 1_000);
    }

    expect(waits).toEqual([10, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    expect(waits.reduce((sum, wait) => sum + wait) / 3_600).toBeCloseTo(75.7, 1);
  });

  it('spreads each wait by 20 % to either side', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (step, random) => {
          const base = DEFAULT_SCHEDULE.waits[step + 1] ?? 0;
          const wait = waitAfterFailure(DEFAULT_SCHEDULE, step, failed, random) ?? 0;
          expect(wait).toBeGreaterThanOrEqual(base * 0.8);
          expect(wait).toBeLessThanOrEqual(base * 1.2);
        },
      ),
    );
  });

  it.each([
    ['shorter than the wait', 2, 60, 600],
    ['within', 2, 700, 700],
    ['longer than twice the wait', 2, 86_400, 1_200],
    ['zero', 2, 0, 600],
  ])('honours Retry-After within the wait and twice the wait: %s', (_, step, retryAfterSeconds, seconds) => {
    expect(waitAfterFailure(DEFAULT_SCHEDULE, step, { ...failed, retryAfterSeconds }, 0)).toBe(seconds * 1_000);
  });

  it.each([
    ['429', { ...failed, status: 429 }, 60],
    ['429 with Retry-After', { ...failed, status: 429, retryAfterSeconds: 15 }, 60],
    ['a timeout', { ...failed, status: null, error: 'timeout' as const }, 60],
    ['any other failure', { ...failed, status: null, error: 'connection_refused' as const }, 10],
  ])('waits at least 60 s after 429 or a timeout: %s', (_, answer, seconds) => {
    expect(waitAfterFailure(DEFAULT_SCHEDULE, 0, answer, MIDDLE)).toBe(seconds * 1_000);
  });
});
