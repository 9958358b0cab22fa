import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createDeliveryStore } from '../adapters/dynamodb/deliveries.ts';
import { createHitWriter } from '../adapters/dynamodb/hits.ts';
import { createRecordDeps } from '../wiring/record-deps.ts';
import { endHold } from '../core/end-hold.ts';
import { runParked } from '../core/run-parked.ts';
import { sweepDeliveries, sweepHolds, sweepParked } from '../core/sweep.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { logParked, logSweep } from './log-sweep.ts';

/** Milliseconds in which a row may be begun; the rest of the function's 50 s is for those that were. */
const RUN = 40_000;

const dynamoDb = createDynamoDb();
const deps = {
  ...createRecordDeps(dynamoDb),
  deliveries: createDeliveryStore(dynamoDb, requireEnv(ENV.deliveriesTable)),
  hits: createHitWriter(dynamoDb, requireEnv(ENV.hitsTable)),
};

/** Each minute: hints for deliveries that are due, another try for parked conversions, approval of what was held long enough. */
export const handler = async (): Promise<void> => {
  const deadline = Date.now() + RUN;
  const [deliveries, parked, holds] = await Promise.allSettled([
    sweepDeliveries(deps, deadline),
    sweepParked({ ...deps, runParked: async (row) => logParked(row, await runParked(row, deps)) }, deadline),
    sweepHolds({ ...deps, endHold: (id) => endHold(id, deps) }, deadline),
  ]);
  logSweep('deliveries', deliveries);
  logSweep('parked', parked);
  logSweep('holds', holds);
  // A run that could not even look counts as failed, so that the alarm hears of it.
  for (const sweep of [deliveries, parked, holds]) if (sweep.status === 'rejected') throw sweep.reason;
};
