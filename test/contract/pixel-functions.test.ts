import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, PurgeQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context,
  SQSBatchResponse,
  SQSEvent,
} from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { toClickItem } from '../../lambdas/adapters/dynamodb/click-item.ts';
import { fromItem, toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import { fromPixelMessage, toPixelMessage } from '../../lambdas/adapters/pixel-message.ts';
import { createSqs } from '../../lambdas/adapters/sqs/hints.ts';
import { createPixelSpool } from '../../lambdas/adapters/sqs/pixel-spool.ts';
import { mintClickId } from '../../lambdas/core/click-id.ts';
import type { PixelHit } from '../../lambdas/core/pixel-hit.ts';
import { StorageUnavailable } from '../../lambdas/core/ports.ts';
import { toWire } from '../../lambdas/core/wire.ts';
import { startSqsServer } from '../../local/engines/sqs/server.ts';
import type { SqsServer } from '../../local/engines/sqs/server.ts';
import { aCampaign, aClick } from '../support/entities.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { catchLogLines } from '../support/log-lines.ts';
import { clickCookie } from '../support/pixels.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';

let storage: Storage;
let server: SqsServer;
let sqs: SQSClient;
let queueUrl: string;
/** In front of storage and of the queue. */
let tables: FaultProxy;
let queue: FaultProxy;
let folder: string;
let call: (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;
let judge: (...bodies: string[]) => Promise<SQSBatchResponse>;
let lines: Record<string, unknown>[];
const key = randomBytes(32);

beforeAll(async () => {
  [storage, server] = await Promise.all([startStorage(), startSqsServer()]);
  [tables, queue] = await Promise.all([startFaultProxy(storage.endpoint), startFaultProxy(server.endpoint)]);
  folder = mkdtempSync(join(tmpdir(), 'flowback-tag-'));
  writeFileSync(join(folder, 'tag.js'), '1;');
  const environment = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: tables.endpoint,
    AWS_ENDPOINT_URL_SQS: queue.endpoint,
    CATALOG_TABLE: storage.tables.catalog,
    CLICKS_TABLE: storage.tables.clicks,
    CONVERSIONS_TABLE: storage.tables.conversions,
    DELIVERIES_TABLE: storage.tables.deliveries,
    HITS_TABLE: storage.tables.hits,
    COUNTERS_TABLE: storage.tables.counters,
    NOTIFICATIONS_QUEUE_URL: 'http://127.0.0.1/notifications',
    NETWORK: 'abc',
    LAMBDA_TASK_ROOT: folder,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  sqs = createSqs();
  queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'pixels' }))).QueueUrl ?? '';
  vi.stubEnv('PIXEL_SPOOL_QUEUE_URL', queueUrl);
  vi.resetModules();
  ({ handler: call } = await import('../../lambdas/conversion/handler.ts'));
  const spool = await import('../../lambdas/pixel-spool/handler.ts');
  judge = async (...bodies) => {
    const Records = bodies.map((body, index) => ({ body, messageId: `m${index}` }));
    const answer = spool.handler({ Records } as SQSEvent, {} as Context, () => undefined);
    return (await answer) ?? { batchItemFailures: [] };
  };

  await put('catalog', { pk: 'mac_key', sk: 'first', key, created_at: 0 });
  await put('catalog', { ...(toWire(aCampaign()) as object), pk: 'campaign', sk: 'summer' });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  sqs.destroy();
  await Promise.all([tables.stop(), queue.stop()]);
  await Promise.all([storage.stop(), server.stop()]);
});

beforeEach(async () => {
  tables.plan = () => 'ok';
  queue.plan = () => 'ok';
  await sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl }));
  lines = catchLogLines();
});
afterEach(() => vi.restoreAllMocks());

const put = (table: keyof Storage['tables'], item: object) =>
  storage.client.send(new PutItemCommand({ TableName: storage.tables[table], Item: toItem({ ...item }) }));

async function click(): Promise<string> {
  const createdAt = Date.now() - 60_000;
  const id = mintClickId(createdAt, randomBytes, { key: createSecretKey(key), createdAt: 0 });
  const Item = toClickItem(aClick({ id, createdAt, expiresAt: Math.floor(createdAt / 1_000) + 100_000 }));
  await storage.client.send(new PutItemCommand({ TableName: storage.tables.clicks, Item }));
  return id;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly cookie?: string;
  readonly contentType?: string;
  readonly body?: string;
}

