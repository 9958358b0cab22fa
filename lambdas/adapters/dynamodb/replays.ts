import { QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ReplayStore } from '../../core/management-ports.ts';
import { INDEX } from '../../runtime/environment.ts';
import { createDeliveryStore } from './deliveries.ts';
import { deliveryKey, fromDeliveryItem, timeAttributes } from './delivery-item.ts';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';
import { unchanged, update, updateOnce } from './update.ts';

/** The Deliveries table as operators send from it again. */
export function createReplayStore(client: DynamoDBClient, table: string): ReplayStore {
  const deliveries = createDeliveryStore(client, table);

  return {
    delivery: (id) => deliveries.delivery(id),

    async stuck(postbackId, { since, after, limit }) {
      const command = new QueryCommand({
        TableName: table,
        IndexName: INDEX.deliveries.byStuck,
        // Every `stuck_at` of that very millisecond is longer than the time itself.
        KeyConditionExpression: 'postback_id = :postback AND stuck_at > :from',
        ExpressionAttributeValues: toItem({ ':postback': postbackId, ':from': after ?? new Date(since).toISOString() }),
        Limit: limit,
      });
      const { Items = [], LastEvaluatedKey } = await storageCall(() => client.send(command));
      return { deliveries: Items.map(fromDeliveryItem), next: LastEvaluatedKey?.['stuck_at']?.S ?? null };
    },

    async revive({ id, subjectId, number, state, nextAttemptAt, dueAt: wasDueAt, recalled }, now, dueAt) {
      const input = {
        TableName: table,
        Key: toItem(deliveryKey(subjectId, number)),
        ...update(
          {
            ...timeAttributes(id, { nextAttemptAt: now, dueAt, stuckAt: null }),
            state: 'waiting',
            schedule_step: 0,
            lease: null,
            recalled: null,
          },
          ...unchanged({ state, next_attempt_at: nextAttemptAt, due_at: wasDueAt, recalled: recalled || null }),
        ),
      };
      const { done } = await updateOnce(client, input, (item) => {
        const stored = fromDeliveryItem(item);
        return stored.state === 'waiting' && stored.nextAttemptAt === now && stored.dueAt === dueAt;
      });
      return done;
    },
  };
}
