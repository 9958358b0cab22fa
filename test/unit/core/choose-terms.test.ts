import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseTerms } from '../../../lambdas/core/choose-terms.ts';
import type { Priced, Reported } from '../../../lambdas/core/choose-terms.ts';
import type { CampaignTerms, Override } from '../../../lambdas/core/entities.ts';
import { aGoal } from '../../support/entities.ts';

const THEN = 1_764_000_000_000;
const LATER = THEN + 1_000;
const fixed = (amount: string) => ({ model: 'fixed', amount }) as const;
const NOTHING: Reported = { payout: null, revenue: null };
const FROM_US: Priced = { publisherId: 'tia', country: 'US', os: 'ios', source: 'blog' };
const UNKNOWN: Priced = { publisherId: 'tia', country: null, os: null, source: null };

interface Asked {
  readonly publisher?: string;
  readonly goal?: string;
  readonly sources?: readonly string[];
  readonly os?: readonly string[];
  readonly countries?: readonly string[];
}

const override = (asked: Asked, payout: string | null, revenue: string | null = null): Override => ({
  publisherId: asked.publisher ?? null,
  goal: asked.goal ?? null,
  when: { countries: asked.countries ?? [], os: asked.os ?? [], sources: asked.sources ?? [] },
  payout: payout === null ? null : fixed(payout),
  revenue: revenue === null ? null : fixed(revenue),
});

const goal = aGoal({ payout: fixed('1'), revenue: fixed('2') });
const terms = (overrides: readonly Override[], goals = [goal]): CampaignTerms => ({
  goals,
  overrides,
  termsSince: THEN,
});
const choose = (overrides: readonly Override[], of = FROM_US, reported = NOTHING) =>
  chooseTerms(goal, { basis: 'conversion', then: terms(overrides), present: terms(overrides) }, of, reported);

describe('an override', () => {
  it.each<[string, Asked, Priced]>([
    ['of another publisher', { publisher: 'ben' }, FROM_US],
    ['of another goal', { goal: 'lead' }, FROM_US],
    ['of another country', { countries: ['DE', 'FR'] }, FROM_US],
    ['of another operating system', { os: ['android'] }, FROM_US],
    ['of another source', { sources: ['Blog'] }, FROM_US],
    ['of which one condition does not hold', { countries: ['US'], os: ['android'] }, FROM_US],
    ['of a country, where none is known', { countries: ['US'] }, UNKNOWN],
    ['of an operating system, where none is known', { os: ['ios'] }, UNKNOWN],
    ['of a source, where there is none', { sources: ['blog'] }, UNKNOWN],
  ])('%s does not apply', (_, asked, of) => {
    expect(choose([override(asked, '9', '9')], of)).toEqual({
      payout: fixed('1'),
      revenue: fixed('2'),
      origin: { basis: 'conversion', since: THEN, payout: { from: 'goal' }, revenue: { from: 'goal' } },
    });
  });

  it.each<[string, Asked, Priced]>([
    ['of everything', {}, UNKNOWN],
    ['of the publisher', { publisher: 'tia' }, UNKNOWN],
    ['of the goal', { goal: 'sale' }, UNKNOWN],
    ['of everything that is known', { countries: ['DE', 'US'], os: ['ios'], sources: ['blog'] }, FROM_US],
  ])('%s applies', (_, asked, of) => {
    const applied = override(asked, '9', '8');
    expect(choose([applied], of)).toEqual({
      payout: fixed('9'),
      revenue: fixed('8'),
      origin: {
        basis: 'conversion',
        since: THEN,
        payout: { from: 'override', override: applied },
        revenue: { from: 'override', override: applied },
      },
    });
  });

  const ALL = { goal: 'sale', sources: ['blog'], os: ['ios'], countries: ['US'] };
  it.each<[string, Asked, Asked]>([
    ['a publisher and everything else', { publisher: 'tia' }, ALL],
    ['two conditions and one', { os: ['ios'], countries: ['US'] }, { goal: 'sale' }],
    ['three conditions and two', { sources: ['blog'], os: ['ios'], countries: ['US'] }, { goal: 'sale', os: ['ios'] }],
    ['a goal and a source', { goal: 'sale' }, { sources: ['blog'] }],
    ['a source and an operating system', { sources: ['blog'] }, { os: ['ios'] }],
    ['an operating system and a country', { os: ['ios'] }, { countries: ['US'] }],
    ['a country and nothing', { countries: ['US'] }, {}],
    [
      'a goal and a country against a source and a system',
      { goal: 'sale', countries: ['US'] },
      { sources: ['blog'], os: ['ios'] },
    ],
    ['a publisher with a country and without', { publisher: 'tia', countries: ['US'] }, { publisher: 'tia' }],
  ])('with the more specific of %s wins, in any order', (_, stronger, weaker) => {
    const both = [override(weaker, '8'), override(stronger, '9')];
    expect(choose(both).payout).toEqual(fixed('9'));
    expect(choose(both.toReversed()).payout).toEqual(fixed('9'));
  });

  it('that is the first of equals wins', () => {
    expect(choose([override({}, '8'), override({}, '9')]).payout).toEqual(fixed('8'));
  });

  it('that says nothing of one of the amounts leaves it to a less specific one, then to the goal', () => {
    const byPublisher = override({ publisher: 'tia' }, null, '7');
    const byCountry = override({ countries: ['US'] }, '6', '5');
    expect(choose([byPublisher, byCountry])).toMatchObject({
      payout: fixed('6'),
      revenue: fixed('7'),
      origin: {
        payout: { from: 'override', override: byCountry },
        revenue: { from: 'override', override: byPublisher },
      },
    });
    expect(choose([byPublisher])).toMatchObject({ payout: fixed('1'), origin: { payout: { from: 'goal' } } });
  });
});

