import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { PostbackHealth, PostbackHealthStore } from '../../core/ports.ts';
import { unlessConditionLost } from './conflicts.ts';
import { storageCall } from './errors.ts';
import { fromItem, toItem } from './items.ts';
import type { Item } from './items.ts';
import { updateOnce } from './update.ts';

const KEPT_SECONDS = 30 * 24 * 60 * 60;

/** Failing streaks in the Deliveries table, one item a postback, which expires 30 days after the last failure. */
export function createPostbackHealthStore(client: DynamoDBClient, table: string): PostbackHealthStore {
  const itemOf = (postbackId: string) => ({
    TableName: table,
    Key: toItem({ pk: `postback#${postbackId}`, sk: 'health' }),
  });

  return {
    async health(postbackId) {
      const { Item } = await storageCall(() => client.send(new GetItemCommand(itemOf(postbackId))));
      return Item?.['failures'] === undefined ? null : toHealth(Item);
    },

    async failed(postbackId, now) {
      const command = new UpdateItemCommand({
        ...itemOf(postbackId),
        UpdateExpression:
          'SET failing_since = if_not_exists(failing_since, :now), last_failure_at = :now, expires_at = :end ' +
          'ADD failures :one',
        ExpressionAttributeValues: toItem({ ':now': now, ':end': Math.ceil(now / 1_000) + KEPT_SECONDS, ':one': 1 }),
        ReturnValues: 'ALL_NEW',
      });
      return toHealth((await storageCall(() => client.send(command))).Attributes ?? {});
    },

    async recovered(postbackId) {
      // Not deleted: one permission less. What is left expires.
      const command = new UpdateItemCommand({
        ...itemOf(postbackId),
        UpdateExpression: 'REMOVE failing_since, last_failure_at, failures, warnings',
        ConditionExpression: 'attribute_exists(pk)',
      });
      await unlessConditionLost(() => client.send(command));
    },

    async warned(postbackId, n) {
      const input = {
        ...itemOf(postbackId),
        UpdateExpression: 'SET warnings = :n',
        ConditionExpression: 'attribute_exists(failures) AND (attribute_not_exists(warnings) OR warnings < :n)',
        ExpressionAttributeValues: toItem({ ':n': n }),
      };
      return (await updateOnce(client, input, ({ warnings }) => warnings?.N === String(n))).done;
    },
  };
}

function toHealth(item: Item): PostbackHealth {
  const row = fromItem(item) as Record<string, number>;
  const { failing_since: failingSince = 0, failures = 0, last_failure_at: lastFailureAt = 0, warnings = 0 } = row;
  return { failingSince, failures, lastFailureAt, warnings };
}
