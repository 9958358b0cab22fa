import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { DeleteItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCatalogReader } from '../../lambdas/adapters/aws-json/catalog-reader.ts';
import { createClickStore } from '../../lambdas/adapters/aws-json/click-store.ts';
import { createConversionCountReader } from '../../lambdas/adapters/aws-json/conversion-counts.ts';
import { createDynamoDb } from '../../lambdas/adapters/aws-json/dynamodb.ts';
import type { DynamoDb } from '../../lambdas/adapters/aws-json/dynamodb.ts';
import { createClickReader } from '../../lambdas/adapters/dynamodb/clicks.ts';
import { fromItem, toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { createManagementCatalog } from '../../lambdas/adapters/dynamodb/management-catalog.ts';
import { bootstrap } from '../../lambdas/core/bootstrap.ts';
import { DEFAULT_SETTINGS } from '../../lambdas/core/entities.ts';
import { toWire } from '../../lambdas/core/wire.ts';
import { FakeCatalogReader } from '../support/fakes/catalog-reader.ts';
import { FakeClicks } from '../support/fakes/clicks.ts';
import { FakeConversionCounts } from '../support/fakes/conversion-counts.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';
import { catalogReaderContract } from './catalog-reader.contract.ts';
import { clickStoreContract } from './click-store.contract.ts';
import { conversionCountsContract } from './conversion-counts.contract.ts';

let storage: Storage;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  storage = await startStorage();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await storage.stop();
});

/** Everything in Catalog. */
async function catalogItems(): Promise<Record<string, unknown>[]> {
  const { Items } = await storage.client.send(new ScanCommand({ TableName: storage.tables.catalog }));
  return (Items ?? []).map(fromItem);
}

beforeEach(async () => {
  const TableName = storage.tables.catalog;
  for (const { pk, sk } of await catalogItems()) {
    await storage.client.send(new DeleteItemCommand({ TableName, Key: toItem({ pk, sk }) }));
  }
});

const put = async (item: object) => {
  await storage.client.send(new PutItemCommand({ TableName: storage.tables.catalog, Item: toItem({ ...item }) }));
};
const putEntity = (pk: string, sk: string, entity: object) => put({ ...(toWire(entity) as object), pk, sk });
/** With more time than a visitor has: the emulator's first answers are slow. */
const db = (): DynamoDb => {
  const client = createDynamoDb(storage.endpoint, 'us-east-1');
  return { call: (operation, input, _, repeatable) => client.call(operation, input, 20_000, repeatable) };
};

clickStoreContract('memory', () => {
  const clicks = new FakeClicks();
  return { reader: clicks, store: clicks };
});

clickStoreContract('DynamoDB', () => ({
  reader: createClickReader(storage.client, storage.tables.clicks),
  store: createClickStore(db(), storage.tables),
}));

catalogReaderContract('memory', () => {
  const catalog = new FakeCatalogReader();
  return {
    catalog,
    save: {
      campaign: async (campaign) => void catalog.campaigns.set(campaign.id, campaign),
      publisher: async (publisher) => void catalog.publishers.set(publisher.id, publisher),
      settings: async (settings) => void (catalog.stored = settings),
      macKey: async (key, createdAt) =>
        void (catalog.ring = [...catalog.ring, { key: createSecretKey(key), createdAt }]),
    },
  };
});

catalogReaderContract('DynamoDB without the SDK', () => ({
  catalog: createCatalogReader(db(), storage.tables.catalog),
  save: {
    campaign: (campaign) => putEntity('campaign', campaign.id, campaign),
    publisher: (publisher) => putEntity('publisher', publisher.id, publisher),
    settings: (settings) => putEntity('settings', 'settings', settings),
    macKey: (key, createdAt) =>
      put({ pk: 'mac_key', sk: new Date(createdAt).toISOString(), key, created_at: createdAt }),
  },
}));

conversionCountsContract('memory', () => {
  const reader = new FakeConversionCounts();
  return { reader, save: async (key, counts) => reader.save(key, counts) };
});

