import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fromClickMessage } from '../../../lambdas/adapters/click-message.ts';
import { fromClickItem } from '../../../lambdas/adapters/dynamodb/click-item.ts';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import type { Item } from '../../../lambdas/adapters/dynamodb/items.ts';
import { toWire } from '../../../lambdas/core/wire.ts';
import { aCampaign, aPublisher } from '../../support/entities.ts';
import { catchLogLines } from '../../support/log-lines.ts';

/** What stands in for DynamoDB and SQS: an answer for each operation, or none at all. */
interface Storage {
  reads: 'ok' | 'down';
  /** Of Clicks. */
  writes: 'ok' | 'down' | 'slow';
  counters: 'ok' | 'down';
  spool: 'ok' | 'down';
  stored: Item[];
  /** Bodies of messages. */
  spooled: string[];
  /** Keys of counter items that were added to. */
  counted: string[];
}

let storage: Storage;
let server: Server;
let lines: Record<string, unknown>[];

const json = (value: object) => toItem({ ...(toWire(value) as object) });
const CATALOG: Record<string, Item> = {
  'campaign summer': json(aCampaign({ destinationUrl: 'https://shop.example/?cid={click_id}&p={p1}' })),
  'publisher tia': json(aPublisher()),
};
const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
const KEY = { key: { B: Buffer.alloc(32, 1).toString('base64') }, created_at: { N: '0' } };

interface Input {
  readonly Key?: Item;
  readonly Item?: Item;
  readonly MessageBody?: string;
}

function answerTo(operation: string, input: Input): object | null {
  if (operation === 'SendMessage') {
    if (storage.spool !== 'ok') return null;
    storage.spooled.push(input.MessageBody ?? '');
    return { MessageId: 'm-1' };
  }
  if (operation === 'UpdateItem') {
    if (storage.counters !== 'ok') return null;
    storage.counted.push(input.Key?.['pk']?.S ?? '');
    return {};
  }
  if (operation === 'PutItem') {
    if (storage.writes !== 'ok') return null;
    storage.stored.push(input.Item ?? {});
    return {};
  }
  if (storage.reads === 'down') return null;
  if (operation === 'Query') return { Items: [KEY] };
  const item = CATALOG[`${input.Key?.['pk']?.S ?? ''} ${input.Key?.['sk']?.S ?? ''}`];
  return item === undefined ? {} : { Item: item };
}

