import { describe, expect, it } from 'vitest';
import { MAX_DELIVERIES_OF_AMOUNTS } from '../../../../lambdas/core/decide-existing.ts';
import type { Campaign, Goal } from '../../../../lambdas/core/entities.ts';
import { aWatchedNetwork, ofGoal, onlyConversion, runSteps } from '../../../support/conversion-reports.ts';
import type { Step } from '../../../support/conversion-reports.ts';
import { aCampaign, aGoal } from '../../../support/entities.ts';

const DAY = 24 * 60 * 60 * 1_000;
const percent = (value: string) => ({ model: 'percent', percent: value }) as const;
const SHARE: Partial<Goal> = { payout: percent('10'), revenue: percent('20') };

const duplicate = { code: 'DUPLICATE_CONVERSION' };
const conflict = { code: 'CONFLICTING_CONVERSION' };
const ok = { code: 'OK' };

describe('a repeat', () => {
  it.each<[string, Partial<Goal>, readonly Step[]]>([
    [
      'with an amount where none was given changes nothing, until an action says so',
      {},
      [
        { call: {}, is: ok },
        { call: { amount: '5' }, is: duplicate, warnings: [] },
        { call: { amount: '6' }, is: duplicate, warnings: [] },
        { call: { amount: '5', action: 'change' }, is: { code: 'AMOUNT_CHANGED' } },
        { call: { amount: '6' }, is: conflict },
      ],
    ],
    [
      'without an amount never conflicts, whatever it asks for',
      {},
      [
        { call: { amount: '5', currency: 'EUR', status: 'pending' }, is: ok },
        { call: {}, is: duplicate },
        { call: { currency: 'EUR' }, is: duplicate },
        { call: { currency: 'USD' }, is: conflict },
        { call: { status: 'approved' }, is: { code: 'STATUS_CHANGED' } },
      ],
    ],
    [
      "without a currency is in the campaign's",
      {},
      [
        { call: { amount: '5' }, is: ok },
        { call: { amount: '5', currency: 'USD' }, is: duplicate },
        { call: { amount: '5', currency: 'EUR' }, is: conflict },
      ],
    ],
    [
      'with a status and another amount conflicts, and changes neither',
      {},
      [
        { call: { amount: '5' }, is: ok },
        { call: { amount: '6', status: 'rejected' }, is: conflict },
        { call: {}, is: { ...duplicate, status: 'approved' } },
      ],
    ],
    [
      'without a transaction is one of any of the several, and changes none',
      {},
      [
        { call: { txn_id: 'T1', amount: '5' }, is: ok },
        { call: { txn_id: 'T2', amount: '6' }, is: ok },
        { call: { amount: '7' }, is: duplicate, warnings: [] },
        { call: { status: 'rejected' }, is: conflict },
        { call: { action: 'change', amount: '7' }, is: conflict },
        { call: { action: 'upsert' }, is: conflict },
      ],
    ],
    [
      'that upserts changes what is there, or adds what is not',
      SHARE,
      [
        { call: { action: 'upsert', amount: '50' }, is: { ...ok, payout: '5.00' } },
        { call: { action: 'upsert', amount: '60' }, is: { code: 'AMOUNT_CHANGED', payout: '6.00' } },
        { call: { action: 'upsert', amount: '60' }, is: duplicate, warnings: ['nothing changed'] },
        { call: { action: 'upsert', amount: '70', txn_id: 'T1' }, is: { code: 'AMOUNT_CHANGED', payout: '7.00' } },
        { call: { action: 'upsert', amount: '80', txn_id: 'T2' }, is: { ...ok, payout: '8.00' } },
      ],
    ],
    [
      'that gives a conversion its transaction adopts nothing in a conflict, and may change with an action',
      SHARE,
      [
        { call: { amount: '50' }, is: ok },
        { call: { amount: '60', txn_id: 'T1' }, is: conflict },
        { call: { amount: '60', txn_id: 'T1', action: 'change' }, is: { code: 'AMOUNT_CHANGED', payout: '6.00' } },
        { call: { amount: '60', txn_id: 'T2' }, is: ok },
      ],
    ],
    [
      'that gives a conversion its transaction says so where the click is the key',
      { dedupe: 'click' },
      [
        { call: {}, is: ok },
        { call: { txn_id: 'T1' }, is: duplicate },
        { call: { click_id: '', txn_id: 'T1', status: 'rejected' }, is: { code: 'STATUS_CHANGED' } },
        { call: { txn_id: 'T2' }, is: duplicate },
      ],
    ],
  ])('%s', async (_, goal, steps) => {
    const network = aWatchedNetwork(ofGoal(goal));
    await runSteps(network, steps, { click_id: await network.click() });
  });

  it.each<[string, Partial<Campaign>]>([
    ['its attribution window is over', { attributionWindowDays: 0 }],
    ['it would be too early', { minimumSecondsToConvert: 1_000_000_000 }],
    ['its campaign is paused', { status: 'paused' }],
    ['its campaign is archived and has ended', { status: 'archived', endsAt: 1 }],
    ['its goal is gone', { goals: [aGoal({ id: 'other', name: 'Other' })] }],
  ])('changes its conversion although %s', async (_, campaign) => {
    const network = aWatchedNetwork(ofGoal(SHARE));
    const call = { click_id: await network.click(), txn_id: 'T1', goal: 'sale' };
    await runSteps(network, [{ call: { ...call, amount: '50' }, is: ok }]);
    network.catalog.campaigns.set('summer', aCampaign(campaign));
    network.advance(400 * DAY);
    await runSteps(network, [
      { call: { ...call, amount: '60', action: 'change' }, is: { code: 'AMOUNT_CHANGED', payout: '6.00' } },
      { call: { txn_id: 'T1', goal: 'sale', status: 'rejected' }, is: { code: 'STATUS_CHANGED', payout: '0.00' } },
    ]);
    expect(onlyConversion(network).version).toBe(3);
  });

  it.each<[string, Partial<Goal>, Goal]>([
    ['has another scope', {}, aGoal({ dedupeScope: 'advertiser' })],
    ['has a transaction as its key, no longer the click', { dedupe: 'click' }, aGoal()],
    ['is gone, and had another scope', { dedupeScope: 'campaign' }, aGoal({ id: 'other', name: 'Other' })],
    ['is gone, and had the click as its key', { dedupe: 'click' }, aGoal({ id: 'other', name: 'Other' })],
  ])('finds its conversion although the goal now %s (invariant 4)', async (_, before, goal) => {
    const network = aWatchedNetwork(ofGoal(before));
    const call = { click_id: await network.click(), txn_id: 'T1', goal: 'sale' };
    await runSteps(network, [{ call, is: ok }]);
    network.advance(DAY);
    network.catalog.campaigns.set('summer', aCampaign({ goals: [goal], termsSince: network.deps.now() }));
    await runSteps(network, [
      { call, is: duplicate },
      { call: { ...call, status: 'rejected' }, is: { code: 'STATUS_CHANGED' } },
    ]);
  });

  it('changes the amount no more when deliveries are running out of numbers, and still rejects', async () => {
    const network = aWatchedNetwork(ofGoal(SHARE));
    const call = { click_id: await network.click(), txn_id: 'T1' };
    await runSteps(network, [{ call: { ...call, amount: '50' }, is: ok }]);
    const stored = onlyConversion(network);
    network.store.conversions.set(stored.id, { ...stored, deliveries: MAX_DELIVERIES_OF_AMOUNTS });
    const changed = await network.call({ ...call, amount: '60', action: 'change' });
    expect(changed.body).toMatchObject({
      ...duplicate,
      payout: '5.00',
      warnings: ['the amount was not changed: it was changed too often'],
    });
    const rejected = await network.call({ ...call, status: 'rejected' });
    expect(rejected.body).toMatchObject({ code: 'STATUS_CHANGED' });
  });

  it('finds a conversion by its transaction and its goal, although the campaign takes unknown goals for its default one', async () => {
    const network = aWatchedNetwork({ unknownGoal: 'default' });
    const click_id = await network.click();
    await runSteps(network, [
      { call: { click_id, txn_id: 'T1', goal: 'typo' }, is: { ...ok, goal: 'sale' } },
      { call: { txn_id: 'T1', goal: 'typo' }, is: duplicate },
      { call: { txn_id: 'T1', goal: 'sale' }, is: duplicate },
    ]);
    network.catalog.campaigns.set(
      'summer',
      aCampaign({ unknownGoal: 'default', goals: [aGoal({ id: 'new', name: 'New' })] }),
    );
    await runSteps(network, [
      { call: { txn_id: 'T1', goal: 'sale', status: 'rejected' }, is: { code: 'STATUS_CHANGED' } },
    ]);
  });
});
