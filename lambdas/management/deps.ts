import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAdjustmentLedger } from '../adapters/dynamodb/adjustments.ts';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createCounterReader } from '../adapters/dynamodb/counters.ts';
import { createHitStore } from '../adapters/dynamodb/hits.ts';
import { createFactReader } from '../adapters/dynamodb/lists.ts';
import { createManagementCatalog } from '../adapters/dynamodb/management-catalog.ts';
import { createPostbackHealthStore } from '../adapters/dynamodb/postback-health.ts';
import { createReplayStore } from '../adapters/dynamodb/replays.ts';
import { createPostbackCaller } from '../adapters/http/postback-caller.ts';
import { createDeadLetterQueue } from '../adapters/sqs/dead-letters.ts';
import { createSqs } from '../adapters/sqs/hints.ts';
import { ENV, LOCAL_ENV, OPENAPI_FILE, requireEnv } from '../runtime/environment.ts';
import { logFailure } from '../runtime/log-failure.ts';
import { within } from '../runtime/within.ts';
import { createReceiveDeps } from '../wiring/receive-deps.ts';
import packageJson from '../../package.json' with { type: 'json' };
import type { Deps } from './http.ts';

/** What the management API has, from the function's variables. */
export function createDeps(): Deps {
  const client = createDynamoDb();
  const tables = {
    catalog: requireEnv(ENV.catalogTable),
    clicks: requireEnv(ENV.clicksTable),
    conversions: requireEnv(ENV.conversionsTable),
    deliveries: requireEnv(ENV.deliveriesTable),
    hits: requireEnv(ENV.hitsTable),
    audit: requireEnv(ENV.auditTable),
  };
  const reports = createReceiveDeps(client, tables.audit);
  const allowLoopback = process.env[LOCAL_ENV.egress] === 'loopback';
  return {
    catalog: createManagementCatalog(client, tables),
    facts: createFactReader(client, tables),
    conversions: {
      ...reports,
      hits: { ...createHitStore(client, tables.hits), ...reports.hits },
      within,
      itemFailed: (error) => logFailure(error),
    },
    adjustments: createAdjustmentLedger(client, tables),
    replays: createReplayStore(client, tables.deliveries),
    deadLetters: createDeadLetterQueue(createSqs(), requireEnv(ENV.notificationsDeadLettersUrl)),
    readCounter: createCounterReader(client, requireEnv(ENV.countersTable)),
    health: createPostbackHealthStore(client, tables.deliveries),
    caller: createPostbackCaller({ allowLoopback }),
    userAgent: `Flowback/${packageJson.version}`,
    openApi: createOpenApiReader(join(process.env['LAMBDA_TASK_ROOT'] ?? '', OPENAPI_FILE)),
    now: Date.now,
    random: (length) => new Uint8Array(randomBytes(length)),
    trackingUrl: requireEnv(ENV.trackingUrl),
    apiUrl: requireEnv(ENV.apiUrl),
    cacheSeconds: Number(requireEnv(ENV.cacheSeconds)),
    allowLoopback,
  };
}

/** Read when it is first asked for: the other requests do not wait for it. */
function createOpenApiReader(file: string): () => unknown {
  let document: unknown;
  return () => (document ??= JSON.parse(readFileSync(file, 'utf8')) as unknown);
}
