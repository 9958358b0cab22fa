import { createSecretKey } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { completeCampaign, DEFAULT_SETTINGS } from '../../core/entities.ts';
import type { Campaign, Publisher, Settings } from '../../core/entities.ts';
import type { CatalogReader } from '../../core/ports.ts';
import { fromWire } from '../../core/wire.ts';
import type { Item } from '../dynamodb/items.ts';
import type { DynamoDb } from './dynamodb.ts';

/** Reads Catalog, strongly consistently. A read takes a second at most: see `cacheCatalog` for who waits for it. */
const TIMEOUT = 1_000;

export function createCatalogReader(db: DynamoDb, tableName: string): CatalogReader {
  /** The entity without its key. Its shape was validated when it was saved; nothing but the API writes it. */
  const entity = async (kind: string, id: string): Promise<unknown> => {
    const input = { TableName: tableName, Key: { pk: { S: kind }, sk: { S: id } }, ConsistentRead: true };
    const answer = await db.call('GetItem', input, TIMEOUT);
    if (answer?.Item === undefined) return null;
    const value = plainObject(answer.Item);
    delete value['pk'];
    delete value['sk'];
    return fromWire(value);
  };

  return {
    async campaign(id) {
      const stored = (await entity('campaign', id)) as Campaign | null;
      return stored && completeCampaign(stored);
    },
    publisher: async (id) => (await entity('publisher', id)) as Publisher | null,
    settings: async () => ((await entity('settings', 'settings')) as Settings | null) ?? DEFAULT_SETTINGS,
    async macKeys() {
      const input = {
        TableName: tableName,
        KeyConditionExpression: 'pk = :kind',
        ExpressionAttributeValues: { ':kind': { S: 'mac_key' } },
        ConsistentRead: true,
      };
      const answer = await db.call('Query', input, TIMEOUT);
      return (answer?.Items ?? []).map(macKey).sort((a, b) => a.createdAt - b.createdAt);
    },
  };
}

function macKey(item: Item) {
  const { key, created_at: createdAt } = plainObject(item);
  if (!(key instanceof Uint8Array) || typeof createdAt !== 'number') throw new TypeError('malformed mac_key item');
  return { key: createSecretKey(key), createdAt };
}

/** Attribute values as JSON has them, to plain values; what Catalog does not use (sets) is refused. */
function plain(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.NULL !== undefined) return null;
  if (value.L !== undefined) return value.L.map(plain);
  if (value.M !== undefined) return plainObject(value.M);
  // Base64 in JSON, whatever the SDK's type says.
  const bytes: unknown = value.B;
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64');
  throw new TypeError(`attribute of type ${Object.keys(value).join()}`);
}

function plainObject(item: Item): Record<string, unknown> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)]));
}
