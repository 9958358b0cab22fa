import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { Postback } from '../../core/entities.ts';
import type { PostbackReader } from '../../core/ports.ts';
import { fromWire } from '../../core/wire.ts';
import { storageCall } from './errors.ts';
import { fromItem, toItem } from './items.ts';

/** Postbacks of the Catalog table by id, read anew each time: a URL that an operator corrected is used at once. */
export function createPostbackReader(client: DynamoDBClient, table: string): PostbackReader {
  return {
    async postback(id) {
      const Key = toItem({ pk: 'postback', sk: id });
      const { Item } = await storageCall(() =>
        client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true })),
      );
      return Item === undefined ? null : (fromWire(fromItem(Item)) as Postback);
    },
  };
}
