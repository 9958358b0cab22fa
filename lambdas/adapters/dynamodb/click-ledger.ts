import { randomUUID } from 'node:crypto';
import { PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ClickLedger } from '../../core/ports.ts';
import { toWire } from '../../core/wire.ts';
import { unlessConditionLost } from './conflicts.ts';
import { toDeliveryItem } from './delivery-item.ts';
import { toItem } from './items.ts';

interface Tables {
  readonly conversions: string;
  readonly deliveries: string;
}

/**
 * Ledger rows of clicks in Conversions, beside the rows of the goals that the click reached; named as those of
 * conversions, whose partition is `conversion#<id>`.
 */
export function createClickLedger(client: DynamoDBClient, tables: Tables): ClickLedger {
  return {
    async add(row, deliveries) {
      const put = {
        TableName: tables.conversions,
        Item: toItem({ ...(toWire(row) as Record<string, unknown>), pk: `click#${row.clickId}`, sk: 'ledger#0001' }),
        ConditionExpression: 'attribute_not_exists(pk)',
      };
      // A transaction costs twice as much, and most clicks are told to nobody.
      if (deliveries.length === 0)
        return (await unlessConditionLost(() => client.send(new PutItemCommand(put)))) !== null;
      const command = new TransactWriteItemsCommand({
        // The ledger row alone decides: where it is not, no delivery of the click is.
        TransactItems: [
          { Put: put },
          ...deliveries.map((delivery) => ({ Put: { TableName: tables.deliveries, Item: toDeliveryItem(delivery) } })),
        ],
        // One token for every try: a try whose answer was lost is not done twice.
        ClientRequestToken: randomUUID(),
      });
      return (await unlessConditionLost(() => client.send(command))) !== null;
    },
  };
}
