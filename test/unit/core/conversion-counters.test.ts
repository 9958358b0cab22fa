import { describe, expect, it } from 'vitest';
import { countChange, takeRoom } from '../../../lambdas/core/conversion-counters.ts';
import { conversionCounterKey, counterAttribute } from '../../../lambdas/core/counters.ts';
import type { CounterKey, CounterUnit, CounterUpdate, StoredCounter } from '../../../lambdas/core/counters.ts';
import type { Cap, CapPeriod } from '../../../lambdas/core/entities.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { periodStart } from '../../../lambdas/core/periods.ts';
import { aConversion } from '../../support/conversions.ts';
import { aCap } from '../../support/entities.ts';

// A Monday in Berlin, still Sunday in New York.
const AT = Date.parse('2026-11-23T01:30:00Z');
const DAY = 24 * 60 * 60 * 1_000;
const ALL = conversionCounterKey('summer', null, null);
const OF_TIA = conversionCounterKey('summer', 'tia', null);
const SALES = conversionCounterKey('summer', null, 'sale');
const SALES_OF_TIA = conversionCounterKey('summer', 'tia', 'sale');
const WORTH = { payout: 2_500_000n, revenue: 4_000_000n };

const attribute = (unit: CounterUnit, period: CapPeriod, zone = 'UTC', at = AT) =>
  counterAttribute(unit, period, periodStart(period, zone, at));

interface Circumstances {
  readonly zone?: string;
  readonly worth?: { readonly payout: bigint; readonly revenue: bigint };
  readonly full?: readonly StoredCounter[];
  readonly now?: number;
}

const take = (caps: readonly Cap[], { zone = 'UTC', worth = WORTH, full = [], now = AT }: Circumstances = {}) =>
  takeRoom({ id: 'summer', caps }, zone, { publisherId: 'tia', goal: 'sale', createdAt: AT }, worth, full, now);

/** What is limited, as `<sk> <attribute>`, with the limit. */
const limitsOf = (counters: readonly CounterUpdate[]) =>
  Object.fromEntries(
    counters.flatMap(({ key, adds }) =>
      adds.flatMap(({ attribute: name, limit }) => (limit === null ? [] : [[`${key.sk} ${name}`, limit]])),
    ),
  );

describe('what a new conversion counts (invariant 6)', () => {
  it('is every period of campaign, publisher and goal, capped or not, so that a new cap starts right', () => {
    const { reached, countedIn, counters } = take([]);
    expect(reached).toBeNull();
    expect(countedIn).toEqual(['UTC']);
    expect(counters.map(({ key }) => key)).toEqual([ALL, SALES, OF_TIA, SALES_OF_TIA]);
    const periods = ['hour', 'day', 'week', 'month', 'total'] as const;
    const expected = periods.flatMap((period) => [
      { attribute: attribute('number', period), amount: 1n, limit: null },
      { attribute: attribute('payout', period), amount: 2_500_000n, limit: null },
      { attribute: attribute('revenue', period), amount: 4_000_000n, limit: null },
    ]);
    for (const { adds } of counters) expect(adds).toEqual(expected);
  });

  it('is also every period of the zones of the caps, each attribute once', () => {
    const caps = [aCap({ timeZone: 'America/New_York' }), aCap({ metric: 'clicks', timeZone: 'Asia/Tokyo' })];
    const { countedIn, counters } = take(caps, { zone: 'Europe/Berlin' });
    expect(countedIn).toEqual(['Europe/Berlin', 'America/New_York']);
    const names = counters[0]?.adds.map((add) => add.attribute).filter((name) => name.startsWith('n')) ?? [];
    // Both have the same hours, and the total has no zone.
    const both = (period: CapPeriod) => [
      attribute('number', period, 'Europe/Berlin'),
      attribute('number', period, 'America/New_York'),
    ];
    expect(names).toEqual([
      attribute('number', 'hour', 'Europe/Berlin'),
      ...both('day'),
      ...both('week'),
      ...both('month'),
      attribute('number', 'total'),
    ]);
  });

  it('leaves out money that there is none of', () => {
    const { counters } = take([], { worth: { payout: 0n, revenue: 1n } });
    expect(counters[0]?.adds.filter((add) => add.attribute.startsWith('p'))).toEqual([]);
  });

  it('leaves out periods that are over for so long that their counters may be gone', () => {
    const { reached, counters } = take([], { now: AT + 10 * DAY });
    expect(reached).toBeNull();
    expect(counters[0]?.adds.map((add) => add.attribute)).toEqual(
      (['month', 'total'] as const).flatMap((period) =>
        (['number', 'payout', 'revenue'] as const).map((unit) => attribute(unit, period)),
      ),
    );
  });
});

