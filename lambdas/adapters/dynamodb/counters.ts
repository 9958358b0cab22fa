import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ReadCounter } from '../../core/cap-usage.ts';
import { fromCounterItem } from './counter-update.ts';
import { toItem } from './items.ts';
import { readItem } from './reads.ts';

export function createCounterReader(client: DynamoDBClient, table: string): ReadCounter {
  return async ({ pk, sk }) => fromCounterItem((await readItem(client, table, toItem({ pk, sk }))) ?? {});
}
