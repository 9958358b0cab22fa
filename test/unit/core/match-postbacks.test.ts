import { describe, expect, it } from 'vitest';
import type { Postback } from '../../../lambdas/core/entities.ts';
import { matchPostbacks } from '../../../lambdas/core/match-postbacks.ts';
import type { Occasion } from '../../../lambdas/core/match-postbacks.ts';
import { aPostback, NOON } from '../../support/deliveries.ts';

const tia = (id: string, overrides: Partial<Postback> = {}) => aPostback({ id, publisherId: 'tia', ...overrides });
const SALE: Occasion = { campaignId: 'summer', goal: 'sale', fires: 'approved' };
const CLICK: Occasion = { campaignId: 'summer', goal: null, fires: 'click_payout' };
const ids = (postbacks: readonly Postback[]) => postbacks.map(({ id }) => id).sort();
const fired = (occasion: Occasion, ...postbacks: Postback[]) => ids(matchPostbacks(postbacks, occasion).hearing);

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
    ['the one that is paused', [tia('a', { status: 'paused' }), tia('b', { publisherId: null })], ['a']],
    ['the one that is disabled', [tia('a', { status: 'disabled' }), tia('b', { publisherId: null })], ['a']],
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
    expect(fired(SALE, ...postbacks)).toEqual(expected);
    expect(fired(SALE, ...postbacks.toReversed())).toEqual(expected);
  });

  it('are, of those that replace, the one of the narrowest scope', () => {
    const narrowestFirst = [
      tia('1', { campaignId: 'summer', goal: 'sale' }),
      tia('2', { campaignId: 'summer' }),
      tia('3', { goal: 'sale' }),
      tia('4'),
      tia('5', { publisherId: null, campaignId: 'summer', goal: 'sale' }),
      tia('6', { publisherId: null, campaignId: 'summer' }),
      tia('7', { publisherId: null, goal: 'sale' }),
      tia('8', { publisherId: null }),
    ];
    for (const [rank, postback] of narrowestFirst.entries()) {
      for (const wider of narrowestFirst.slice(rank + 1)) {
        const newer = { ...wider, createdAt: NOON + 1 };
        expect(fired(SALE, postback, newer)).toEqual([postback.id]);
        expect(fired(SALE, newer, postback)).toEqual([postback.id]);
      }
    }
  });

  it('are never more than a transaction can hold; the newest are left out', () => {
    const many = Array.from({ length: 40 }, (_, i) => tia(`p${i}`, { mode: 'add', createdAt: NOON - i }));
    const { hearing, leftOut } = matchPostbacks([...many, tia('replacing')], SALE);
    expect(hearing).toHaveLength(25);
    expect(hearing[0]?.id).toBe('replacing');
    expect(leftOut.map(({ id }) => id)).toEqual(Array.from({ length: 16 }, (_, i) => `p${15 - i}`));
  });
});

describe('the postbacks that hear of a paid click', () => {
  const paid = (id: string, overrides: Partial<Postback> = {}) => tia(id, { fireOn: ['click_payout'], ...overrides });

  it.each<[string, Postback[], string[]]>([
    ['none unless it fires on clicks', [tia('a', { fireOn: ['approved', 'pending', 'rejected'] })], []],
    ['none of a goal', [paid('a', { goal: 'sale' }), paid('b', { goal: 'sale', mode: 'add' })], []],
    ['none of another campaign', [paid('a', { campaignId: 'winter' })], []],
    ["the campaign's rather than the publisher's", [paid('a'), paid('b', { campaignId: 'summer' })], ['b']],
    ['all that are added besides', [paid('a'), paid('b', { mode: 'add', publisherId: null })], ['a', 'b']],
  ])('are %s', (_, postbacks, expected) => {
    expect(fired(CLICK, ...postbacks)).toEqual(expected);
  });
});
