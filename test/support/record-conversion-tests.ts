import { randomBytes } from 'node:crypto';
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromConversionItem } from '../../lambdas/adapters/dynamodb/conversion-item.ts';
import { createConversionStore } from '../../lambdas/adapters/dynamodb/conversions.ts';
import { fromCounterItem } from '../../lambdas/adapters/dynamodb/counter-update.ts';
import { createHitWriter } from '../../lambdas/adapters/dynamodb/hits.ts';
import { fromItem, toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { readItem, readPartition } from '../../lambdas/adapters/dynamodb/reads.ts';
import type { Conversion, HistoryRow, LedgerRow } from '../../lambdas/core/conversion.ts';
import { conversionCounterKey } from '../../lambdas/core/counters.ts';
import type { CounterKey, Counts } from '../../lambdas/core/counters.ts';
import type { Campaign } from '../../lambdas/core/entities.ts';
import { newEntityId } from '../../lambdas/core/ids.ts';
import { StorageUnavailable } from '../../lambdas/core/ports.ts';
import type { ConversionStore, HitWriter } from '../../lambdas/core/ports.ts';
import { receivePostback } from '../../lambdas/core/receive-postback.ts';
import type { ReceiveDeps } from '../../lambdas/core/judgement.ts';
import { aCall, aNetwork, TOKEN } from './conversions.ts';
import { aCampaign, aCap, aGoal } from './entities.ts';
import { FakeConversionStore } from './fakes/conversion-store.ts';
import { FakeHits } from './fakes/hits.ts';
import { failureAt, instrumented } from './port-faults.ts';
import { startStorage } from './storage.ts';
import type { Storage } from './storage.ts';

interface Subject {
  readonly store: ConversionStore;
  readonly hits: HitWriter;
  readonly conversionsOf: (clickId: string) => Promise<readonly Conversion[]>;
  readonly ledgerOf: (conversionId: string) => Promise<readonly Pick<LedgerRow, 'payout' | 'revenue'>[]>;
  readonly historyOf: (conversionId: string) => Promise<readonly Pick<HistoryRow, 'number'>[]>;
  readonly countsOf: (key: CounterKey) => Promise<Counts>;
}

const fake = (): Subject => {
  const store = new FakeConversionStore();
  return {
    store,
    hits: new FakeHits(),
    conversionsOf: async (click) => [...store.conversions.values()].filter(({ clickId }) => clickId === click),
    ledgerOf: async (id) => store.ledger.filter(({ conversionId }) => conversionId === id),
    historyOf: async (id) => store.history.filter(({ conversionId }) => conversionId === id),
    countsOf: async (key) => store.counts(key),
  };
};

let storage: Storage;

const real = (): Subject => {
  const { client, tables } = storage;
  const rows = async (id: string, prefix: string) =>
    (await readPartition(client, tables.conversions, { pk: `conversion#${id}`, prefix })).map(
      (item) => fromItem(item) as unknown as LedgerRow & HistoryRow,
    );
  return {
    store: createConversionStore(client, tables),
    hits: createHitWriter(client, tables.hits),
    async conversionsOf(clickId) {
      const query = new QueryCommand({
        TableName: tables.conversions,
        IndexName: 'by_click',
        KeyConditionExpression: 'click_id = :id',
        ExpressionAttributeValues: toItem({ ':id': clickId }),
      });
      return ((await client.send(query)).Items ?? []).map(fromConversionItem);
    },
    ledgerOf: (id) => rows(id, 'ledger#'),
    historyOf: (id) => rows(id, 'history#'),
    async countsOf({ pk, sk }) {
      return fromCounterItem((await readItem(client, tables.counters, toItem({ pk, sk }))) ?? {});
    },
  };
};

type Network = ReturnType<typeof aNetwork>;

const send = (parameters: Readonly<Record<string, string>>, deps: ReceiveDeps) =>
  receivePostback(aCall({ query: new URLSearchParams({ security_token: TOKEN, ...parameters }).toString() }), deps);

const allPostbacks = (network: Network) => {
  network.catalog.postbacks.length = 0;
  network.postback({ fireOn: ['pending', 'approved', 'rejected'] });
};

/** Invariants 3 to 5, and that each state that the conversion reached was announced once. */
const expectIntact = async (subject: Subject, clickId: string, expected: { status: string; announced: number }) => {
  const conversions = await subject.conversionsOf(clickId);
  expect(conversions).toMatchObject([{ status: expected.status }]);
  for (const { id, version, status, payout, revenue } of conversions) {
    const ledger = await subject.ledgerOf(id);
    const sum = (field: 'payout' | 'revenue') => ledger.reduce((total, row) => total + BigInt(row[field]), 0n);
    expect(sum('payout')).toBe(status === 'approved' ? payout : 0n);
    expect(sum('revenue')).toBe(status === 'approved' ? revenue : 0n);
    expect(await subject.historyOf(id)).toHaveLength(version);
    expect(await subject.store.deliveriesOf(id)).toHaveLength(expected.announced);
  }
};

const withCommit = (store: ConversionStore, commit: ConversionStore['commit']): ConversionStore =>
  new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (name === 'commit') return commit;
      return typeof method === 'function'
        ? (...args: unknown[]): unknown => Reflect.apply(method, target, args)
        : method;
    },
  });

