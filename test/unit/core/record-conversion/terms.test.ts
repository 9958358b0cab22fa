import { describe, expect, it } from 'vitest';
import type { Campaign, Goal, Override } from '../../../../lambdas/core/entities.ts';
import { runParked } from '../../../../lambdas/core/run-parked.ts';
import { aWatchedNetwork, ofGoal, onlyConversion, runSteps } from '../../../support/conversion-reports.ts';
import type { Step } from '../../../support/conversion-reports.ts';
import { aCall, TOKEN } from '../../../support/conversions.ts';
import { NOON } from '../../../support/deliveries.ts';
import { aCampaign, aCap, aGoal, someSettings } from '../../../support/entities.ts';

const HOUR = 60 * 60 * 1_000;
const fixed = (amount: string) => ({ model: 'fixed', amount }) as const;
const percent = (value: string) => ({ model: 'percent', percent: value }) as const;

const anOverride = (overrides: Partial<Override>): Override => ({
  publisherId: null,
  goal: null,
  when: { countries: [], os: [], sources: [] },
  payout: null,
  revenue: null,
  ...overrides,
});

describe('what a conversion pays', () => {
  it('is what the most specific override says, by what is known of its click', async () => {
    const overrides = [
      anOverride({ payout: fixed('3'), when: { countries: ['DE'], os: [], sources: [] } }),
      anOverride({ payout: fixed('5'), publisherId: 'tia', when: { countries: ['DE'], os: ['ios'], sources: ['s1'] } }),
      anOverride({ revenue: fixed('9'), publisherId: 'tia' }),
    ];
    const network = aWatchedNetwork({ overrides });
    const click_id = await network.click({ country: 'DE', os: 'ios', values: { source: 's1' } });
    const other = await network.click({ country: 'DE', os: 'android' });
    await runSteps(network, [
      { call: { click_id }, is: { code: 'OK', payout: '5.00', revenue: '9.00' } },
      { call: { click_id: other }, is: { code: 'OK', payout: '3.00', revenue: '9.00' } },
      { call: { click_id: await network.click() }, is: { code: 'OK', payout: '2.50', revenue: '9.00' } },
    ]);
    const [first] = network.store.conversions.values();
    expect(first?.terms?.origin).toMatchObject({ payout: { from: 'override', override: { publisherId: 'tia' } } });
  });

  it('needs an amount where an override is a percentage of it, whatever the goal says', async () => {
    const network = aWatchedNetwork({ overrides: [anOverride({ payout: percent('10') })] });
    const click_id = await network.click();
    await runSteps(network, [
      { call: { click_id }, is: { code: 'MISSING_AMOUNT' } },
      { call: { click_id, amount: '70' }, is: { code: 'OK', payout: '7.00', revenue: '4.00' } },
    ]);
  });
});

