import { describe, expect, it } from 'vitest';
import { changeInBulk } from '../../../lambdas/core/bulk-change.ts';
import type { BulkItem, BulkMatch } from '../../../lambdas/core/bulk-change.ts';
import { changeConversion } from '../../../lambdas/core/change-conversion.ts';
import type { ConversionPatch } from '../../../lambdas/core/change-conversion.ts';
import type { Conversion } from '../../../lambdas/core/conversion.ts';
import { conversionCounterKey } from '../../../lambdas/core/counters.ts';
import { endHold } from '../../../lambdas/core/end-hold.ts';
import type { Campaign } from '../../../lambdas/core/entities.ts';
import { newSortableId } from '../../../lambdas/core/ids.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ConversionCode } from '../../../lambdas/core/reasons.ts';
import { testConversion } from '../../../lambdas/core/test-conversion.ts';
import { aWatchedNetwork, ofGoal, onlyConversion } from '../../support/conversion-reports.ts';
import type { Parameters } from '../../support/conversion-reports.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCampaign, aCap, aGoal, someSettings } from '../../support/entities.ts';
import { failureAt, instrumented } from '../../support/port-faults.ts';

type WatchedNetwork = ReturnType<typeof aWatchedNetwork>;
const DAY = 24 * 60 * 60 * 1_000;
const money = (payout: number, revenue: number) => ({
  payout: toMicros(payout * 1_000_000),
  revenue: toMicros(revenue * 1_000_000),
});
const OPERATOR = { by: 'key:ops', expect: () => undefined, strictly: false };

/** Tests a click, as an operator does. */
function tested(network: WatchedNetwork, clickId: string, parameters: Parameters = {}, id?: string) {
  const { deps } = network;
  const conversionId = id ?? newSortableId(deps.now(), deps.random);
  return testConversion(clickId, parameters, { conversionId, by: 'key:ops' }, deps);
}

/** The conversion that a test makes. */
async function made(network: WatchedNetwork, clickId: string, parameters: Parameters = {}): Promise<Conversion> {
  const ruling = await tested(network, clickId, parameters);
  if (ruling === null || ruling.conversion === null) throw new Error(ruling?.code ?? 'no such click');
  return ruling.conversion;
}

/** All that is paid and counted. */
const books = ({ store }: WatchedNetwork) => ({
  ledger: [...store.ledger],
  counters: [null, 'tia'].flatMap((publisher) =>
    [null, 'sale'].map((goal) => [...store.counts(conversionCounterKey('summer', publisher, goal))]),
  ),
});

const heard = ({ store }: WatchedNetwork, { id }: Conversion) =>
  [...store.deliveries.values()]
    .filter(({ subjectId }) => subjectId === id)
    .map(({ event, values }) => [event, values]);

