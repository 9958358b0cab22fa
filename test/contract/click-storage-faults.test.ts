import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClickStore } from '../../lambdas/adapters/aws-json/click-store.ts';
import { createDynamoDb } from '../../lambdas/adapters/aws-json/dynamodb.ts';
import type { DynamoDb } from '../../lambdas/adapters/aws-json/dynamodb.ts';
import { createImpressionCounter } from '../../lambdas/adapters/aws-json/impressions.ts';
import { createClickReader } from '../../lambdas/adapters/dynamodb/clicks.ts';
import { toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { impressionCounterKey } from '../../lambdas/core/counters.ts';
import { StorageUnavailable } from '../../lambdas/core/ports.ts';
import { createStorageGate } from '../../lambdas/core/storage-gate.ts';
import { aClick } from '../support/entities.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { Fault, FaultProxy } from '../support/fault-proxy.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';

let storage: Storage;
let proxy: FaultProxy;
let db: DynamoDb;
let names = 0;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  storage = await startStorage();
  proxy = await startFaultProxy(storage.endpoint);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy.stop();
  await storage.stop();
});

beforeEach(async () => {
  proxy.plan = () => 'ok';
  db = createDynamoDb(proxy.endpoint, 'us-east-1');
  // A connection that is kept from now on, as in a warm environment.
  await store().visit('nobody', 20_000);
});

const store = () => createClickStore(db, storage.tables);
const newId = () => String(++names).padStart(32, '2');
const counterOf = (sk: string) => ({ pk: 'clicks#faults', sk });

/** What becomes of the next call, and of none after it. */
const failOnce = (fault: Fault) => {
  proxy.plan = () => {
    proxy.plan = () => 'ok';
    return fault;
  };
};

describe('the click store on storage that fails once', () => {
  const cases: [Fault, put: 'stored' | 'there' | 'fails', add: 'added' | 'fails', counted: bigint][] = [
    ['reject', 'fails', 'fails', 0n],
    ['throttle', 'fails', 'fails', 0n],
    ['hang', 'fails', 'fails', 0n],
    // Over a kept connection that is cut, what may be repeated is sent again; what may not is lost, or counted.
    ['reset', 'stored', 'fails', 0n],
    ['dropAnswer', 'there', 'fails', 1n],
    [100, 'stored', 'added', 1n],
  ];

  it.each(cases)('stores a click at most once: %s', async (fault, expected) => {
    const click = aClick({ id: newId() });
    failOnce(fault);
    const put = store().put(click, [], 1_000);
    if (expected === 'fails') await expect(put).rejects.toThrow(StorageUnavailable);
    else expect((await put).kind).toBe(expected);
    const stored = await createClickReader(storage.client, storage.tables.clicks).click(click.id);
    expect(stored).toEqual(expected === 'fails' ? null : click);
  });

  it.each(cases)('counts at most once: %s (invariant 6)', async (fault, _, expected, counted) => {
    const key = counterOf(newId());
    failOnce(fault);
    const add = store().add({ key, adds: [{ attribute: 'nt', amount: 1n, limit: 9n }] }, 1_000);
    if (expected === 'fails') await expect(add).rejects.toThrow(StorageUnavailable);
    else expect((await add).added).toBe(true);
    const now = await store().add({ key, adds: [{ attribute: 'nt', amount: 0n, limit: null }] }, 20_000);
    expect(now.counts.get('nt')).toBe(counted);
  });
});

describe('the counter of impressions', () => {
  const AT = Date.UTC(2026, 10, 22, 23, 59);
  const failures: unknown[] = [];
  const gate = () => createStorageGate({ now: Date.now, onFailure: (error) => failures.push(error) });
  const counted = async (publisher: string) => {
    const { pk, sk } = impressionCounterKey('summer', publisher, AT);
    const command = new GetItemCommand({ TableName: storage.tables.counters, Key: toItem({ pk, sk }) });
    return (await storage.client.send(command)).Item;
  };

  it.each([
    ['reject', undefined],
    ['hang', undefined],
    ['reset', undefined],
    ['dropAnswer', '1'],
  ] satisfies [Fault, string | undefined][])(
    'counts at most once and does not mind when storage fails: %s',
    async (fault, count) => {
      failures.length = 0;
      const publisher = newId();
      failOnce(fault);
      await createImpressionCounter(db, storage.tables.counters, gate()).count('summer', publisher, AT);
      expect(failures).toHaveLength(1);
      await expect.poll(async () => (await counted(publisher))?.['n']?.N).toBe(count);
    },
  );

  it('counts by the hour, for more than a year', async () => {
    // With more time than a page has: the emulator may be busy.
    const patient: DynamoDb = {
      call: (operation, input, _, repeatable) => db.call(operation, input, 20_000, repeatable),
    };
    const impressions = createImpressionCounter(patient, storage.tables.counters, gate());
    const publisher = newId();
    await impressions.count('summer', publisher, AT);
    await impressions.count('summer', publisher, AT - 59 * 60_000);
    await impressions.count('summer', publisher, AT + 60_000);
    const item = await counted(publisher);
    expect(item?.['n']?.N).toBe('2');
    expect(Number(item?.['expires_at']?.N)).toBe(Math.floor(AT / 1_000) + 400 * 86_400);
  });
});
