import { randomUUID } from 'node:crypto';
import type { CancellationReason, DynamoDBClient, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import {
  DeleteItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { HistoryRow, LedgerRow } from '../../core/conversion.ts';
import type { CounterUpdate } from '../../core/counters.ts';
import { DUE_SHARDS, dueShard } from '../../core/due-shard.ts';
import { MAX_OF_TXN } from '../../core/locate-conversion.ts';
import { StorageUnavailable } from '../../core/ports.ts';
import type {
  ClickGoalRow,
  CommitResult,
  ConversionStore,
  ConversionWrite,
  DedupeKey,
  DeliveryChange,
  KeyChange,
  ParkedConversion,
  TxnIndexRow,
} from '../../core/ports.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { INDEX } from '../../runtime/environment.ts';
import { putAudit } from './audit.ts';
import { retryConflicts, unlessConditionLost } from './conflicts.ts';
import {
  conversionKey,
  fromConversionItem,
  HOLD_SHARD,
  toConversionItem,
  toTxnItem,
  txnPartition,
} from './conversion-item.ts';
import { counterUpdate, fromCounterItem } from './counter-update.ts';
import { deliveryKey, fromDeliveryItem, toDeliveryItem } from './delivery-item.ts';
import { storageCall } from './errors.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';
import { pruneCounter } from './prune-counter.ts';
import { readItem, readPartition } from './reads.ts';

interface Tables {
  readonly conversions: string;
  readonly deliveries: string;
  readonly counters: string;
  /** Of a function whose changes are audited. */
  readonly audit?: string;
}

const UNTAKEN = 'attribute_not_exists(pk)';
/** A row that remembers a rejection names no conversion. */
const REMEMBERED = 'attribute_exists(pk) AND attribute_not_exists(conversion_id)';

/** The Conversions table, and what a conversion's transaction writes to Deliveries and Counters. */
export function createConversionStore(client: DynamoDBClient, tables: Tables): ConversionStore {
  const table = tables.conversions;

  /** What the index of due times says of all shards of one kind. */
  const due = async (kind: string, now: number, limit: number): Promise<Item[]> => {
    const shards = await Promise.all(
      Array.from({ length: DUE_SHARDS }, async (_, shard) => {
        const command = new QueryCommand({
          TableName: table,
          IndexName: INDEX.conversions.byDue,
          KeyConditionExpression: 'due_shard = :shard AND due_at <= :now',
          ExpressionAttributeValues: toItem({ ':shard': `${kind}${shard}`, ':now': now }),
          Limit: limit,
        });
        return (await storageCall(() => client.send(command))).Items ?? [];
      }),
    );
    return shards.flat();
  };

  return {
    async clickGoals(clickId) {
      return (await readPartition(client, table, { pk: clickPartition(clickId), prefix: 'goal#' })).map(
        fromClickGoalItem,
      );
    },

    async txn(hash) {
      const item = await readItem(client, table, toItem(keyOf({ kind: 'txn', hash })));
      return item === null ? null : { conversionId: item['conversion_id']?.S ?? null };
    },

    async conversionsOfTxn(txnHash, advertiserId) {
      const prefix = advertiserId === null ? '' : `${advertiserId}#`;
      const range = { pk: txnPartition(txnHash), prefix, limit: MAX_OF_TXN };
      return (await readPartition(client, table, range)).map(fromRow<TxnIndexRow>);
    },

    async conversion(id) {
      const item = await readItem(client, table, conversionKey(id));
      return item === null ? null : fromConversionItem(item);
    },

    async deliveriesOf(subjectId) {
      const range = { pk: subjectId, prefix: 'delivery#' };
      return (await readPartition(client, tables.deliveries, range)).map(fromDeliveryItem);
    },

    async commit(write) {
      // In this order the cancellation reasons come: dedupe first, then caps.
      const keys = write.keys.map((change) => keyItem(table, change));
      const conversion = conversionItems(table, write);
      const counters = write.counters.map((update) => ({ Update: counterUpdate(tables.counters, update) }));
      const deliveries = write.deliveries.map((change) => deliveryItem(tables.deliveries, change));
      const audit = write.audit ? [putAudit(tables.audit, write.audit)] : [];
      const command = new TransactWriteItemsCommand({
        TransactItems: [...keys, ...conversion, ...counters, ...deliveries, ...audit],
        // One token for every try: a try whose answer was lost is not done twice.
        ClientRequestToken: randomUUID(),
      });
      try {
        await retryConflicts(() => client.send(command));
        return { committed: true };
      } catch (error) {
        return lostCondition(error, keys.length, keys.length + conversion.length, write.counters);
      }
    },

    async pruneCounters(keys, now) {
      await Promise.all(keys.map((key) => pruneCounter(client, tables.counters, key, now)));
    },

    async remember(key) {
      const command = new PutItemCommand({
        TableName: table,
        Item: toItem({ ...keyOf(key), ...(key.kind === 'clickGoal' && { open: false, several: false }) }),
        ConditionExpression: `${UNTAKEN} OR attribute_not_exists(conversion_id)`,
      });
      return (await unlessConditionLost(() => client.send(command))) !== null;
    },

    async park(parked) {
      const command = new PutItemCommand({ TableName: table, Item: toParkedItem(parked) });
      await storageCall(() => client.send(command));
    },

    async dueParked(now, limit) {
      return (await due('', now, limit))
        .map(fromRow<ParkedConversion>)
        .sort((a, b) => a.dueAt - b.dueAt || (a.hitId < b.hitId ? -1 : 1))
        .slice(0, limit);
    },

    async endedHolds(now, limit) {
      return (await due(HOLD_SHARD, now, limit))
        .map(fromConversionItem)
        .flatMap(({ id, holdUntil }) => (holdUntil === null ? [] : [{ conversionId: id, until: holdUntil }]))
        .sort((a, b) => a.until - b.until || (a.conversionId < b.conversionId ? -1 : 1))
        .slice(0, limit);
    },

    async postponeHold({ conversionId, until }, dueAt) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: conversionKey(conversionId),
        UpdateExpression: 'SET due_at = :due_at',
        ConditionExpression: 'hold_until = :until',
        ExpressionAttributeValues: toItem({ ':due_at': dueAt, ':until': until }),
      });
      await unlessConditionLost(() => client.send(command));
    },

    async oldestParked(clickId) {
      const [oldest] = await readPartition(client, table, { pk: parkedPartition(clickId), limit: 1 });
      return oldest?.['sk']?.S ?? null;
    },

    async postponeParked(parked, dueAt) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: parkedKey(parked),
        UpdateExpression: 'SET due_at = :due_at',
        ConditionExpression: 'due_at = :was',
        ExpressionAttributeValues: toItem({ ':due_at': dueAt, ':was': parked.dueAt }),
      });
      return (await unlessConditionLost(() => client.send(command))) !== null;
    },

    async unpark(parked) {
      const command = new DeleteItemCommand({ TableName: table, Key: parkedKey(parked) });
      await storageCall(() => client.send(command));
    },
  };
}

