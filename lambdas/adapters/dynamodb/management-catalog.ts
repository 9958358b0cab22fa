import { randomBytes } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Postback } from '../../core/entities.ts';
import { COMMIT_TIMEOUT } from '../../core/management-ports.ts';
import type { CatalogChange, CatalogKind, IdempotencyRecord, ManagementCatalog } from '../../core/management-ports.ts';
import { StorageUnavailable } from '../../core/ports.ts';
import type { Wire } from '../../core/wire.ts';
import { putAudit } from './audit.ts';
import { retryConflicts } from './conflicts.ts';
import { storageCall } from './errors.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';
import { readItem, readPartition } from './reads.ts';

/** Catalog as the management API reads and writes it, and the audit trail of it. Items are the wire form itself, plus their key. */
export function createManagementCatalog(
  client: DynamoDBClient,
  { catalog: table, audit: auditTable }: { readonly catalog: string; readonly audit: string },
): ManagementCatalog {
  let cursorKey: Uint8Array | null = null;

  const get = async (pk: string, sk: string): Promise<unknown> => {
    const item = await readItem(client, table, toItem({ pk, sk }));
    return item === null ? null : stripKey(item);
  };

  const query = async (pk: string, after: string | null, limit: number): Promise<unknown[]> =>
    (await readPartition(client, table, { pk, after, limit })).map(stripKey);

  return {
    get: async (kind, id) => (await get(kind, id)) as never,
    list: async (kind, after, limit) => (await query(kind, after, limit)) as never,
    postbacksOf: async (owner) => (await query(`postback_of#${owner}`, null, MAX_COPIES)) as Wire<Postback>[],
    idempotencyRecord: async (keyId, hash) => (await get(`idempotency#${keyId}`, hash)) as IdempotencyRecord | null,

    async commit(changes, audit = []) {
      const command = new TransactWriteItemsCommand({
        TransactItems: [
          ...changes.map((change) => toWrite(change, table)),
          ...audit.map((entry) => putAudit(auditTable, entry)),
        ],
      });
      const abortSignal = AbortSignal.timeout(COMMIT_TIMEOUT);
      try {
        await retryConflicts(() => client.send(command, { abortSignal }));
        return null;
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error;
        const reasons = (error.CancellationReasons ?? []).map(({ Code }) => Code);
        const lost = reasons.indexOf('ConditionalCheckFailed');
        if (lost >= 0) return lost;
        throw new StorageUnavailable(`transaction cancelled: ${reasons.join(', ')}`, { cause: error });
      }
    },

    async touchKey(key, at) {
      const update = (pk: CatalogKind, sk: string): TransactWriteItem => ({
        Update: {
          TableName: table,
          Key: toItem({ pk, sk }),
          UpdateExpression: 'SET last_used_at = :at',
          // Else a key that is revoked meanwhile would leave half an item behind.
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: toItem({ ':at': at }),
        },
      });
      const command = new TransactWriteItemsCommand({
        TransactItems: [update('api_key', key.id), update('api_key_hash', key.hash)],
      });
      try {
        await storageCall(() => client.send(command));
      } catch (error) {
        // Another request notes it at the same time, or the key was revoked.
        if (!(error instanceof TransactionCanceledException)) throw error;
      }
    },

    async cursorKey() {
      cursorKey ??= await readOrMakeCursorKey();
      return cursorKey;
    },
  };

  async function readOrMakeCursorKey(): Promise<Uint8Array> {
    const stored = (await get('cursor_key', 'current')) as { key: Uint8Array } | null;
    if (stored !== null) return stored.key;
    const made = new Uint8Array(randomBytes(32));
    try {
      await storageCall(() =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: toItem({ pk: 'cursor_key', sk: 'current', key: made, created_at: Date.now() }),
            ConditionExpression: 'attribute_not_exists(pk)',
          }),
        ),
      );
      return made;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return readOrMakeCursorKey();
    }
  }
}

/** More copies than may ever exist: at most 50 a publisher, give or take what is saved at the same time. */
const MAX_COPIES = 200;

function stripKey(item: Item): unknown {
  return fromItem(withoutAttributes(item, ['pk', 'sk']));
}

function toWrite(change: CatalogChange, table: string): TransactWriteItem {
  const { pk, sk } = change;
  const put = (value: object) => ({ TableName: table, Item: toItem({ ...value, pk, sk }) });
  switch (change.op) {
    case 'create': {
      if (change.now === undefined) return { Put: { ...put(change.value), ConditionExpression: ABSENT } };
      return {
        Put: {
          ...put(change.value),
          ConditionExpression: `${ABSENT} OR #ttl < :now`,
          ExpressionAttributeNames: { '#ttl': 'ttl' },
          ExpressionAttributeValues: toItem({ ':now': change.now }),
        },
      };
    }
    case 'replace':
      return {
        Put: {
          ...put(change.value),
          ConditionExpression: 'version = :version',
          ExpressionAttributeValues: toItem({ ':version': change.version }),
        },
      };
    case 'put':
      return { Put: put(change.value) };
    case 'delete':
      return { Delete: { TableName: table, Key: toItem({ pk, sk }) } };
    case 'require': {
      const check = { TableName: table, Key: toItem({ pk, sk }) };
      if (change.version !== undefined) {
        const ExpressionAttributeValues = toItem({ ':version': change.version });
        return { ConditionCheck: { ...check, ConditionExpression: 'version = :version', ExpressionAttributeValues } };
      }
      return {
        ConditionCheck: {
          ...check,
          ConditionExpression: 'attribute_exists(pk) AND #status <> :archived',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: toItem({ ':archived': 'archived' }),
        },
      };
    }
  }
}

const ABSENT = 'attribute_not_exists(pk)';
