import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { connectApi } from '../examples/chain/api.ts';
import type { Api } from '../examples/chain/api.ts';
import { startAll } from '../test/support/clean-ups.ts';
import { startFaultProxy } from '../test/support/fault-proxy.ts';
import { startLocal } from '../test/support/local.ts';
import { CREDENTIALS, notificationsQueue, postbackPath, setUpCampaigns, tableNames } from './conversion-world.ts';
import { startEngines } from './engines.ts';
import { load } from './load.ts';
import { startMeter } from './meter.ts';
import type { Meter } from './meter.ts';
import { functionEnvironment } from './processes.ts';

const ENVIRONMENTS = 4;
/** As the stack has it. */
const SLOTS = 2;
const CACHE_SECONDS = 30;
const HINT_OF_NOTHING = JSON.stringify({ delivery_id: 'none' });
/** The most that may hear of one conversion. */
export const POSTBACKS = 25;
export const BATCH = 10;
export const HEALTHY = 10;

/** Endpoints that answer; then one that refuses, and one that never answers. */
const [ANSWERING, REFUSING, HANGING] = [61, 61, 62];
const upTo = (count: number, first = 0) => Array.from({ length: count }, (_, index) => first + index);

/** Publishers by the endpoints of their postbacks. */
const PUBLISHERS = {
  one: upTo(POSTBACKS).map(() => 0),
  manyA: upTo(POSTBACKS, 11),
  manyB: upTo(POSTBACKS, 11 + POSTBACKS),
  refusing: [REFUSING],
  dead: upTo(POSTBACKS).map(() => HANGING),
  ...Object.fromEntries(upTo(HEALTHY).map((index) => [healthyName(index), [1 + index]])),
} as const satisfies Record<string, readonly number[]>;

export function healthyName(index: number): string {
  return `healthy${index % HEALTHY}`;
}

/** A network with its storage and publishers, beside which other processes may run its delivery function. */
export interface DeliveryWorld {
  /** Of the network. */
  readonly pid: number;
  /** In front of the storage that the network has; only who is sent there is counted. */
  readonly meter: Meter;
  /** What a delivery function of this network gets, its calls counted or not. */
  variables(metered: boolean): Readonly<Record<string, string>>;
  /** When publishers heard of a sale, by `performance.now()`. */
  heardOf(sale: string): readonly number[];
  /** Times of all calls since the last time. */
  takeCalls(): readonly number[];
  /** Clicks of a publisher's link; their names are those of the sales. */
  click(publisher: string, count: number): Promise<readonly Sale[]>;
  /** Reports a sale; answers when the 200 came, by `performance.now()`. */
  report(sale: Sale): Promise<number>;
  /** The network's own workers get no hints any more. */
  hold(): Promise<void>;
  release(): void;
  /** Hints that wait to be received. */
  queued(): Promise<number>;
  /** Takes so many hints out of the queue, as batches of these sizes for the function. */
  takeHints(count: number, batch: number): Promise<readonly SQSEvent[]>;
  /** Fills the queue of the bare minimum with calls of so many endpoints by turns. */
  fillBareQueue(count: number, endpoints: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Sale {
  readonly name: string;
  readonly clickId: string;
}

export function startDeliveryWorld(): Promise<DeliveryWorld> {
  return startAll(async (cleanUps) => {
    const { engine, queues } = await startEngines(cleanUps);
    const gate = await startFaultProxy(queues.endpoint);
    cleanUps.push(() => gate.stop());
    const local = await startLocal({
      dynamodbEndpoint: engine.endpoint,
      sqsEndpoint: gate.endpoint,
      environments: ENVIRONMENTS,
    });
    cleanUps.push(() => local.stop());

    const publishers = await startPublishers();
    cleanUps.push(publishers.stop);
    const api = connectApi(local.apiUrl, local.adminKey ?? '');
    await setUpCampaigns(api);
    await setUpPublishers(api, publishers.origins);

    const tables = await tableNames(engine.endpoint, ['Catalog', 'Deliveries']);
    const sqs = new SQSClient({ ...CREDENTIALS, endpoint: queues.endpoint, useQueueUrlAsEndpoint: false });
    cleanUps.push(() => sqs.destroy());
    const queue = await notificationsQueue(sqs);
    const { QueueUrl: bareQueue = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'bare' }));
    const meter = await startMeter({ dynamoDb: engine.endpoint, sqs: queues.endpoint }, tables);
    cleanUps.push(() => meter.stop());

    return {
      pid: local.pid,
      meter,
      heardOf: publishers.heardOf,
      takeCalls: publishers.takeCalls,
      variables: (metered) => ({
        ...functionEnvironment(metered ? meter.endpoint : engine.endpoint, CACHE_SECONDS),
        ...(!metered && { AWS_ENDPOINT_URL_SQS: queues.endpoint }),
        CATALOG_TABLE: tables.Catalog,
        DELIVERIES_TABLE: tables.Deliveries,
        NOTIFICATIONS_QUEUE_URL: queue,
        TRACKING_URL: local.url,
        API_URL: local.apiUrl,
        ENDPOINT_SLOTS: String(SLOTS),
        LOCAL_EGRESS: 'loopback',
        BARE_QUEUE: bareQueue,
      }),

      async click(publisher, count) {
        const names = upTo(count).map(() => randomBytes(16).toString('hex'));
        const paths = names.map((name) => `/c/plain/${publisher}?p1=${name}&source=site-7`);
        return (await load(local.url, paths, 1)).map(({ status, location }, index) => {
          const clickId = location === null ? null : new URL(location).searchParams.get('cid');
          if (clickId === null) throw new Error(`a click answered ${status} without a click ID`);
          return { name: names[index] ?? '', clickId };
        });
      },

      async report({ name, clickId }) {
        const path = postbackPath({ click_id: clickId, txn_id: name, sale_amount: '129.90', currency: 'USD' });
        for (let tries = 0; ; tries++) {
          const [answer] = await load(local.url, [path], 1);
          if (answer?.status === 200) return performance.now();
          // On a machine that does something else as well environments start slowly.
          if (answer?.status !== 503 || tries === 20)
            throw new Error(`a sale answered ${answer?.status}: ${answer?.body}`);
          await sleep(250);
        }
      },

      async hold() {
        let refused = false;
        gate.plan = (target) => {
          if (!target.endsWith('.ReceiveMessage')) return 'ok';
          refused = true;
          return 'reject';
        };
        // The poll that is under way gets a hint of nothing.
        await sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: HINT_OF_NOTHING }));
        while (!refused) await sleep(20);
      },
      release: () => (gate.plan = () => 'ok'),