describe('payout and revenue of the call', () => {
  const ACCEPTS: Partial<Goal> = { accept: ['payout', 'revenue'] };
  it.each<[string, Partial<Goal>, readonly Step[]]>([
    [
      'replace the terms where the goal accepts them',
      ACCEPTS,
      [{ call: { payout: '1.10', revenue: '2' }, is: { code: 'OK', payout: '1.10', revenue: '2.00' }, warnings: [] }],
    ],
    [
      'replace only what the goal accepts',
      { accept: ['revenue'] },
      [
        {
          call: { payout: 'x', revenue: '2' },
          is: { code: 'OK', payout: '2.50', revenue: '2.00' },
          warnings: ['payout was ignored: the goal does not accept it'],
        },
      ],
    ],
    [
      'make a percentage need no amount',
      { ...ACCEPTS, payout: percent('10') },
      [{ call: { payout: '1' }, is: { code: 'OK', payout: '1.00', revenue: '4.00' } }],
    ],
    [
      'are what a share of the revenue is of',
      { ...ACCEPTS, payout: { model: 'percent_of_revenue', percent: '50' } },
      [{ call: { revenue: '5.01' }, is: { code: 'OK', payout: '2.505', revenue: '5.01' } }],
    ],
    ['are missing where they are an unexpanded macro', ACCEPTS, [{ call: { payout: '{p}' }, is: { payout: '2.50' } }]],
    ['must be amounts where they count', ACCEPTS, [{ call: { payout: '-1' }, is: { code: 'INVALID_AMOUNT' } }]],
    [
      "must have the decimals of the sale's currency",
      ACCEPTS,
      [{ call: { payout: '1.5', currency: 'JPY' }, is: { code: 'INVALID_AMOUNT' } }],
    ],
    [
      "are in the sale's currency",
      ACCEPTS,
      [{ call: { payout: '100', currency: 'EUR' }, is: { code: 'OK', payout: '110.00', revenue: '4.00' } }],
    ],
    [
      'wait for a rate that the network does not have',
      ACCEPTS,
      [{ call: { payout: '100', currency: 'GBP' }, is: { code: 'NO_EXCHANGE_RATE', payout: '0.00' } }],
    ],
    [
      'of a repeat conflict if they differ, and never if they are missing',
      ACCEPTS,
      [
        { call: { payout: '1', revenue: '2' }, is: { code: 'OK' } },
        { call: { payout: '1.00' }, is: { code: 'DUPLICATE_CONVERSION' } },
        { call: {}, is: { code: 'DUPLICATE_CONVERSION' } },
        { call: { payout: '2' }, is: { code: 'CONFLICTING_CONVERSION' } },
        { call: { payout: '1', currency: 'EUR' }, is: { code: 'CONFLICTING_CONVERSION' } },
        { call: { payout: 'x' }, is: { code: 'INVALID_AMOUNT' } },
      ],
    ],
    [
      'change with an action',
      ACCEPTS,
      [
        { call: { payout: '1' }, is: { code: 'OK', payout: '1.00', revenue: '4.00' } },
        { call: { payout: '3', action: 'change' }, is: { code: 'AMOUNT_CHANGED', payout: '3.00', revenue: '4.00' } },
        { call: { revenue: '7', action: 'upsert' }, is: { code: 'AMOUNT_CHANGED', payout: '3.00', revenue: '7.00' } },
        {
          call: { payout: '3', action: 'change' },
          is: { code: 'DUPLICATE_CONVERSION' },
          warnings: ['nothing changed'],
        },
      ],
    ],
    [
      'change into another currency only all together',
      ACCEPTS,
      [
        { call: { payout: '1', amount: '10' }, is: { code: 'OK', payout: '1.00' } },
        {
          call: { amount: '9', currency: 'EUR', action: 'change' },
          is: { code: 'DUPLICATE_CONVERSION', payout: '1.00' },
          warnings: ['the amount was not changed: an amount is missing in the other currency'],
        },
        { call: { amount: '9', payout: '2', currency: 'EUR', action: 'change' }, is: { payout: '2.20' } },
      ],
    ],
    [
      'that come later are exchanged, although the terms until then needed no rate',
      ACCEPTS,
      [
        { call: { amount: '10', currency: 'EUR' }, is: { code: 'OK', payout: '2.50' } },
        { call: { payout: '2', currency: 'EUR', action: 'change' }, is: { code: 'AMOUNT_CHANGED', payout: '2.20' } },
      ],
    ],
  ])('%s', async (_, goal, steps) => {
    const network = aWatchedNetwork(ofGoal(goal));
    network.catalog.stored = someSettings({ exchangeRates: { EUR: '1.10', JPY: '0.01' } });
    await runSteps(network, steps, { click_id: await network.click() });
  });

  it.each([
    ['are refused as JSON numbers where they count', ACCEPTS, 'INVALID_AMOUNT'],
    ['are ignored as JSON numbers where they do not', {}, 'OK'],
  ])('%s', async (_, goal, code) => {
    const network = aWatchedNetwork(ofGoal(goal));
    const body = Buffer.from(JSON.stringify({ click_id: await network.click(), payout: 1.5 }));
    const call = aCall({ method: 'POST', body, contentType: 'application/json', authorization: `Bearer ${TOKEN}` });
    expect((await network.call({}, { ...call, query: '' })).body).toMatchObject({ code });
  });
});

