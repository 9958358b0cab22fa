import { describe, expect, it } from 'vitest';
import type { Postback } from '../../../lambdas/core/entities.ts';
import { matchPostbacks } from '../../../lambdas/core/match-postbacks.ts';
import { aConversion } from '../../support/conversions.ts';
import { aPostback, NOON } from '../../support/deliveries.ts';

const tia = (id: string, overrides: Partial<Postback> = {}) => aPostback({ id, publisherId: 'tia', ...overrides });
const fired = (...postbacks: Postback[]) =>
  matchPostbacks(postbacks, aConversion())
    .map(({ id }) => id)
    .sort();

describe('the postbacks that hear of a conversion', () => {
  it.each<[string, Postback[], string[]]>([
    ['none of another campaign', [tia('a', { campaignId: 'winter' })], []],
    ['none of another goal', [tia('a', { goal: 'lead' })], []],
    ['none that does not fire on its status', [tia('a', { fireOn: ['pending', 'rejected'] })], []],
    ['the one of its publisher', [tia('a')], ['a']],
    ["the publisher's rather than that of all", [tia('a'), tia('b', { publisherId: null })], ['a']],
    [
      "the publisher's rather than that of all for the campaign and goal",
      [tia('a'), tia('b', { publisherId: null, campaignId: 'summer', goal: 'sale' })],
      ['a'],
    ],
    ["the campaign's rather than the publisher's", [tia('a'), tia('b', { campaignId: 'summer' })], ['b']],
    [
      "the goal's rather than the campaign's",
      [tia('a', { campaignId: 'summer' }), tia('b', { campaignId: 'summer', goal: 'sale' })],
      ['b'],
    ],
    [
      'the general one where the specific one does not fire',
      [tia('a'), tia('b', { campaignId: 'summer', fireOn: ['rejected'] })],
      ['a'],
    ],
    ['the newer of two equals', [tia('a', { createdAt: NOON + 1 }), tia('b')], ['a']],
    [
      'all that are added, besides the most specific',
      [
        tia('a'),
        tia('b', { campaignId: 'summer' }),
        tia('c', { mode: 'add' }),
        tia('d', { mode: 'add', goal: 'sale' }),
      ],
      ['b', 'c', 'd'],
    ],
  ])('are %s', (_, postbacks, expected) => {
    expect(fired(...postbacks)).toEqual(expected);
    expect(fired(...postbacks.toReversed())).toEqual(expected);
  });

  it('are never more than a transaction can hold', () => {
    const many = Array.from({ length: 40 }, (_, i) => tia(`p${i}`, { mode: 'add' }));
    expect(fired(...many)).toHaveLength(25);
  });
});
