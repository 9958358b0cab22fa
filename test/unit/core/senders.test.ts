import { describe, expect, it } from 'vitest';
import { hashToken, holdsToken, mayCallFrom, mayReportFor } from '../../../lambdas/core/senders.ts';
import { aSender, TOKEN } from '../../support/conversions.ts';
import { NOON } from '../../support/deliveries.ts';

describe('mayCallFrom', () => {
  it.each<[readonly string[], string, boolean]>([
    [[], '203.0.113.7', true],
    [['203.0.113.7'], '203.0.113.8', false],
    [['203.0.113.0/24'], '203.0.114.7', false],
    [['2001:db8::/32'], '203.0.113.7', false],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['not an address', '203.0.113.0/99'], '203.0.113.7', false],
    [['203.0.113.7'], 'unknown', false],
    [['203.0.113.7'], '203.0.113.7', true],
    [['198.51.100.1', '203.0.113.0/24'], '203.0.113.7', true],
    [['203.0.113.7'], '::ffff:203.0.113.7', true],
    [['::ffff:203.0.113.0/120'], '203.0.113.7', true],
    [['2001:db8::/32'], '2001:db8:1::1', true],
    [['2001:DB8::1'], '2001:db8:0::1', true],
  ])('%j from %s: %s', (ipAllowList, address, expected) => {
    expect(mayCallFrom(aSender({ ipAllowList }), address)).toBe(expected);
  });
});

describe('holdsToken', () => {
  const [token] = aSender().tokens;
  if (token === undefined) throw new Error('no token');
  it.each([
    ['of nobody', aSender({ tokens: [] }), TOKEN, false],
    ['cut', aSender(), TOKEN.slice(0, -1), false],
    ['of a paused sender', aSender({ status: 'paused' }), TOKEN, false],
    ['of an archived sender', aSender({ status: 'archived' }), TOKEN, false],
    ['that expires now', aSender({ tokens: [{ ...token, expiresAt: NOON }] }), TOKEN, false],
    ['that expires later', aSender({ tokens: [{ ...token, expiresAt: NOON + 1 }] }), TOKEN, true],
    ['beside another', aSender({ tokens: [{ ...token, hash: hashToken('other') }, token] }), TOKEN, true],
  ])('a token %s', (_, sender, given, expected) => {
    expect(holdsToken(sender, hashToken(given), NOON)).toBe(expected);
  });
});

describe('mayReportFor', () => {
  it.each([
    [[], 'xyz', false],
    [['abc'], 'xyz', false],
    [['abc', 'xyz'], 'xyz', true],
    ['all' as const, 'xyz', true],
  ])('%j for %s: %s', (advertiserIds, advertiser, expected) => {
    expect(mayReportFor(aSender({ advertiserIds }), advertiser)).toBe(expected);
  });
});
