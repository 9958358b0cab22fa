import { describe, expect, it } from 'vitest';
import { clickSlots, concerns } from '../../../lambdas/core/caps.ts';
import { clickCounterKey, counterAttribute, staleAttributes } from '../../../lambdas/core/counters.ts';
import type { Cap } from '../../../lambdas/core/entities.ts';
import { periodStart } from '../../../lambdas/core/periods.ts';
import { aCampaign, aCap } from '../../support/entities.ts';

const NOW = Date.parse('2026-11-23T12:34:56Z');
const DAY = 24 * 60 * 60 * 1_000;

const aClickCap = (overrides: Partial<Cap> = {}) => aCap({ metric: 'clicks', ...overrides });

const slots = (caps: readonly Cap[], zone = 'UTC') => clickSlots(aCampaign({ caps }), 'tia', zone, NOW);
const attribute = (period: Cap['period'], zone = 'UTC', at = NOW) =>
  counterAttribute('number', period, periodStart(period, zone, at));

describe('what a click takes of its caps (invariant 6)', () => {
  it.each<[string, readonly Cap[]]>([
    ['without caps', []],
    [
      'with caps on conversions only',
      [aClickCap({ metric: 'conversions' }), aClickCap({ metric: 'payout', limit: '9.5' })],
    ],
    ['with caps of another publisher only', [aClickCap({ scope: 'publisher', publisherId: 'other' })]],
  ])('is nothing %s', (_, caps) => {
    expect(slots(caps)).toEqual([]);
  });

  it('is one update of the campaign’s item, whatever the number of its periods', () => {
    const caps = [
      aClickCap(),
      aClickCap({ period: 'month', limit: '1000' }),
      aClickCap({ period: 'total', limit: '5000' }),
    ];

    expect(slots(caps)).toEqual([
      {
        key: clickCounterKey('summer', null),
        adds: [
          { attribute: attribute('day'), amount: 1n, limit: 100n },
          { attribute: attribute('month'), amount: 1n, limit: 1000n },
          { attribute: 'nt', amount: 1n, limit: 5000n },
        ],
      },
    ]);
  });

  it('is the publisher’s item first, then the campaign’s', () => {
    const caps = [aClickCap(), aClickCap({ scope: 'each_publisher', limit: '10' })];

    expect(slots(caps).map(({ key, adds }) => [key, adds[0]?.limit])).toEqual([
      [clickCounterKey('summer', 'tia'), 10n],
      [clickCounterKey('summer', null), 100n],
    ]);
  });

  it('asks the lower of two limits of a publisher in one period', () => {
    const caps = [
      aClickCap({ scope: 'each_publisher', limit: '10' }),
      aClickCap({ scope: 'publisher', publisherId: 'tia', limit: '7' }),
      aClickCap({ scope: 'publisher', publisherId: 'tia', limit: '8' }),
    ];

    expect(slots(caps)[0]?.adds).toEqual([{ attribute: attribute('day'), amount: 1n, limit: 7n }]);
  });

  it('goes by the cap’s time zone, else by the network’s', () => {
    const caps = [aClickCap(), aClickCap({ timeZone: 'America/New_York' })];

    const adds = slots(caps, 'Asia/Tokyo')[0]?.adds.map((add) => add.attribute);

    expect(adds).toEqual([attribute('day', 'Asia/Tokyo'), attribute('day', 'America/New_York')]);
    expect(new Set(adds).size).toBe(2);
  });
});

describe('a cap', () => {
  it.each<[Cap['scope'], string | null, boolean]>([
    ['campaign', null, true],
    ['each_publisher', null, true],
    ['publisher', 'tia', true],
    ['publisher', 'other', false],
  ])('of scope %s and publisher %s concerns tia: %s', (scope, publisherId, expected) => {
    expect(concerns(aClickCap({ scope, publisherId }), 'tia')).toBe(expected);
  });
});

describe('counter attributes', () => {
  it('are different for every unit and period, and short', () => {
    const names = (['number', 'payout', 'revenue'] as const).flatMap((unit) =>
      (['hour', 'day', 'week', 'month', 'total'] as const).map((period) =>
        counterAttribute(unit, period, periodStart(period, 'UTC', NOW)),
      ),
    );

    expect(new Set(names).size).toBe(15);
    for (const name of names) expect(name).toMatch(/^[npr][hdwmt][0-9a-z]{0,5}$/);
  });

  it('are stale two days after the end of their period, and that of everything never is', () => {
    const at = (time: number) =>
      (['hour', 'day', 'week', 'month', 'total'] as const).map((period) =>
        counterAttribute('number', period, periodStart(period, 'UTC', time)),
      );
    const counts = new Map([...at(NOW), ...at(NOW - 5 * DAY), 'pk', 'expires_at'].map((name) => [name, 1n]));

    const [hour, day] = at(NOW - 5 * DAY);
    expect(staleAttributes(counts, NOW)).toEqual([hour, day]);
  });
});
