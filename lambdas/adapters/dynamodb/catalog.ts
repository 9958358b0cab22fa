import { createSecretKey } from 'node:crypto';
import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DEFAULT_SETTINGS } from '../../core/entities.ts';
import type { Campaign, Postback, Publisher, Sender, Settings } from '../../core/entities.ts';
import type { ConversionCatalog } from '../../core/ports.ts';
import { fromWire } from '../../core/wire.ts';
import { storageCall } from './errors.ts';
import { fromItem, toItem } from './items.ts';
import type { Item } from './items.ts';

/** The Catalog table as a conversion reads it: no cache, so that what was saved or revoked applies to the next call. */
export function createConversionCatalog(client: DynamoDBClient, table: string): ConversionCatalog {
  const get = async (pk: string, sk: string): Promise<Item | null> => {
    const command = new GetItemCommand({ TableName: table, Key: toItem({ pk, sk }), ConsistentRead: true });
    return (await storageCall(() => client.send(command))).Item ?? null;
  };

  const entity = async <T>(kind: string, id: string): Promise<T | null> => {
    const item = await get(kind, id);
    return item === null ? null : fromEntity<T>(item);
  };

  const list = async (pk: string): Promise<readonly Item[]> => {
    const found: Item[] = [];
    let start: Item | undefined;
    do {
      const command = new QueryCommand({
        TableName: table,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: toItem({ ':pk': pk }),
        ConsistentRead: true,
        ExclusiveStartKey: start,
      });
      const page = await storageCall(() => client.send(command));
      found.push(...(page.Items ?? []));
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return found;
  };

  return {
    campaign: (id) => entity<Campaign>('campaign', id),
    publisher: (id) => entity<Publisher>('publisher', id),
    sender: (id) => entity<Sender>('sender', id),

    async settings() {
      return { ...DEFAULT_SETTINGS, ...(await entity<Settings>('settings', 'settings')) };
    },

    async macKeys() {
      return (await list('mac_key'))
        .map((item) => fromItem(item) as { key: Uint8Array; created_at: number })
        .map(({ key, created_at: createdAt }) => ({ key: createSecretKey(key), createdAt }))
        .sort((a, b) => a.createdAt - b.createdAt);
    },

    async senderIdOfToken(hash) {
      return (await get('sender_token', hash))?.['sender_id']?.S ?? null;
    },

    async postbacksOf(publisherId) {
      const found = await Promise.all([list(`postback_of#${publisherId}`), list('postback_of#*')]);
      return found
        .flat()
        .map((item) => fromEntity<Postback>(item))
        .filter(({ status }) => status === 'active');
    },
  };
}

/** The entity without its key. Its shape was validated when it was saved; nothing but the API writes it. */
function fromEntity<T>(item: Item): T {
  const { pk, sk, ...wire } = item;
  void [pk, sk];
  return fromWire(fromItem(wire)) as T;
}
