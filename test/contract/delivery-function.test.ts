import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { startFauxqs } from 'fauxqs';
import type { FauxqsServer } from 'fauxqs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createPostbackCatalog } from '../../lambdas/adapters/dynamodb/catalog.ts';
import { createDeliveryStore } from '../../lambdas/adapters/dynamodb/deliveries.ts';
import { toDeliveryItem } from '../../lambdas/adapters/dynamodb/delivery-item.ts';
import { toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { encodeBase32 } from '../../lambdas/core/base32.ts';
import type { Delivery } from '../../lambdas/core/delivery.ts';
import { toWire } from '../../lambdas/core/wire.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { aDelivery, aPostback } from '../support/deliveries.ts';
import { catchLogLines } from '../support/log-lines.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';

type Handler = (event: SQSEvent) => Promise<SQSBatchResponse>;

let storage: Storage;
let queue: FauxqsServer;
let sqs: SQSClient;
let queueUrl: string;
let receiver: Server;
let calls: { url: string | undefined; id: unknown; agent: unknown }[];
let deliverMessages: Handler;
let sweep: () => Promise<void>;

beforeAll(async () => {
  [storage, queue] = await Promise.all([startStorage(), startFauxqs({ port: 0, logger: false })]);
  const endpoint = `http://127.0.0.1:${queue.port}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials, useQueueUrlAsEndpoint: false });
  queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'notifications' }))).QueueUrl ?? '';

  receiver = createServer((request, response) => {
    calls.push({ url: request.url, id: request.headers['webhook-id'], agent: request.headers['user-agent'] });
    const { status = '200' } = /^\/(?<status>\d{3})/.exec(request.url ?? '')?.groups ?? {};
    response.statusCode = Number(status);
    response.end('thanks');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');

  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', storage.endpoint);
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', endpoint);
  vi.stubEnv('CATALOG_TABLE', storage.tables.catalog);
  vi.stubEnv('CLICKS_TABLE', storage.tables.clicks);
  vi.stubEnv('CONVERSIONS_TABLE', storage.tables.conversions);
  vi.stubEnv('HITS_TABLE', storage.tables.hits);
  vi.stubEnv('COUNTERS_TABLE', storage.tables.counters);
  vi.stubEnv('DELIVERIES_TABLE', storage.tables.deliveries);
  vi.stubEnv('NOTIFICATIONS_QUEUE_URL', queueUrl);
  vi.stubEnv('ENDPOINT_SLOTS', '2');
  vi.stubEnv('TRACKING_URL', 'http://127.0.0.1:1');
  vi.stubEnv('API_URL', 'http://127.0.0.1:2');
  vi.stubEnv('LOCAL_EGRESS', 'loopback');
  vi.resetModules();
  const { handler } = await import('../../lambdas/delivery/handler.ts');
  ({ handler: sweep } = await import('../../lambdas/sweeper/handler.ts'));
  deliverMessages = (event) => handler(event, {} as Context, () => undefined) as Promise<SQSBatchResponse>;
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  vi.unstubAllEnvs();
  sqs.destroy();
  receiver.close();
  await Promise.all([storage.stop(), queue.stop()]);
});

let conversions = 0;
let lines: Record<string, unknown>[];
beforeEach(() => {
  calls = [];
  lines = catchLogLines();
});

async function stored(path: string, host = '127.0.0.1'): Promise<Delivery> {
  const { port } = receiver.address() as AddressInfo;
  const n = ++conversions;
  const subjectId = encodeBase32(Uint8Array.from({ length: 15 }, (_, i) => (i < 14 ? 9 : n)));
  const delivery = aDelivery({ subjectId, postbackId: `pb${n}`, createdAt: 1, nextAttemptAt: 1, dueAt: 1 });
  const url = `http://${host}:${port}${path}?cid={p1}&event={event}`;
  const postback = toWire(aPostback({ id: delivery.postbackId, url })) as Record<string, unknown>;
  const items = [
    { TableName: storage.tables.deliveries, Item: toDeliveryItem(delivery) },
    ...['postback', 'postback_of#pub1'].map((pk) => ({
      TableName: storage.tables.catalog,
      Item: toItem({ pk, sk: delivery.postbackId, ...postback }),
    })),
  ];
  for (const item of items) await storage.client.send(new PutItemCommand(item));
  return delivery;
}

const messages = (...bodies: string[]) =>
  ({
    Records: bodies.map((body, i) => ({
      messageId: String(i),
      body,
      receiptHandle: 'none',
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'pb' },
    })),
  }) as SQSEvent;
const hint = ({ id }: Delivery) => JSON.stringify({ delivery_id: id });
const hintsThat = (are: 'ready' | 'delayed') =>
  queue.inspectQueue('notifications')?.messages[are].map(({ body }) => body);
const row = ({ id }: Delivery) => createDeliveryStore(storage.client, storage.tables.deliveries).delivery(id);

it('gives back a message that is no hint, and only that one', async () => {
  const good = await stored('/ok');

  const response = await deliverMessages(messages('{"no":"hint"}', hint(good), 'x'));

  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: '0' }, { itemIdentifier: '2' }] });
  expect(await row(good)).toMatchObject({ state: 'delivered' });
});

