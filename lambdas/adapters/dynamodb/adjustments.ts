import { TransactionCanceledException, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, Put } from '@aws-sdk/client-dynamodb';
import type { Adjustment } from '../../core/adjustment.ts';
import type { AdjustmentLedger } from '../../core/management-ports.ts';
import { toMicros } from '../../core/money.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { putAudit } from './audit.ts';
import { retryConflicts } from './conflicts.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';
import { readItem } from './reads.ts';

/**
 * What the keys of adjustments begin with, in the table and in the indexes that they share with conversions: no id has a
 * `#`, so that neither list finds anything of the other. The list of all is the one that begins so and goes no further.
 */
export const ADJUSTMENTS = 'adjustment#';

/** Adjustments as ledger rows in Conversions, beside those of conversions and clicks. */
export function createAdjustmentLedger(
  client: DynamoDBClient,
  { conversions: table, audit: auditTable }: { readonly conversions: string; readonly audit: string },
): AdjustmentLedger {
  return {
    async adjustment(id) {
      const item = await readItem(client, table, adjustmentKey(id));
      return item === null ? null : fromAdjustmentItem(item);
    },

    async add(adjustment, audit) {
      const add: Put = {
        TableName: table,
        Item: toAdjustmentItem(adjustment),
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      };
      const command = new TransactWriteItemsCommand({ TransactItems: [{ Put: add }, putAudit(auditTable, audit)] });
      try {
        await retryConflicts(() => client.send(command));
        return adjustment;
      } catch (error) {
        const there = error instanceof TransactionCanceledException ? error.CancellationReasons?.[0]?.Item : undefined;
        if (there === undefined) throw error;
        return fromAdjustmentItem(there);
      }
    },
  };
}

function adjustmentKey(id: string): Item {
  return toItem({ pk: `${ADJUSTMENTS}${id}`, sk: 'ledger#0001' });
}

/** An adjustment as its row. */
export function toAdjustmentItem(adjustment: Adjustment): Item {
  const { id, at, campaignId, publisherId, advertiserId } = adjustment;
  return {
    ...toItem({
      ...(toWire(adjustment) as Record<string, unknown>),
      campaign_id: `${ADJUSTMENTS}${campaignId}`,
      publisher_id: `${ADJUSTMENTS}${publisherId}`,
      advertiser_id: `${ADJUSTMENTS}${advertiserId}`,
      month: ADJUSTMENTS,
      listed_at: `${new Date(at).toISOString()}#${id}`,
    }),
    ...adjustmentKey(id),
  };
}

type StoredAdjustment = Omit<Adjustment, 'payout' | 'revenue'> & Record<'payout' | 'revenue', bigint | number>;

/** What {@link toAdjustmentItem} wrote. */
export function fromAdjustmentItem(item: Item): Adjustment {
  const stored = withoutAttributes(item, ['pk', 'sk', 'month', 'listed_at']);
  const adjustment = fromWire(fromItem(stored)) as StoredAdjustment;
  const { campaignId, publisherId, advertiserId, payout, revenue } = adjustment;
  return {
    ...adjustment,
    campaignId: campaignId.slice(ADJUSTMENTS.length),
    publisherId: publisherId.slice(ADJUSTMENTS.length),
    advertiserId: advertiserId.slice(ADJUSTMENTS.length),
    // Small amounts come back from storage as numbers, large ones as bigints.
    payout: toMicros(payout),
    revenue: toMicros(revenue),
  };
}
