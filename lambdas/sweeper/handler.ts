import { setTimeout as sleep } from 'node:timers/promises';
import { createConversionCatalog } from '../adapters/dynamodb/catalog.ts';
import { createClickReader } from '../adapters/dynamodb/clicks.ts';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createConversionStore } from '../adapters/dynamodb/conversions.ts';
import { createDeliveryStore } from '../adapters/dynamodb/deliveries.ts';
import { createHitWriter } from '../adapters/dynamodb/hits.ts';
import { createDeliveryHints, createSqs } from '../adapters/sqs/hints.ts';
import { runParked } from '../core/run-parked.ts';
import { sweepDeliveries, sweepParked } from '../core/sweep.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';
import { logParked, logSweep } from './log-sweep.ts';

/** Milliseconds in which a row may be begun; the rest of the function's 50 s is for those that were. */
const RUN = 40_000;

const dynamoDb = createDynamoDb();
const deliveriesTable = requireEnv(ENV.deliveriesTable);
const tables = {
  conversions: requireEnv(ENV.conversionsTable),
  deliveries: deliveriesTable,
  counters: requireEnv(ENV.countersTable),
};
const deps = {
  deliveries: createDeliveryStore(dynamoDb, deliveriesTable),
  hints: createDeliveryHints(createSqs(), requireEnv(ENV.notificationsQueueUrl)),
  catalog: createConversionCatalog(dynamoDb, requireEnv(ENV.catalogTable)),
  clicks: createClickReader(dynamoDb, requireEnv(ENV.clicksTable)),
  store: createConversionStore(dynamoDb, tables),
  hits: createHitWriter(dynamoDb, requireEnv(ENV.hitsTable)),
  now: Date.now,
  pause: (tries: number) => sleep(Math.random() * Math.min(25 * 2 ** tries, 400)),
  countersNotTidied: (campaignId: string, error: unknown) =>
    log('counters_not_tidied', { campaign_id: campaignId, ...describeError(error) }),
  hintLost: (id: string, error: unknown) => log('hint_not_sent', { delivery_id: id, ...describeError(error) }),
};

/** Each minute: hints for deliveries that are due, and another try for parked conversions. */
export const handler = async (): Promise<void> => {
  const deadline = Date.now() + RUN;
  const [deliveries, parked] = await Promise.allSettled([
    sweepDeliveries(deps, deadline),
    sweepParked({ ...deps, runParked: async (row) => logParked(row, await runParked(row, deps)) }, deadline),
  ]);
  logSweep('deliveries', deliveries);
  logSweep('parked', parked);
  // A run that could not even look counts as failed, so that the alarm hears of it.
  for (const sweep of [deliveries, parked]) if (sweep.status === 'rejected') throw sweep.reason;
};
