import { ConditionalCheckFailedException, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { retryConflicts } from './conflicts.ts';
import { toItem } from './items.ts';
import type { Item } from './items.ts';

type Value = string | number | boolean;
type Attributes = Readonly<Record<string, Value | null>>;

/** Expressions that set these attributes, or remove those that are null. `more` names what only the condition uses. */
export function update(
  attributes: Attributes,
  condition: string,
  values: Readonly<Record<string, Value>>,
  more: readonly string[] = [],
) {
  const entries = Object.entries(attributes);
  const set = entries.filter(([, value]) => value !== null);
  const remove = entries.filter(([, value]) => value === null).map(([name]) => `#${name}`);
  return {
    UpdateExpression: [
      ...(set.length === 0 ? [] : [`SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')}`]),
      ...(remove.length === 0 ? [] : [`REMOVE ${remove.join(', ')}`]),
    ].join(' '),
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

/** The condition, its values and its names, for {@link update}: that these attributes stand so; null: that they are absent. */
export function unchanged(attributes: Attributes): [string, Record<string, Value>, string[]] {
  const entries = Object.entries(attributes);
  return [
    entries
      .map(([name, value]) => (value === null ? `attribute_not_exists(#${name})` : `#${name} = :was_${name}`))
      .join(' AND '),
    Object.fromEntries(entries.flatMap(([name, value]) => (value === null ? [] : [[`:was_${name}`, value]]))),
    entries.map(([name]) => name),
  ];
}

/**
 * Updates one item on a condition; answers what stands afterwards. `done`: it was written by this call. The SDK sends an
 * update again if no answer came, and the second one may lose its condition to the first: `isOurs` tells, by what stands
 * then, whether it did.
 */
export async function updateOnce(
  client: DynamoDBClient,
  input: UpdateItemCommandInput,
  isOurs: (item: Item) => boolean,
): Promise<{ readonly done: boolean; readonly item: Item }> {
  const command = new UpdateItemCommand({
    ...input,
    ReturnValues: 'ALL_NEW',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    const { Attributes = {} } = await retryConflicts(() => client.send(command));
    return { done: true, item: Attributes };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const { Item: item = {}, $metadata } = error;
    return { done: ($metadata.attempts ?? 1) > 1 && isOurs(item), item };
  }
}