/** Parameters of a call about a click, with a transaction of its own, as one network serves all. */
const callOf = (click_id: string, parameters: Readonly<Record<string, string>>): Record<string, string> => ({
  click_id,
  ...parameters,
  ...(parameters['txn_id'] !== undefined && { txn_id: `${click_id} ${parameters['txn_id']}` }),
});

/** Distinct calls among identical ones. */
const OTHERS = 10;

interface Scale {
  /** Identical calls at once, and how often. */
  readonly identical: number;
  readonly rounds: number;
  /** Sales at once under a cap of a third of them. */
  readonly sales: number;
  /** Whether crashes are tried at each step. */
  readonly crashes: boolean;
}

/** What must hold of conversions, however many calls come at once and wherever one ends. */
export function recordConversionTests(inMemory: Scale, onDynamoDb: Scale): void {
  beforeAll(async () => {
    storage = await startStorage();
  });
  afterAll(() => storage.stop());

  describe.each([
    ['in memory', fake, inMemory],
    ['on DynamoDB Local', real, onDynamoDb],
  ])('a conversion recorded %s (invariants 3, 4, 5, 6)', (_, newSubject, { identical, rounds, crashes }) => {
    const start = () => {
      const subject = newSubject();
      const network = aNetwork();
      allPostbacks(network);
      return { subject, network, deps: { ...network.deps, store: subject.store, hits: subject.hits } };
    };

    it.each([
      ['with a txn_id', { txn_id: 'T1' }],
      ['without one', {}],
    ])(
      `is one of ${identical} identical calls at once %s, each time of ${rounds}, whatever else comes meanwhile`,
      async (__, parameters) => {
        const { subject, network, deps } = start();
        const counted = async () =>
          (await subject.countsOf(conversionCounterKey('summer', null, null))).get('nt') ?? 0n;
        // Waits as the function does: without it all losers come back at once.
        const patient = {
          ...deps,
          pause: () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 20)),
        };
        for (let round = 0; round < rounds; round++) {
          const before = await counted();
          const click_id = await network.click();
          const others = await Promise.all(Array.from({ length: OTHERS }, () => network.click()));
          const [answers, otherAnswers] = await Promise.all([
            Promise.all(Array.from({ length: identical }, () => send(callOf(click_id, parameters), patient))),
            Promise.all(others.map((other) => send(callOf(other, parameters), patient))),
          ]);
          const codes = answers.map(({ body }) => body['code']).sort();
          expect(codes).toEqual([...Array<string>(identical - 1).fill('DUPLICATE_CONVERSION'), 'OK']);
          expect(new Set(answers.map(({ body }) => body['conversion_id'])).size).toBe(1);
          expect(otherAnswers.map(({ body }) => body['code'])).toEqual(Array<string>(OTHERS).fill('OK'));
          for (const one of [click_id, ...others]) {
            await expectIntact(subject, one, { status: 'approved', announced: 1 });
          }
          expect(await counted()).toBe(before + 1n + BigInt(OTHERS));
        }
      },
      900_000,
    );

    it('is adopted by one of many transactions at once; the others are their own', async () => {
      const { subject, network, deps } = start();
      const click_id = await network.click();
      await send({ click_id }, deps);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (__, i) => send({ click_id, txn_id: `${click_id} ${i % 10}` }, deps)),
      );
      expect(answers.filter(({ body }) => body['code'] === 'OK')).toHaveLength(9);
      const conversions = await subject.conversionsOf(click_id);
      const expected = Array.from({ length: 10 }, (__, i) => `${click_id} ${i}`);
      expect(conversions.map(({ txnId }) => txnId).sort()).toEqual(expected);
    });

    it('is rejected once, whatever comes at the same time', async () => {
      const { subject, network, deps } = start();
      const click_id = await network.click();
      await send({ click_id, status: 'pending' }, deps);
      const statuses = ['approved', 'rejected', 'approved', 'rejected', 'rejected', 'approved'];
      await Promise.all(statuses.map((status) => send({ click_id, status }, deps)));
      const [conversion] = await subject.conversionsOf(click_id);
      // Two changes if the approval came first.
      await expectIntact(subject, click_id, { status: 'rejected', announced: conversion?.version ?? 0 });
    });

    const scenarios: readonly [
      string,
      readonly Record<string, string>[],
      Record<string, string>,
      { status: string; announced: number },
    ][] = [
      ['a new conversion', [], { txn_id: 'T1' }, { status: 'approved', announced: 1 }],
      ['an adoption', [{}], { txn_id: 'T1' }, { status: 'approved', announced: 1 }],
      ['an approval', [{ status: 'pending' }], { status: 'approved' }, { status: 'approved', announced: 2 }],
      ['a rejection', [{}], { txn_id: 'T1', status: 'rejected' }, { status: 'rejected', announced: 2 }],
      [
        'a sale that was rejected before',
        [{ txn_id: 'T1', status: 'rejected' }],
        { txn_id: 'T1' },
        { status: 'rejected', announced: 1 },
      ],
    ];
    it.each(crashes ? scenarios : [])('survives a crash at any step of %s', async (__, before, call, expected) => {
      const { subject, network, deps } = start();
      for (const when of ['before', 'after'] as const) {
        for (let at = 1; ; at++) {
          const click_id = await network.click();
          for (const parameters of before) await send(callOf(click_id, parameters), deps);
          const faulty = instrumented(deps, { fault: failureAt(at, when) });
          const answer = await send(callOf(click_id, call), faulty.deps).catch((error: unknown) => {
            if (!(error instanceof StorageUnavailable)) throw error;
            return null;
          });
          // Answered with success: it is there without a repeat.
          if (answer !== null) await expectIntact(subject, click_id, expected);
          const repeat = await send(callOf(click_id, call), deps);
          expect(repeat.status).toBe(200);
          await expectIntact(subject, click_id, expected);
          if (faulty.steps() < at) break;
        }
      }
    });

    it('recognizes its own commit whose answer was lost', async () => {
      const { subject, network, deps } = start();
      const click_id = await network.click();
      const store = withCommit(subject.store, async (write) => {
        await subject.store.commit(write);
        return subject.store.commit(write);
      });
      expect((await send({ click_id, txn_id: click_id }, { ...deps, store })).body).toMatchObject({ code: 'OK' });
      await expectIntact(subject, click_id, { status: 'approved', announced: 1 });
    });

    it('gives up with nothing recorded if it loses again and again', async () => {
      const { subject, network, deps } = start();
      const click_id = await network.click();
      const store = withCommit(subject.store, async () => ({ committed: false, lost: 'key' }));
      await expect(send({ click_id }, { ...deps, store })).rejects.toThrow(StorageUnavailable);
      expect(await subject.conversionsOf(click_id)).toEqual([]);
    });
  });

  describe.each([
    ['in memory', fake, inMemory],
    ['on DynamoDB Local', real, onDynamoDb],
  ])('caps of conversions recorded %s (invariant 6)', (_, newSubject, { sales }) => {
    /** A campaign of its own, as counters live as long as the storage. */
    const start = (overrides: Partial<Campaign>) => {
      const subject = newSubject();
      const network = aNetwork();
      const id = newEntityId(randomBytes);
      const save = (campaign: Partial<Campaign>) =>
        void network.catalog.campaigns.set(id, aCampaign({ id, ...campaign }));
      save(overrides);
      const pause = () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 20));
      const deps = { ...network.deps, store: subject.store, hits: subject.hits, pause };
      return {
        save,
        subject,
        deps,
        /** Calls of a click of its own each, all at once; the codes. */
        sell: async (count: number, parameters: Record<string, string> = {}, publisherId = 'tia') => {
          const clicks = await Promise.all(
            Array.from({ length: count }, () => network.click({ campaignId: id, publisherId })),
          );
          const answers = await Promise.all(clicks.map((click_id) => send({ click_id, ...parameters }, deps)));
          return answers.map(({ body }) => body['code']);
        },
        click: () => network.click({ campaignId: id }),
        counts: async (publisherId: string | null = null, goal: string | null = null) => {
          const counts = await subject.countsOf(conversionCounterKey(id, publisherId, goal));
          return { number: counts.get('nt') ?? 0n, payout: counts.get('pt') ?? 0n, revenue: counts.get('rt') ?? 0n };
        },
      };
    };
    const tally = (codes: readonly unknown[]) => ({
      ok: codes.filter((code) => code === 'OK').length,
      over: codes.filter((code) => code === 'OVER_CAP').length,
    });

    it(`admit exactly a third of ${sales} at once, and keep the rest unpaid`, async () => {
      const limit = sales / 3;
      const { sell, counts } = start({ caps: [aCap({ limit: String(limit) })] });
      expect(tally(await sell(sales))).toEqual({ ok: limit, over: sales - limit });
      const number = BigInt(limit);
      const expected = { number, payout: number * 2_500_000n, revenue: number * 4_000_000n };
      for (const publisherId of [null, 'tia']) {
        for (const goal of [null, 'sale']) expect(await counts(publisherId, goal)).toEqual(expected);
      }
    }, 300_000);

    it('admit exactly what fits into a limit on payout, to the micro-unit', async () => {
      const goals = [aGoal({ payout: { model: 'fixed', amount: '0.333333' } })];
      const { sell, counts } = start({ goals, caps: [aCap({ metric: 'payout', limit: '1.999998' })] });
      expect(tally(await sell(sales / 10))).toEqual({ ok: 6, over: sales / 10 - 6 });
      expect(await counts()).toMatchObject({ number: 6n, payout: 1_999_998n });
    }, 60_000);

    it('of two scopes hold both at once', async () => {
      const caps = [aCap({ limit: '10' }), aCap({ limit: '8', scope: 'each_publisher', onReached: 'pending' })];
      const { sell, counts } = start({ caps });
      const [tia, other] = await Promise.all([sell(sales / 10), sell(sales / 10, {}, 'other')]);
      const both = [tally(tia), tally(other)];
      expect(both.map(({ ok }) => ok).reduce((sum, ok) => sum + ok)).toBe(10);
      expect(both.every(({ ok }) => ok <= 8)).toBe(true);
      expect(await counts()).toMatchObject({ number: 10n });
      expect(await counts('tia')).toMatchObject({ number: BigInt(both[0]?.ok ?? 0) });
    }, 60_000);

    it('that are saved later start with what was counted', async () => {
      const { sell, save } = start({});
      await sell(8);
      save({ caps: [aCap({ limit: '10', scope: 'each_publisher', goal: 'sale' })] });
      expect(tally(await sell(5))).toEqual({ ok: 2, over: 3 });
    });

    it('count a changed amount once, without asking', async () => {
      const percent = { model: 'percent', percent: '10' } as const;
      const campaign = { goals: [aGoal({ payout: percent })], caps: [aCap({ metric: 'payout', limit: '10' })] };
      const { click, deps, counts, sell } = start(campaign);
      const click_id = await click();
      await send({ click_id, sale_amount: '100' }, deps);
      const change = { click_id, sale_amount: '250.01', action: 'change' };
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(change, deps)));
      expect(answers.filter(({ body }) => body['code'] === 'AMOUNT_CHANGED')).toHaveLength(1);
      expect(await counts()).toMatchObject({ number: 1n, payout: 25_001_000n });
      expect(await sell(1, { sale_amount: '0.01' })).toEqual(['OVER_CAP']);
    });

    it('count once although the answer of the commit was lost, and the call is repeated', async () => {
      const { click, deps, counts, subject } = start({ caps: [aCap({ limit: '1' })] });
      const click_id = await click();
      const store = withCommit(subject.store, async (write) => {
        await subject.store.commit(write);
        throw new StorageUnavailable('lost');
      });
      await expect(send({ click_id }, { ...deps, store })).rejects.toThrow(StorageUnavailable);
      expect((await send({ click_id }, deps)).body).toMatchObject({ code: 'DUPLICATE_CONVERSION', status: 'approved' });
      expect(await counts()).toMatchObject({ number: 1n });
    });
  });
}
