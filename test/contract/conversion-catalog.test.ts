import { createSecretKey, randomBytes } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createConversionCatalog } from '../../lambdas/adapters/dynamodb/catalog.ts';
import { createHitWriter } from '../../lambdas/adapters/dynamodb/hits.ts';
import { fromItem, toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { createFactReader } from '../../lambdas/adapters/dynamodb/lists.ts';
import { termsPartition, termsSortKey } from '../../lambdas/core/campaign-terms.ts';
import type { CampaignTerms, Postback, Sender } from '../../lambdas/core/entities.ts';
import type { Hit } from '../../lambdas/core/hit.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import type { ConversionCatalog } from '../../lambdas/core/ports.ts';
import { hashToken } from '../../lambdas/core/senders.ts';
import { toWire } from '../../lambdas/core/wire.ts';
import { aSender, TOKEN } from '../support/conversions.ts';
import { aPostback, NOON } from '../support/deliveries.ts';
import { aGoal } from '../support/entities.ts';
import { FakeConversionCatalog } from '../support/fakes/conversion-catalog.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';
import { catalogReaderContract } from './catalog-reader.contract.ts';

const DAY = 24 * 60 * 60 * 1_000;

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

beforeEach(async () => {
  const TableName = storage.tables.catalog;
  const { Items = [] } = await storage.client.send(new ScanCommand({ TableName }));
  for (const { pk, sk } of Items.map(fromItem)) {
    await storage.client.send(new DeleteItemCommand({ TableName, Key: toItem({ pk, sk }) }));
  }
});

const put = async (item: object) => {
  await storage.client.send(new PutItemCommand({ TableName: storage.tables.catalog, Item: toItem({ ...item }) }));
};
const putEntity = (pk: string, sk: string, entity: object) => put({ ...(toWire(entity) as object), pk, sk });

catalogReaderContract('DynamoDB', () => ({
  catalog: createConversionCatalog(storage.client, storage.tables.catalog),
  save: {
    campaign: (campaign) => putEntity('campaign', campaign.id, campaign),
    publisher: (publisher) => putEntity('publisher', publisher.id, publisher),
    settings: (settings) => putEntity('settings', 'settings', settings),
    macKey: (key, createdAt) =>
      put({ pk: 'mac_key', sk: new Date(createdAt).toISOString(), key, created_at: createdAt }),
  },
}));

interface Subject {
  readonly catalog: ConversionCatalog;
  readonly saveSender: (sender: Sender) => Promise<void>;
  readonly savePostback: (postback: Postback) => Promise<void>;
  readonly keepTerms: (campaignId: string, terms: CampaignTerms) => Promise<void>;
}

const fake = (): Subject => {
  const catalog = new FakeConversionCatalog();
  catalog.ring = [{ key: createSecretKey(randomBytes(32)), createdAt: 0 }];
  return {
    catalog,
    saveSender: async (sender) => void catalog.senders.set(sender.id, sender),
    savePostback: async (postback) => void catalog.postbacks.push(postback),
    async keepTerms(id, terms) {
      catalog.earlierTerms.set(id, [...(catalog.earlierTerms.get(id) ?? []), terms]);
    },
  };
};

const real = (): Subject => ({
  catalog: createConversionCatalog(storage.client, storage.tables.catalog),
  async saveSender(sender) {
    await putEntity('sender', sender.id, sender);
    for (const { id, hash } of sender.tokens) {
      await put({ pk: 'sender_token', sk: hash, sender_id: sender.id, token_id: id, expires_at: null });
    }
  },
  savePostback: (postback) => putEntity(`postback_of#${postback.publisherId ?? '*'}`, postback.id, postback),
  keepTerms: (id, terms) => putEntity(termsPartition(id), termsSortKey(terms.termsSince), terms),
});

describe.each([
  ['in memory', fake],
  ['on DynamoDB Local', real],
])('the catalog %s, as conversions read it,', (_, subject) => {
  it('knows no sender that was not saved', async () => {
    const { catalog } = subject();
    expect(await catalog.sender('xyz')).toBeNull();
    expect(await catalog.senderIdOfToken(hashToken(TOKEN))).toBeNull();
    expect(await catalog.postbacksOf('tia')).toEqual([]);
  });

  it('finds a sender by its id and by its token', async () => {
    const { catalog, saveSender } = subject();
    const sender = aSender({ parameters: { click_id: ['cid'] }, statusMap: { Ok_1: 'approved' }, decimals: 6 });
    await saveSender(sender);
    expect(await catalog.sender('xyz')).toEqual(sender);
    expect(await catalog.senderIdOfToken(hashToken(TOKEN))).toBe('xyz');
  });

  it('gives the postbacks of a publisher and those of all, paused ones too', async () => {
    const { catalog, savePostback } = subject();
    const own = aPostback({ id: 'own', publisherId: 'tia', goalWords: { camelCase: 'snake_case' } });
    const ofAll = aPostback({ id: 'all', publisherId: null });
    const paused = aPostback({ id: 'paused', publisherId: 'tia', status: 'paused' });
    const other = aPostback({ id: 'other', publisherId: 'other' });
    for (const postback of [own, ofAll, other, paused]) await savePostback(postback);
    const found = await catalog.postbacksOf('tia');
    expect(found.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([ofAll, own, paused]);
  });

  describe('of the terms before a campaign has its present ones', () => {
    const termsOf = (termsSince: number, amount: string): CampaignTerms => ({
      goals: [aGoal({ payout: { model: 'fixed', amount } })],
      overrides: [
        {
          publisherId: 'tia',
          goal: null,
          when: { countries: ['US'], os: [], sources: ['Blog_1'] },
          payout: null,
          revenue: { model: 'percent', percent: '10' },
        },
      ],
      termsSince,
    });
    const oldest = termsOf(NOON, '1');
    const later = termsOf(NOON + 1, '2');
    const latest = termsOf(NOON + DAY, '3');

    it('has none if they are the first', async () => {
      const { catalog, keepTerms } = subject();
      await keepTerms('another', oldest);
      expect(await catalog.termsAt('summer', NOON)).toBeNull();
    });

    it.each([
      ['before the oldest', 0, oldest],
      ['a millisecond before the oldest', NOON - 1, oldest],
      ['exactly when the oldest began', NOON, oldest],
      ['exactly when others began', NOON + 1, later],
      ['between two', NOON + DAY / 2, later],
      ['a millisecond before the latest', NOON + DAY - 1, later],
      ['exactly when the latest began', NOON + DAY, latest],
      ['after the latest', NOON + 999 * DAY, latest],
    ])('gives those that were in force %s', async (__, at, expected) => {
      const { catalog, keepTerms } = subject();
      for (const terms of [later, oldest, latest]) await keepTerms('summer', terms);
      expect(await catalog.termsAt('summer', at)).toEqual(expected);
    });
  });
});

describe('hits on DynamoDB Local', () => {
  it('are found by their id, and the later of two writes counts', async () => {
    const { client, tables } = storage;
    const writer = createHitWriter(client, tables.hits);
    const hit: Hit = {
      id: newSortableId(NOON, randomBytes),
      at: NOON,
      route: 'GET /postback',
      senderId: 'xyz',
      advertiserId: null,
      clickId: null,
      conversionId: null,
      code: 'CLICK_PENDING',
      status: 202,
      query: [
        ['click_id', 'c'],
        ['click_id', ''],
      ],
    };
    await writer.put(hit);
    await writer.put({ ...hit, code: 'OK', status: 200 });
    const read = await createFactReader(client, tables).hit(hit.id);
    expect(read).toMatchObject({ ...hit, code: 'OK', status: 200 });
  });

  it('are kept 30 days from their last write: a call may have been parked for longer', async () => {
    const { client, tables } = storage;
    const now = Date.now();
    const at = now - 180 * DAY;
    const id = newSortableId(at, randomBytes);
    await createHitWriter(client, tables.hits).put({
      id,
      at,
      route: 'GET /postback',
      senderId: null,
      advertiserId: null,
      clickId: null,
      conversionId: null,
      code: 'CLICK_NOT_RECEIVED',
      status: 422,
      query: [],
    });
    const Key = toItem({ pk: new Date(at).toISOString().slice(0, 13), sk: id });
    const { Item = {} } = await client.send(new GetItemCommand({ TableName: tables.hits, Key }));
    expect(Number(Item['expires_at']?.N) * 1_000).toBeGreaterThan(now + 29 * DAY);
  });
});
