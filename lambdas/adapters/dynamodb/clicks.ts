import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ClickReader } from '../../core/ports.ts';
import { fromClickItem } from './click-item.ts';
import { toItem } from './items.ts';
import { readItem } from './reads.ts';

/** Reads clicks, strongly consistently: a conversion may follow its click at once. */
export function createClickReader(client: DynamoDBClient, tableName: string): ClickReader {
  return {
    async click(id) {
      const item = await readItem(client, tableName, toItem({ id }));
      return item === null ? null : fromClickItem(item);
    },
  };
}