beforeEach(async () => {
  storage = { reads: 'ok', writes: 'ok', counters: 'ok', spool: 'ok', stored: [], spooled: [], counted: [] };
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      if (operation === 'PutItem' && storage.writes === 'slow') return;
      const answer = answerTo(operation, JSON.parse(body) as Input);
      response.writeHead(answer === null ? 500 : 200);
      response.end(JSON.stringify(answer ?? { __type: 'x#InternalServerError' }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const environment = {
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}`,
    AWS_ENDPOINT_URL_SQS: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    NETWORK: 'abc',
    CATALOG_TABLE: 'catalog',
    CLICKS_TABLE: 'clicks',
    COUNTERS_TABLE: 'counters',
    CLICK_SPOOL_QUEUE_URL: 'https://sqs.example/queue',
    CACHE_SECONDS: '0',
    FALLBACK_URL: undefined,
    DISTRIBUTION_SECRET_SHA256: undefined,
    COUNTRY_DATABASE: undefined,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  lines = catchLogLines();
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.resetModules();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** A new execution environment. */
async function start() {
  const { handler } = await import('../../../lambdas/redirect/handler.ts');
  return (request: Request = {}): Promise<APIGatewayProxyStructuredResultV2> => handler(event(request));
}

interface Request {
  readonly method?: string;
  readonly route?: string;
  readonly query?: string;
  readonly path?: Record<string, string>;
  readonly headers?: Record<string, string>;
}

function event({
  method = 'GET',
  route = '/c/{campaign_id}/{pub_id}',
  query = '',
  path,
  headers = {},
}: Request): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: `ANY ${route}`,
    rawPath: '/c/summer/tia',
    rawQueryString: query,
    headers: { 'x-forwarded-proto': 'https', 'user-agent': CHROME, ...headers },
    pathParameters: path ?? { campaign_id: 'summer', pub_id: 'tia' },
    isBase64Encoded: false,
    requestContext: {
      accountId: '',
      apiId: '',
      domainName: '',
      domainPrefix: '',
      requestId: 'r-1',
      routeKey: '',
      stage: '',
      time: '',
      timeEpoch: 0,
      http: { method, path: '/c/summer/tia', protocol: 'HTTP/1.1', sourceIp: '203.0.113.77', userAgent: '' },
    },
  };
}

describe('the redirect function', () => {
  it('answers 503 with Retry-After where it never saw the link and storage is down', async () => {
    storage.reads = 'down';
    const visit = await start();
    expect(await visit()).toEqual({
      statusCode: 503,
      headers: { 'retry-after': '5', 'cache-control': 'no-store' },
      body: '',
    });
    expect(lines).toEqual([expect.objectContaining({ event: 'storage_unavailable', request_id: 'r-1' })]);
  });

  it('sends the visitor to the stage’s fallback then, if there is one', async () => {
    storage.reads = 'down';
    vi.stubEnv('FALLBACK_URL', 'https://fallback.example/');
    const visit = await start();
    expect(await visit()).toMatchObject({ statusCode: 302, headers: { location: 'https://fallback.example/' } });
  });

  it('answers 404, the same page, for bad input whatever the state of storage', async () => {
    storage.reads = 'down';
    const visit = await start();
    const answer = await visit({ path: {}, query: 'campaign_id=%zz&pub_id=1' });
    expect(answer).toMatchObject({ statusCode: 404, headers: { 'cache-control': 'no-store' } });
    storage.reads = 'ok';
    expect(await visit({ path: { campaign_id: 'nope', pub_id: 'tia' } })).toEqual(answer);
    expect(answer.body).not.toContain('campaign');
  });

  it('answers 405 to other methods and says which it takes', async () => {
    const visit = await start();
    expect(await visit({ method: 'POST' })).toMatchObject({ statusCode: 405, headers: { allow: 'GET, HEAD' } });
    expect(storage.stored).toEqual([]);
  });

  it.each([
    ['HEAD', 'PREFETCH', { method: 'HEAD' }],
    ['another method', 'METHOD_NOT_ALLOWED', { method: 'POST' }],
    ['an unknown campaign', 'CAMPAIGN_NOT_FOUND', { path: { campaign_id: 'nope', pub_id: 'tia' } }],
    ['an unknown publisher', 'PUBLISHER_NOT_FOUND', { path: { campaign_id: 'summer', pub_id: 'nope' } }],
    ['bad input', 'MALFORMED_REQUEST', { path: { campaign_id: '%zz', pub_id: 'nope' } }],
  ])('leaves a line of the log, and nothing else, of %s', async (_, code, request) => {
    const visit = await start();
    await visit(request);
    expect(storage.stored).toEqual([]);
    expect(lines).toEqual([{ level: 'info', event: 'not_recorded', code, route: '/c/{campaign_id}/{pub_id}' }]);
  });

  it.each(['down', 'slow'] as const)(
    'sends the visitor on while writes are %s, and the click to the spool (invariants 1 and 2)',
    async (writes) => {
      storage.writes = writes;
      const visit = await start();
      const answer = await visit({ query: 'p1=x%0Ay' });
      expect(answer.statusCode).toBe(302);
      expect(storage.spooled).toHaveLength(1);
      const { click, claims } = fromClickMessage(storage.spooled[0] ?? '');
      expect(answer.headers?.['location']).toBe(`https://shop.example/?cid=${click.id}&p=x%0Ay`);
      expect(click.values).toEqual({ p1: 'x\ny' });
      expect(claims).toBeNull();
      expect(lines.map((line) => line['event'])).toEqual(['storage_unavailable']);
    },
  );

  it('logs the click, so that it can be replayed, while the spool is down as well (invariant 2)', async () => {
    storage.writes = 'down';
    storage.spool = 'down';
    const visit = await start();
    const answer = await visit();
    expect(answer.statusCode).toBe(302);
    const line = lines.find(({ event }) => event === 'click_not_stored');
    const { click } = fromClickMessage(String(line?.['spooled']));
    expect(line).toMatchObject({ level: 'error', click_id: click.id });
    expect(answer.headers?.['location']).toContain(click.id);
  });

  it('goes on sending visitors to links that it knows while storage is down (invariant 1)', async () => {
    const visit = await start();
    await visit();
    storage.reads = 'down';
    storage.writes = 'down';
    expect(await visit()).toMatchObject({ statusCode: 302 });
    expect(lines.map((line) => line['event']).toSorted()).toEqual([
      ...['catalog_stale', 'catalog_stale', 'catalog_stale', 'catalog_stale', 'storage_unavailable'],
    ]);
  });

  it('stores the click, then answers 302 with the destination and a cookie', async () => {
    const visit = await start();
    const answer = await visit({ query: 'p1=a+b', headers: { 'accept-language': 'de' } });
    expect(storage.stored).toHaveLength(1);
    const click = fromClickItem(storage.stored[0] ?? {});
    expect(click).toMatchObject({ values: { p1: 'a b' }, ip: '203.0.113.0', userAgent: CHROME, language: 'de' });
    expect(answer).toEqual({
      statusCode: 302,
      headers: { location: `https://shop.example/?cid=${click.id}&p=a%20b`, 'cache-control': 'no-store' },
      cookies: [`fb_abc=summer=${click.id}; Max-Age=15552000; Path=/; HttpOnly; SameSite=None; Secure`],
      body: '',
    });
    expect(lines).toEqual([]);
  });

  it('sets a Lax cookie where the visitor came over HTTP', async () => {
    const visit = await start();
    const answer = await visit({ headers: { 'x-forwarded-proto': 'http' } });
    expect(answer.cookies?.[0]).toMatch(/SameSite=Lax$/);
  });

  it('believes a distribution’s headers only beside its secret', async () => {
    const secret = 'a-secret-of-the-distribution';
    vi.stubEnv('DISTRIBUTION_SECRET_SHA256', createHash('sha256').update(secret).digest('hex'));
    const visit = await start();
    const headers = { 'cloudfront-viewer-country': 'AT', 'cloudfront-viewer-address': '198.51.100.7:4321' };
    await visit({ headers: { ...headers, 'x-forwarded-for': '192.0.2.1' } });
    await visit({ headers: { ...headers, 'x-flowback-distribution': secret } });
    const clicks = storage.stored.map(fromClickItem);
    expect(clicks.map(({ ip, country }) => [ip, country])).toEqual([
      ['203.0.113.0', null],
      ['198.51.100.0', 'AT'],
    ]);
  });
});