describe('a test conversion', () => {
  it('is none of a click that does not exist', async () => {
    const network = aWatchedNetwork();
    expect(await tested(network, network.mint())).toBeNull();
    expect(network.store.conversions.size).toBe(0);
  });

  it.each<[Parameters, ConversionCode, Partial<Campaign>]>([
    [{ txn_id: 'x'.repeat(129) }, 'INVALID_TXN_ID', {}],
    [{ status: 'perhaps' }, 'INVALID_STATUS', {}],
    [{ currency: 'ZZZ' }, 'INVALID_CURRENCY', {}],
    [{ sale_amount: 'a lot' }, 'INVALID_AMOUNT', {}],
    [{ sale_amount: '1.234' }, 'INVALID_AMOUNT', {}],
    [{ payout: '1.234' }, 'INVALID_AMOUNT', ofGoal({ accept: ['payout'] })],
    [{ goal: 'install' }, 'UNKNOWN_GOAL', {}],
    [{}, 'MISSING_AMOUNT', ofGoal({ payout: { model: 'percent', percent: '10' } })],
  ])('of what no sender may report, %j, is refused as %s and leaves nothing', async (parameters, code, campaign) => {
    const network = aWatchedNetwork(campaign);
    expect(await tested(network, await network.click(), parameters)).toMatchObject({ code, conversion: null });
    expect(network.store.conversions.size).toBe(0);
  });

  it('is marked, priced and told as a real one, and has a transaction id of its own', async () => {
    const network = aWatchedNetwork();
    network.catalog.campaigns.set('summer', aCampaign({ expose: ['sub1'] }));
    const click_id = await network.click();
    const parameters = { goal: 'Sale', sale_amount: '20', currency: 'EUR', sub1: 'red' };
    const test = await made(network, click_id, parameters);
    await network.call({ click_id, ...parameters });

    const real = [...network.store.conversions.values()].find(({ id }) => id !== test.id);
    expect(test).toMatchObject({ test: true, version: 1, code: 'OK', txnId: `test-${test.id}`, reportedBy: 'sender' });
    expect(test).toEqual({ ...real, id: test.id, test: true, txnId: test.txnId, countedIn: [], deliveries: 0 });
    expect(network.store.history[0]).toMatchObject({ conversionId: test.id, by: 'key:ops', code: 'OK' });
    const [[event, values] = []] = heard(network, test);
    expect(event).toBe('created');
    expect(values).toMatchObject({ p1: 'tia-1', payout: '2.50', status: 'approved', sub1: 'red', txn_id: test.txnId });
    expect(network.hints.sent).toHaveLength(2);
  });

  it.each<[string, Partial<Campaign>, Parameters, Partial<Conversion>]>([
    ["the goal's default status", ofGoal({ defaultStatus: 'pending' }), {}, { status: 'pending' }],
    ['no hold period', ofGoal({ holdDays: 7 }), {}, { status: 'approved', holdUntil: null }],
    ['the status that is said', {}, { status: 'hold' }, { status: 'pending' }],
    ['a rejection too', {}, { status: 'rejected', txn_id: 'T9' }, { status: 'rejected', txnId: 'T9', ...money(0, 0) }],
    ['no attribution window', { attributionWindowDays: 0 }, {}, { code: 'OK', status: 'approved' }],
    ['no minimum time', { minimumSecondsToConvert: 3_600 }, {}, { code: 'OK', status: 'approved' }],
    ['no cap', { caps: [aCap({ limit: '0' }), aCap({ metric: 'payout', limit: '1' })] }, {}, { code: 'OK', cap: null }],
    ['what the goal accepts', ofGoal({ accept: ['payout'] }), { payout: '7', revenue: '9' }, money(7, 4)],
    ['an unknown goal that is recorded', { unknownGoal: 'record' }, { goal: 'x' }, { code: 'UNKNOWN_GOAL', goal: 'x' }],
    ['an unknown goal that is the default', { unknownGoal: 'default' }, { goal: 'x' }, { code: 'OK', goal: 'sale' }],
    [
      'a missing exchange rate',
      ofGoal({ payout: { model: 'percent', percent: '10' } }),
      { sale_amount: '20', currency: 'EUR' },
      { code: 'NO_EXCHANGE_RATE', status: 'pending', wouldBePayout: null },
    ],
  ])('knows %s', async (_, campaign, parameters, is) => {
    const network = aWatchedNetwork(campaign);
    expect(await made(network, await network.click(), parameters)).toMatchObject({ test: true, ...is });
    expect(books(network)).toEqual(books(aWatchedNetwork()));
    network.watch.expectSound();
  });

  it('of a goal that pays by the time of the click has the terms of then', async () => {
    const network = aWatchedNetwork({ payoutBasis: 'click', termsSince: NOON });
    const earlier = { goals: [aGoal({ payout: { model: 'fixed', amount: '9' } })], overrides: [], termsSince: 0 };
    network.catalog.earlierTerms.set('summer', [earlier]);
    expect(await made(network, await network.click())).toMatchObject(money(9, 4));
  });

  it('fires only the postbacks that fire on its status', async () => {
    const network = aWatchedNetwork();
    network.catalog.postbacks.length = 0;
    network.postback({ fireOn: ['approved'] });
    const click = await network.click();
    expect(heard(network, await made(network, click, { status: 'pending' }))).toEqual([]);
    expect(heard(network, await made(network, click, { status: 'approved' }))).toHaveLength(1);
  });
});

