import { beforeEach, describe, expect, it } from 'vitest';
import type { CounterUpdate } from '../../../lambdas/core/counters.ts';
import { FullCaps } from '../../../lambdas/core/full-caps.ts';

let now: number;
let caps: FullCaps;

beforeEach(() => {
  now = 0;
  caps = new FullCaps(() => now);
});

const slot = (limit: bigint | null = 10n, attribute = 'nt', sk = '*'): CounterUpdate => ({
  key: { pk: 'clicks#summer', sk },
  adds: [{ attribute, amount: 1n, limit }],
});

describe('the memory of full caps', () => {
  it('knows of none that it did not see', () => {
    expect(caps.has(slot())).toBe(false);
  });

  it.each([
    ['above the limit', 11n, true],
    ['at the limit', 10n, true],
    ['one below the limit', 9n, false],
    ['absent', undefined, false],
  ])('takes a cap whose count is %s for full or not', (_, count, full) => {
    caps.learn(slot(), new Map(count === undefined ? [] : [['nt', count]]));
    expect(caps.has(slot())).toBe(full);
  });

  it('learns nothing from a counter without a limit', () => {
    caps.learn(slot(null), new Map([['nt', 99n]]));
    expect(caps.has(slot(null))).toBe(false);
  });

  it.each([
    ['a raised limit', slot(11n)],
    ['another period', slot(10n, 'nd1')],
    ['another publisher', slot(10n, 'nt', 'tia')],
  ])('does not take %s for full', (_, other) => {
    caps.learn(slot(), new Map([['nt', 10n]]));
    expect(caps.has(other)).toBe(false);
  });

  it('forgets after ten seconds, because a slot may have been given back', () => {
    caps.learn(slot(), new Map([['nt', 10n]]));
    now = 9_999;
    expect(caps.has(slot())).toBe(true);
    now = 10_000;
    expect(caps.has(slot())).toBe(false);
  });

  it('stays small however many caps are full', () => {
    for (let i = 0; i < 5_000; i++) caps.learn(slot(10n, `nh${i}`), new Map([[`nh${i}`, 10n]]));
    expect(caps.has(slot(10n, 'nh4999'))).toBe(true);
    expect(caps.has(slot(10n, 'nh0'))).toBe(false);
  });
});
