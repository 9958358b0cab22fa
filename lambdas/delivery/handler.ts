import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSHandler, SQSRecord } from 'aws-lambda';
import { createPostbackCatalog } from '../adapters/dynamodb/catalog.ts';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createDeliveryStore } from '../adapters/dynamodb/deliveries.ts';
import { createEndpointStore } from '../adapters/dynamodb/endpoints.ts';
import { createPostbackHealthStore } from '../adapters/dynamodb/postback-health.ts';
import { createPostbackCaller } from '../adapters/http/postback-caller.ts';
import { createDeliveryHints, createSqs, hideMessage } from '../adapters/sqs/hints.ts';
import { createDetours } from '../core/detours.ts';
import { deliverHinted } from '../core/deliver.ts';
import { createEndpoints } from '../core/endpoints.ts';
import { createPostbackWatch } from '../core/postback-health.ts';
import { DEFAULT_SCHEDULE, parseSchedule } from '../core/retry-schedule.ts';
import { runBatch } from '../runtime/batch.ts';
import { ENV, LOCAL_ENV, requireEnv } from '../runtime/environment.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { hintOf } from './hint-of.ts';
import { logNews, logOutcome } from './log-outcome.ts';

const [dynamoDb, sqs] = [createDynamoDb(), createSqs()];
const queueUrl = requireEnv(ENV.notificationsQueueUrl);
const deliveriesTable = requireEnv(ENV.deliveriesTable);
const allowLoopback = process.env[LOCAL_ENV.egress] === 'loopback';
const localSchedule = process.env[LOCAL_ENV.retrySchedule];

const endpoints = createEndpointStore(dynamoDb, deliveriesTable);
const health = createPostbackHealthStore(dynamoDb, deliveriesTable);
const slots = Number(requireEnv(ENV.endpointSlots));
const common = {
  deliveries: createDeliveryStore(dynamoDb, deliveriesTable),
  postbacks: createPostbackCatalog(dynamoDb, requireEnv(ENV.catalogTable)),
  hints: createDeliveryHints(sqs, queueUrl),
  caller: createPostbackCaller({ allowLoopback }),
  schedule: localSchedule === undefined ? DEFAULT_SCHEDULE : parseSchedule(localSchedule),
  rules: { allowLoopback, ownHosts: [ENV.trackingUrl, ENV.apiUrl].map((name) => new URL(requireEnv(name)).host) },
  userAgent: `Flowback/${packageJson.version}`,
  now: Date.now,
  random: Math.random,
  newLease: randomUUID,
  sleep,
  tell: logNews,
  detours: createDetours({ now: Date.now, random: Math.random }),
};

/** Messages are hints to look at a delivery; only a failure of our own gives one back to the queue. */
export const handler: SQSHandler = (event) => {
  const watch = createPostbackWatch({ ...common, store: health });
  const deps = { ...common, watch, endpoints: createEndpoints({ ...common, store: endpoints, slots }) };
  return runBatch(event, async (record) => logOutcome(await deliverHinted(hintOf(record), deps)), giveBack);
};

/** Soon, then later and later: what fails each time is in the dead-letter queue within half a minute. */
const giveBack = ({ receiptHandle, attributes }: SQSRecord): Promise<void> =>
  hideMessage(sqs, queueUrl, { receiptHandle, seconds: 2 ** (Number(attributes.ApproximateReceiveCount) - 1) });