describe('test conversions stay out of money and caps (invariants 5 and 6)', () => {
  const changes: readonly ConversionPatch[] = [
    { status: 'rejected' },
    { status: 'approved' },
    { status: 'approved', payout: '9', revenue: '11' },
    { status: 'pending', sale_amount: '50' },
    { payout: '0' },
    { reason: 'a look at it' },
  ];

  it.each(['approved', 'pending', 'rejected'])('whatever an operator makes of one that was %s', async (status) => {
    const network = aWatchedNetwork({
      goals: [aGoal({ revenue: { model: 'percent', percent: '10' } })],
      caps: [aCap({ limit: '1' })],
    });
    const { deps } = network;
    const real = await network.click();
    await network.call({ click_id: real, txn_id: 'T1', sale_amount: '10' });
    const before = books(network);
    for (const patch of changes) {
      const { id } = await made(network, await network.click(), { status, sale_amount: '10' });
      expect(await changeConversion(id, patch, OPERATOR, deps)).toEqual({ kind: 'done' });
      // Back and forth, so that every change happens from every status.
      for (const other of changes) await changeConversion(id, other, OPERATOR, deps);
      expect(network.store.conversions.get(id)).toMatchObject({ test: true, countedIn: [] });
    }
    expect(books(network)).toEqual(before);
    network.watch.expectSound();
  });

  it('also if approval prices one that had no exchange rate', async () => {
    const network = aWatchedNetwork(ofGoal({ payout: { model: 'percent', percent: '10' } }));
    const { id } = await made(network, await network.click(), { sale_amount: '20', currency: 'EUR' });
    network.catalog.stored = someSettings({ exchangeRates: { EUR: '1.1' } });
    await changeConversion(id, { status: 'approved' }, OPERATOR, network.deps);
    expect(network.store.conversions.get(id)).toMatchObject({ status: 'approved', ...money(2.2, 4) });
    expect(books(network)).toEqual(books(aWatchedNetwork()));
    network.watch.expectSound();
  });

  it('and no end of a hold period touches them', async () => {
    const network = aWatchedNetwork(ofGoal({ holdDays: 1 }));
    const test = await made(network, await network.click(), { status: 'pending' });
    network.advance(2 * DAY);
    expect(await network.store.endedHolds(network.deps.now(), 10)).toEqual([]);
    expect(await endHold(test.id, network.deps)).toBe('kept');
  });

  it.each<BulkMatch>(['id', 'txn_id', 'click_id'])('and no list of an advertiser means them by %s', async (match) => {
    const network = aWatchedNetwork();
    const { deps } = network;
    const clickId = await network.click();
    const { id } = await made(network, clickId, { txn_id: 'T1' });
    const key = { id, txn_id: 'T1', click_id: clickId }[match];
    const items: BulkItem[] = [{ key, goal: null, campaignId: null, patch: { status: 'rejected' } }];
    const order = { match, items, advertiserId: null, unmatched: null, dryRun: false, by: 'key:ops' };
    const facts = { conversions: () => Promise.reject(new Error('not asked')) };
    const { results } = await changeInBulk(order, Infinity, { ...deps, facts });
    expect(results).toMatchObject([{ code: 'CONVERSION_NOT_FOUND' }]);
    expect(network.store.conversions.get(id)).toMatchObject({ version: 1 });
  });
});

describe('an operator changes a test conversion', () => {
  it('and the publisher hears of it', async () => {
    const network = aWatchedNetwork();
    const test = await made(network, await network.click(), { status: 'pending' });
    await changeConversion(test.id, { status: 'approved', payout: '3' }, OPERATOR, network.deps);
    expect(heard(network, test)).toMatchObject([
      ['created', { status: 'pending' }],
      ['status_changed', { status: 'approved', payout: '3.00', txn_id: test.txnId }],
    ]);
    expect(network.store.history.map(({ by }) => by)).toEqual(['key:ops', 'key:ops']);
    network.watch.expectSound();
  });
});

