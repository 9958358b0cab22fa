import type { DynamoDBBatchItemFailure, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { fromClickItem } from '../adapters/dynamodb/click-item.ts';
import { createClickLedger } from '../adapters/dynamodb/click-ledger.ts';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { clickLedgerRow } from '../core/click-payout.ts';
import type { ClickLedgerRow } from '../core/click-payout.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';

const ledger = createClickLedger(createDynamoDb(), requireEnv(ENV.conversionsTable));

/**
 * Books new clicks of the stream that pay. All of a batch are tried, whichever fail: what Lambda hands over again was
 * booked already, which is no harm.
 */
export const handler = async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
  const batchItemFailures: DynamoDBBatchItemFailure[] = [];
  let cause: unknown;
  await Promise.all(
    Records.map(async (record) => {
      const row = toLedgerRow(record);
      if (row === null) return;
      try {
        await ledger.add(row);
      } catch (error) {
        cause ??= error;
        // A failure without its place would be none to Lambda's mind: an empty one fails the whole batch.
        batchItemFailures.push({ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' });
      }
    }),
  );
  const failed = batchItemFailures.length;
  if (failed > 0) log('click_payouts_failed', { failed, ...describeError(cause) });
  return { batchItemFailures };
};

/**
 * An item that cannot be read is passed over with a log line: it will never be another one, and to fail it would keep
 * good clicks of its shard waiting for a day, to end as a place in the stream. The item itself stays in Clicks.
 */
function toLedgerRow({ dynamodb }: DynamoDBRecord): ClickLedgerRow | null {
  const image = dynamodb?.NewImage;
  // A row that went.
  if (image === undefined) return null;
  try {
    return clickLedgerRow(fromClickItem(image), Date.now());
  } catch (error) {
    log('click_payout_malformed', { click_id: image['id']?.S ?? null, ...describeError(error) });
    return null;
  }
}
