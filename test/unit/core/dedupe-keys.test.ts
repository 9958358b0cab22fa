import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { txnIndexHash, txnKeyHash } from '../../../lambdas/core/dedupe-keys.ts';

const of = { advertiserId: 'xyz', campaignId: 'summer', goal: 'sale', txnId: 'T1' };

describe('the key of a transaction', () => {
  it.each([
    ['goal', { advertiserId: 'other' }, true],
    ['goal', { goal: 'lead' }, false],
    ['goal', { campaignId: 'winter' }, false],
    ['campaign', { goal: 'lead', advertiserId: 'other' }, true],
    ['campaign', { campaignId: 'winter' }, false],
    ['advertiser', { goal: 'lead', campaignId: 'winter' }, true],
    ['advertiser', { advertiserId: 'other' }, false],
    ['advertiser', { txnId: 't1' }, false],
  ] as const)('in the scope of the %s, with %o: the same is %s', (scope, other, same) => {
    expect(txnKeyHash(scope, of) === txnKeyHash(scope, { ...of, ...other })).toBe(same);
  });

  it('is another in each scope', () => {
    const same = { advertiserId: 'a', campaignId: 'a', goal: 'a', txnId: 'a' };
    const keys = [...(['goal', 'campaign', 'advertiser'] as const).map((scope) => txnKeyHash(scope, same))];
    expect(new Set([...keys, txnIndexHash('a')]).size).toBe(4);
  });

  it('never mixes up where one part ends and the next begins', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '1', ':', '#', 'ü'), maxLength: 4 });
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (a, b) => {
        const [key, other] = [a, b].map(([campaignId, goal, txnId]) =>
          txnKeyHash('goal', { advertiserId: '', campaignId, goal, txnId }),
        );
        expect(key === other).toBe(a.every((value, i) => value === b[i]));
      }),
    );
  });
});
