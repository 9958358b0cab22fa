import { describe, expect, it } from 'vitest';

import { periodOf } from '../../../../local/schedules/schedule.ts';

describe('periodOf', () => {
  it.each([
    ['rate(1 minute)', 60_000],
    ['rate(5 minutes)', 300_000],
    ['rate(2 hours)', 7_200_000],
    ['rate(1 day)', 86_400_000],
  ])('reads %s', (expression, expected) => {
    expect(periodOf(expression, 'Rule')).toBe(expected);
  });

  it.each([['cron(0 12 * * ? *)'], ['at(2026-01-01T00:00:00)'], ['rate(0 minutes)'], ['rate(1 week)']])(
    'refuses %s',
    (expression) => {
      expect(() => periodOf(expression, 'Rule')).toThrow(/^Rule: the schedule .* is not supported/);
    },
  );
});