const padded = (number: number): string => String(number).padStart(4, '0');
const clickPartition = (clickId: string): string => `click#${clickId}`;
const parkedPartition = (clickId: string): string => `parked#${clickId}`;

function keyOf(key: DedupeKey): { readonly pk: string; readonly sk: string } {
  if (key.kind === 'txn') return { pk: `key#${key.hash}`, sk: 'key' };
  return { pk: clickPartition(key.clickId), sk: `goal#${key.goal}` };
}

function fromClickGoalItem(item: Item): ClickGoalRow {
  return {
    goal: (item['sk']?.S ?? '').slice('goal#'.length),
    conversionId: item['conversion_id']?.S ?? null,
    open: item['open']?.BOOL === true,
    several: item['several']?.BOOL === true,
  };
}

/** A row that is the wire form of its type, without what only the table needs. */
function fromRow<T>(item: Item): T {
  return fromWire(fromItem(withoutAttributes(item, ['pk', 'sk', 'due_shard']))) as T;
}

function parkedKey({ clickId, hitId }: ParkedConversion): Item {
  return toItem({ pk: parkedPartition(clickId), sk: hitId });
}

function toParkedItem(parked: ParkedConversion): Item {
  const wire = toWire(parked) as Record<string, unknown>;
  return { ...toItem({ ...wire, due_shard: String(dueShard(parked.hitId)) }), ...parkedKey(parked) };
}

function keyItem(table: string, change: KeyChange): TransactWriteItem {
  switch (change.kind) {
    case 'put': {
      const { key, conversionId, open, over } = change;
      const row = key.kind === 'clickGoal' ? { open, several: false } : {};
      const Item = toItem({ ...keyOf(key), conversion_id: conversionId, ...row });
      return { Put: { TableName: table, Item, ConditionExpression: over === 'nothing' ? UNTAKEN : REMEMBERED } };
    }
    case 'follow':
      return {
        Update: {
          TableName: table,
          Key: toItem(keyOf({ ...change, kind: 'clickGoal' })),
          UpdateExpression: 'SET several = :true',
          ConditionExpression: 'attribute_exists(conversion_id) AND #open = :false',
          ExpressionAttributeNames: { '#open': 'open' },
          ExpressionAttributeValues: toItem({ ':true': true, ':false': false }),
        },
      };
    case 'close':
      return {
        Update: {
          TableName: table,
          Key: toItem(keyOf({ ...change, kind: 'clickGoal' })),
          UpdateExpression: 'SET #open = :false',
          ConditionExpression: '#open = :true AND conversion_id = :conversion_id',
          ExpressionAttributeNames: { '#open': 'open' },
          ExpressionAttributeValues: toItem({ ':true': true, ':false': false, ':conversion_id': change.conversionId }),
        },
      };
    case 'index': {
      return { Put: { TableName: table, Item: toTxnItem(change.txnHash, change.row) } };
    }
  }
}

