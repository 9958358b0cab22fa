import { randomUUID } from 'node:crypto';
import type { SQSHandler } from 'aws-lambda';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createDeliveryStore } from '../adapters/dynamodb/deliveries.ts';
import { createPostbackReader } from '../adapters/dynamodb/catalog.ts';
import { createPostbackCaller } from '../adapters/http/postback-caller.ts';
import { createDeliveryHints, createSqs, parseDeliveryHint } from '../adapters/sqs/hints.ts';
import { deliver } from '../core/deliver.ts';
import type { DeliverDeps } from '../core/deliver.ts';
import { DEFAULT_SCHEDULE, parseSchedule } from '../core/retry-schedule.ts';
import { MalformedMessage, runBatch } from '../runtime/batch.ts';
import { ENV, LOCAL_ENV, requireEnv } from '../runtime/environment.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { logOutcome } from './log-outcome.ts';

const dynamoDb = createDynamoDb();
const allowLoopback = process.env[LOCAL_ENV.egress] === 'loopback';
const localSchedule = process.env[LOCAL_ENV.retrySchedule];

const deps: DeliverDeps = {
  deliveries: createDeliveryStore(dynamoDb, requireEnv(ENV.deliveriesTable)),
  postbacks: createPostbackReader(dynamoDb, requireEnv(ENV.catalogTable)),
  hints: createDeliveryHints(createSqs(), requireEnv(ENV.notificationsQueueUrl)),
  caller: createPostbackCaller({ allowLoopback }),
  schedule: localSchedule === undefined ? DEFAULT_SCHEDULE : parseSchedule(localSchedule),
  rules: {
    allowLoopback,
    ownHosts: [ENV.trackingUrl, ENV.apiUrl].map((name) => new URL(requireEnv(name)).host),
  },
  userAgent: `Flowback/${packageJson.version}`,
  now: Date.now,
  random: Math.random,
  newLease: randomUUID,
};

/** Messages are hints to look at a delivery; only a failure of our own gives one back to the queue. */
export const handler: SQSHandler = (event) =>
  runBatch(event, async ({ body }) => {
    const id = parseDeliveryHint(body);
    if (id === null) throw new MalformedMessage(`no hint: ${body.slice(0, 100)}`);
    logOutcome(await deliver(id, deps));
  });
