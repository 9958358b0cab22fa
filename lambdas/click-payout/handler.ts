import type { DynamoDBBatchItemFailure, DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { createConversionCatalog } from '../adapters/dynamodb/catalog.ts';
import { createClickLedger } from '../adapters/dynamodb/click-ledger.ts';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createNewDeliveryDeps } from '../wiring/new-delivery-deps.ts';
import { payClick } from '../core/click-payout.ts';
import { readOnce } from '../core/read-once.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';
import { newClickOf } from './new-click-of.ts';

const dynamoDb = createDynamoDb();
const conversions = requireEnv(ENV.conversionsTable);
const ledger = createClickLedger(dynamoDb, { conversions, deliveries: requireEnv(ENV.deliveriesTable) });
const catalog = createConversionCatalog(dynamoDb, requireEnv(ENV.catalogTable));
const always = { ...createNewDeliveryDeps(), ledger, now: Date.now };

/** Clicks booked at a time: waiting for one of the client's sockets counts against the time that a call may take to connect. */
const AT_ONCE = 20;

/**
 * Books new clicks of the stream that pay. All of a batch are tried, whichever fail: what Lambda hands over again was
 * booked already, which is no harm.
 */
export const handler = async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
  const deps = { ...always, catalog: readOnce(catalog) };
  const batchItemFailures: DynamoDBBatchItemFailure[] = [];
  let cause: unknown;
  const book = async (record: DynamoDBRecord): Promise<void> => {
    const click = newClickOf(record);
    if (click === null) return;
    try {
      await payClick(click, deps);
    } catch (error) {
      cause ??= error;
      // A failure without its place would be none to Lambda's mind: an empty one fails the whole batch.
      batchItemFailures.push({ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' });
    }
  };
  for (let first = 0; first < Records.length; first += AT_ONCE) {
    await Promise.all(Records.slice(first, first + AT_ONCE).map(book));
  }
  const failed = batchItemFailures.length;
  if (failed > 0) log('click_payouts_failed', { failed, ...describeError(cause) });
  return { batchItemFailures };
};