describe('an amount of the call', () => {
  it('replaces the model of its side alone', () => {
    const applied = override({}, '9', '8');
    expect(choose([applied], FROM_US, { payout: '0.5', revenue: null })).toMatchObject({
      payout: { model: 'reported', amount: '0.5' },
      revenue: fixed('8'),
      origin: { payout: { from: 'call' }, revenue: { from: 'override', override: applied } },
    });
    expect(choose([applied], FROM_US, { payout: null, revenue: '0' })).toMatchObject({
      payout: fixed('9'),
      revenue: { model: 'reported', amount: '0' },
      origin: { payout: { from: 'override', override: applied }, revenue: { from: 'call' } },
    });
  });
});

describe('the terms', () => {
  const present: CampaignTerms = {
    goals: [goal, aGoal({ id: 'lead', payout: fixed('5'), revenue: fixed('6') })],
    overrides: [override({ publisher: 'tia' }, '7')],
    termsSince: LATER,
  };
  const then = terms([], [aGoal({ payout: fixed('3'), revenue: fixed('4') })]);

  it('are those of then, the goal with its overrides', () => {
    expect(chooseTerms(goal, { basis: 'click', then, present }, FROM_US, NOTHING)).toEqual({
      payout: fixed('3'),
      revenue: fixed('4'),
      origin: { basis: 'click', since: THEN, payout: { from: 'goal' }, revenue: { from: 'goal' } },
    });
  });

  it('are the present ones for a goal that did not exist then', () => {
    const lead = present.goals[1] ?? goal;
    expect(chooseTerms(lead, { basis: 'click', then, present }, FROM_US, NOTHING)).toMatchObject({
      payout: fixed('7'),
      revenue: fixed('6'),
      origin: { since: LATER, payout: { from: 'override' }, revenue: { from: 'goal' } },
    });
  });
});

describe('the choice', () => {
  const some = (value: string) => fc.constantFrom<readonly string[]>([], [value], [value, 'other'], ['other']);
  const anOverride = fc.record<Override>({
    publisherId: fc.constantFrom(null, 'tia', 'ben'),
    goal: fc.constantFrom(null, 'sale', 'lead'),
    when: fc.record({ countries: some('US'), os: some('ios'), sources: some('blog') }),
    payout: fc.option(fc.nat(1_000).map((n) => fixed(String(n)))),
    revenue: fc.option(fc.nat(1_000).map((n) => fixed(String(n)))),
  });
  const of = fc.record<Priced>({
    publisherId: fc.constantFrom('tia', 'ben'),
    country: fc.constantFrom(null, 'US', 'DE'),
    os: fc.constantFrom(null, 'ios'),
    source: fc.constantFrom(null, 'blog'),
  });
  const namesOf = ({ publisherId, goal: name, when }: Override) =>
    [publisherId, name, when.sources[0], when.os[0], when.countries[0]].map((named) => (named ?? null) !== null).join();

  it('does not depend on the order of overrides that ask about different things', () => {
    const withShuffled = fc
      .uniqueArray(anOverride, { selector: namesOf, maxLength: 8 })
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    fc.assert(
      fc.property(withShuffled, of, ([list, shuffled], priced) => {
        expect(choose(shuffled, priced)).toEqual(choose(list, priced));
      }),
    );
  });

  it('is not changed by removing an override that was not applied', () => {
    fc.assert(
      fc.property(fc.array(anOverride, { maxLength: 8 }), of, fc.nat(7), (list, priced, index) => {
        const chosen = choose(list, priced);
        const applied = [chosen.origin.payout, chosen.origin.revenue].flatMap((origin) =>
          origin.from === 'override' ? [origin.override] : [],
        );
        const removed = list[index];
        if (removed === undefined || applied.includes(removed)) return;
        expect(choose(list.toSpliced(index, 1), priced)).toEqual(chosen);
      }),
    );
  });
});
