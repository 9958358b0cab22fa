import { describe, expect, it } from 'vitest';
import type { Campaign } from '../../../../lambdas/core/entities.ts';
import { aWatchedNetwork, onlyConversion, report, runSteps } from '../../../support/conversion-reports.ts';
import type { Parameters } from '../../../support/conversion-reports.ts';
import { aSender } from '../../../support/conversions.ts';
import { aCampaign, aGoal } from '../../../support/entities.ts';

const COUPONS: Partial<Campaign> = { coupons: [{ code: 'TIA20', publisherId: 'tia' }] };
const SALE = { campaign_id: 'summer', coupon: 'TIA20', txn_id: 'O1' };
const DAY = 24 * 60 * 60 * 1_000;

describe('a call with a coupon and no click', () => {
  it("is the publisher's, and is told as one without a click", async () => {
    const network = aWatchedNetwork({ ...COUPONS, expose: ['coupon'] });
    await runSteps(network, [{ call: SALE, is: { code: 'OK', status: 'approved', payout: '2.50', goal: 'sale' } }]);
    const conversion = onlyConversion(network);
    expect(conversion).toMatchObject({ clickId: null, clickAt: null, publisherId: 'tia', advertiserId: 'xyz' });
    const [delivery] = network.store.deliveries.values();
    expect(delivery?.values).toMatchObject({
      campaign_id: 'summer',
      campaign_name: 'Summer sale',
      pub_id: 'tia',
      advertiser_id: 'xyz',
      coupon: 'TIA20',
      txn_id: 'O1',
    });
    expect(delivery?.values).not.toHaveProperty('click_id');
    expect(delivery?.values).not.toHaveProperty('p1');
    const [hit] = network.hits.rows.values();
    expect(hit).toMatchObject({ clickId: null, conversionId: conversion.id, advertiserId: 'xyz' });
  });

  it.each(['tia20', ' Tia20 ', 'TIA20'])('knows the coupon %j in any case', async (coupon) => {
    const network = aWatchedNetwork(COUPONS);
    await runSteps(network, [{ call: { ...SALE, coupon }, is: { code: 'OK' } }]);
  });

  it.each<[string, Record<string, string>, Record<string, unknown>]>([
    ['no transaction', { txn_id: '' }, { code: 'MISSING_PARAMETER' }],
    ['no token', { security_token: '' }, { code: 'MISSING_PARAMETER' }],
    [
      'an unknown campaign',
      { campaign_id: 'x' },
      { code: 'CONVERSION_NOT_FOUND', message: 'There is no such campaign' },
    ],
    ['what is no campaign', { campaign_id: 'a b' }, { code: 'CONVERSION_NOT_FOUND' }],
    [
      'an unknown coupon',
      { coupon: 'X' },
      { code: 'CONVERSION_NOT_FOUND', message: 'The campaign has no such coupon' },
    ],
    ['no coupon', { coupon: '' }, { code: 'CONVERSION_NOT_FOUND', message: 'There is no conversion to change' }],
    ['no campaign', { campaign_id: '' }, { code: 'CONVERSION_NOT_FOUND' }],
    ["a campaign of another's advertiser", { campaign_id: 'winter' }, { code: 'INVALID_SECURITY_TOKEN' }],
    ['a goal that is unknown', { goal: 'nothing' }, { code: 'UNKNOWN_GOAL' }],
    ['an amount that the currency does not have', { amount: '1.234' }, { code: 'INVALID_AMOUNT' }],
    ['a change of nothing', { action: 'change' }, { code: 'CONVERSION_NOT_FOUND' }],
  ])('with %s is refused', async (_, call, is) => {
    const network = aWatchedNetwork(COUPONS);
    network.catalog.campaigns.set('winter', aCampaign({ id: 'winter', advertiserId: 'other', ...COUPONS }));
    await runSteps(network, [{ call: { ...SALE, ...call }, is }]);
    expect(network.store.conversions.size).toBe(0);
  });

  it('has no attribution window and no minimum time', async () => {
    const network = aWatchedNetwork({ ...COUPONS, attributionWindowDays: 0, minimumSecondsToConvert: 3_600 });
    await runSteps(network, [{ call: SALE, is: { code: 'OK' } }]);
  });

  it('is the same event under the same key, with or without a coupon or a click', async () => {
    const network = aWatchedNetwork(COUPONS);
    const click_id = await network.click();
    const duplicate = { code: 'DUPLICATE_CONVERSION', payout: '2.50' };
    await runSteps(network, [
      { call: { ...SALE, amount: '10' }, is: { code: 'OK' } },
      { call: SALE, is: duplicate },
      { call: { txn_id: 'O1' }, is: duplicate },
      { call: { click_id, txn_id: 'O1' }, is: duplicate },
      { call: { ...SALE, amount: '11' }, is: { code: 'CONFLICTING_CONVERSION' } },
      { call: { ...SALE, amount: '11', action: 'upsert' }, is: { code: 'AMOUNT_CHANGED' } },
      { call: { ...SALE, status: 'rejected' }, is: { code: 'STATUS_CHANGED', status: 'rejected', payout: '0.00' } },
    ]);
    expect(network.store.conversions.size).toBe(1);
  });

  it("is the conversion of its click, and stays with the click's publisher", async () => {
    const network = aWatchedNetwork({ coupons: [{ code: 'TIA20', publisherId: 'other' }] });
    await runSteps(network, [
      { call: { click_id: await network.click(), txn_id: 'O1' }, is: { code: 'OK' } },
      { call: SALE, is: { code: 'DUPLICATE_CONVERSION' } },
    ]);
    expect(onlyConversion(network).publisherId).toBe('tia');
  });

  it('finds its conversion in another campaign of the advertiser, and in none of another advertiser', async () => {
    const network = aWatchedNetwork();
    network.catalog.campaigns.set('winter', aCampaign({ id: 'winter', ...COUPONS }));
    network.catalog.campaigns.set('other', aCampaign({ id: 'other', advertiserId: 'other', ...COUPONS }));
    network.catalog.senders.set('xyz', aSender({ advertiserIds: 'all' }));
    await runSteps(network, [
      { call: { click_id: await network.click(), txn_id: 'O1' }, is: { code: 'OK' } },
      { call: { ...SALE, campaign_id: 'winter', status: 'rejected' }, is: { code: 'STATUS_CHANGED' } },
      { call: { ...SALE, campaign_id: 'other' }, is: { code: 'OK', status: 'approved' } },
    ]);
  });

  it('of another goal is another', async () => {
    const network = aWatchedNetwork({ ...COUPONS, goals: [aGoal(), aGoal({ id: 'lead', default: false })] });
    await runSteps(network, [
      { call: { ...SALE, goal: 'lead' }, is: { code: 'OK', goal: 'lead' } },
      { call: SALE, is: { code: 'OK', goal: 'sale' } },
      { call: SALE, is: { code: 'DUPLICATE_CONVERSION', goal: 'sale' } },
      { call: { txn_id: 'O1' }, is: { code: 'MISSING_PARAMETER' } },
    ]);
  });

  it('takes its transaction as the key where otherwise the click is', async () => {
    const network = aWatchedNetwork({ ...COUPONS, goals: [aGoal({ dedupe: 'click' })] });
    await runSteps(network, [
      { call: SALE, is: { code: 'OK' } },
      { call: SALE, is: { code: 'DUPLICATE_CONVERSION' } },
      { call: { ...SALE, txn_id: 'O2' }, is: { code: 'OK' } },
    ]);
  });

  it('rejected before its sale is remembered', async () => {
    const network = aWatchedNetwork(COUPONS);
    await runSteps(network, [
      { call: { ...SALE, status: 'rejected', action: 'change' }, is: { code: 'STATUS_REMEMBERED' } },
      { call: SALE, is: { code: 'OK', status: 'rejected', payout: '0.00' } },
    ]);
  });

  it('is recorded once by many at once (invariant 4)', async () => {
    const network = aWatchedNetwork(COUPONS);
    const answers = await Promise.all(Array.from({ length: 20 }, () => network.call(SALE)));
    expect(answers.filter(({ body }) => body['code'] === 'OK')).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body['conversion_id'])).size).toBe(1);
    network.watch.expectSound();
  });

  it("reads a sender's own names of campaign and coupon", async () => {
    const network = aWatchedNetwork(COUPONS);
    network.catalog.senders.set('xyz', aSender({ parameters: { campaign_id: ['shop'], coupon: ['voucher'] } }));
    await runSteps(network, [{ call: { shop: 'summer', voucher: 'TIA20', txn_id: 'O1' }, is: { code: 'OK' } }]);
  });
});

