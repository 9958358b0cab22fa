import type { CounterKey, Counts, CounterUpdate } from '../../core/counters.ts';
import type { Item } from './items.ts';

/** What an `UpdateItem`, and an `Update` of a transaction, are told of adds on a counter. Without the SDK: the redirect has it. */
interface CounterUpdateInput {
  readonly TableName: string;
  readonly Key: Item;
  readonly UpdateExpression: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Item;
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD';
}

/** Refused, with the item as it is, if one of the limits leaves no room. */
export function counterUpdate(TableName: string, { key, adds }: CounterUpdate): CounterUpdateInput {
  const values: Item = {};
  const conditions: string[] = [];
  for (const [index, { amount, limit }] of adds.entries()) {
    values[`:${index}`] = { N: String(amount) };
    if (limit === null) continue;
    const room = limit - amount;
    values[`:room${index}`] = { N: String(room) };
    conditions.push(
      room < 0n ? `#${index} <= :room${index}` : `(attribute_not_exists(#${index}) OR #${index} <= :room${index})`,
    );
  }
  return {
    TableName,
    Key: { pk: { S: key.pk }, sk: { S: key.sk } },
    UpdateExpression: `ADD ${adds.map((_, index) => `#${index} :${index}`).join(', ')}`,
    ...(conditions.length > 0 && {
      ConditionExpression: conditions.join(' AND '),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
    ExpressionAttributeNames: Object.fromEntries(adds.map(({ attribute }, index) => [`#${index}`, attribute])),
    ExpressionAttributeValues: values,
  };
}

/** What an `UpdateItem` is told to take attributes away from a counter. */
export function counterRemoval(
  TableName: string,
  { pk, sk }: CounterKey,
  attributes: readonly string[],
): Omit<CounterUpdateInput, 'ConditionExpression' | 'ExpressionAttributeValues'> {
  return {
    TableName,
    Key: { pk: { S: pk }, sk: { S: sk } },
    UpdateExpression: `REMOVE ${attributes.map((_, index) => `#${index}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(attributes.map((attribute, index) => [`#${index}`, attribute])),
  };
}

/** The counts of an item; times of its row may be among them, under names that no counter has. */
export function fromCounterItem(item: Item): Counts {
  return new Map(Object.entries(item).flatMap(([name, { N }]) => (N === undefined ? [] : [[name, BigInt(N)]])));
}
