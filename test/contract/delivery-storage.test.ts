import { randomBytes, randomUUID } from 'node:crypto';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createConversionCatalog, createPostbackCatalog } from '../../lambdas/adapters/dynamodb/catalog.ts';
import { createDeliveryStore } from '../../lambdas/adapters/dynamodb/deliveries.ts';
import { fromAttemptItem, fromDeliveryItem, toDeliveryItem } from '../../lambdas/adapters/dynamodb/delivery-item.ts';
import { createEndpointStore } from '../../lambdas/adapters/dynamodb/endpoints.ts';
import { toItem, withoutAttributes } from '../../lambdas/adapters/dynamodb/items.ts';
import { createPostbackHealthStore } from '../../lambdas/adapters/dynamodb/postback-health.ts';
import { readPartition } from '../../lambdas/adapters/dynamodb/reads.ts';
import { createReplayStore } from '../../lambdas/adapters/dynamodb/replays.ts';
import type { Attempt, Delivery } from '../../lambdas/core/delivery.ts';
import type { Postback } from '../../lambdas/core/entities.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import { toWire } from '../../lambdas/core/wire.ts';
import { aDelivery, aPostback, NOON } from '../support/deliveries.ts';
import { fakeDeliveries } from '../support/fakes/deliveries.ts';
import { fakeEndpoints } from '../support/fakes/endpoints.ts';
import { fakePostbackHealth } from '../support/fakes/postback-health.ts';
import { fakePostbacks } from '../support/fakes/postbacks.ts';
import { fakeReplays } from '../support/fakes/replays.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';
import { deliveryStoreContract } from './delivery-store.contract.ts';
import { endpointStoreContract } from './endpoint-store.contract.ts';
import { postbackCatalogContract } from './postback-catalog.contract.ts';
import { postbackHealthStoreContract } from './postback-health-store.contract.ts';
import { replayStoreContract } from './replay-store.contract.ts';

let storage: Storage;
let proxy: FaultProxy;
let client: DynamoDBClient;
/** Through the proxy. */
let losing: DynamoDBClient;

beforeAll(async () => {
  storage = await startStorage();
  ({ client } = storage);
  proxy = await startFaultProxy(storage.endpoint);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  losing = new DynamoDBClient({ endpoint: proxy.endpoint, region: 'us-east-1', credentials });
});

afterAll(async () => {
  losing.destroy();
  await proxy.stop();
  await storage.stop();
});

const put = async (delivery: Delivery) => {
  await client.send(new PutItemCommand({ TableName: storage.tables.deliveries, Item: toDeliveryItem(delivery) }));
};
const attemptsOf = async ({ subjectId, number }: Delivery) => {
  const prefix = `attempt#${String(number).padStart(4, '0')}#`;
  return (await readPartition(client, storage.tables.deliveries, { pk: subjectId, prefix })).map(fromAttemptItem);
};
const save = async (postback: Partial<Postback> & Pick<Postback, 'id' | 'publisherId'>) => {
  for (const pk of ['postback', `postback_of#${postback.publisherId ?? '*'}`]) {
    const Item = toItem({ ...(toWire(postback) as object), pk, sk: postback.id });
    await client.send(new PutItemCommand({ TableName: storage.tables.catalog, Item }));
  }
};
const copyOf = async ({ id, publisherId }: Postback) => {
  const catalog = createConversionCatalog(client, storage.tables.catalog);
  return (await catalog.postbacksOf(publisherId ?? 'any')).find((copy) => copy.id === id) ?? null;
};

deliveryStoreContract('DynamoDB', () => ({
  store: createDeliveryStore(client, storage.tables.deliveries),
  put,
  attemptsOf,
}));
deliveryStoreContract('the fake', () => {
  const store = fakeDeliveries();
  return {
    store,
    put: async (delivery) => void store.rows.set(delivery.id, delivery),
    attemptsOf: async ({ id }) => store.attempts.get(id) ?? [],
  };
});

endpointStoreContract('DynamoDB', () => createEndpointStore(client, storage.tables.deliveries));
endpointStoreContract('the fake', fakeEndpoints);

postbackHealthStoreContract('DynamoDB', () => createPostbackHealthStore(client, storage.tables.deliveries));
postbackHealthStoreContract('the fake', fakePostbackHealth);

replayStoreContract('DynamoDB', () => ({ store: createReplayStore(client, storage.tables.deliveries), put }));
replayStoreContract('the fake', () => {
  const rows = new Map<string, Delivery>();
  return { store: fakeReplays(rows), put: async (delivery) => void rows.set(delivery.id, delivery) };
});

postbackCatalogContract('DynamoDB', () => ({
  catalog: createPostbackCatalog(client, storage.tables.catalog),
  save,
  copyOf,
}));
postbackCatalogContract('the fake', () => {
  const catalog = fakePostbacks();
  return {
    catalog,
    save: async (postback) => void catalog.rows.set(postback.id, postback),
    copyOf: ({ id }) => catalog.postback(id),
  };
});

