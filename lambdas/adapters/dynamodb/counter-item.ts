import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, Update } from '@aws-sdk/client-dynamodb';
import { staleAttributes } from '../../core/counters.ts';
import type { Counts, CounterKey, CounterUpdate } from '../../core/counters.ts';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';
import type { Item } from './items.ts';
import { readItem } from './reads.ts';

/** An update as part of a transaction; the reason of one that is refused carries the item. */
export function counterUpdate(TableName: string, { key: { pk, sk }, adds }: CounterUpdate): Update {
  const limited = adds.flatMap(({ amount, limit }, index) => (limit === null ? [] : [{ index, room: limit - amount }]));
  const conditions = limited.map(({ index, room }) =>
    room < 0n ? `#${index} <= :room${index}` : `(attribute_not_exists(#${index}) OR #${index} <= :room${index})`,
  );
  return {
    TableName,
    Key: toItem({ pk, sk }),
    UpdateExpression: `ADD ${adds.map((_, index) => `#${index} :${index}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(adds.map(({ attribute }, index) => [`#${index}`, attribute])),
    ExpressionAttributeValues: toItem({
      ...Object.fromEntries(adds.map(({ amount }, index) => [`:${index}`, amount])),
      ...Object.fromEntries(limited.map(({ index, room }) => [`:room${index}`, room])),
    }),
    ...(conditions.length > 0 && {
      ConditionExpression: conditions.join(' AND '),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
  };
}

/** The counts of an item; times of its row may be among them, under names that no counter has. */
export function fromCounterItem(item: Item): Counts {
  return new Map(Object.entries(item).flatMap(([name, { N }]) => (N === undefined ? [] : [[name, BigInt(N)]])));
}

/** Some of what a counter has too much; an expression may be 4 kB long. */
const PRUNED_AT_ONCE = 400;

/** Removes what is over from one counter. What is over stays over, so it needs no condition. Throws StorageUnavailable. */
export async function pruneCounter(
  client: DynamoDBClient,
  TableName: string,
  { pk, sk }: CounterKey,
  now: number,
): Promise<void> {
  const Key = toItem({ pk, sk });
  const item = await readItem(client, TableName, Key);
  const stale = staleAttributes(fromCounterItem(item ?? {}), now).slice(0, PRUNED_AT_ONCE);
  if (stale.length === 0) return;
  const command = new UpdateItemCommand({
    TableName,
    Key,
    UpdateExpression: `REMOVE ${stale.map((_, index) => `#${index}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(stale.map((attribute, index) => [`#${index}`, attribute])),
  });
  await storageCall(() => client.send(command));
}