      async queued() {
        const { Attributes } = await sqs.send(
          new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['ApproximateNumberOfMessages'] }),
        );
        return Number(Attributes?.ApproximateNumberOfMessages);
      },

      async takeHints(count, batch) {
        const records: SQSRecord[] = [];
        while (records.length < count) {
          const { Messages = [] } = await sqs.send(
            new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 }),
          );
          if (Messages.length === 0) throw new Error(`only ${records.length} of ${count} hints were in the queue`);
          const Entries = Messages.map(({ ReceiptHandle = '' }, index) => ({ Id: String(index), ReceiptHandle }));
          await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries }));
          const hints = Messages.filter(({ Body }) => Body !== HINT_OF_NOTHING);
          records.push(...hints.map(({ MessageId = '', Body = '' }) => recordOf(MessageId, Body)));
        }
        return upTo(Math.ceil(count / batch)).map((index) => ({
          Records: records.slice(index * batch, (index + 1) * batch),
        }));
      },

      async fillBareQueue(count, endpoints) {
        for (let first = 0; first < count; first += BATCH) {
          const Entries = upTo(BATCH, first).map((index) => ({
            Id: String(index),
            MessageBody: `${publishers.origins[index % endpoints]}/told?sale=bare`,
          }));
          await sqs.send(new SendMessageBatchCommand({ QueueUrl: bareQueue, Entries }));
        }
      },
    };
  });
}

/** A message as Lambda hands it on. */
function recordOf(messageId: string, body: string): SQSRecord {
  return {
    messageId,
    receiptHandle: messageId,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '1795388645000',
      SenderId: 'AIDAIENQZJOLO23YVJ4VO',
      ApproximateFirstReceiveTimestamp: '1795388645001',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:notifications',
    awsRegion: 'us-east-1',
  };
}

/** Publishers' servers in this process, each an endpoint. */
async function startPublishers() {
  const heard = new Map<string, number[]>();
  let calls: number[] = [];
  const servers = await Promise.all(
    upTo(ANSWERING + 2).map(async (index) => {
      const server = createServer((request, response) => {
        const at = performance.now();
        calls.push(at);
        const sale = new URL(request.url ?? '', 'http://publisher').searchParams.get('sale') ?? '';
        heard.set(sale, [...(heard.get(sale) ?? []), at]);
        if (index !== HANGING) response.writeHead(index === REFUSING ? 500 : 204, { connection: 'close' }).end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return {
    origins: servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    heardOf: (sale: string) => heard.get(sale) ?? [],
    takeCalls: () => {
      const taken = calls;
      calls = [];
      return taken;
    },
    stop: () => {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

async function setUpPublishers(api: Api, origins: readonly string[]): Promise<void> {
  for (const [publisher, endpoints] of Object.entries(PUBLISHERS)) {
    await api.ensure('publishers', publisher, { name: publisher });
    for (const [index, endpoint] of endpoints.entries()) {
      const url = `${origins[endpoint]}/told?sale={p1}&payout={payout}&goal={goal}&txid={txn_id}&sub={source}`;
      await api.ensure('postbacks', `${publisher}-${index}`, { publisher_id: publisher, mode: 'add', url });
    }
  }
}
