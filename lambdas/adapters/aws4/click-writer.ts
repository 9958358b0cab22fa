import type { ClickWriter } from '../../core/ports.ts';
import { toClickItem } from '../dynamodb/click-item.ts';
import type { DynamoDb } from './dynamodb.ts';

/**
 * How long a visitor waits for a click to be stored, in milliseconds. Long, because what is left after it is a line of the
 * log; with a queue behind it, a quarter of a second will do.
 */
const TIMEOUT = 2_000;

export function createClickWriter(db: DynamoDb, tableName: string): ClickWriter {
  return {
    async put(click) {
      // A lost condition means that a try whose answer was lost did store the click: nobody else has its id.
      await db.call(
        'PutItem',
        { TableName: tableName, Item: toClickItem(click), ConditionExpression: 'attribute_not_exists(id)' },
        TIMEOUT,
      );
    },
  };
}