conversionCountsContract('DynamoDB without the SDK', () => ({
  reader: createConversionCountReader(db(), storage.tables.counters),
  save: async (key, counts) => {
    const Item = toItem({ ...key, ...Object.fromEntries(counts) });
    await storage.client.send(new PutItemCommand({ TableName: storage.tables.counters, Item }));
  },
}));

describe('the bootstrap', () => {
  const run = (adminKey: string | null = null, networkName = 'abc') =>
    bootstrap(
      { networkName, adminKey, requestId: 'request-1' },
      {
        catalog: createManagementCatalog(storage.client, storage.tables),
        now: Date.now,
        random: (length) => new Uint8Array(randomBytes(length)),
      },
    );
  const kinds = async () => (await catalogItems()).map(({ pk }) => String(pk)).sort();
  const GIVEN = 'an-admin-key-of-my-own';

  it.each(['', 'short', 'with a space in it', 'a'.repeat(129)])('refuses %j as an admin key', async (adminKey) => {
    await expect(run(adminKey)).rejects.toThrow('admin_key must be');
    expect(await kinds()).not.toContain('api_key');
  });

  it('refuses a key that somebody else has', async () => {
    const hash = createHash('sha256').update(GIVEN).digest('hex');
    await put({ pk: 'api_key_hash', sk: hash, id: 'k', role: 'analyst' });
    await expect(run(GIVEN)).rejects.toThrow('another role');
  });

  it('makes a MAC key, a cursor key, the settings and an admin key, of which only the hash is kept', async () => {
    const { adminKey, networkName } = await run();
    expect(networkName).toBe('abc');
    expect(adminKey).toMatch(/^fb_[a-z2-7]{32}$/);
    expect(await kinds()).toEqual(['api_key', 'api_key_hash', 'cursor_key', 'mac_key', 'settings']);

    const catalog = createCatalogReader(db(), storage.tables.catalog);
    expect(await catalog.macKeys()).toHaveLength(1);
    expect(await catalog.settings()).toEqual({ ...DEFAULT_SETTINGS, version: 1, networkName: 'abc' });
    const items = await catalogItems();
    const hash = createHash('sha256')
      .update(adminKey ?? '')
      .digest('hex');
    expect(items.filter((item) => item['hash'] === hash && item['role'] === 'admin')).toHaveLength(2);
    expect(JSON.stringify(items)).not.toContain(adminKey);
  });

  it('changes nothing when it runs again', async () => {
    await run();
    const before = await catalogItems();
    expect(await run(null, 'other')).toEqual({ adminKey: null, networkName: 'abc' });
    expect(await catalogItems()).toEqual(before);
  });

  it('makes one of each, however many run at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => run()));
    expect(results.filter(({ adminKey }) => adminKey !== null)).toHaveLength(1);
    expect(await kinds()).toEqual(['api_key', 'api_key_hash', 'cursor_key', 'mac_key', 'settings']);
  });

  it('makes exactly the key that is given, once, however many run at once and again', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => run(GIVEN)));
    expect(new Set(results.map(({ adminKey }) => adminKey))).toEqual(new Set([GIVEN]));
    await run(GIVEN);
    expect(await kinds()).toEqual(['api_key', 'api_key_hash', 'cursor_key', 'mac_key', 'settings']);
  });

  it('adds a key that is given to those that there are', async () => {
    await run();
    expect(await run(GIVEN)).toMatchObject({ adminKey: GIVEN });
    expect((await kinds()).filter((kind) => kind === 'api_key')).toHaveLength(2);
  });

  it('adds no MAC key to a ring from which the first was taken', async () => {
    await put({ pk: 'mac_key', sk: '2026-11-22T00:00:00.000Z', key: randomBytes(32), created_at: 1 });
    await run();
    expect((await kinds()).filter((kind) => kind === 'mac_key')).toHaveLength(1);
  });
});