describe('a call that an operator gives to a publisher', () => {
  const attribution = { campaignId: 'summer', publisherId: 'tia' };
  const by = 'key:ops';

  it('is recorded for a click that never came, as of its time', async () => {
    const network = aWatchedNetwork();
    const clickAt = network.deps.now() - 60_000;
    const click_id = network.mint(clickAt);
    const outcome = await report(network, { click_id }, { attribution, by });
    expect(outcome).toMatchObject({ code: 'OK', advertiserId: 'xyz' });
    expect(onlyConversion(network)).toMatchObject({
      clickId: click_id,
      clickAt,
      publisherId: 'tia',
      campaignId: 'summer',
    });
    const [delivery] = network.store.deliveries.values();
    expect(delivery?.values).toMatchObject({ click_id, pub_id: 'tia', advertiser_id: 'xyz' });
    expect(network.store.history).toMatchObject([{ by }]);
    network.watch.expectSound();
  });

  it.each([
    ['whose retention is over', 200 * DAY, 'CLICK_EXPIRED'],
    ['that is within its window', DAY, 'OK'],
  ])('asks the attribution window of a click %s', async (_, age, code) => {
    const network = aWatchedNetwork();
    const click_id = network.mint(network.deps.now() - age);
    expect(await report(network, { click_id }, { attribution })).toMatchObject({ code });
  });

  it('leaves a stored click with whom it belongs to', async () => {
    const network = aWatchedNetwork();
    const click_id = await network.click({ publisherId: 'other' });
    await report(network, { click_id }, { attribution });
    expect(onlyConversion(network).publisherId).toBe('other');
  });

  it('is a duplicate of the conversion that the click has', async () => {
    const network = aWatchedNetwork();
    const click_id = network.mint();
    await report(network, { click_id }, { attribution });
    expect(await report(network, { click_id }, { attribution })).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
    expect(await report(network, { click_id })).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
  });

  it('needs no click', async () => {
    const network = aWatchedNetwork();
    expect(await report(network, { txn_id: 'O1' }, { attribution })).toMatchObject({ code: 'OK' });
    expect(onlyConversion(network)).toMatchObject({ clickId: null, clickAt: null, publisherId: 'tia' });
    expect(await report(network, { txn_id: 'O1' })).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
  });

  it.each([
    ['of an unknown campaign', { ...attribution, campaignId: 'x' }, 'CONVERSION_NOT_FOUND'],
    ["of a campaign that is none of the sender's", { ...attribution, campaignId: 'winter' }, 'INVALID_SECURITY_TOKEN'],
  ])('is refused if it is %s', async (_, wrong, code) => {
    const network = aWatchedNetwork();
    network.catalog.campaigns.set('winter', aCampaign({ id: 'winter', advertiserId: 'other' }));
    for (const named of [{ click_id: network.mint() }, { txn_id: 'O1' }] as Parameters[]) {
      expect(await report(network, named, { attribution: wrong })).toMatchObject({ code });
    }
    expect(network.store.conversions.size).toBe(0);
  });
});
