import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createConversionStore } from '../../lambdas/adapters/dynamodb/conversions.ts';
import { fromCounterItem } from '../../lambdas/adapters/dynamodb/counter-update.ts';
import { toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { readItem, readPartition } from '../../lambdas/adapters/dynamodb/reads.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import type { ConversionStore, ConversionWrite } from '../../lambdas/core/ports.ts';
import { aConversion } from '../support/conversions.ts';
import { NOON } from '../support/deliveries.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { Fault, FaultProxy } from '../support/fault-proxy.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';

let storage: Storage;
let proxy: FaultProxy;
let client: DynamoDBClient;
let store: ConversionStore;

beforeAll(async () => {
  storage = await startStorage();
  proxy = await startFaultProxy(storage.endpoint);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  client = new DynamoDBClient({ endpoint: proxy.endpoint, region: 'us-east-1', credentials });
  store = createConversionStore(client, storage.tables);
});

afterAll(async () => {
  client.destroy();
  await proxy.stop();
  await storage.stop();
});

const aWrite = (id: string): ConversionWrite => {
  const conversion = aConversion({ id });
  const { version: number, status, code, payout, revenue, currency } = conversion;
  return {
    keys: [{ kind: 'put', key: { kind: 'txn', hash: id }, conversionId: id, open: false, over: 'nothing' }],
    conversion,
    expectedVersion: null,
    counters: [{ key: counterOf(id), adds: [{ attribute: 'nt', amount: 1n, limit: null }] }],
    deliveries: [],
    history: { conversionId: id, number, at: NOON, status, code, by: 'sender:xyz', reason: null },
    ledger: { conversionId: id, number, at: NOON, payout, revenue, currency, code },
  };
};
const newId = () => newSortableId(NOON, randomBytes);
const counterOf = (id: string) => ({ pk: `conversions#${id}`, sk: '*#*' });

/** What is stored of a conversion: its rows, and how often it was counted. */
const stored = async (id: string) => {
  const { tables } = storage;
  const rows = await readPartition(storage.client, tables.conversions, { pk: `conversion#${id}` });
  const counter = await readItem(storage.client, tables.counters, toItem(counterOf(id)));
  return { rows: rows.map(({ sk }) => sk?.S), counted: fromCounterItem(counter ?? {}).get('nt') };
};
const ONCE = { rows: ['conversion', 'history#0001', 'ledger#0001'], counted: 1n };

/** The faults of the next requests, in turn; answers how many are left. */
const failInTurn = (...faults: Fault[]) => {
  proxy.plan = () => faults.shift() ?? 'ok';
  return () => faults.length;
};

describe('the conversion store on storage that fails', () => {
  const cases: readonly (readonly Fault[])[] = [
    ['reject'],
    ['throttle'],
    ['reset'],
    ['dropAnswer'],
    ['conflict'],
    ['dropAnswer', 'dropAnswer'],
    ['conflict', 'conflict', 'conflict'],
    ['conflict', 'dropAnswer', 'conflict', 'reset', 'throttle', 'conflict'],
  ];
  it.each(cases.map((faults) => [faults.join(', '), faults] as const))(
    'commits a conversion once after %s (invariants 4, 6)',
    async (_, faults) => {
      const id = newId();
      const left = failInTurn(...faults);
      expect(await store.commit(aWrite(id))).toEqual({ committed: true });
      expect(left()).toBe(0);
      expect(await stored(id)).toEqual(ONCE);
    },
  );

  it('tells of a lost key also after a conflict, and writes nothing (invariant 4)', async () => {
    const id = newId();
    await store.commit(aWrite(id));
    const other = newId();
    failInTurn('conflict');
    expect(await store.commit({ ...aWrite(other), keys: aWrite(id).keys })).toEqual({ committed: false, lost: 'key' });
    expect(await stored(other)).toEqual({ rows: [], counted: undefined });
  });

  it('remembers a rejection although the write met a transaction (invariant 4)', async () => {
    const key = { kind: 'txn', hash: newId() } as const;
    const left = failInTurn('conflict', 'conflict');
    expect(await store.remember(key)).toBe(true);
    expect(left()).toBe(0);
    expect(await store.txn(key.hash)).toEqual({ conversionId: null });
  });
});
