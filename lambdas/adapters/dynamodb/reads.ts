import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';
import type { Item } from './items.ts';

/** One item, strongly consistent; null: there is none. Throws StorageUnavailable. */
export async function readItem(client: DynamoDBClient, table: string, key: Item): Promise<Item | null> {
  const command = new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true });
  return (await storageCall(() => client.send(command))).Item ?? null;
}

interface PartitionRange {
  readonly pk: string;
  /** What the sort keys begin with. @default - anything */
  readonly prefix?: string;
  /** Sort key after which to begin. @default - the first */
  readonly after?: string | null;
  /** @default - all */
  readonly limit?: number;
}

/** Items of one partition by `pk` and `sk`, in the order of their sort keys, strongly consistent. Throws StorageUnavailable. */
export async function readPartition(client: DynamoDBClient, table: string, range: PartitionRange): Promise<Item[]> {
  const { pk, prefix = '', after = null, limit = Infinity } = range;
  const found: Item[] = [];
  let start = after === null ? undefined : toItem({ pk, sk: after });
  do {
    const command = new QueryCommand({
      TableName: table,
      // An empty text is no key value, not even in a condition.
      KeyConditionExpression: prefix === '' ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: toItem({ ':pk': pk, ...(prefix !== '' && { ':prefix': prefix }) }),
      ConsistentRead: true,
      ExclusiveStartKey: start,
      ...(limit < Infinity && { Limit: limit - found.length }),
    });
    const page = await storageCall(() => client.send(command));
    found.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start !== undefined && found.length < limit);
  return found;
}