describe('which caps ask a conversion (invariant 6)', () => {
  it.each<[string, Cap]>([
    ['clicks', aCap({ metric: 'clicks' })],
    ['another publisher', aCap({ scope: 'publisher', publisherId: 'other' })],
    ['another goal', aCap({ goal: 'lead' })],
  ])('none of %s', (_, cap) => {
    expect(limitsOf(take([cap]).counters)).toEqual({});
  });

  const on = ({ sk }: CounterKey, unit: CounterUnit, period: CapPeriod, zone = 'UTC') =>
    `${sk} ${attribute(unit, period, zone)}`;
  it.each<[string, readonly Cap[], Record<string, bigint>]>([
    ['the campaign', [aCap()], { [on(ALL, 'number', 'day')]: 100n }],
    ['one goal of it', [aCap({ goal: 'sale', period: 'total' })], { [on(SALES, 'number', 'total')]: 100n }],
    ['each publisher', [aCap({ scope: 'each_publisher' })], { [on(OF_TIA, 'number', 'day')]: 100n }],
    ['this publisher', [aCap({ scope: 'publisher', publisherId: 'tia' })], { [on(OF_TIA, 'number', 'day')]: 100n }],
    [
      "this publisher's goal",
      [aCap({ scope: 'publisher', publisherId: 'tia', goal: 'sale', period: 'hour' })],
      { [on(SALES_OF_TIA, 'number', 'hour')]: 100n },
    ],
    [
      'money, to the micro-unit',
      [aCap({ metric: 'payout', limit: '0.000001' }), aCap({ metric: 'revenue', limit: '12.5', period: 'week' })],
      { [on(ALL, 'payout', 'day')]: 1n, [on(ALL, 'revenue', 'week')]: 12_500_000n },
    ],
    [
      'a day of its own zone',
      [aCap({ timeZone: 'America/New_York' })],
      { [on(ALL, 'number', 'day', 'America/New_York')]: 100n },
    ],
    [
      'one attribute twice: the lower limit counts',
      [aCap({ limit: '7' }), aCap({ limit: '5' }), aCap({ limit: '6' })],
      { [on(ALL, 'number', 'day')]: 5n },
    ],
    [
      'two scopes at once',
      [aCap(), aCap({ scope: 'each_publisher', limit: '10' })],
      { [on(ALL, 'number', 'day')]: 100n, [on(OF_TIA, 'number', 'day')]: 10n },
    ],
  ])('those of %s', (_, caps, limits) => {
    const worth = { payout: 1n, revenue: 1n };
    expect(limitsOf(take(caps, { worth }).counters)).toEqual(limits);
  });
});

