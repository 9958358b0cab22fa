import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ClickReader } from '../../core/ports.ts';
import { fromClickItem } from './click-item.ts';
import { storageCall } from './errors.ts';

/** Reads clicks, strongly consistently: a conversion may follow its click at once. */
export function createClickReader(client: DynamoDBClient, tableName: string): ClickReader {
  return {
    async click(id) {
      const command = new GetItemCommand({ TableName: tableName, Key: { id: { S: id } }, ConsistentRead: true });
      const { Item: item } = await storageCall(() => client.send(command));
      return item === undefined ? null : fromClickItem(item);
    },
  };
}
