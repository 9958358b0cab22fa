import { createSecretKey, randomUUID } from 'node:crypto';
import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { termsPartition, termsSortKey } from '../../core/campaign-terms.ts';
import { completeCampaign, DEFAULT_SETTINGS } from '../../core/entities.ts';
import type { Campaign, CampaignTerms, Postback, Publisher, Sender, Settings } from '../../core/entities.ts';
import type { ConversionCatalog, PostbackCatalog } from '../../core/ports.ts';
import { fromWire } from '../../core/wire.ts';
import { unlessConditionLost } from './conflicts.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';
import { readItem, readPartition } from './reads.ts';
import { unchanged, update } from './update.ts';

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
      return found.flat().map((item) => completePostback(fromEntity(item)));
    },
  };
}

/** Postbacks by id, read anew each time: a URL that an operator corrected is used at once. */
export function createPostbackCatalog(client: DynamoDBClient, table: string): PostbackCatalog {
  return {
    async postback(id) {
      const stored = await readEntity<Postback>(client, table, 'postback', id);
      return stored && completePostback(stored);
    },

    async disable({ id, publisherId, version }, reason, now) {
      const disabled = { status: 'disabled', disabled_at: now, disabled_reason: reason };
      const attributes = { ...disabled, version: version + 1, updated_at: now };
      // No more attributes than these: the role of the function that calls out may touch no other.
      const changed = update(attributes, ...unchanged({ version, status: 'active' }));
      const command = new TransactWriteItemsCommand({
        TransactItems: ['postback', `postback_of#${publisherId ?? '*'}`].map((pk) => ({
          Update: { TableName: table, Key: toItem({ pk, sk: id }), ...changed },
        })),
        // One token for every try: a try whose answer was lost is not done twice.
        ClientRequestToken: randomUUID(),
      });
      return (await unlessConditionLost(() => client.send(command))) !== null;
    },
  };
}

/** A postback as it is stored; rows from before one could be disabled lack when and why. */
function completePostback(stored: Postback): Postback {
  return { ...NOT_DISABLED, ...stored };
}

const NOT_DISABLED = { disabledAt: null, disabledReason: null } satisfies Partial<Postback>;

async function readEntity<T>(client: DynamoDBClient, table: string, kind: string, id: string): Promise<T | null> {
  const item = await readItem(client, table, toItem({ pk: kind, sk: id }));
  return item === null ? null : fromEntity<T>(item);
}

/** The entity without its key. Its shape was validated when it was saved; nothing but the API writes it. */
function fromEntity<T>(item: Item): T {
  return fromWire(fromItem(withoutAttributes(item, ['pk', 'sk']))) as T;
}
