import { randomUUID } from 'node:crypto';
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
import { deliveryKey, fromDeliveryItem, stateAttributes, timeAttributes, toAttemptItem } from './delivery-item.ts';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';
import type { Item } from './items.ts';
import { readItem } from './reads.ts';
import { unchanged, update, updateOnce } from './update.ts';

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
      let { successor, recalled } = delivery;
      let releases = true;
      for (let pass = 0; pass < FINISH_PASSES; pass++) {
        const finished = end({ ...delivery, lease: null, successor, recalled });
        const items = [finishItem(table, finished, lease)];
        if (hasEnded(finished.state) && releases && successor !== null) {
          items.push(releaseItem(table, delivery.subjectId, successor, now));
        }
        if (attempt !== null) {
          const nextAttemptAt = hasEnded(finished.state) ? null : attempt.nextAttemptAt;
          items.push({ Put: { TableName: table, Item: toAttemptItem(delivery, { ...attempt, nextAttemptAt }) } });
        }
        const refused = await refusals(client, items);
        if (refused === null) return finished;
        const [own, next] = refused;
        if (own !== undefined) {
          const stored = own.row === undefined ? null : fromDeliveryItem(own.row);
          if (stored?.lease !== lease) return null;
          // Still ours: it got its successor or was recalled during the call.
          ({ successor, recalled } = stored);
          releases = true;
        } else if (next !== undefined) {
          // The successor was cancelled or made due by somebody else.
          releases = false;
        }
      }
      throw new StorageUnavailable(`delivery ${delivery.id} kept changing`);
    },

    async defer({ id, subjectId, number, nextAttemptAt }, to) {
      if (nextAttemptAt === null) return false;
      const input = {
        TableName: table,
        Key: toItem(deliveryKey(subjectId, number)),
        ...update(
          // One that was being sent is taken over from a worker that is gone, as a claim does.
          { ...timeAttributes(id, to), state: 'waiting', lease: null },
          '#state IN (:state, :sending) AND #next_attempt_at = :was AND attribute_not_exists(#recalled)',
          { ':sending': 'sending', ':was': nextAttemptAt },
          ['recalled'],
        ),
      };
      const { done } = await updateOnce(client, input, (item) => {
        const stored = fromDeliveryItem(item);
        return stored.nextAttemptAt === to.nextAttemptAt && stored.dueAt === to.dueAt;
      });
      return done;
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

/** One that would wait but was recalled ends. */
function end(delivery: Delivery): Delivery {
  if (!delivery.recalled || hasEnded(delivery.state)) return delivery;
  return { ...delivery, state: 'cancelled', nextAttemptAt: null, dueAt: null, stuckAt: null };
}

/** Refused unless lease, successor and recall are as they are known. */
function finishItem(table: string, delivery: Delivery, lease: string): TransactWriteItem {
  const { subjectId, number, successor, recalled } = delivery;
  const known = unchanged({ lease, successor, recalled: recalled || null });
  return {
    Update: {
      TableName: table,
      Key: toItem(deliveryKey(subjectId, number)),
      ...update(stateAttributes(delivery), ...known),
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

/** Runs a transaction. Null: committed; else by item, which lost its condition and what is stored instead. */
async function refusals(
  client: DynamoDBClient,
  items: TransactWriteItem[],
): Promise<readonly ({ readonly row: Item | undefined } | undefined)[] | null> {
  // One token for every try: a try whose answer was lost is not done twice.
  const command = new TransactWriteItemsCommand({ TransactItems: items, ClientRequestToken: randomUUID() });
  try {
    await retryConflicts(() => client.send(command));
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
