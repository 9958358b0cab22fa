import type { SQSHandler } from 'aws-lambda';
import { awsEndpoint } from '../adapters/aws-json/client.ts';
import { createClickStore } from '../adapters/aws-json/click-store.ts';
import { createDynamoDb } from '../adapters/aws-json/dynamodb.ts';
import { fromClickMessage } from '../adapters/click-message.ts';
import { storeSpooledClick } from '../core/store-spooled-click.ts';
import { readMessage, runBatch } from '../runtime/batch.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';

const region = requireEnv('AWS_REGION');
const deps = {
  store: createClickStore(createDynamoDb(awsEndpoint('dynamodb', region), region), {
    clicks: requireEnv(ENV.clicksTable),
    counters: requireEnv(ENV.countersTable),
  }),
  now: Date.now,
};

/** A click that storage does not take comes again when its message is visible again. */
export const handler: SQSHandler = (event) =>
  runBatch(event, ({ body }) => storeSpooledClick(readMessage(body, fromClickMessage, 'click'), deps));
