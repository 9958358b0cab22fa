import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createConversionCatalog } from '../adapters/dynamodb/catalog.ts';
import { createClickReader } from '../adapters/dynamodb/clicks.ts';
import { createConversionStore } from '../adapters/dynamodb/conversions.ts';
import type { RecordDeps } from '../core/record-conversion.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';
import { createNewDeliveryDeps } from './new-delivery-deps.ts';

/** What every function has that records or changes conversions; from its variables. `audit`: the table, where it may write it. */
export function createRecordDeps(client: DynamoDBClient, audit?: string): RecordDeps {
  return {
    ...createNewDeliveryDeps(),
    catalog: createConversionCatalog(client, requireEnv(ENV.catalogTable)),
    clicks: createClickReader(client, requireEnv(ENV.clicksTable)),
    store: createConversionStore(client, {
      conversions: requireEnv(ENV.conversionsTable),
      deliveries: requireEnv(ENV.deliveriesTable),
      counters: requireEnv(ENV.countersTable),
      ...(audit !== undefined && { audit }),
    }),
    now: Date.now,
    pause: (tries) => sleep(Math.random() * Math.min(25 * 2 ** tries, 400)),
    countersNotTidied: (campaignId, error) =>
      log('counters_not_tidied', { campaign_id: campaignId, ...describeError(error) }),
  };
}