describe('terms that changed', () => {
  /** Until an hour ago a sale paid 1, since then 2. */
  const CHANGED = NOON - HOUR;
  const network = (campaign: Partial<Campaign>) => {
    const made = aWatchedNetwork({ ...ofGoal({ payout: fixed('2') }), termsSince: CHANGED, ...campaign });
    const before = { goals: [aGoal({ payout: fixed('1') })], overrides: [], termsSince: NOON - 30 * 24 * HOUR };
    made.catalog.earlierTerms.set('summer', [before]);
    return made;
  };

  it.each<[string, Campaign['payoutBasis'], number, string]>([
    ['the receipt', 'conversion', CHANGED - 1, '2.00'],
    ['the click, before the change', 'click', CHANGED - 1, '1.00'],
    ['the click, at the change', 'click', CHANGED, '2.00'],
  ])('pay by those of %s', async (_, payoutBasis, createdAt, payout) => {
    const { watch, ...made } = network({ payoutBasis });
    const { body } = await made.call({ click_id: await made.click({ createdAt }) });
    expect(body).toMatchObject({ code: 'OK', payout });
    const since = payout === '1.00' ? NOON - 30 * 24 * HOUR : CHANGED;
    expect(onlyConversion(made).terms?.origin).toMatchObject({ basis: payoutBasis, since });
    watch.expectSound();
  });

  it('pay a goal that did not exist then as it is now', async () => {
    const made = network({ payoutBasis: 'click', goals: [aGoal({ id: 'new', payout: fixed('7') })] });
    const { body } = await made.call({ click_id: await made.click({ createdAt: CHANGED - 1 }) });
    expect(body).toMatchObject({ code: 'OK', payout: '7.00' });
  });

  it('pay a sale without a click as of its receipt', async () => {
    const made = network({ payoutBasis: 'click', coupons: [{ code: 'c', publisherId: 'tia' }] });
    const { body } = await made.call({ campaign_id: 'summer', coupon: 'c', txn_id: 'O1' });
    expect(body).toMatchObject({ code: 'OK', payout: '2.00' });
    expect(onlyConversion(made).terms?.origin).toMatchObject({ basis: 'conversion' });
  });

  it('pay what waited for its click as of its receipt', async () => {
    const made = aWatchedNetwork(ofGoal({ payout: fixed('1') }));
    const click_id = made.mint();
    await runSteps(made, [{ call: { click_id }, is: { code: 'CLICK_PENDING' } }]);
    made.advance(HOUR);
    const before = aCampaign(ofGoal({ payout: fixed('1') }));
    made.catalog.earlierTerms.set('summer', [before]);
    made.catalog.campaigns.set('summer', aCampaign({ ...ofGoal({ payout: fixed('2') }), termsSince: made.deps.now() }));
    await made.click({ id: click_id });
    const [parked] = await made.store.dueParked(made.deps.now(), 1);
    if (parked === undefined) throw new Error('nothing is parked');
    expect(await runParked(parked, made.deps)).toBe('OK');
    expect(onlyConversion(made).payout).toBe(1_000_000n);
  });

  it('are not read where the present ones count', async () => {
    const made = network({});
    made.catalog.termsAt = () => Promise.reject(new Error('read'));
    expect((await made.call({ click_id: await made.click() })).body).toMatchObject({ code: 'OK' });
  });
});

describe('a conversion soon after its click', () => {
  it.each([
    ['a millisecond under the minimum', 59_999, 'TOO_EARLY', 'pending', '0.00'],
    ['at the minimum', 60_000, 'OK', 'approved', '2.50'],
    ['before its click, by a clock that runs backwards', -5_000, 'TOO_EARLY', 'pending', '0.00'],
  ])('%s', async (_, age, code, status, payout) => {
    const network = aWatchedNetwork({ minimumSecondsToConvert: 60 });
    const click_id = await network.click({ createdAt: network.deps.now() - age });
    await runSteps(
      network,
      [
        { call: {}, is: { code, status, payout } },
        { call: {}, is: { code: 'DUPLICATE_CONVERSION', status } },
      ],
      { click_id },
    );
    expect(onlyConversion(network)).toMatchObject({ wouldBePayout: 2_500_000n });
  });

  it('is not approved by a postback, which may reject it', async () => {
    const network = aWatchedNetwork({ minimumSecondsToConvert: 3_600 });
    const click_id = await network.click();
    await runSteps(
      network,
      [
        { call: { status: 'approved' }, is: { code: 'TOO_EARLY', status: 'pending' } },
        {
          call: { status: 'approved' },
          is: { code: 'DUPLICATE_CONVERSION', status: 'pending', payout: '0.00' },
          warnings: ['the status was not changed: only an operator approves this conversion'],
        },
        { call: { status: 'rejected' }, is: { code: 'STATUS_CHANGED', status: 'rejected' } },
      ],
      { click_id },
    );
  });

  it('is never too early where nothing is asked, even before its click', async () => {
    const network = aWatchedNetwork();
    const click_id = await network.click({ createdAt: network.deps.now() + 5_000 });
    await runSteps(network, [{ call: { click_id }, is: { code: 'OK' } }]);
  });
});

describe('a conversion over a cap', () => {
  const pending = aCap({ limit: '1', onReached: 'pending' });
  const rejecting = aCap({ limit: '1', scope: 'each_publisher' });
  it.each([
    ['the only one', [pending], pending],
    ['the one that rejects, of several', [pending, rejecting], rejecting],
  ])('keeps which cap decided: %s', async (_, caps, decisive) => {
    const network = aWatchedNetwork({ caps });
    await network.call({ click_id: await network.click() });
    await network.call({ click_id: await network.click() });
    const [first, second] = network.store.conversions.values();
    expect(first).toMatchObject({ code: 'OK', cap: null });
    expect(second).toMatchObject({ code: 'OVER_CAP', cap: decisive });
    network.watch.expectSound();
  });
});
