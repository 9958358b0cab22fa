import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ClickLedger } from '../../core/ports.ts';
import { toWire } from '../../core/wire.ts';
import { unlessConditionLost } from './conflicts.ts';
import { toItem } from './items.ts';

/**
 * Ledger rows of clicks in Conversions, beside the rows of the goals that the click reached; named as those of
 * conversions, whose partition is `conversion#<id>`.
 */
export function createClickLedger(client: DynamoDBClient, conversionsTable: string): ClickLedger {
  return {
    async add(row) {
      const command = new PutItemCommand({
        TableName: conversionsTable,
        Item: toItem({ ...(toWire(row) as Record<string, unknown>), pk: `click#${row.clickId}`, sk: 'ledger#0001' }),
        ConditionExpression: 'attribute_not_exists(pk)',
      });
      await unlessConditionLost(() => client.send(command));
    },
  };
}
