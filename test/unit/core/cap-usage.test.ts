import { expect, it, test } from 'vitest';
import { readCapUsage } from '../../../lambdas/core/cap-usage.ts';
import { takeRoom } from '../../../lambdas/core/conversion-counters.ts';
import { clickSlots } from '../../../lambdas/core/caps.ts';
import type { CounterKey, CounterUpdate } from '../../../lambdas/core/counters.ts';
import type { Cap } from '../../../lambdas/core/entities.ts';
import { aCap } from '../../support/entities.ts';

const NOW = Date.parse('2026-11-23T01:30:00Z');
const WORTH = { payout: 2_500_000n, revenue: 4_000_000n };

/** Counters in memory. */
function aCounter() {
  const counts = new Map<string, Map<string, bigint>>();
  const reads: string[] = [];
  return {
    reads,
    add(updates: readonly CounterUpdate[]) {
      for (const { key, adds } of updates) {
        const of = counts.get(`${key.pk} ${key.sk}`) ?? new Map<string, bigint>();
        for (const { attribute, amount } of adds) of.set(attribute, (of.get(attribute) ?? 0n) + amount);
        counts.set(`${key.pk} ${key.sk}`, of);
      }
    },
    read: async ({ pk, sk }: CounterKey) => {
      reads.push(`${pk} ${sk}`);
      return counts.get(`${pk} ${sk}`) ?? new Map<string, bigint>();
    },
  };
}

/** What readCapUsage finds after a click and a conversion of each of these publishers, in Vienna. */
async function usedAfter(caps: readonly Cap[], publishers: readonly string[], asked: string | null) {
  const counter = aCounter();
  for (const publisherId of publishers) {
    const received = { publisherId, goal: 'sale', createdAt: NOW };
    counter.add(takeRoom({ id: 'summer', caps }, 'Europe/Vienna', received, WORTH, [], NOW).counters);
    counter.add(clickSlots({ id: 'summer', caps }, publisherId, 'Europe/Vienna', NOW));
  }
  const at = { networkTimeZone: 'Europe/Vienna', now: NOW };
  const usage = await readCapUsage({ id: 'summer', caps }, asked, at, counter.read);
  return { usage, used: usage.map(({ count }) => count?.used ?? null), reads: counter.reads };
}

const each = { scope: 'each_publisher' } as const;
const ofTia = { scope: 'publisher', publisherId: 'tia' } as const;

it.each<[string, Partial<Cap>, string | null, readonly (bigint | null)[]]>([
  ['of the campaign', {}, null, [3n]],
  ['of the campaign, asked for one', {}, 'tia', [3n]],
  ['on clicks of the campaign', { metric: 'clicks' }, null, [3n]],
  ['on payout', { metric: 'payout' }, null, [7_500_000n]],
  ['on revenue', { metric: 'revenue' }, null, [12_000_000n]],
  ['of a goal', { goal: 'sale' }, null, [3n]],
  ['of another goal', { goal: 'lead' }, null, [0n]],
  ['in a time zone of its own', { timeZone: 'America/New_York', period: 'month' }, null, [3n]],
  ['of each publisher, none asked for', each, null, [null]],
  ['of each publisher', each, 'tia', [2n]],
  ['of each publisher, on clicks', { ...each, metric: 'clicks' }, 'ben', [1n]],
  ['of each publisher, of one that sent nothing', each, 'nobody', [0n]],
  ['of a publisher', ofTia, null, [2n]],
  ['of a publisher, on clicks', { ...ofTia, metric: 'clicks' }, null, [2n]],
  ['of a publisher, on money', { ...ofTia, metric: 'payout', goal: 'sale' }, 'tia', [5_000_000n]],
  ['of another publisher', ofTia, 'ben', []],
])('a cap %s has used what conversions and clicks took of it (invariant 6)', async (_, cap, asked, expected) => {
  for (const period of ['hour', 'day', 'week', 'month', 'total'] as const) {
    const { used } = await usedAfter([aCap({ period, ...cap })], ['tia', 'tia', 'ben'], asked);
    expect(used).toEqual(expected);
  }
});

test('a counter that several caps limit is read once', async () => {
  const caps = [aCap(), aCap({ period: 'month' }), aCap({ metric: 'payout' }), aCap({ goal: 'sale' })];
  const { used, reads } = await usedAfter(caps, ['tia'], null);
  expect(used).toEqual([1n, 1n, 2_500_000n, 1n]);
  expect(reads).toEqual(['conversions#summer *#*', 'conversions#summer *#sale']);
});

test('its period is that of its own time zone, else of the network', async () => {
  const caps = [aCap(), aCap({ timeZone: 'America/New_York' }), aCap({ period: 'total' })];
  const { usage } = await usedAfter(caps, [], null);
  expect(
    usage.map(({ period }) => period && [period.start, period.end].map((at) => new Date(at).toISOString())),
  ).toEqual([
    ['2026-11-22T23:00:00.000Z', '2026-11-23T23:00:00.000Z'],
    ['2026-11-22T05:00:00.000Z', '2026-11-23T05:00:00.000Z'],
    null,
  ]);
});
