import { describe, expect, it } from 'vitest';
import { conversionCapReached, watchedCaps } from '../../../lambdas/core/conversion-cap-reached.ts';
import { counterAttribute } from '../../../lambdas/core/counters.ts';
import type { CounterUnit } from '../../../lambdas/core/counters.ts';
import type { Cap, Goal } from '../../../lambdas/core/entities.ts';
import type { ConversionCounts } from '../../../lambdas/core/ports.ts';
import { aCampaign, aCap, aGoal } from '../../support/entities.ts';

const NOW = Date.UTC(2026, 10, 22, 23, 30);
const DAY = Date.UTC(2026, 10, 22);
/** Midnight in Vienna, where it is half past twelve at night of the next day. */
const VIENNA_DAY = Date.UTC(2026, 10, 22, 23);

const counted = (
  value: bigint,
  where: Partial<Omit<ConversionCounts, 'counts'>> = {},
  unit: CounterUnit = 'number',
  start = DAY,
): ConversionCounts => ({
  publisherId: null,
  goal: null,
  ...where,
  counts: new Map([[counterAttribute(unit, 'day', start), value]]),
});

const isReached = (cap: Partial<Cap>, counts: readonly ConversionCounts[], goal: Partial<Goal> = {}, zone = 'UTC') => {
  const goals = [aGoal({ id: 'lead', default: false }), aGoal(goal)];
  const caps = watchedCaps(aCampaign({ caps: [aCap({ limit: '10', ...cap })], goals }));
  return conversionCapReached(caps, 'tia', counts, zone, NOW);
};

describe('a conversion cap, seen from a click', () => {
  it.each<[string, Partial<Cap>, ConversionCounts[], Partial<Goal>?]>([
    ['was never counted', {}, []],
    ['has room for one more', {}, [counted(9n)]],
    ['was full yesterday', {}, [counted(10n, {}, 'number', DAY - 86_400_000)]],
    ['is of clicks', { metric: 'clicks' }, [counted(10n)]],
    ['is of another goal', { goal: 'lead' }, [counted(10n, { goal: 'lead' })]],
    ['is another publisher’s', { scope: 'publisher', publisherId: 'mia' }, [counted(10n, { publisherId: 'mia' })]],
    ['is each publisher’s, and only the campaign’s count is that high', { scope: 'each_publisher' }, [counted(10n)]],
    ['is of one goal, and only the count of all is that high', { goal: 'sale' }, [counted(10n)]],
    ['has just enough money left', { metric: 'payout' }, [counted(7_500_000n, {}, 'payout')]],
    [
      'has a micro-unit left for a percentage',
      { metric: 'payout' },
      [counted(9_999_999n, {}, 'payout')],
      { payout: { model: 'percent', percent: '10' } },
    ],
    [
      'is of a payout that there is not',
      { metric: 'payout' },
      [counted(10_000_000n, {}, 'payout')],
      { payout: { model: 'none' } },
    ],
  ])('closes no link where it %s', (_, cap, counts, goal) => {
    expect(isReached(cap, counts, goal)).toBe(false);
  });

  it.each<[string, Partial<Cap>, ConversionCounts[], Partial<Goal>?]>([
    ['is full', {}, [counted(10n)]],
    ['is more than full', {}, [counted(11n)]],
    ['is full, and holds what comes beyond it as pending', { onReached: 'pending' }, [counted(10n)]],
    ['is zero', { limit: '0' }, []],
    ['is of the default goal', { goal: 'sale' }, [counted(10n, { goal: 'sale' })]],
    ['is each publisher’s', { scope: 'each_publisher' }, [counted(10n, { publisherId: 'tia' })]],
    ['is this publisher’s', { scope: 'publisher', publisherId: 'tia' }, [counted(10n, { publisherId: 'tia' })]],
    ['has too little money left', { metric: 'payout' }, [counted(7_500_001n, {}, 'payout')]],
    ['has too little revenue left', { metric: 'revenue' }, [counted(6_000_001n, {}, 'revenue')]],
    [
      'has nothing left for a percentage',
      { metric: 'payout' },
      [counted(10_000_000n, {}, 'payout')],
      { payout: { model: 'percent', percent: '10' } },
    ],
  ])('closes the link where it %s', (_, cap, counts, goal) => {
    expect(isReached(cap, counts, goal)).toBe(true);
  });

  it('is one of the day in its own time zone, else in the network’s', () => {
    const counts = [counted(10n, {}, 'number', VIENNA_DAY)];
    expect(isReached({ timeZone: 'Europe/Vienna' }, counts)).toBe(true);
    expect(isReached({ timeZone: 'UTC' }, counts, {}, 'Europe/Vienna')).toBe(false);
    expect(isReached({}, counts, {}, 'Europe/Vienna')).toBe(true);
  });
});
