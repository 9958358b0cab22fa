import { describe, expect, it } from 'vitest';
import { compileLocation, expandLocation } from '../../../lambdas/core/location.ts';

const CLICK_ID = 'c'.repeat(32);

describe('a location that would be too long for a header', () => {
  const expand = (path: string, values: Readonly<Record<string, string>>) =>
    expandLocation(compileLocation(`https://shop.example/${path}`), (macro) => values[macro]);

  it.each([
    ['its long values', '{click_id}-{p2}-', '{p1}'.repeat(30), { p1: ' '.repeat(512), p2: 'ok' }, `${CLICK_ID}-ok-`],
    [
      'all but click ids',
      '{click_id}-{p2}-',
      '{p1}'.repeat(100),
      { p1: 'a'.repeat(100), p2: 'b'.repeat(33) },
      `${CLICK_ID}--`,
    ],
    ['all values', '{p2}-', '{click_id}'.repeat(300), { p2: 'ok' }, '-'],
  ])('leaves out %s', (_, kept, repeated, values, expected) => {
    expect(expand(kept + repeated, { click_id: CLICK_ID, ...values })).toBe(`https://shop.example/${expected}`);
  });

  it('is short enough whatever stands in it', () => {
    const path = '{p1}{click_id}'.repeat(140);
    expect(expand(path, { click_id: CLICK_ID, p1: 'ü'.repeat(512) }).length).toBeLessThan(8_000);
  });
});
