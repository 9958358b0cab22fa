import { randomBytes } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createHitWriter } from '../adapters/dynamodb/hits.ts';
import type { ReceiveDeps } from '../core/judgement.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';
import { createRecordDeps } from './record-deps.ts';

/** What every function has that receives reports of conversions; from its variables. `audit`: as {@link createRecordDeps}. */
export function createReceiveDeps(client: DynamoDBClient, audit?: string): ReceiveDeps {
  return {
    ...createRecordDeps(client, audit),
    hits: createHitWriter(client, requireEnv(ENV.hitsTable)),
    random: randomBytes,
    hitLost: ({ id, code }, error) => log('hit_not_stored', { hit_id: id, code, ...describeError(error) }),
  };
}