describe('rows of the first release', () => {
  it('are read as deliveries of a publisher that nobody recalled and that are not stuck', () => {
    const delivery = aDelivery();
    const row = withoutAttributes(toDeliveryItem(delivery), ['audience']);

    expect(fromDeliveryItem({ ...row, conversion_id: { S: delivery.subjectId } })).toEqual(delivery);
  });

  it('are read as attempts of which it is not known when the next was due', () => {
    const attempt = { number: 1, at: NOON, duration_ms: 5, status: 500 };

    expect(fromAttemptItem(toItem({ ...attempt, pk: 'x', sk: 'attempt#0001#0001' }))).toMatchObject({
      nextAttemptAt: null,
    });
  });

  it('are read as postbacks that were never disabled', async () => {
    const whole = aPostback({ id: randomUUID(), publisherId: randomUUID() });
    await save({ ...whole, disabledAt: undefined, disabledReason: undefined });

    expect(await createPostbackCatalog(client, storage.tables.catalog).postback(whole.id)).toEqual(whole);
    expect(await copyOf(whole)).toEqual(whole);
  });
});

describe('a write whose answer was lost is known by the one who made it', () => {
  const LEASE_END = NOON + 30_000;
  const CLOSED = { openings: 0, openUntil: null };
  const OPEN = { openings: 1, openUntil: NOON - 1 };
  const attempt: Attempt = {
    number: 1,
    at: NOON,
    durationMs: 5,
    status: 200,
    error: null,
    body: null,
    nextAttemptAt: null,
  };

  /** Does it with the first answer lost, and checks that it was. */
  async function withLostAnswer<T>(call: () => Promise<T>): Promise<T> {
    let seen = 0;
    proxy.plan = () => (seen++ === 0 ? 'dropAnswer' : 'ok');
    const result = await call();
    proxy.plan = () => 'ok';
    expect(seen).toBe(2);
    return result;
  }

  const endpoints = () => createEndpointStore(losing, storage.tables.deliveries);
  const deliveries = () => createDeliveryStore(losing, storage.tables.deliveries);
  async function given(overrides: Partial<Delivery> = {}) {
    const delivery = aDelivery({ subjectId: newSortableId(NOON, randomBytes), ...overrides });
    await put(delivery);
    return delivery;
  }

  it.each([
    ['closed', CLOSED],
    ['open, as a probe', OPEN],
  ])('when a slot is taken of an endpoint whose breaker is %s (invariant 8)', async (_, breaker) => {
    const endpoint = `https://${randomUUID()}.example`;
    const take = { slot: 1, now: NOON, leaseUntil: LEASE_END, breaker };
    if (breaker !== CLOSED) await endpoints().turn(endpoint, CLOSED, breaker, []);

    const { taken, state } = await withLostAnswer(() => endpoints().take(endpoint, take));

    expect(taken).toBe(true);
    expect(state.slots).toEqual(new Map([[1, LEASE_END]]));
  });

  it('but not when another has the slot', async () => {
    const endpoint = `https://${randomUUID()}.example`;
    await endpoints().take(endpoint, { slot: 1, now: NOON, leaseUntil: LEASE_END, breaker: CLOSED });
    const take = { slot: 1, now: NOON, leaseUntil: LEASE_END + 1, breaker: CLOSED };

    expect(await withLostAnswer(() => endpoints().take(endpoint, take))).toMatchObject({ taken: false });
  });

  it('when calls are counted: once', async () => {
    const endpoint = `https://${randomUUID()}.example`;
    await endpoints().take(endpoint, { slot: 1, now: NOON, leaseUntil: LEASE_END, breaker: CLOSED });
    const settled = { slot: 1, leaseUntil: LEASE_END, bucket: 7, made: 3, failed: 2, forget: [] };

    const state = await withLostAnswer(() => endpoints().settle(endpoint, settled));

    expect(state).toEqual({ slots: new Map(), breaker: CLOSED, calls: new Map([[7, { made: 3, failed: 2 }]]) });
  });

  it('when a breaker is turned', async () => {
    const endpoint = `https://${randomUUID()}.example`;

    expect(await withLostAnswer(() => endpoints().turn(endpoint, CLOSED, OPEN, []))).toBe(true);
    expect(await withLostAnswer(() => endpoints().turn(endpoint, OPEN, CLOSED, [7]))).toBe(true);
  });

  it('when a warning is given', async () => {
    const health = createPostbackHealthStore(losing, storage.tables.deliveries);
    const id = randomUUID();
    await health.failed(id, NOON);

    expect(await withLostAnswer(() => health.warned(id, 1))).toBe(true);
  });

  it('when a postback is disabled', async () => {
    const postback = aPostback({ id: randomUUID() });
    await save(postback);
    const catalog = createPostbackCatalog(losing, storage.tables.catalog);

    expect(await withLostAnswer(() => catalog.disable(postback, 'gone', NOON))).toBe(true);
    expect(await catalog.postback(postback.id)).toMatchObject({ version: 2, status: 'disabled' });
  });

  it('when a delivery is claimed, put off, finished or revived (invariant 7)', async () => {
    const store = deliveries();
    const read = await given();
    const times = { nextAttemptAt: NOON + 1, dueAt: NOON + 90_000, stuckAt: null };

    expect(await withLostAnswer(() => store.defer(read, times))).toBe(true);
    const claimed = await withLostAnswer(() => store.claim(read.id, NOON + 1, 'mine', LEASE_END));
    expect(claimed).toMatchObject({ state: 'sending', lease: 'mine' });
    const ended: Delivery = { ...read, state: 'delivered', attempts: 1, nextAttemptAt: null, dueAt: null };
    expect(await withLostAnswer(() => store.finish(ended, 'mine', attempt, NOON))).toEqual(ended);
    const replays = createReplayStore(losing, storage.tables.deliveries);
    expect(await withLostAnswer(() => replays.revive(ended, NOON, NOON))).toBe(true);

    expect(await attemptsOf(read)).toEqual([attempt]);
  });
});
