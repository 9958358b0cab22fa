import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeInBulk } from '../../../lambdas/core/bulk-change.ts';
import type { BulkItem, BulkOrder, BulkOutcome } from '../../../lambdas/core/bulk-change.ts';
import type { Conversion } from '../../../lambdas/core/conversion.ts';
import { txnIndexHash } from '../../../lambdas/core/dedupe-keys.ts';
import { newSortableId } from '../../../lambdas/core/ids.ts';
import type { FactReader } from '../../../lambdas/core/management-ports.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { aConversion, aNetwork, aSender } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCampaign, aGoal, someSettings } from '../../support/entities.ts';

const HOUR = 3_600_000;
const FOREVER = NOON + 1_000 * HOUR;

/** Two campaigns of `xyz` and one of `shoe`, whose conversions one sender reports; prices are 2.50 and 4. */
function aBusyNetwork() {
  const network = aNetwork();
  const { catalog } = network;
  const goals = [aGoal(), aGoal({ id: 'lead', name: 'Sign-up', match: ['af_lead'], default: false })];
  catalog.senders.set('xyz', aSender({ advertiserIds: 'all' }));
  for (const campaign of ['summer', 'winter']) catalog.campaigns.set(campaign, aCampaign({ id: campaign, goals }));
  catalog.campaigns.set('shoes', aCampaign({ id: 'shoes', advertiserId: 'shoe', goals }));

  const report = async (parameters: Record<string, string>, campaignId = 'summer'): Promise<string> => {
    const advertiserId = campaignId === 'shoes' ? 'shoe' : 'xyz';
    const click_id = parameters['click_id'] ?? (await network.click({ campaignId, advertiserId }));
    const { body } = await network.call({ ...parameters, click_id });
    expect(body).toMatchObject({ code: 'OK' });
    return String(body['conversion_id']);
  };
  /** Stores conversions without their calls; answers their ids. */
  const store = (count: number, overrides: Partial<Conversion> = {}): string[] =>
    Array.from({ length: count }, (_, i) => {
      const id = newSortableId(NOON + i, (length) => new Uint8Array(length));
      network.store.conversions.set(id, aConversion({ id, ...overrides }));
      return id;
    });
  const stored = (id: string): Conversion => {
    const conversion = network.store.conversions.get(id);
    if (conversion === undefined) throw new Error(`no conversion ${id}`);
    return conversion;
  };
  /** As the index has it, or had it a moment ago. */
  const listing = (conversions: () => readonly Conversion[]): Pick<FactReader, 'conversions'> => ({
    async conversions({ filters, from, to, limit, position }) {
      const found = conversions()
        .filter(({ advertiserId }) => advertiserId === filters.advertiser_id)
        .filter(({ status }) => filters.status === undefined || filters.status === status)
        .filter(({ createdAt }) => createdAt >= (from ?? 0) && createdAt < (to ?? Infinity))
        .filter(({ id }) => id < (position?.before ?? '~'))
        .sort((a, b) => (a.id < b.id ? 1 : -1));
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return { items, next: found.length > limit && last ? { partition: 'xyz', before: last.id } : null };
    },
  });
  const facts = listing(() => [...network.store.conversions.values()]);
  const change = (order: Partial<BulkOrder>, { deps = network.deps, deadline = FOREVER, list = facts } = {}) =>
    changeInBulk(
      { match: 'txn_id', items: [], advertiserId: null, unmatched: null, dryRun: false, by: 'key:k1', ...order },
      deadline,
      { ...deps, facts: list },
    );
  return { network, report, store, stored, change, listing };
}

const item = (key: string, patch: BulkItem['patch'], more: Partial<BulkItem> = {}): BulkItem => ({
  key,
  goal: null,
  campaignId: null,
  patch,
  ...more,
});
const REJECT = { status: 'rejected' } as const;
const APPROVE = { status: 'approved' } as const;
const codes = ({ results }: BulkOutcome) => results.map(({ code }) => code);
const totals = (outcome: BulkOutcome) => Object.fromEntries(outcome.totals);
/** All that is stored. */
const everything = ({ store }: Network) =>
  structuredClone([[...store.conversions], store.history, store.ledger, [...store.deliveries]]);