it('acknowledges what a receiver refuses, and sends the hint of the next attempt', async () => {
  const delivery = await stored('/500');

  expect(await deliverMessages(messages(hint(delivery)))).toEqual({ batchItemFailures: [] });

  expect(await row(delivery)).toMatchObject({ state: 'waiting', attempts: 1, scheduleStep: 1, lease: null });
  expect(hintsThat('delayed')).toContain(hint(delivery));
});

it('lets a message that fails come again after a second, then later and later', async () => {
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'poison' }));
  const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
  const [record] = messages('poison').Records;
  const waits = [];
  for (const count of [1, 2, 4]) {
    const attributes = { ...record?.attributes, ApproximateReceiveCount: String(count) };
    const received = { ...record, attributes, receiptHandle: message?.ReceiptHandle };
    expect(await deliverMessages({ Records: [received] } as SQSEvent)).toMatchObject({ batchItemFailures: [{}] });
    const [{ visibilityDeadline } = { visibilityDeadline: 0 }] =
      queue.inspectQueue('notifications')?.messages.inflight ?? [];
    waits.push(Math.round((visibilityDeadline - Date.now()) / 1_000));
  }

  expect(waits).toEqual([1, 2, 8]);
  queue.purgeAll();
  await sqs.send(new CreateQueueCommand({ QueueName: 'notifications' }));
});

it('disables a postback whose receiver is gone, and holds what comes for it', async () => {
  const delivery = await stored('/410');
  const second = aDelivery({ ...delivery, id: `${delivery.subjectId}_2`, number: 2 });
  const put = { TableName: storage.tables.deliveries, Item: toDeliveryItem(second) };
  await storage.client.send(new PutItemCommand(put));

  await deliverMessages(messages(hint(delivery)));
  await deliverMessages(messages(hint(second)));

  const catalog = createPostbackCatalog(storage.client, storage.tables.catalog);
  expect(await catalog.postback(delivery.postbackId)).toMatchObject({ status: 'disabled', disabledReason: 'gone' });
  expect(await row(delivery)).toMatchObject({ state: 'exhausted', attempts: 1 });
  expect(await row(second)).toMatchObject({ state: 'waiting', attempts: 0, stuckAt: expect.any(Number) as number });
  expect(calls).toHaveLength(1);
});

it('calls an endpoint no more when most of its calls fail, and uses up no attempts', async () => {
  const deliveries = await Promise.all(Array.from({ length: 12 }, () => stored('/503', 'localhost')));
  await deliverMessages(messages(...deliveries.slice(0, 10).map(hint)));
  await deliverMessages(messages(...deliveries.slice(10).map(hint)));

  const rows = await Promise.all(deliveries.map(row));
  expect(rows.map((stored) => stored?.attempts)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
  expect(calls).toHaveLength(10);
  expect(lines).toContainEqual(expect.objectContaining({ event: 'endpoint_breaker_opened', openings: 1 }));
});

it('acknowledges a message that storage kept it from, with a new one for later', async () => {
  const delivery = await stored('/200');
  vi.stubEnv('DELIVERIES_TABLE', 'gone');
  vi.resetModules();
  const { handler } = await import('../../lambdas/delivery/handler.ts');

  const response = await handler(messages(hint(delivery)), {} as Context, () => undefined);

  expect(response).toEqual({ batchItemFailures: [] });
  expect(hintsThat('delayed')).toContain(hint(delivery));
  expect(lines).toMatchObject([{ event: 'storage_unavailable' }]);
  vi.stubEnv('DELIVERIES_TABLE', storage.tables.deliveries);
  expect(await row(delivery)).toEqual(delivery);

  await deliverMessages(messages(hint(delivery)));
  expect(await row(delivery)).toMatchObject({ state: 'delivered' });
});

it('calls the publisher once, however many messages say so', async () => {
  const delivery = await stored('/ok');

  await deliverMessages(messages(...Array.from({ length: 10 }, () => hint(delivery))));
  await deliverMessages(messages(hint(delivery)));

  expect(calls).toEqual([
    { url: '/ok?cid=tia-1&event=created', id: delivery.id, agent: `Flowback/${packageJson.version}` },
  ]);
  expect(await row(delivery)).toMatchObject({ state: 'delivered', attempts: 1, dueAt: null });
});

it('sends one hint for what is due, however often the sweeper runs', async () => {
  const delivery = await stored('/swept');

  await sweep();
  await sweep();

  const bodies = hintsThat('ready') ?? [];
  expect(bodies.filter((body) => body === hint(delivery))).toHaveLength(1);
  expect(await deliverMessages(messages(...bodies))).toEqual({ batchItemFailures: [] });
  expect(await row(delivery)).toMatchObject({ state: 'delivered', attempts: 1 });
  expect(calls).toHaveLength(1);
});

it('fails a run of the sweeper that cannot reach the queue, so that the alarm hears of it', async () => {
  await stored('/unreachable');
  queue.purgeAll();

  await expect(sweep()).rejects.toThrow();

  await sqs.send(new CreateQueueCommand({ QueueName: 'notifications' }));
});
