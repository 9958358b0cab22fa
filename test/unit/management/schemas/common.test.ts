import { expect, it } from 'vitest';
import { moment, time } from '../../../../lambdas/management/schemas/common.ts';

it.each([
  ['2026-11-22T23:00:00+01:00', '2026-11-22T22:00:00.000Z'],
  ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
  ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
  // What is shown is taken again, lists count months back from it, and ids begin with it.
  ['9999-12-31T23:59:59-05:00', null],
  ['1969-12-31T23:59:59Z', null],
])('the time %s is %s', (text, expected) => {
  for (const schema of [time, moment]) {
    const { data } = schema.safeParse(text);
    expect(data === undefined ? null : new Date(data).toISOString()).toBe(expected);
  }
});