function conversionItems(table: string, write: ConversionWrite): TransactWriteItem[] {
  const { conversion, expectedVersion, history, ledger } = write;
  const unchanged =
    expectedVersion === null
      ? { ConditionExpression: UNTAKEN }
      : {
          ConditionExpression: '#version = :version',
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: toItem({ ':version': expectedVersion }),
        };
  const row = (kind: 'history' | 'ledger', value: HistoryRow | LedgerRow): TransactWriteItem => ({
    Put: {
      TableName: table,
      Item: toItem({
        ...(toWire(value) as Record<string, unknown>),
        pk: `conversion#${value.conversionId}`,
        sk: `${kind}#${padded(value.number)}`,
      }),
      ConditionExpression: UNTAKEN,
    },
  });
  return [
    { Put: { TableName: table, Item: toConversionItem(conversion), ...unchanged } },
    row('history', history),
    ...(ledger === null ? [] : [row('ledger', ledger)]),
  ];
}

function deliveryItem(table: string, change: DeliveryChange): TransactWriteItem {
  const { delivery } = change;
  if (change.kind === 'put') {
    return { Put: { TableName: table, Item: toDeliveryItem(delivery), ConditionExpression: UNTAKEN } };
  }
  const Key = toItem(deliveryKey(delivery.subjectId, delivery.number));
  const ExpressionAttributeNames = { '#state': 'state' };
  if (change.kind === 'cancel') {
    return {
      Update: {
        TableName: table,
        Key,
        ExpressionAttributeNames,
        UpdateExpression: 'SET #state = :cancelled REMOVE due_at, due_shard, next_attempt_at, successor, stuck_at',
        ConditionExpression: '#state = :waiting',
        ExpressionAttributeValues: toItem({ ':cancelled': 'cancelled', ':waiting': 'waiting' }),
      },
    };
  }
  const { successor } = change;
  const recalls = change.kind === 'recall';
  const sets = [...(recalls ? ['recalled = :true'] : []), ...(successor === null ? [] : ['successor = :successor'])];
  const same = delivery.successor === null ? 'attribute_not_exists(successor)' : 'successor = :was';
  return {
    Update: {
      TableName: table,
      Key,
      ExpressionAttributeNames,
      UpdateExpression: [
        ...(sets.length === 0 ? [] : [`SET ${sets.join(', ')}`]),
        ...(successor === null ? ['REMOVE successor'] : []),
      ].join(' '),
      ConditionExpression: `${recalls ? '#state = :sending' : '#state IN (:sending, :waiting)'} AND ${same}`,
      ExpressionAttributeValues: toItem({
        ':sending': 'sending',
        ...(recalls ? { ':true': true } : { ':waiting': 'waiting' }),
        ...(successor !== null && { ':successor': successor }),
        ...(delivery.successor !== null && { ':was': delivery.successor }),
      }),
    },
  };
}

/** The first reason counts: `keys` and `rows` are the ends of the keys' and the conversion's items, `counters` follow. */
function lostCondition(error: unknown, keys: number, rows: number, counters: readonly CounterUpdate[]): CommitResult {
  if (!(error instanceof TransactionCanceledException)) throw error;
  const reasons = error.CancellationReasons ?? [];
  const isLost = (reason: CancellationReason | undefined) => reason?.Code === 'ConditionalCheckFailed';
  const lost = reasons.findIndex(isLost);
  if (lost < 0) throw new StorageUnavailable('a transaction was cancelled', { cause: error });
  if (lost < keys) return { committed: false, lost: 'key' };
  if (lost < rows) return { committed: false, lost: 'version' };
  if (lost >= rows + counters.length) return { committed: false, lost: 'delivery' };
  const refusing = counters.flatMap(({ key }, index) => {
    const reason = reasons[rows + index];
    return isLost(reason) ? [{ key, counts: fromCounterItem(reason?.Item ?? {}) }] : [];
  });
  return { committed: false, lost: 'cap', counters: refusing };
}