const send = ({ method, path, query = {}, cookie, contentType, body }: Request) =>
  call({
    routeKey: `ANY ${path}`,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: contentType === undefined ? {} : { 'content-type': contentType },
    ...(cookie !== undefined && { cookies: ['a=b', cookie] }),
    requestContext: { requestId: 'r', http: { method, sourceIp: '203.0.113.7' } },
    ...(body !== undefined && { body }),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2);
const tag = (parameters: object, contentType = 'text/plain;charset=UTF-8') =>
  send({ method: 'POST', path: '/tag/convert', contentType, body: JSON.stringify(parameters) });
const bodyOf = ({ body = '' }: APIGatewayProxyStructuredResultV2) => JSON.parse(body) as Record<string, unknown>;

/** What is stored of a click: its conversions, and how its hits ended. */
async function storedOf(clickId: string) {
  const scan = async (table: 'conversions' | 'hits') => {
    const { Items = [] } = await storage.client.send(new ScanCommand({ TableName: storage.tables[table] }));
    return Items.map(fromItem).filter((item) => item['click_id'] === clickId);
  };
  return {
    conversions: (await scan('conversions')).filter(({ sk }) => sk === 'conversion'),
    hits: (await scan('hits')).map(({ code }) => code),
  };
}

async function spooled(): Promise<string[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
  );
  return Messages.map(({ Body = '' }) => Body);
}

