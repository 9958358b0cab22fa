import { randomBytes } from 'node:crypto';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdjustmentLedger } from '../../lambdas/adapters/dynamodb/adjustments.ts';
import { conversionKey } from '../../lambdas/adapters/dynamodb/conversion-item.ts';
import { fromCounterItem } from '../../lambdas/adapters/dynamodb/counter-update.ts';
import { createConversionStore } from '../../lambdas/adapters/dynamodb/conversions.ts';
import { toDeliveryItem } from '../../lambdas/adapters/dynamodb/delivery-item.ts';
import { toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { readItem, readPartition } from '../../lambdas/adapters/dynamodb/reads.ts';
import type { Conversion } from '../../lambdas/core/conversion.ts';
import { conversionCounterKey, counterAttribute } from '../../lambdas/core/counters.ts';
import type { CounterAdd, CounterKey, Counts, CounterUpdate } from '../../lambdas/core/counters.ts';
import type { Delivery } from '../../lambdas/core/delivery.ts';
import { deliveryId } from '../../lambdas/core/delivery.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import { toMicros } from '../../lambdas/core/money.ts';
import type {
  ConversionStore,
  ConversionWrite,
  DedupeKey,
  DeliveryChange,
  KeyChange,
  ParkedConversion,
} from '../../lambdas/core/ports.ts';
import { aConversion } from '../support/conversions.ts';
import { aDelivery, NOON } from '../support/deliveries.ts';
import { aCap } from '../support/entities.ts';
import { fakeAdjustments } from '../support/fakes/adjustments.ts';
import { FakeConversionStore } from '../support/fakes/conversion-store.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';
import { adjustmentLedgerContract } from './adjustment-ledger.contract.ts';

interface Subject {
  readonly store: ConversionStore;
  /** Stores a delivery as it is. */
  readonly put: (delivery: Delivery) => Promise<void>;
  /** How many history and ledger rows a conversion has. */
  readonly rowsOf: (conversionId: string) => Promise<{ history: number; ledger: number }>;
  readonly countsOf: (key: CounterKey) => Promise<Counts>;
}

const fake = (): Subject => {
  const store = new FakeConversionStore();
  const count = (rows: readonly { conversionId: string }[], id: string) =>
    rows.filter(({ conversionId }) => conversionId === id).length;
  return {
    store,
    put: async (delivery) => void store.deliveries.set(delivery.id, delivery),
    rowsOf: async (id) => ({ history: count(store.history, id), ledger: count(store.ledger, id) }),
    countsOf: async (key) => store.counts(key),
  };
};

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const real = (): Subject => {
  const { client, tables } = storage;
  const count = async (id: string, prefix: string) =>
    (await readPartition(client, tables.conversions, { pk: `conversion#${id}`, prefix })).length;
  return {
    store: createConversionStore(client, tables),
    async put(delivery) {
      await client.send(new PutItemCommand({ TableName: tables.deliveries, Item: toDeliveryItem(delivery) }));
    },
    rowsOf: async (id) => ({ history: await count(id, 'history#'), ledger: await count(id, 'ledger#') }),
    async countsOf({ pk, sk }) {
      return fromCounterItem((await readItem(client, tables.counters, toItem({ pk, sk }))) ?? {});
    },
  };
};

/** Ids that no other test uses. */
const newId = () => newSortableId(NOON, randomBytes);
const txn = (): DedupeKey => ({ kind: 'txn', hash: newId() });

const aWrite = (conversion: Conversion, overrides: Partial<ConversionWrite> = {}): ConversionWrite => {
  const { id: conversionId, version: number, status, code, payout, revenue, currency } = conversion;
  return {
    keys: [],
    conversion,
    expectedVersion: null,
    counters: [],
    deliveries: [],
    history: { conversionId, number, at: NOON, status, code, by: 'sender:xyz', reason: null },
    ledger: { conversionId, number, at: NOON, payout, revenue, currency, code },
    ...overrides,
  };
};

const put = (
  key: DedupeKey,
  conversionId: string,
  overrides: Partial<KeyChange & { kind: 'put' }> = {},
): KeyChange => ({
  kind: 'put',
  key,
  conversionId,
  open: false,
  over: 'nothing',
  ...overrides,
});

describe.each([
  ['in memory', fake],
  ['on DynamoDB Local', real],
])('the conversion store %s', (_, subject) => {
  it('knows nothing of what was never stored', async () => {
    const { store } = subject();
    expect(await store.conversion(newId())).toBeNull();
    expect(await store.txn(newId())).toBeNull();
    expect(await store.clickGoals(newId())).toEqual([]);
    expect(await store.conversionsOfTxn(newId(), null)).toEqual([]);
    expect(await store.deliveriesOf(newId())).toEqual([]);
  });

  it('reads back a conversion as it was written, large amounts included', async () => {
    const { store, rowsOf } = subject();
    const large = toMicros(999_999_999_999_999_999n);
    const conversion = aConversion({
      id: newId(),
      saleAmount: large,
      payout: large,
      wouldBeRevenue: null,
      reason: null,
      rate: '0.88',
      terms: {
        payout: { model: 'percent_of_revenue', percent: '50' },
        revenue: { model: 'percent', percent: '10' },
        exchange: { sale: '1.1', campaign: '1.25' },
      },
      values: { p1: 'ü 🎉', sub1: '=1+1', country: 'DE' },
      cap: aCap({ publisherId: 'tia', onReached: 'pending' }),
      reportedBy: 'pixel',
      holdUntil: NOON + 1,
    });
    expect(await store.commit(aWrite(conversion))).toEqual({ committed: true });
    expect(await store.conversion(conversion.id)).toEqual(conversion);
    expect(await rowsOf(conversion.id)).toEqual({ history: 1, ledger: 1 });
  });

  it('reads back a conversion that no click led to', async () => {
    const { store } = subject();
    const conversion = aConversion({ id: newId(), clickId: null, clickAt: null });
    await store.commit(aWrite(conversion));
    expect(await store.conversion(conversion.id)).toEqual(conversion);
  });

  it('refuses a new conversion whose id is there, and a change of another version', async () => {
    const { store, rowsOf } = subject();
    const conversion = aConversion({ id: newId() });
    await store.commit(aWrite(conversion));
    expect(await store.commit(aWrite(conversion))).toEqual({ committed: false, lost: 'version' });
    const second = { ...conversion, version: 2, status: 'rejected' as const };
    expect(await store.commit(aWrite(second, { expectedVersion: 1 }))).toEqual({ committed: true });
    expect(await store.commit(aWrite(second, { expectedVersion: 1 }))).toEqual({ committed: false, lost: 'version' });
    expect(await rowsOf(conversion.id)).toEqual({ history: 2, ledger: 2 });
  });

  describe('takes dedupe keys', () => {
    it('once, and writes nothing else when one is taken', async () => {
      const { store, rowsOf } = subject();
      const [key, first, second] = [txn(), newId(), newId()];
      await store.commit(aWrite(aConversion({ id: first }), { keys: [put(key, first)] }));
      const write = aWrite(aConversion({ id: second }), { keys: [put(txn(), second), put(key, second)] });
      expect(await store.commit(write)).toEqual({ committed: false, lost: 'key' });
      expect(await store.conversion(second)).toBeNull();
      expect(await rowsOf(second)).toEqual({ history: 0, ledger: 0 });
      expect(await store.txn(key.kind === 'txn' ? key.hash : '')).toEqual({ conversionId: first });
    });

    it('of a click and goal: open, closed, and followed by several', async () => {
      const { store } = subject();
      const [clickId, goal, first] = [newId(), 'sale', newId()];
      const key: DedupeKey = { kind: 'clickGoal', clickId, goal };
      const conversion = aConversion({ id: first });
      const commit = (keys: KeyChange[]) => store.commit(aWrite(aConversion({ id: newId() }), { keys }));
      const follow: KeyChange = { kind: 'follow', clickId, goal };
      const close: KeyChange = { kind: 'close', clickId, goal, conversionId: first };

      expect(await commit([follow])).toEqual({ committed: false, lost: 'key' });
      await store.commit(aWrite(conversion, { keys: [put(key, first, { open: true })] }));
      expect(await store.clickGoals(clickId)).toEqual([{ goal, conversionId: first, open: true, several: false }]);
      expect(await commit([follow])).toEqual({ committed: false, lost: 'key' });
      expect(await commit([{ ...close, conversionId: newId() }])).toEqual({ committed: false, lost: 'key' });
      expect(await commit([close])).toEqual({ committed: true });
      expect(await commit([close])).toEqual({ committed: false, lost: 'key' });
      expect(await commit([follow])).toEqual({ committed: true });
      expect(await store.clickGoals(clickId)).toEqual([{ goal, conversionId: first, open: false, several: true }]);
    });

    it('of all goals of a click, and of no other click', async () => {
      const { store } = subject();
      const [clickId, id] = [newId(), newId()];
      const keys = ['b', 'a'].map((goal) => put({ kind: 'clickGoal', clickId, goal }, id));
      await store.commit(aWrite(aConversion({ id }), { keys }));
      expect((await store.clickGoals(clickId)).map(({ goal }) => goal).sort()).toEqual(['a', 'b']);
      expect(await store.clickGoals(clickId.slice(0, -1))).toEqual([]);
    });

    it.each<[string, () => DedupeKey]>([
      ['a transaction', txn],
      ['a click and goal', () => ({ kind: 'clickGoal', clickId: newId(), goal: 'sale' })],
    ])('that remember a rejection of %s', async (__, newKey) => {
      const { store } = subject();
      const [key, id] = [newKey(), newId()];
      const over = put(key, id, { over: 'remembered' });
      const commit = (change: KeyChange) => store.commit(aWrite(aConversion({ id }), { keys: [change] }));
      expect(await commit(over)).toEqual({ committed: false, lost: 'key' });
      expect(await store.remember(key)).toBe(true);
      expect(await store.remember(key)).toBe(true);
      expect(await commit(put(key, id))).toEqual({ committed: false, lost: 'key' });
      expect(await commit(over)).toEqual({ committed: true });
      expect(await store.remember(key)).toBe(false);
    });
  });

  it('finds conversions by their transaction, of one advertiser or of all', async () => {
    const { store } = subject();
    const txnHash = newId();
    const ids = await Promise.all(
      ['xyz', 'xy', 'abc'].map(async (advertiserId) => {
        const row = { advertiserId, campaignId: 'summer', goal: 'sale', conversionId: newId() };
        const keys: KeyChange[] = [{ kind: 'index', txnHash, row }];
        await store.commit(aWrite(aConversion({ id: row.conversionId }), { keys }));
        return row.conversionId;
      }),
    );
    expect(await store.conversionsOfTxn(txnHash, 'xy')).toEqual([
      { advertiserId: 'xy', campaignId: 'summer', goal: 'sale', conversionId: ids[1] },
    ]);
    expect((await store.conversionsOfTxn(txnHash, null)).map(({ conversionId }) => conversionId).sort()).toEqual(
      ids.toSorted(),
    );
  });

  describe('changes deliveries', () => {
    const prepare = async (overrides: Partial<Delivery>) => {
      const { store, put: putDelivery } = subject();
      const conversionId = newId();
      const delivery = aDelivery({ subjectId: conversionId, ...overrides });
      await putDelivery(delivery);
      const commit = (...deliveries: DeliveryChange[]) =>
        store.commit(aWrite(aConversion({ id: conversionId }), { deliveries }));
      return { delivery, commit, rows: () => store.deliveriesOf(conversionId) };
    };
    const refused = { committed: false, lost: 'delivery' };
    const ENDED = { nextAttemptAt: null, dueAt: null };

    it('adds them in order, each number once', async () => {
      const { delivery, commit, rows } = await prepare({ number: 10 });
      const other = { ...delivery, number: 9, id: deliveryId(delivery.subjectId, 9) };
      expect(await commit({ kind: 'put', delivery })).toEqual(refused);
      expect(await commit({ kind: 'put', delivery: other })).toEqual({ committed: true });
      await prepare({});
      expect(await rows()).toEqual([other, delivery]);
    });

    it('cancels one that waits', async () => {
      const { delivery, commit, rows } = await prepare({ successor: 2 });
      expect(await commit({ kind: 'cancel', delivery })).toEqual({ committed: true });
      expect(await rows()).toEqual([{ ...delivery, state: 'cancelled', ...ENDED, successor: null }]);
    });

    it.each(['sending', 'delivered', 'exhausted', 'cancelled'] as const)('cancels none that is %s', async (state) => {
      const { delivery, commit } = await prepare({ state });
      expect(await commit({ kind: 'cancel', delivery })).toEqual(refused);
    });

    it('cancels one that waits for another try or is held, which is stuck no more', async () => {
      const { delivery, commit, rows } = await prepare({ stuckAt: NOON, attempts: 1 });
      expect(await commit({ kind: 'cancel', delivery })).toEqual({ committed: true });
      expect(await rows()).toEqual([{ ...delivery, state: 'cancelled', ...ENDED, stuckAt: null }]);
    });

    it.each([
      [null, null],
      [null, 3],
      [2, null],
      [2, 3],
    ])('recalls one that is being sent, whose successor was %s and is %s', async (was, successor) => {
      const { delivery, commit, rows } = await prepare({ state: 'sending', lease: 'l', successor: was });
      expect(await commit({ kind: 'recall', delivery, successor })).toEqual({ committed: true });
      expect(await rows()).toEqual([{ ...delivery, recalled: true, successor }]);
    });

    it.each(['waiting', 'delivered', 'exhausted', 'cancelled'] as const)('recalls none that is %s', async (state) => {
      const { delivery, commit, rows } = await prepare({ state });
      expect(await commit({ kind: 'recall', delivery, successor: null })).toEqual(refused);
      expect(await rows()).toEqual([delivery]);
    });

    it('recalls none whose successor is not the one that was read', async () => {
      const { delivery, commit } = await prepare({ state: 'sending', successor: 2 });
      const read = { ...delivery, successor: null };
      expect(await commit({ kind: 'recall', delivery: read, successor: 3 })).toEqual(refused);
    });

    it.each(['waiting', 'sending'] as const)('names the successor of one that is %s', async (state) => {
      const { delivery, commit, rows } = await prepare({ state });
      expect(await commit({ kind: 'succeed', delivery, successor: 2 })).toEqual({ committed: true });
      expect(await rows()).toEqual([{ ...delivery, successor: 2 }]);
    });

    it.each(['delivered', 'exhausted', 'cancelled'] as const)('names none of one that is %s', async (state) => {
      const { delivery, commit } = await prepare({ state, ...ENDED });
      expect(await commit({ kind: 'succeed', delivery, successor: 2 })).toEqual(refused);
    });

    it('replaces or takes back a successor only if it is the one that was read', async () => {
      const { delivery, commit } = await prepare({ successor: 2 });
      const changed = { ...delivery, successor: 3 };
      expect(await commit({ kind: 'succeed', delivery: changed, successor: 4 })).toEqual(refused);
      const none = { ...delivery, successor: null };
      expect(await commit({ kind: 'succeed', delivery: none, successor: 4 })).toEqual(refused);
      expect(await commit({ kind: 'succeed', delivery, successor: null })).toEqual({ committed: true });
    });
  });

  describe('counts for caps (invariant 6)', () => {
    const prepare = () => {
      const { store, countsOf, rowsOf } = subject();
      const campaign = newId();
      const [all, own] = [conversionCounterKey(campaign, null, null), conversionCounterKey(campaign, 'tia', null)];
      const commit = async (counters: CounterUpdate[], overrides: Partial<ConversionWrite> = {}) => {
        const id = newId();
        const result = await store.commit(aWrite(aConversion({ id }), { counters, ...overrides }));
        const { history } = await rowsOf(id);
        expect(history).toBe(result.committed ? 1 : 0);
        return result;
      };
      return { store, all, own, commit, countsOf };
    };
    const add = (attribute: string, amount: bigint, limit: bigint | null = null): CounterAdd => ({
      attribute,
      amount,
      limit,
    });

    it('up to each limit, to the micro-unit, and takes differences off', async () => {
      const { all, commit, countsOf } = prepare();
      const large = 999_999_999_999_999_999n;
      expect(await commit([{ key: all, adds: [add('nt', 1n, 1n), add('pt', large - 1n, large)] }])).toEqual({
        committed: true,
      });
      await commit([{ key: all, adds: [add('pt', 1n, large), add('rt', 5n)] }]);
      expect(await countsOf(all)).toEqual(
        new Map([
          ['nt', 1n],
          ['pt', large],
          ['rt', 5n],
        ]),
      );
      const refused = { committed: false, lost: 'cap', counters: [{ key: all, counts: await countsOf(all) }] };
      expect(await commit([{ key: all, adds: [add('pt', 1n, large)] }])).toEqual(refused);
      await commit([{ key: all, adds: [add('pt', -large), add('rt', 1n)] }]);
      expect((await countsOf(all)).get('pt')).toBe(0n);
    });

    it('never more than the whole limit at once', async () => {
      const { all, commit, countsOf } = prepare();
      const adds = [add('pt', 2n, 1n), add('nt', 1n)];
      expect(await commit([{ key: all, adds }])).toEqual({
        committed: false,
        lost: 'cap',
        counters: [{ key: all, counts: new Map() }],
      });
      expect(await countsOf(all)).toEqual(new Map());
    });

    it('nothing anywhere if one of two scopes is full, and tells which', async () => {
      const { all, own, commit, countsOf } = prepare();
      await commit([{ key: own, adds: [add('nd1', 3n)] }]);
      const both = [
        { key: all, adds: [add('nd1', 1n, 10n)] },
        { key: own, adds: [add('nd1', 1n, 3n)] },
      ];
      const counters = [{ key: own, counts: new Map([['nd1', 3n]]) }];
      expect(await commit(both)).toEqual({ committed: false, lost: 'cap', counters });
      expect(await countsOf(all)).toEqual(new Map());
    });

    it('after the keys and the version, before the deliveries', async () => {
      const { store, all, commit } = prepare();
      const counters = [{ key: all, adds: [add('nt', 1n, 0n)] }];
      const key = txn();
      await store.remember(key);
      expect(await commit(counters, { keys: [put(key, newId())] })).toEqual({ committed: false, lost: 'key' });
      expect(await commit(counters, { expectedVersion: 1 })).toEqual({ committed: false, lost: 'version' });
      const gone = aDelivery({ subjectId: newId() });
      const deliveries: DeliveryChange[] = [{ kind: 'cancel', delivery: gone }];
      expect(await commit(counters, { deliveries })).toMatchObject({ committed: false, lost: 'cap' });
      expect(await commit([], { deliveries })).toEqual({ committed: false, lost: 'delivery' });
    });

    it('as many periods as a campaign with twenty zones has', async () => {
      const { all, commit, countsOf } = prepare();
      const adds = Array.from({ length: 260 }, (__, i) => add(`nd${i}`, 1n, i < 20 ? 100n : null));
      expect(await commit([{ key: all, adds }])).toEqual({ committed: true });
      expect((await countsOf(all)).size).toBe(260);
    });

    it('and forgets periods that are over', async () => {
      const { store, all, own, commit, countsOf } = prepare();
      const hour = (daysAgo: number) => counterAttribute('number', 'hour', NOON - daysAgo * 24 * 60 * 60 * 1_000);
      const adds = Array.from({ length: 10 }, (__, daysAgo) => add(hour(daysAgo), 1n));
      await commit([{ key: all, adds: [...adds, add('nt', 10n)] }]);
      for (let times = 0; times < 2; times++) await store.pruneCounters([all, own], NOON);
      expect([...(await countsOf(all)).keys()].sort()).toEqual([hour(0), hour(1), hour(2), 'nt'].sort());
      expect(await countsOf(own)).toEqual(new Map());
    });
  });

  it('keeps parked conversions until they are taken off, and hands each postponement to one', async () => {
    const { store } = subject();
    const due = NOON - 1_000_000;
    const parked = (hitId: string, dueAt: number): ParkedConversion => ({
      clickId: newId(),
      hitId,
      request: '{"a":1}',
      dueAt,
      endsAt: NOON,
    });
    const rows = [parked(newId(), due), parked(newId(), due - 1), parked(newId(), due + 10)];
    for (const row of rows) await store.park(row);
    const [first, second, third] = rows;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no rows');

    const mine = async (now: number) =>
      (await store.dueParked(now, 100)).filter(({ hitId }) => rows.some((row) => row.hitId === hitId));
    expect(await mine(due)).toEqual([second, first]);
    const wins = await Promise.all([1, 2, 3].map(() => store.postponeParked(first, due + 100)));
    expect(wins.filter(Boolean)).toHaveLength(1);
    expect(await mine(due)).toEqual([second]);
    await store.unpark(second);
    await store.unpark(second);
    expect(await store.postponeParked(second, due + 100)).toBe(false);
    expect(await mine(due + 50)).toEqual([third]);
    for (const row of [third, { ...first, dueAt: due + 100 }]) await store.unpark(row);
  });

  it('tells which call of a click is parked for longest', async () => {
    const { store } = subject();
    const clickId = newId();
    const parked = (hitId: string): ParkedConversion => ({ clickId, hitId, request: '{}', dueAt: NOON, endsAt: NOON });
    const [older, newer] = [parked('a'), parked('b')];
    expect(await store.oldestParked(clickId)).toBeNull();
    for (const row of [newer, older]) await store.park(row);
    expect(await store.oldestParked(clickId)).toBe('a');
    await store.unpark(older);
    expect(await store.oldestParked(clickId)).toBe('b');
    await store.unpark(newer);
  });

  it('finds held conversions when their time is over, until they are held no more', async () => {
    const { store } = subject();
    const due = NOON - 2_000_000;
    const hold = async (until: number | null, id = newId()) => {
      await store.commit(aWrite(aConversion({ id, status: 'pending', holdUntil: until })));
      return { conversionId: id, until: until ?? 0 };
    };
    const [second, first, later, never] = [await hold(due), await hold(due - 1), await hold(due + 1), await hold(null)];
    const parked = { clickId: newId(), hitId: newId(), request: '{}', dueAt: due, endsAt: NOON };
    await store.park(parked);
    const all = [first, second, later, never];
    const mine = async (now: number) =>
      (await store.endedHolds(now, 100)).filter((row) =>
        all.some(({ conversionId }) => conversionId === row.conversionId),
      );

    expect(await mine(due)).toEqual([first, second]);
    expect((await store.endedHolds(due, 1)).length).toBe(1);
    expect((await store.dueParked(due, 100)).map(({ hitId }) => hitId)).toContain(parked.hitId);
    expect(await store.dueParked(due, 100)).not.toContainEqual(expect.objectContaining({ hitId: first.conversionId }));
    await store.unpark(parked);

    await store.postponeHold(first, due + 10);
    expect(await mine(due + 9)).toEqual([second, later]);
    expect(await mine(due + 10)).toEqual([first, second, later]);
    expect(await store.conversion(first.conversionId)).toMatchObject({ holdUntil: first.until });

    const end = (id: string) =>
      store.commit(aWrite(aConversion({ id, version: 2, holdUntil: null }), { expectedVersion: 1 }));
    for (const { conversionId } of [first, second, later]) await end(conversionId);
    await store.postponeHold(second, due + 20);
    expect(await mine(NOON)).toEqual([]);
  });

  it('lets one of many commits that want the same key win', async () => {
    const { store } = subject();
    const key = txn();
    const results = await Promise.all(
      Array.from({ length: 50 }, () => {
        const id = newId();
        return store.commit(aWrite(aConversion({ id }), { keys: [put(key, id)] }));
      }),
    );
    expect(results.filter(({ committed }) => committed)).toHaveLength(1);
  });
});

describe('a conversion as an item', () => {
  it('can be listed by month, campaign, publisher, advertiser and click', async () => {
    const { store } = real();
    const conversion = aConversion({ id: newId() });
    await store.commit(aWrite(conversion));
    const { client, tables } = storage;
    const { Item } = await client.send(
      new GetItemCommand({ TableName: tables.conversions, Key: conversionKey(conversion.id) }),
    );
    expect(Item).toMatchObject({
      month: { S: '2026-11' },
      listed_at: { S: `2026-11-22T12:00:00.000Z#${conversion.id}` },
      campaign_id: { S: 'summer' },
      publisher_id: { S: 'tia' },
      advertiser_id: { S: 'xyz' },
      click_id: { S: conversion.clickId },
      payout: { N: '2500000' },
    });
  });
});

adjustmentLedgerContract('DynamoDB', () => createAdjustmentLedger(storage.client, storage.tables));
adjustmentLedgerContract('the fake', fakeAdjustments);
