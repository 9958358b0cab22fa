import { createSecretKey } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { termsPartition, termsSortKey } from '../../core/campaign-terms.ts';
import { completeCampaign, DEFAULT_SETTINGS } from '../../core/entities.ts';
import type { Campaign, CampaignTerms, Postback, Publisher, Sender, Settings } from '../../core/entities.ts';
import type { ConversionCatalog, PostbackReader } from '../../core/ports.ts';
import { fromWire } from '../../core/wire.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';
import { readItem, readPartition } from './reads.ts';

/** The Catalog table as a conversion reads it: no cache, so that what was saved or revoked applies to the next call. */
export function createConversionCatalog(client: DynamoDBClient, table: string): ConversionCatalog {
  const entity = <T>(kind: string, id: string) => readEntity<T>(client, table, kind, id);

  return {
    async campaign(id) {
      const stored = await entity<Campaign>('campaign', id);
      return stored && completeCampaign(stored);
    },
    publisher: (id) => entity<Publisher>('publisher', id),
    sender: (id) => entity<Sender>('sender', id),

    async settings() {
      return { ...DEFAULT_SETTINGS, ...(await entity<Settings>('settings', 'settings')) };
    },

    async macKeys() {
      return (await readPartition(client, table, { pk: 'mac_key' }))
        .map((item) => fromItem(item) as { key: Uint8Array; created_at: number })
        .map(({ key, created_at: createdAt }) => ({ key: createSecretKey(key), createdAt }))
        .sort((a, b) => a.createdAt - b.createdAt);
    },

    async senderIdOfToken(hash) {
      const item = await readItem(client, table, toItem({ pk: 'sender_token', sk: hash }));
      return item?.['sender_id']?.S ?? null;
    },

    async termsAt(campaignId, at) {
      const pk = termsPartition(campaignId);
      const [then] = await readPartition(client, table, { pk, after: termsSortKey(at + 1), limit: 1 });
      const found = then ?? (await readPartition(client, table, { pk })).at(-1);
      return found === undefined ? null : fromEntity<CampaignTerms>(found);
    },

    async postbacksOf(publisherId) {
      const owners = [publisherId, '*'];
      const found = await Promise.all(
        owners.map((owner) => readPartition(client, table, { pk: `postback_of#${owner}` })),
      );
      // Archived ones have no row there.
      return found.flat().map((item) => fromEntity<Postback>(item));
    },
  };
}

/** Postbacks by id, read anew each time: a URL that an operator corrected is used at once. */
export function createPostbackReader(client: DynamoDBClient, table: string): PostbackReader {
  return { postback: (id) => readEntity<Postback>(client, table, 'postback', id) };
}

async function readEntity<T>(client: DynamoDBClient, table: string, kind: string, id: string): Promise<T | null> {
  const item = await readItem(client, table, toItem({ pk: kind, sk: id }));
  return item === null ? null : fromEntity<T>(item);
}

/** The entity without its key. Its shape was validated when it was saved; nothing but the API writes it. */
function fromEntity<T>(item: Item): T {
  return fromWire(fromItem(withoutAttributes(item, ['pk', 'sk']))) as T;
}
