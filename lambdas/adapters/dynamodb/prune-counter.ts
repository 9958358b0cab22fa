import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { staleAttributes } from '../../core/counters.ts';
import type { CounterKey } from '../../core/counters.ts';
import { counterRemoval, fromCounterItem } from './counter-update.ts';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';
import { readItem } from './reads.ts';

/** Some of what a counter has too much; an expression may be 4 kB long. */
const PRUNED_AT_ONCE = 250;

/** Removes what is over from one counter. What is over stays over, so it needs no condition. Throws StorageUnavailable. */
export async function pruneCounter(
  client: DynamoDBClient,
  TableName: string,
  key: CounterKey,
  now: number,
): Promise<void> {
  const item = await readItem(client, TableName, toItem({ ...key }));
  const stale = staleAttributes(fromCounterItem(item ?? {}), now).slice(0, PRUNED_AT_ONCE);
  if (stale.length === 0) return;
  const command = new UpdateItemCommand(counterRemoval(TableName, key, stale));
  await storageCall(() => client.send(command));
}
