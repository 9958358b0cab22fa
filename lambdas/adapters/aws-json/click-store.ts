import { setTimeout as sleep } from 'node:timers/promises';
import { PERIOD_GRACE_MS, visitKey } from '../../core/counters.ts';
import type { CounterKey } from '../../core/counters.ts';
import { StorageUnavailable } from '../../core/ports.ts';
import type { ClickPut, ClickStore, VisitMarker } from '../../core/ports.ts';
import { clickCodeOf, toClickItem } from '../dynamodb/click-item.ts';
import { counterRemoval, counterUpdate, fromCounterItem } from '../dynamodb/counter-update.ts';
import type { Item } from '../dynamodb/items.ts';
import type { DynamoDb, Refusal } from './dynamodb.ts';

/** How often a transaction is tried that collides with others on the same counters, and how long it waits first. */
const TRIES = 5;
const FIRST_WAIT = 25;

/** Clicks and their counters, without the SDK. */
export function createClickStore(
  db: DynamoDb,
  tables: { readonly clicks: string; readonly counters: string },
): ClickStore {
  const TableName = tables.counters;

  return {
    async put(click, slots, timeout) {
      const put = {
        TableName: tables.clicks,
        Item: toClickItem(click),
        ConditionExpression: 'attribute_not_exists(id)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      };
      if (slots.length === 0) {
        const { refusal } = await db.call('PutItem', put, timeout);
        return refusal === undefined ? { kind: 'stored' } : there(refusal.Item);
      }
      const updates = slots.map((slot) => ({ Update: counterUpdate(TableName, slot) }));
      return transact(db, { TransactItems: [...updates, { Put: put }] }, timeout);
    },

    async add(update, timeout) {
      const input = { ...counterUpdate(TableName, update), ReturnValues: 'ALL_NEW' };
      const { refusal, Attributes } = await db.call('UpdateItem', input, timeout, false);
      return { added: refusal === undefined, counts: fromCounterItem(refusal?.Item ?? Attributes ?? {}) };
    },

    async forget(key, attributes, timeout) {
      await db.call('UpdateItem', counterRemoval(TableName, key, attributes), timeout);
    },

    async visit(key, timeout) {
      const { Item } = await db.call(
        'GetItem',
        { TableName, Key: toKey(visitKey(key)), ConsistentRead: true },
        timeout,
      );
      return toMarker(Item);
    },

    async claimVisit({ key, windowSeconds }, { id, createdAt }, timeout) {
      const expiresAt = Math.ceil((createdAt + windowSeconds * 1_000 + PERIOD_GRACE_MS) / 1_000);
      const input = {
        TableName,
        Key: toKey(visitKey(key)),
        UpdateExpression: 'SET click_id = :id, counted_at = :at, expires_at = :end',
        ConditionExpression: 'attribute_not_exists(pk) OR counted_at <= :before OR click_id = :id',
        ExpressionAttributeValues: {
          ':id': { S: id },
          ':at': { N: String(createdAt) },
          ':end': { N: String(expiresAt) },
          ':before': { N: String(createdAt - windowSeconds * 1_000) },
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      };
      const { refusal } = await db.call('UpdateItem', input, timeout);
      return toMarker(refusal?.Item);
    },

    async releaseVisit(key, clickId, timeout) {
      // Not deleted, but older than any window: one permission less.
      const input = {
        TableName,
        Key: toKey(visitKey(key)),
        UpdateExpression: 'SET counted_at = :never',
        ConditionExpression: 'click_id = :id',
        ExpressionAttributeValues: { ':never': { N: '0' }, ':id': { S: clickId } },
      };
      await db.call('UpdateItem', input, timeout);
    },
  };
}

/** Tried again only when others were in its way: then it did nothing. */
async function transact(db: DynamoDb, input: object, timeout: number): Promise<ClickPut> {
  const end = Date.now() + timeout;
  for (let tried = 1; ; tried++) {
    const { refusal } = await db.call('TransactWriteItems', input, Math.max(1, end - Date.now()));
    if (refusal === undefined) return { kind: 'stored' };
    const reasons = refusal.CancellationReasons ?? [];
    const click = reasons.at(-1);
    if (click?.Code === LOST) return there(click.Item);
    if (reasons.some(({ Code }) => Code === LOST)) return { kind: 'full' };
    const wait = Math.random() * FIRST_WAIT * 2 ** tried;
    if (tried === TRIES || Date.now() + wait >= end) throw new StorageUnavailable(describe(refusal));
    await sleep(wait);
  }
}

const LOST = 'ConditionalCheckFailed';

function describe({ CancellationReasons = [] }: Refusal): string {
  return `transaction cancelled: ${CancellationReasons.map(({ Code }) => Code).join()}`;
}

function there(item: Item | undefined): ClickPut {
  if (item === undefined) throw new StorageUnavailable('a lost condition without its item');
  return { kind: 'there', code: clickCodeOf(item) };
}

function toKey({ pk, sk }: CounterKey): Item {
  return { pk: { S: pk }, sk: { S: sk } };
}

function toMarker(item: Item | undefined): VisitMarker | null {
  const clickId = item?.['click_id']?.S;
  const countedAt = item?.['counted_at']?.N;
  return clickId === undefined || countedAt === undefined ? null : { clickId, countedAt: Number(countedAt) };
}