describe('a conversion for which there is no room (invariant 6)', () => {
  const counted = (key: CounterKey, name: string, count: bigint): StoredCounter => ({
    key,
    counts: new Map([[name, count]]),
  });
  const day = attribute('number', 'day');
  const pending = { onReached: 'pending' } as const;

  it.each<[string, readonly Cap[], Circumstances, Cap['onReached'] | null]>([
    ['the last slot is free', [aCap()], { full: [counted(ALL, day, 99n)] }, null],
    ['the last slot is taken', [aCap()], { full: [counted(ALL, day, 100n)] }, 'reject'],
    ['so it is, and the cap says pending', [aCap(pending)], { full: [counted(ALL, day, 100n)] }, 'pending'],
    ['another counter is full', [aCap()], { full: [counted(OF_TIA, day, 100n)] }, null],
    ['another period is full', [aCap({ period: 'month' })], { full: [counted(ALL, day, 100n)] }, null],
    [
      'of two full caps one rejects',
      [aCap(pending), aCap({ scope: 'each_publisher' })],
      { full: [counted(ALL, day, 100n), counted(OF_TIA, day, 100n)] },
      'reject',
    ],
    [
      'of two caps only the one that says pending is full',
      [aCap(), aCap({ ...pending, scope: 'each_publisher' })],
      { full: [counted(OF_TIA, day, 100n)] },
      'pending',
    ],
    [
      'the payout fits to the micro-unit',
      [aCap({ metric: 'payout', limit: '100' })],
      { full: [counted(ALL, attribute('payout', 'day'), 97_500_000n)] },
      null,
    ],
    [
      'a micro-unit of the payout is missing',
      [aCap({ metric: 'payout', limit: '100' })],
      { full: [counted(ALL, attribute('payout', 'day'), 97_500_001n)] },
      'reject',
    ],
    ['it is worth more than the whole limit', [aCap({ metric: 'payout', limit: '2.499999' })], {}, 'reject'],
    ['the limit is 0', [aCap({ limit: '0' })], {}, 'reject'],
    ['it is worth nothing', [aCap({ metric: 'payout', limit: '0' })], { worth: { payout: 0n, revenue: 1n } }, null],
    ['its day is over for a day', [aCap()], { now: AT + 2 * DAY }, null],
    ['its day is over for so long that nobody can tell', [aCap()], { now: AT + 4 * DAY }, 'reject'],
    ['and the cap says pending', [aCap(pending)], { now: AT + 4 * DAY }, 'pending'],
    ['its day is over for long, its month not', [aCap({ period: 'month' })], { now: AT + 4 * DAY }, null],
  ])('%s', (_, caps, circumstances, over) => {
    const room = take(caps, circumstances);
    expect(room.reached?.onReached ?? null).toBe(over);
    expect(room.counters.length > 0).toBe(over === null);
    expect(room.countedIn.length > 0).toBe(over === null);
  });
});

describe('a changed amount (invariant 6)', () => {
  const before = aConversion({ createdAt: AT, countedIn: ['UTC', 'America/New_York'] });
  const changed = (payout: bigint, revenue = 4_000_000n) => ({
    ...before,
    wouldBePayout: toMicros(payout),
    wouldBeRevenue: toMicros(revenue),
  });

  it('adds the differences to the periods that the conversion counted in, and asks no limit', () => {
    const counters = countChange(before, changed(1_000_000n, 5_000_000n), AT + 1_000);
    expect(counters.map(({ key }) => key)).toEqual([ALL, SALES, OF_TIA, SALES_OF_TIA]);
    const adds = new Map(counters[0]?.adds.map((add) => [add.attribute, add]));
    for (const zone of ['UTC', 'America/New_York']) {
      const [payout, revenue] = [attribute('payout', 'day', zone), attribute('revenue', 'day', zone)];
      expect(adds.get(payout)).toEqual({ attribute: payout, amount: -1_500_000n, limit: null });
      expect(adds.get(revenue)).toEqual({ attribute: revenue, amount: 1_000_000n, limit: null });
    }
    expect([...adds.keys()].filter((name) => name.startsWith('n'))).toEqual([]);
  });

  it.each([
    ['that is worth the same', before, changed(2_500_000n)],
    ['of a conversion that took no room', { ...before, countedIn: [] }, { ...changed(1n), countedIn: [] }],
  ])('adds nothing %s', (_, from, to) => {
    expect(countChange(from, to, AT)).toEqual([]);
  });
});