describe('a test and the real thing do not know each other (invariant 4)', () => {
  const SALES: readonly Parameters[] = [{}, { txn_id: 'T1' }];

  describe.each(SALES)('with the parameters %j', (sale) => {
    it.each<[string, Partial<Campaign>]>([
      ['transactions', {}],
      ['transactions of the advertiser', ofGoal({ dedupeScope: 'advertiser' })],
      ['clicks', ofGoal({ dedupe: 'click' })],
      ['a cap of one', { caps: [aCap({ limit: '1', period: 'total' })] }],
    ])('the sale after a test is recorded and paid, and so is a test after the sale: by %s', async (_, campaign) => {
      const network = aWatchedNetwork(campaign);
      const click_id = await network.click();
      const first = await made(network, click_id, sale);
      expect((await network.call({ click_id, ...sale })).body).toMatchObject({ code: 'OK', status: 'approved' });
      const second = await made(network, click_id, sale);
      expect((await network.call({ click_id, ...sale })).body).toMatchObject({ code: 'DUPLICATE_CONVERSION' });

      expect(second.id).not.toBe(first.id);
      expect(network.store.ledger.map(({ payout }) => payout)).toEqual([2_500_000n]);
      expect(network.store.conversions.size).toBe(3);
      network.watch.expectSound();
    });

    it('no report finds, changes or adopts a test', async () => {
      const network = aWatchedNetwork();
      const click_id = await network.click();
      const test = await made(network, click_id, sale);
      const txn_id = test.txnId ?? '';
      const calls: readonly Parameters[] = [
        { click_id, ...sale, status: 'rejected', action: 'change' },
        { click_id, txn_id, action: 'change', sale_amount: '5' },
        { txn_id, status: 'rejected' },
        { click_id, txn_id: 'T2' },
      ];
      for (const call of calls) await network.call(call);
      expect(network.store.conversions.get(test.id)).toMatchObject({ version: 1, txnId: txn_id, status: 'approved' });
      expect(heard(network, test)).toHaveLength(1);
    });
  });

  it('a rejection that is remembered waits for the sale', async () => {
    const network = aWatchedNetwork();
    const click_id = await network.click();
    await network.call({ click_id, txn_id: 'T1', status: 'rejected' });
    expect(await made(network, click_id, { txn_id: 'T1' })).toMatchObject({ status: 'approved' });
    expect((await network.call({ click_id, txn_id: 'T1' })).body).toMatchObject({ code: 'OK', status: 'rejected' });
  });
});

describe('a test that is repeated', () => {
  it('under an id of its own is another one', async () => {
    const network = aWatchedNetwork();
    const click = await network.click();
    await made(network, click, { txn_id: 'T1' });
    await made(network, click, { txn_id: 'T1' });
    expect(network.store.conversions.size).toBe(2);
  });

  it.each(['before', 'after'] as const)(
    'under the same id is the same one, also if any of its steps failed %s its effect (invariant 7)',
    async (when) => {
      for (let at = 1; at <= 12; at++) {
        const network = aWatchedNetwork();
        const click = await network.click();
        const id = newSortableId(network.deps.now(), network.deps.random);
        const { deps } = instrumented(network.deps, { fault: failureAt(at, when) });
        await tested({ ...network, deps: { ...network.deps, ...deps } }, click, {}, id).catch((error: unknown) => {
          if (!(error instanceof StorageUnavailable)) throw error;
        });
        await tested(network, click, {}, id);
        const stored = onlyConversion(network);
        expect(stored).toMatchObject({ id, test: true, version: 1 });
        expect(await tested(network, click, { status: 'pending' }, id)).toMatchObject({ conversion: stored });
        expect(onlyConversion(network)).toBe(stored);
        expect(network.store.deliveries.size).toBe(1);
        network.watch.expectSound();
      }
    },
  );
});
