import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCatalogReader } from '../adapters/aws-json/catalog-reader.ts';
import { createClickSpool } from '../adapters/aws-json/click-spool.ts';
import { createClickStore } from '../adapters/aws-json/click-store.ts';
import { awsEndpoint } from '../adapters/aws-json/client.ts';
import { createConversionCountReader } from '../adapters/aws-json/conversion-counts.ts';
import { createDynamoDb } from '../adapters/aws-json/dynamodb.ts';
import { createImpressionCounter } from '../adapters/aws-json/impressions.ts';
import { toClickMessage } from '../adapters/click-message.ts';
import { cacheCatalog, cacheConversionCounts } from '../core/catalog-cache.ts';
import type { ImpressionCounter } from '../core/ports.ts';
import { createClickRecorder } from '../core/record-click.ts';
import type { RedirectDeps } from '../core/redirect.ts';
import { createStorageGate } from '../core/storage-gate.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';
import { createCountryLookup } from './countries.ts';
import { createRandomPool } from './random-pool.ts';
import { createVisitorPlace } from './visitor.ts';

/** What one execution environment has; from its variables. */
export function createDeps(): RedirectDeps & { readonly impressions: ImpressionCounter } {
  const region = requireEnv('AWS_REGION');
  const db = createDynamoDb(awsEndpoint('dynamodb', region), region);
  const counters = requireEnv(ENV.countersTable);
  const now = Date.now;
  const cacheMilliseconds = Number(requireEnv(ENV.cacheSeconds)) * 1_000;
  const cache = {
    now,
    lifetime: cacheMilliseconds,
    sleep,
    onStale: (error: unknown) => log('catalog_stale', describeError(error)),
  };
  const openGate = () =>
    createStorageGate({ now, onFailure: (error) => log('storage_unavailable', describeError(error)) });
  return {
    catalog: cacheCatalog(createCatalogReader(db, requireEnv(ENV.catalogTable)), cache),
    conversionCounts: cacheConversionCounts(createConversionCountReader(db, counters), cache),
    recorder: createClickRecorder({
      store: createClickStore(db, { clicks: requireEnv(ENV.clicksTable), counters }),
      spool: createClickSpool(awsEndpoint('sqs', region), region, requireEnv(ENV.clickSpoolQueueUrl)),
      gates: { counters: openGate(), clicks: openGate() },
      now,
      onNotStored: (spooled, error) =>
        log('click_not_stored', {
          click_id: spooled.click.id,
          ...describeError(error),
          spooled: toClickMessage(spooled),
        }),
    }),
    // Behind a gate of its own: one busy counter of impressions must not keep clicks from storage.
    impressions: createImpressionCounter(db, counters, openGate()),
    locate: createVisitorPlace({
      distributionSecretSha256: process.env[ENV.distributionSecretSha256],
      countryOf: createCountryLookup(countryDatabase()),
    }),
    now,
    random: createRandomPool(),
    network: requireEnv(ENV.network),
    cacheMilliseconds,
  };
}

/** It lies beside the function's code. */
function countryDatabase(): string | undefined {
  const file = process.env[ENV.countryDatabase];
  return file === undefined ? undefined : join(process.env['LAMBDA_TASK_ROOT'] ?? '', file);
}
