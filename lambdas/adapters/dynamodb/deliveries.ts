import type { DynamoDBClient, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import {
  QueryCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { hasEnded, parseDeliveryId } from '../../core/delivery.ts';
import type { Delivery } from '../../core/delivery.ts';
import { dueShard } from '../../core/due-shard.ts';
import { StorageUnavailable } from '../../core/ports.ts';
import type { DeliveryStore } from '../../core/ports.ts';
import { INDEX } from '../../runtime/environment.ts';
import { retryConflicts, unlessConditionLost } from './conflicts.ts';
import { deliveryKey, fromDeliveryItem, toAttemptItem } from './delivery-item.ts';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';
import type { Item } from './items.ts';
import { readItem } from './reads.ts';

/** Each pass of `finish` but the last learns something that it did not know. */
const FINISH_PASSES = 5;

/** The Deliveries table. */
export function createDeliveryStore(client: DynamoDBClient, table: string): DeliveryStore {
  return {
    async delivery(id) {
      const key = keyOf(id);
      if (key === null) return null;
      const item = await readItem(client, table, key);
      return item === null ? null : fromDeliveryItem(item);
    },

    async claim(id, now, lease, leaseUntil) {
      const key = keyOf(id);
      if (key === null) return null;
      const times = { next_attempt_at: leaseUntil, due_at: leaseUntil, due_shard: String(dueShard(id)) };
      const command = new UpdateItemCommand({
        TableName: table,
        Key: key,
        ...update(
          { state: 'sending', lease, ...times },
          // The second half: the SDK repeats a claim whose answer was lost.
          '(#state IN (:waiting, :sending) AND #next_attempt_at <= :now) OR #lease = :lease',
          { ':waiting': 'waiting', ':sending': 'sending', ':now': now },
        ),
        ReturnValues: 'ALL_NEW',
      });
      const { Attributes } = (await unlessConditionLost(() => client.send(command))) ?? {};
      return Attributes === undefined ? null : fromDeliveryItem(Attributes);
    },

    async finish(delivery, lease, attempt, now) {
      let { successor } = delivery;
      let release = hasEnded(delivery.state) && successor !== null;
      for (let pass = 0; pass < FINISH_PASSES; pass++) {
        const finished = { ...delivery, lease: null, successor };
        const items = [finishItem(table, finished, lease)];
        if (release && successor !== null) items.push(releaseItem(table, delivery.subjectId, successor, now));
        if (attempt !== null) items.push({ Put: { TableName: table, Item: toAttemptItem(delivery, attempt) } });
        const refused = await refusals(client, items);
        if (refused === null) return finished;
        const [own, next] = refused;
        if (own !== undefined) {
          const stored = own.row === undefined ? null : fromDeliveryItem(own.row);
          if (stored?.lease !== lease) return null;
          // Still ours: it got its successor during the call.
          ({ successor } = stored);
          release = successor !== null;
        } else if (next !== undefined) {
          // The successor was cancelled or made due by somebody else.
          release = false;
        }
      }
      throw new StorageUnavailable(`delivery ${delivery.id} kept changing`);
    },

    async due(shard, now, limit) {
      const { Items = [] } = await storageCall(() =>
        client.send(
          new QueryCommand({
            TableName: table,
            IndexName: INDEX.deliveries.byDue,
            KeyConditionExpression: 'due_shard = :shard AND due_at <= :now',
            ExpressionAttributeValues: toItem({ ':shard': String(shard), ':now': now }),
            Limit: limit,
          }),
        ),
      );
      return Items.map(fromDeliveryItem);
    },

    async postpone({ subjectId, number, dueAt }, newDueAt) {
      if (dueAt === null) return false;
      const command = new UpdateItemCommand({
        TableName: table,
        Key: toItem(deliveryKey(subjectId, number)),
        ...update({ due_at: newDueAt }, '#due_at = :was', { ':was': dueAt }),
      });
      return (await unlessConditionLost(() => client.send(command))) !== null;
    },
  };
}

function keyOf(id: string): Item | null {
  const parts = parseDeliveryId(id);
  return parts === null ? null : toItem(deliveryKey(parts.subjectId, parts.number));
}

function finishItem(table: string, delivery: Delivery, lease: string): TransactWriteItem {
  const { successor, dueAt } = delivery;
  const ended = hasEnded(delivery.state);
  const unchanged = successor === null ? 'attribute_not_exists(#successor)' : '#successor = :successor';
  return {
    Update: {
      TableName: table,
      Key: toItem(deliveryKey(delivery.subjectId, delivery.number)),
      ...update(
        {
          state: delivery.state,
          attempts: delivery.attempts,
          schedule_step: delivery.scheduleStep,
          next_attempt_at: delivery.nextAttemptAt,
          due_at: dueAt,
          due_shard: dueAt === null ? null : String(dueShard(delivery.id)),
          lease: null,
        },
        ended ? `#lease = :held AND ${unchanged}` : '#lease = :held',
        { ':held': lease, ...(ended && successor !== null && { ':successor': successor }) },
        ended ? ['successor'] : [],
      ),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

function releaseItem(table: string, subjectId: string, number: number, now: number): TransactWriteItem {
  const shard = String(dueShard(`${subjectId}_${number}`));
  return {
    Update: {
      TableName: table,
      Key: toItem(deliveryKey(subjectId, number)),
      ...update(
        { next_attempt_at: now, due_at: now, due_shard: shard },
        '#state = :waiting AND attribute_not_exists(#next_attempt_at)',
        { ':waiting': 'waiting' },
        ['state'],
      ),
    },
  };
}

/** Expressions that set these attributes, or remove those that are null. `more` names what only the condition uses. */
function update(
  attributes: Readonly<Record<string, string | number | null>>,
  condition: string,
  values: Readonly<Record<string, string | number>>,
  more: readonly string[] = [],
) {
  const entries = Object.entries(attributes);
  const set = entries.filter(([, value]) => value !== null);
  const remove = entries.filter(([, value]) => value === null).map(([name]) => `#${name}`);
  return {
    UpdateExpression:
      `SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')}` +
      (remove.length === 0 ? '' : ` REMOVE ${remove.join(', ')}`),
    ConditionExpression: condition,
    ExpressionAttributeNames: Object.fromEntries(
      [...entries.map(([name]) => name), ...more].map((name) => [`#${name}`, name]),
    ),
    ExpressionAttributeValues: toItem({
      ...Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])),
      ...values,
    }),
  };
}

/** Runs a transaction. Null: committed; else by item, which lost its condition and what is stored instead. */
async function refusals(
  client: DynamoDBClient,
  items: TransactWriteItem[],
): Promise<readonly ({ readonly row: Item | undefined } | undefined)[] | null> {
  try {
    await retryConflicts(() => client.send(new TransactWriteItemsCommand({ TransactItems: items })));
    return null;
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const reasons = error.CancellationReasons ?? [];
    if (!reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) {
      throw new StorageUnavailable('a transaction was cancelled', { cause: error });
    }
    return reasons.map(({ Code, Item }) => (Code === 'ConditionalCheckFailed' ? { row: Item } : undefined));
  }
}