describe('an impression', () => {
  const PIXEL = {
    statusCode: 200,
    headers: { 'content-type': 'image/gif', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' },
    body: expect.any(String) as string,
    isBase64Encoded: true,
  };
  const show = { route: '/impression', path: {}, query: 'campaign_id=summer&pub_id=tia' };

  it.each([
    ['bad input', { query: 'campaign_id=%zz' }],
    ['an unknown campaign', { query: 'campaign_id=nope&pub_id=tia' }],
    ['HEAD', { method: 'HEAD' }],
  ])('answers the same pixel to %s, and counts nothing', async (_, request) => {
    const visit = await start();
    expect(await visit({ ...show, ...request })).toEqual(PIXEL);
    expect(storage.counted).toEqual([]);
    expect(lines).toEqual([expect.objectContaining({ event: 'not_recorded', route: '/impression' })]);
  });

  it.each(['reads', 'counters'] as const)('answers the same pixel while %s are down', async (what) => {
    storage[what] = 'down';
    const visit = await start();
    expect(await visit(show)).toEqual(PIXEL);
    expect(lines).toEqual([expect.objectContaining({ event: 'storage_unavailable' })]);
  });

  it('keeps no click from storage, however many of them are not counted', async () => {
    storage.counters = 'down';
    const visit = await start();
    for (let i = 0; i < 3; i++) await visit(show);
    await visit();
    expect(storage.stored).toHaveLength(1);
    expect(storage.spooled).toEqual([]);
  });

  it('answers 405 to other methods', async () => {
    const visit = await start();
    expect(await visit({ ...show, method: 'POST' })).toMatchObject({
      statusCode: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });

  it('answers a transparent GIF of 43 bytes and is counted once, without a click', async () => {
    const visit = await start();
    const answer = await visit(show);
    expect(answer).toEqual(PIXEL);
    const gif = Buffer.from(answer.body ?? '', 'base64');
    expect(gif).toHaveLength(43);
    expect(gif.subarray(0, 6).toString('latin1')).toBe('GIF89a');
    expect(storage.counted).toEqual(['impressions#summer#tia']);
    expect(storage.stored).toEqual([]);
    expect(lines).toEqual([]);
  });
});