const SHOWN = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'cross-origin',
};
const GIF = { ...SHOWN, 'content-type': 'image/gif' };
const PAGE = { ...SHOWN, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'" };
const ANY_ORIGIN = { 'access-control-allow-origin': '*' };

describe('a pixel', () => {
  it.each([
    ['/pixel.gif', GIF],
    ['/pixel.html', PAGE],
  ])('%s looks the same whatever becomes of it, and repeats nothing', async (path, headers) => {
    const known = { campaign_id: 'summer', txn_id: path };
    const [refused, recorded, asked] = await Promise.all([
      send({ method: 'GET', path, query: { campaign_id: '"><script>' } }),
      send({ method: 'GET', path, query: known, cookie: clickCookie(await click()) }),
      send({ method: 'HEAD', path, query: known }),
    ]);
    expect(refused).toMatchObject({ statusCode: 200, headers });
    expect(recorded).toEqual(refused);
    expect(asked).toEqual(refused);
    const { body = '', isBase64Encoded } = refused;
    if (isBase64Encoded === true) expect(Buffer.from(body, 'base64')).toHaveLength(43);
    else expect(body).not.toContain('script');
  });

  it('is recorded by its cookie with GET, and not with another method', async () => {
    const clickId = await click();
    const request = { path: '/pixel.gif', query: { campaign_id: 'summer' }, cookie: clickCookie(clickId) };
    await send({ ...request, method: 'HEAD' });
    expect(await send({ ...request, method: 'POST' })).toMatchObject({
      statusCode: 405,
      headers: { allow: 'GET, HEAD' },
    });
    expect(await storedOf(clickId)).toEqual({ conversions: [], hits: [] });
    await send({ ...request, method: 'GET' });
    expect(await storedOf(clickId)).toMatchObject({ conversions: [{ status: 'pending' }], hits: ['OK'] });
  });
});

describe("the tag's call", () => {
  it('is answered as a postback, to pages of any origin, but never with what somebody earns', async () => {
    const answer = await tag({ click_id: await click(), txn_id: 'T1' });
    expect(answer).toMatchObject({ statusCode: 200, headers: { ...ANY_ORIGIN, 'content-type': 'application/json' } });
    const body = bodyOf(answer);
    expect(Object.keys(body).sort()).toEqual([
      'code',
      'conversion_id',
      'goal',
      'message',
      'result',
      'status',
      'warnings',
    ]);
    expect(body).toMatchObject({ result: 'accepted', code: 'OK', status: 'pending' });
  });

  it.each<[string, Omit<Request, 'path'>, number, string]>([
    ['another method', { method: 'GET' }, 405, 'METHOD_NOT_ALLOWED'],
    [
      'a form',
      { method: 'POST', contentType: 'application/x-www-form-urlencoded', body: 'a=b' },
      415,
      'UNSUPPORTED_CONTENT_TYPE',
    ],
    ['too much', { method: 'POST', contentType: 'text/plain', body: ' '.repeat(70_000) }, 413, 'BODY_TOO_LARGE'],
    ['no JSON', { method: 'POST', contentType: 'application/json', body: '{' }, 400, 'MALFORMED_REQUEST'],
    ['nothing', { method: 'POST', contentType: 'application/json' }, 400, 'MISSING_PARAMETER'],
  ])('is refused for %s, in words that the page can read', async (_, request, statusCode, code) => {
    const answer = await send({ ...request, path: '/tag/convert' });
    expect(answer).toMatchObject({ statusCode, headers: ANY_ORIGIN });
    expect(bodyOf(answer)).toMatchObject({ code });
    if (statusCode === 405) expect(answer.headers).toMatchObject({ allow: 'POST, OPTIONS' });
  });

  it('may be asked about before', async () => {
    expect(await send({ method: 'OPTIONS', path: '/tag/convert' })).toEqual({
      statusCode: 204,
      headers: {
        ...ANY_ORIGIN,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type',
        'access-control-max-age': '86400',
      },
    });
  });
});

describe('while storage is down', () => {
  it('calls are queued, and recorded once when it is back, however often they come (invariants 3, 4)', async () => {
    const clickId = await click();
    const query = { campaign_id: 'summer', txn_id: 'P1' };
    tables.plan = () => 'reject';
    const [shown, told] = await Promise.all([
      send({ method: 'GET', path: '/pixel.gif', query, cookie: clickCookie(clickId) }),
      tag({ click_id: clickId, txn_id: 'P2' }),
    ]);
    expect(shown).toMatchObject({ statusCode: 200, headers: GIF });
    expect(told.statusCode).toBe(202);
    expect(bodyOf(told)).toMatchObject({ result: 'parked', code: 'QUEUED' });
    const messages = await spooled();
    expect(messages).toHaveLength(2);
    expect((await judge(...messages)).batchItemFailures).toHaveLength(2);

    tables.plan = () => 'ok';
    for (let time = 0; time < 2; time++)
      expect(await judge(...messages, ...messages)).toEqual({ batchItemFailures: [] });

    const { conversions, hits } = await storedOf(clickId);
    expect(conversions.map(({ txn_id }) => txn_id).sort()).toEqual(['P1', 'P2']);
    expect(hits).toEqual(['OK', 'OK']);
    expect(new Set(lines.map(({ event }) => event))).toEqual(new Set(['storage_unavailable', 'message_failed']));
  });

  it('and the queue too, the log keeps them, and the tag is told to come again (invariant 3)', async () => {
    const clickId = await click();
    tables.plan = () => 'reject';
    queue.plan = () => 'reset';
    const answer = await tag({ click_id: clickId, security_token: 'xyz-token-0123456789' });
    expect(answer).toMatchObject({ statusCode: 503, headers: { ...ANY_ORIGIN, 'retry-after': '5' } });
    const lost = lines.find(({ event }) => event === 'pixel_not_stored');
    expect(JSON.stringify(lines)).not.toContain('xyz-token');

    tables.plan = () => 'ok';
    await judge(String(lost?.['spooled']));
    expect(await storedOf(clickId)).toMatchObject({ conversions: [{ id: lost?.['hit_id'] }], hits: ['OK'] });
  });

  it('hanging, a page is answered after 3 seconds, and a message is given back before its function ends', async () => {
    const message = toPixelMessage(PIXEL);
    tables.plan = () => 'hang';
    const started = performance.now();
    const after = async <T>(work: Promise<T>) => ({ is: await work, milliseconds: performance.now() - started });
    const [told, judged] = await Promise.all([after(tag({ click_id: 'x' })), after(judge(message, message, '{}'))]);
    expect([bodyOf(told.is)['code'], told.milliseconds < 3_900]).toEqual(['QUEUED', true]);
    expect([judged.is.batchItemFailures.length, judged.milliseconds < 4_900]).toEqual([3, true]);
  });
});

const PIXEL: PixelHit = {
  id: 'h2b3c4d5e6f7g2h3i4j5k6l7',
  receivedAt: 1_795_000_000_000,
  route: 'GET /pixel.gif',
  call: {
    query: [
      { name: 'txn_id', value: '1', kind: 'text' },
      { name: 'txn_id', value: '2', kind: 'text' },
    ],
    body: [
      { name: 'sale_amount', value: '1.50', kind: 'number' },
      { name: 'sub1', value: '{"a":1}', kind: 'structure' },
    ],
    bearer: '[redacted]',
    unreadable: null,
  },
  cookieClickId: null,
};

describe("the pixel spool's messages", () => {
  it('carry what a call says, of the oddest characters and as much as may be, within the limit of a message', async () => {
    const odd = String.fromCharCode(...Array.from({ length: 32 }, (_, i) => i), 0x7f, 0xfffe, 0xffff, 0xd800);
    const query = ['\u0001', '\uffff', '💸', '"\\\u2028', odd].map((text) => ({
      name: 'sub1',
      value: text.repeat(Math.ceil(4_800 / text.length)).slice(0, 4_800),
      kind: 'text' as const,
    }));
    const pixel = { ...PIXEL, call: { ...PIXEL.call, query }, cookieClickId: 'a'.repeat(32) };
    expect(Buffer.byteLength(toPixelMessage(pixel))).toBeLessThan(262_144);
    for (const sent of [PIXEL, pixel, { ...PIXEL, call: { ...PIXEL.call, unreadable: '{' } }]) {
      await createPixelSpool(sqs, queueUrl).send(sent);
      expect((await spooled()).map(fromPixelMessage)).toContainEqual(sent);
    }
  });

  it('cannot be sent to a queue that is not there', async () => {
    await expect(createPixelSpool(sqs, `${queueUrl}-gone`).send(PIXEL)).rejects.toThrow(StorageUnavailable);
  });

  it.each([
    ...['', 'null', '[]', '{}', '{"delivery_id":"x_1"}'],
    toPixelMessage(PIXEL).replace('"text"', '"number?"'),
    toPixelMessage(PIXEL).replace('"query"', '"q"'),
    toPixelMessage(PIXEL).replace('1795000000000', '"1795000000000"'),
    toPixelMessage(PIXEL).replace('"cookie_click_id":null', '"cookie_click_id":1'),
  ])('are given back, to end among the dead letters, if they are none: %s', async (body) => {
    expect(await judge(body)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
    expect(lines.map(({ event }) => event)).toEqual(['message_malformed']);
  });
});
