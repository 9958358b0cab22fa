import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createHitWriter } from '../adapters/dynamodb/hits.ts';
import type { ReceiveDeps } from '../core/judgement.ts';
import { StorageUnavailable } from '../core/ports.ts';
import { answerUnavailable } from '../core/postback-answer.ts';
import { receivePostback } from '../core/receive-postback.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';
import { createRecordDeps } from '../wiring/record-deps.ts';
import { toInboundCall, toResult } from './http.ts';

/** Below the function's timeout of 10 s: one that Lambda ends answers without Retry-After. */
const ANSWER_WITHIN_MS = 8_000;

const dynamoDb = createDynamoDb();
const deps: ReceiveDeps = {
  ...createRecordDeps(dynamoDb),
  hits: createHitWriter(dynamoDb, requireEnv(ENV.hitsTable)),
  random: randomBytes,
  hitLost: ({ id, code }, error) => log('hit_not_stored', { hit_id: id, code, ...describeError(error) }),
};

export const handler = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
  const answered = new AbortController();
  try {
    return toResult(await Promise.race([receivePostback(toInboundCall(event), deps), tooLate(answered.signal)]));
  } catch (error) {
    const name = error instanceof StorageUnavailable ? 'storage_unavailable' : 'unexpected_error';
    log(name, { request_id: event.requestContext.requestId, ...describeError(error) });
    return toResult(answerUnavailable());
  } finally {
    answered.abort();
  }
};

/** What is late may still be committed; the sender's repeat then finds it, as after any lost answer. */
async function tooLate(signal: AbortSignal): Promise<never> {
  await sleep(ANSWER_WITHIN_MS, undefined, { signal });
  throw new StorageUnavailable(`no answer within ${ANSWER_WITHIN_MS} ms`);
}
