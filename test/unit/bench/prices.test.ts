import { describe, expect, it } from 'vitest';
import { priceOf, totalPrice } from '../../../bench/prices.ts';

const nothing = {
  apiRequests: 0,
  lambdaRequests: 0,
  gigabyteSeconds: 0,
  writeUnits: 0,
  readUnits: 0,
  queueRequests: 0,
  logBytes: 0,
  trafficBytes: 0,
};

describe('prices', () => {
  it.each([
    ['apiRequests', 1e6, 1],
    ['lambdaRequests', 1e6, 0.2],
    ['gigabyteSeconds', 2_000, 0.0267],
    ['writeUnits', 1e6, 0.625],
    ['readUnits', 1e6, 0.125],
    ['queueRequests', 1e6, 0.4],
    ['logBytes', 1e9, 0.5],
    ['trafficBytes', 1e9, 0.09],
  ] as const)('of %s: %d cost %d dollars', (unit, amount, dollars) => {
    expect(priceOf(unit, amount)).toBeCloseTo(dollars, 4);
  });

  it('of several units are added', () => {
    expect(totalPrice({ ...nothing, apiRequests: 1e6, writeUnits: 2e6, logBytes: 1e9 })).toBeCloseTo(2.75, 6);
    expect(totalPrice(nothing)).toBe(0);
  });
});