const booked = ({ store }: Network, field: 'payout' | 'revenue') =>
  store.ledger.reduce((sum, row) => sum + row[field], 0n);

describe('an item', () => {
  it('that means none, or none of the advertiser, changes nothing', async () => {
    const { network, report, change } = aBusyNetwork();
    const foreign = await report({ txn_id: 'T1' }, 'shoes');
    const click_id = await network.click();
    const before = everything(network);
    const cases: readonly [BulkOrder['match'], string, Partial<BulkItem>?][] = [
      ['txn_id', 'T2'],
      ['txn_id', 'T1'],
      ['txn_id', 't1'],
      ['id', foreign],
      ['id', 'a'.repeat(24)],
      ['id', 'x'.repeat(512)],
      ['click_id', click_id],
      ['click_id', '💥'.repeat(256)],
    ];

    for (const [match, key, more] of cases) {
      const outcome = await change({ match, items: [item(key, REJECT, more)], advertiserId: 'xyz' });
      expect(outcome.results, `${match} ${key}`).toEqual([
        { conversionId: null, code: 'CONVERSION_NOT_FOUND', decided: null },
      ]);
      expect(outcome).toMatchObject({ complete: true, unmatched: [] });
    }
    expect(everything(network)).toEqual(before);
  });

  it('that may mean several changes none, until goal and campaign tell which', async () => {
    const { network, report, stored, change } = aBusyNetwork();
    const sale = await report({ txn_id: 'T1' });
    const lead = await report({ txn_id: 'T1', goal: 'lead' });
    const winter = await report({ txn_id: 'T1' }, 'winter');
    const before = everything(network);
    const ambiguous: readonly Partial<BulkItem>[] = [{}, { goal: 'sale' }, { campaignId: 'summer' }];

    for (const more of ambiguous) {
      expect(codes(await change({ items: [item('T1', REJECT, more)] }))).toEqual(['AMBIGUOUS']);
    }
    expect(codes(await change({ items: [item('T1', REJECT, { campaignId: 'shoes' })] }))).toEqual([
      'CONVERSION_NOT_FOUND',
    ]);
    expect(everything(network)).toEqual(before);

    const outcome = await change({
      items: [
        item('T1', REJECT, { goal: 'AF_Lead' }),
        item('T1', REJECT, { goal: 'Sale', campaignId: 'winter' }),
        item('T1', REJECT, { campaignId: 'summer', goal: 'sale' }),
      ],
    });
    expect(outcome.results.map(({ conversionId }) => conversionId)).toEqual([lead, winter, sale]);
    expect([sale, lead, winter].map((id) => stored(id).status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('that names a click means its conversion, but not one of several of a goal', async () => {
    const { network, report, change } = aBusyNetwork();
    const click_id = await network.click();
    const lead = await report({ click_id, goal: 'lead' });
    const of = async (goal: string | null) =>
      (await change({ match: 'click_id', dryRun: true, items: [item(click_id, REJECT, { goal })] })).results;

    expect(await of(null)).toMatchObject([{ conversionId: lead, code: 'STATUS_CHANGED' }]);
    await report({ click_id, txn_id: 'T1' });
    expect(await of(null)).toMatchObject([{ code: 'AMBIGUOUS' }]);
    expect(await of('sale')).toMatchObject([{ code: 'STATUS_CHANGED' }]);
    await report({ click_id, txn_id: 'T2' });
    expect(await of('sale')).toMatchObject([{ code: 'AMBIGUOUS' }]);
    expect(await of('lead')).toMatchObject([{ conversionId: lead, code: 'STATUS_CHANGED' }]);
  });

  it('names a goal that the campaign never had by the word that was reported', async () => {
    const { network, change } = aBusyNetwork();
    network.catalog.campaigns.set('summer', aCampaign({ id: 'summer', unknownGoal: 'record' }));
    const click_id = await network.click();
    const { body } = await network.call({ click_id, txn_id: 'T1', goal: 'level 7' });
    const order = { items: [item('T1', APPROVE, { goal: 'level 7' })], advertiserId: 'xyz' };

    const outcome = await change({ ...order, dryRun: true });

    expect(outcome.results).toMatchObject([{ conversionId: body['conversion_id'], code: 'STATUS_CHANGED' }]);
  });

  it('whose transaction has more conversions than are looked at is ambiguous, however it is narrowed', async () => {
    const { network, change } = aBusyNetwork();
    const row = { advertiserId: 'xyz', campaignId: 'summer', goal: 'sale' };
    network.store.conversionsOfTxn = async (hash) =>
      hash === txnIndexHash('T1') ? Array.from({ length: 25 }, (_, i) => ({ ...row, conversionId: `c${i}` })) : [];

    expect(codes(await change({ items: [item('T1', REJECT, { campaignId: 'winter' })] }))).toEqual(['AMBIGUOUS']);
  });

  it('that names a conversion again is refused, the first one counts (invariant 4)', async () => {
    const { network, report, stored, change } = aBusyNetwork();
    const id = await report({ txn_id: 'T1' });
    // The first is found last.
    const find = network.store.conversion.bind(network.store);
    let reads = 0;
    const slowly = async (wanted: string) => {
      if (reads++ === 0) await new Promise((resolve) => setImmediate(resolve));
      return find(wanted);
    };
    network.store.conversion = slowly;

    const items = [item('T1', REJECT), item('T1', { payout: '9' }), item('T1', APPROVE, { goal: 'sale' })];
    const outcome = await change({ items });

    expect(outcome.results).toMatchObject([
      { conversionId: id, code: 'STATUS_CHANGED' },
      { conversionId: id, code: 'DUPLICATE_ITEM', decided: null },
      { conversionId: id, code: 'DUPLICATE_ITEM', decided: null },
    ]);
    expect(stored(id)).toMatchObject({ status: 'rejected', version: 2 });
  });

  it.each<[patch: BulkItem['patch'], code: string, payout: bigint, revenue: bigint]>([
    [REJECT, 'STATUS_CHANGED', -2_500_000n, -4_000_000n],
    [{ status: 'pending' }, 'STATUS_CHANGED', -2_500_000n, -4_000_000n],
    [{ payout: '3.000001' }, 'AMOUNT_CHANGED', 500_001n, 0n],
    [{ payout: '0', revenue: '999999999999.999999' }, 'AMOUNT_CHANGED', -2_500_000n, 999_999_999_995_999_999n],
    [{ status: 'rejected', payout: '3' }, 'STATUS_CHANGED', -2_500_000n, -4_000_000n],
    [APPROVE, 'UNCHANGED', 0n, 0n],
  ])('%j changes as an operator does, and says by how much: %s (invariant 5)', async (patch, code, payout, revenue) => {
    const { network, report, stored, change } = aBusyNetwork();
    const id = await report({ txn_id: 'T1' });
    const before = stored(id);
    const already = { payout: booked(network, 'payout'), revenue: booked(network, 'revenue') };

    const outcome = await change({ items: [item('T1', patch)] });

    const after = stored(id);
    // How many deliveries it has is known to the store alone.
    const decided = { before, after: { ...after, deliveries: before.deliveries } };
    expect(outcome.results).toEqual([{ conversionId: id, code, decided }]);
    expect(after).toMatchObject({ locked: true, version: 2 });
    expect(network.store.history.at(-1)).toMatchObject({ by: 'key:k1', status: after.status });
    expect(totals(outcome)).toEqual(code === 'UNCHANGED' ? {} : { USD: { payout, revenue } });
    expect(booked(network, 'payout') - already.payout).toBe(payout);
    expect(booked(network, 'revenue') - already.revenue).toBe(revenue);
    // A repeat finds it done, and adds nothing.
    const again = await change({ items: [item('T1', patch)] });
    expect(codes(again)).toEqual(['UNCHANGED']);
    expect(totals(again)).toEqual({});
    expect(stored(id).version).toBe(2);
  });

  it('whose money cannot be told is refused alone', async () => {
    const { network, report, stored, change } = aBusyNetwork();
    const percent = { model: 'percent', percent: '10' } as const;
    network.catalog.campaigns.set('summer', aCampaign({ goals: [aGoal({ payout: percent, revenue: percent })] }));
    network.catalog.stored = someSettings({ exchangeRates: { EUR: '1.1', JPY: '0.007' } });
    await report({ txn_id: 'T1', sale_amount: '100', currency: 'EUR' });
    await report({ txn_id: 'T2', sale_amount: '100', currency: 'JPY' });
    const kept = await report({ txn_id: 'T3', sale_amount: '100' });
    const unpriced = aConversion({
      ...stored(kept),
      id: 'b'.repeat(24),
      status: 'pending',
      code: 'NO_EXCHANGE_RATE',
      saleCurrency: 'KWD',
      wouldBePayout: null,
      wouldBeRevenue: null,
    });
    network.store.conversions.set(unpriced.id, unpriced);

    const outcome = await change({
      items: [
        item('T1', { sale_amount: '1.234' }),
        item('T2', { sale_amount: '1.5' }),
        item('T3', { sale_amount: '50.55' }),
      ],
    });
    const approved = await change({ match: 'id', items: [item(unpriced.id, APPROVE)] });

    expect(codes(outcome)).toEqual(['INVALID_AMOUNT', 'INVALID_AMOUNT', 'AMOUNT_CHANGED']);
    expect(codes(approved)).toEqual(['NO_EXCHANGE_RATE']);
    expect(totals(outcome)).toEqual({ USD: { payout: -4_945_000n, revenue: -4_945_000n } });
    expect(outcome.complete && approved.complete).toBe(true);
  });

  it.each<[currency: string, amount: string, payout: bigint]>([
    ['JPY', '300', 300_000_000n],
    ['KWD', '1.234', 1_234_000n],
  ])('is exact in %s', async (currency, amount, payout) => {
    const { network, report, change } = aBusyNetwork();
    network.catalog.campaigns.set('summer', aCampaign({ currency }));
    await report({ txn_id: 'T1' });
    await report({ txn_id: 'T2' }, 'winter');

    const items = [item('T1', { payout: amount }), item('T2', REJECT)];

    expect(totals(await change({ items }))).toEqual({
      [currency]: { payout: payout - 2_500_000n, revenue: 0n },
      USD: { payout: -2_500_000n, revenue: -4_000_000n },
    });
  });
});

describe('what no item means', () => {
  const UNMATCHED = { advertiserId: 'xyz', from: NOON, to: NOON + HOUR } as const;
  const approve = { ...UNMATCHED, status: 'approved' } as const;
  const reject = { ...UNMATCHED, status: 'rejected' } as const;

  /** One conversion of each kind, by name. */
  async function aMonth() {
    const world = aBusyNetwork();
    const { network, report } = world;
    network.advance(-1);
    const early = await report({ txn_id: 'early', status: 'pending' });
    network.advance(1);
    const pending = await report({ txn_id: 'pending', status: 'pending' });
    const approved = await report({ txn_id: 'approved' });
    const rejected = await report({ txn_id: 'rejected', status: 'pending' });
    await network.call({ txn_id: 'rejected', status: 'rejected' });
    const locked = await report({ txn_id: 'locked', status: 'pending' });
    const lockedApproved = await report({ txn_id: 'locked-approved' });
    await world.change({ items: [item('locked', { payout: '7' }), item('locked-approved', { payout: '7' })] });
    const test = await report({ txn_id: 'test', status: 'pending' });
    network.store.conversions.set(test, { ...world.stored(test), test: true });
    const foreign = await report({ txn_id: 'foreign', status: 'pending' }, 'shoes');
    network.advance(HOUR);
    const late = await report({ txn_id: 'late', status: 'pending' });
    const ids = { early, pending, approved, rejected, locked, lockedApproved, test, foreign, late };
    const statuses = () =>
      Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, world.stored(id).status] as const));
    return { ...world, ids, statuses };
  }

  it('is kept if nothing else is said', async () => {
    const { change, network } = await aMonth();
    const before = everything(network);

    expect(await change({ advertiserId: 'xyz' })).toMatchObject({ results: [], unmatched: [], complete: true });
    expect(everything(network)).toEqual(before);
  });

  it.each<[typeof approve | typeof reject, changed: readonly string[]]>([
    [approve, ['pending']],
    [reject, ['pending', 'approved']],
  ])(
    'is $status: of the advertiser, of the time, but no tests and not what was decided before',
    async (rule, changed) => {
      const { change, ids, statuses } = await aMonth();
      const before = statuses();

      const outcome = await change({ advertiserId: 'xyz', unmatched: rule });

      const wanted = new Set(changed.map((name) => Object.entries(ids).find(([known]) => known === name)?.[1]));
      expect(new Set(outcome.unmatched.map(({ conversionId }) => conversionId))).toEqual(wanted);
      expect(outcome.unmatched.map(({ code }) => code)).toEqual(changed.map(() => 'STATUS_CHANGED'));
      expect(statuses()).toEqual({ ...before, ...Object.fromEntries(changed.map((name) => [name, rule.status])) });
      expect((await change({ advertiserId: 'xyz', unmatched: rule })).unmatched).toEqual([]);
    },
  );

  it.each<[why: string, BulkOrder['match'], Partial<BulkItem> & { key: string }, spared: boolean]>([
    [
      'an item names it, whatever became of the item',
      'txn_id',
      { key: 'pending', patch: { sale_amount: '1.234' } },
      true,
    ],
    ['an item names its click', 'click_id', { key: 'click' }, true],
    ['an item names its goal', 'txn_id', { key: 'pending', goal: 'Sale', campaignId: 'summer' }, true],
    ['no item does', 'txn_id', { key: 'PENDING' }, false],
    ['an item names another goal', 'txn_id', { key: 'pending', goal: 'lead' }, false],
    ['an item names another campaign', 'txn_id', { key: 'pending', campaignId: 'winter' }, false],
  ])('means that %s, also in a dry run', async (_why, match, { key, ...more }, spared) => {
    const { change, ids, stored, network } = await aMonth();
    const named = key === 'click' ? (stored(ids.pending).clickId ?? '') : key;
    const order = { match, advertiserId: 'xyz', items: [item(named, { payout: '8' }, more)], unmatched: reject };

    const before = everything(network);
    const dry = await change({ ...order, dryRun: true });
    expect(everything(network)).toEqual(before);
    const outcome = await change(order);

    for (const { unmatched } of [dry, outcome]) {
      expect(unmatched.some(({ conversionId }) => conversionId === ids.pending)).toBe(!spared);
    }
    expect(stored(ids.pending).status).toBe(spared ? 'pending' : 'rejected');
    expect(outcome).toEqual({ ...dry, results: outcome.results, unmatched: outcome.unmatched });
  });

  it('spares all that an ambiguous item may mean', async () => {
    const { change, report, stored, network } = await aMonth();
    network.advance(-HOUR);
    const [first, second] = [await report({ txn_id: 'T1' }), await report({ txn_id: 'T1', goal: 'lead' })];

    const outcome = await change({ advertiserId: 'xyz', items: [item('T1', APPROVE)], unmatched: reject });

    expect(codes(outcome)).toEqual(['AMBIGUOUS']);
    expect([stored(first).status, stored(second).status]).toEqual(['approved', 'approved']);
  });

  it('is what has no transaction id, whatever key an item lacks', async () => {
    const { change, ids, stored, network } = await aMonth();
    network.store.conversions.set(ids.pending, { ...stored(ids.pending), txnId: null });

    const outcome = await change({ advertiserId: 'xyz', items: [item('', APPROVE)], unmatched: reject });

    expect(codes(outcome)).toEqual(['CONVERSION_NOT_FOUND']);
    expect(stored(ids.pending).status).toBe('rejected');
  });

  it('is looked at again when it is changed: the list may be of a moment ago', async () => {
    const { change, ids, stored, network, listing } = await aMonth();
    const stale = listing(() => copy);
    const copy = [...network.store.conversions.values()];
    await network.call({ txn_id: 'pending', status: 'rejected' });
    await change({ items: [item('approved', { payout: '7' })] });

    const outcome = await change({ advertiserId: 'xyz', unmatched: approve }, { list: stale });

    expect(outcome.unmatched).toEqual([]);
    expect(stored(ids.pending).status).toBe('rejected');
    expect(outcome.complete).toBe(true);
  });

  it('is told apart from what it could not change', async () => {
    const { change, ids, stored, network } = await aMonth();
    const percent = { model: 'percent', percent: '10' } as const;
    network.store.conversions.set(ids.pending, {
      ...stored(ids.pending),
      terms: { payout: percent, revenue: percent, exchange: null },
      saleCurrency: 'EUR',
      wouldBePayout: null,
      wouldBeRevenue: null,
    });

    expect(await change({ advertiserId: 'xyz', unmatched: approve })).toMatchObject({
      unmatched: [{ conversionId: ids.pending, code: 'NO_EXCHANGE_RATE', decided: null }],
      complete: true,
    });
  });

  it('waits until every item is done', async () => {
    const { change, ids, stored, network } = await aMonth();
    const conversionsOfTxn = network.store.conversionsOfTxn.bind(network.store);
    network.store.conversionsOfTxn = () => Promise.reject(new StorageUnavailable('no'));
    const order = { advertiserId: 'xyz', items: [item('approved', APPROVE)], unmatched: reject };

    const outcome = await change(order);
    network.store.conversionsOfTxn = conversionsOfTxn;

    expect(outcome).toMatchObject({ unmatched: [], complete: false });
    expect(codes(outcome)).toEqual(['TEMPORARILY_UNAVAILABLE']);
    expect(stored(ids.pending).status).toBe('pending');
    expect(await change(order)).toMatchObject({ complete: true });
    expect(stored(ids.pending).status).toBe('rejected');
    expect(stored(ids.approved).status).toBe('approved');
  });

  it('that there was no time for is not among what could not be changed, however many pages are left', async () => {
    const { change, store: putMany, network } = aBusyNetwork();
    putMany(201, { status: 'pending' });
    const commit = network.store.commit.bind(network.store);
    network.store.commit = async (write) => {
      network.advance(1_000);
      return commit(write);
    };

    const outcome = await change(
      { advertiserId: 'xyz', unmatched: approve },
      { deadline: network.deps.now() + 20_000 },
    );

    expect(outcome.complete).toBe(false);
    expect(new Set(outcome.unmatched.map(({ code }) => code))).toEqual(new Set(['STATUS_CHANGED']));
  });

  it('is found page by page', async () => {
    const { change, store: putMany, network, stored } = aBusyNetwork();
    const ids = putMany(201, { status: 'pending' });

    const outcome = await change({ advertiserId: 'xyz', unmatched: approve });

    expect(outcome.unmatched).toHaveLength(201);
    expect(ids.every((id) => stored(id).status === 'approved')).toBe(true);
    expect(totals(outcome)).toEqual({ USD: { payout: 201n * 2_500_000n, revenue: 201n * 4_000_000n } });
    expect(booked(network, 'payout')).toBe(201n * 2_500_000n);
  });
});

describe('a list', () => {
  const listOf = (ids: readonly string[], patch: BulkItem['patch']) => ids.map((id) => item(id, patch));

  it('goes on by a repeat where time was up, and comes to the end (invariant 5)', async () => {
    const { change, network, store, stored } = aBusyNetwork();
    const ids = store(150);
    const order = { match: 'id', items: listOf(ids, REJECT) } as const;
    const commit = network.store.commit.bind(network.store);
    network.store.commit = async (write) => {
      network.advance(1_000);
      return commit(write);
    };
    let [calls, payout] = [0, 0n];
    let outcome: BulkOutcome;
    do {
      outcome = await change(order, { deadline: network.deps.now() + 60_000 });
      calls++;
      payout += outcome.totals.get('USD')?.payout ?? 0n;
      const left = codes(outcome).filter((code) => code === 'TEMPORARILY_UNAVAILABLE').length;
      expect(outcome.complete).toBe(left === 0);
    } while (!outcome.complete && calls < 10);

    expect(calls).toBeGreaterThan(2);
    expect(ids.every((id) => stored(id).status === 'rejected' && stored(id).version === 2)).toBe(true);
    expect(payout).toBe(-150n * 2_500_000n);
    expect(booked(network, 'payout')).toBe(payout);
  });

  it('that is sent twice at once books money once (invariant 4)', async () => {
    const { change, network, store } = aBusyNetwork();
    const order = { match: 'id', items: listOf(store(30), { payout: '3.10' }) } as const;

    const both = await Promise.all([change(order), change(order), change(order)]);

    const sum = both.reduce((total, outcome) => total + (outcome.totals.get('USD')?.payout ?? 0n), 0n);
    expect(sum).toBe(30n * 600_000n);
    expect(booked(network, 'payout')).toBe(sum);
    expect(both.flatMap(codes).filter((code) => code === 'AMOUNT_CHANGED')).toHaveLength(30);
  });

  it('stands against postbacks that come in the middle (invariant 5)', async () => {
    const { change, network, report, stored } = aBusyNetwork();
    const ids = [await report({ txn_id: 'T1' }), await report({ txn_id: 'T2' }), await report({ txn_id: 'T3' })];
    const commit = network.store.commit.bind(network.store);
    network.store.commit = async (write) => {
      network.store.commit = commit;
      // The advertiser rejects the same sale between our read and our write.
      await network.call({ txn_id: write.conversion.txnId ?? '', status: 'rejected' });
      return commit(write);
    };

    const outcome = await change({ match: 'id', items: listOf(ids, APPROVE) });
    for (const { txnId } of ids.map(stored)) await network.call({ txn_id: txnId ?? '', status: 'rejected' });

    expect(outcome.complete).toBe(true);
    expect(ids.every((id) => stored(id).status === 'approved' && stored(id).locked)).toBe(true);
    expect(booked(network, 'payout')).toBe(3n * 2_500_000n);
    // One was approved again.
    expect(totals(outcome)).toEqual({ USD: { payout: 2_500_000n, revenue: 4_000_000n } });
  });

  it('says the same in a dry run as it does afterwards, and writes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            key: fc.integer({ min: 0, max: 6 }).map((n) => `T${n}`),
            patch: fc.constantFrom<BulkItem['patch']>(REJECT, APPROVE, { status: 'pending' }, { payout: '1.000001' }),
            goal: fc.constantFrom(null, 'sale', 'lead'),
          }),
          { maxLength: 8 },
        ),
        fc.constantFrom('approved', 'rejected', null),
        async (items, status) => {
          const { change, network, report } = aBusyNetwork();
          for (let i = 0; i < 6; i++) await report({ txn_id: `T${i}` });
          const time = { from: NOON, to: NOON + HOUR };
          const unmatched = status === null ? null : ({ advertiserId: 'xyz', status, ...time } as const);
          const order = { items: items.map(({ key, patch, goal }) => item(key, patch, { goal })), unmatched };
          const before = everything(network);
          const had = { payout: booked(network, 'payout'), revenue: booked(network, 'revenue') };

          const dry = await change({ ...order, advertiserId: 'xyz', dryRun: true });
          expect(everything(network)).toEqual(before);
          const outcome = await change({ ...order, advertiserId: 'xyz' });

          expect(outcome).toEqual(dry);
          const { payout, revenue } = outcome.totals.get('USD') ?? { payout: 0n, revenue: 0n };
          expect(booked(network, 'payout')).toBe(had.payout + payout);
          expect(booked(network, 'revenue')).toBe(had.revenue + revenue);
          expect((await change({ ...order, advertiserId: 'xyz' })).totals.size).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });
});
