import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fromClickItem } from '../../../lambdas/adapters/dynamodb/click-item.ts';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import type { Item } from '../../../lambdas/adapters/dynamodb/items.ts';
import { toWire } from '../../../lambdas/core/wire.ts';
import { aCampaign, aPublisher } from '../../support/entities.ts';

/** What stands in for DynamoDB: an answer for each operation, or none at all. */
interface Storage {
  reads: 'ok' | 'down';
  writes: 'ok' | 'down' | 'slow';
  stored: Item[];
}

let storage: Storage;
let server: Server;
let lines: Record<string, unknown>[];

const json = (value: object) => toItem({ ...(toWire(value) as object) });
const CATALOG: Record<string, Item> = {
  'campaign summer': json(aCampaign({ destinationUrl: 'https://shop.example/?cid={click_id}&p={p1}' })),
  'publisher tia': json(aPublisher()),
};
const KEY = { key: { B: Buffer.alloc(32, 1).toString('base64') }, created_at: { N: '0' } };

function answerTo(operation: string, input: { Key?: Item; Item?: Item }): object | null {
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
  storage = { reads: 'ok', writes: 'ok', stored: [] };
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      if (operation === 'PutItem' && storage.writes === 'slow') return;
      const answer = answerTo(operation, JSON.parse(body) as { Key?: Item; Item?: Item });
      response.writeHead(answer === null ? 500 : 200);
      response.end(JSON.stringify(answer ?? { __type: 'x#InternalServerError' }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const environment = {
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    NETWORK: 'abc',
    CATALOG_TABLE: 'catalog',
    CLICKS_TABLE: 'clicks',
    CACHE_SECONDS: '0',
    FALLBACK_URL: undefined,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  lines = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    lines.push(JSON.parse(String(line)) as Record<string, unknown>);
    return true;
  });
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
  readonly query?: string;
  readonly path?: Record<string, string>;
  readonly headers?: Record<string, string>;
}

function event({ method = 'GET', query = '', path, headers = {} }: Request): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: 'ANY /c/{campaign_id}/{pub_id}',
    rawPath: '/c/summer/tia',
    rawQueryString: query,
    headers: { 'x-forwarded-proto': 'https', ...headers },
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

  it.each(['down', 'slow'] as const)(
    'sends the visitor on while writes are %s, and logs the click so that it can be put',
    async (writes) => {
      storage.writes = writes;
      const visit = await start();
      const started = performance.now();
      const answer = await visit({ query: 'p1=x%0Ay' });
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(answer.statusCode).toBe(302);
      expect(lines).toHaveLength(1);
      const [line] = lines;
      expect(line).toMatchObject({ level: 'error', event: 'click_not_stored' });
      const click = fromClickItem(JSON.parse(String(line?.['item'])) as Item);
      expect(answer.headers?.['location']).toBe(`https://shop.example/?cid=${click.id}&p=x%0Ay`);
      expect(click).toMatchObject({ id: line?.['click_id'], values: { p1: 'x\ny' } });
    },
  );

  it('goes on sending visitors to links that it knows while storage is down', async () => {
    const visit = await start();
    await visit();
    storage.reads = 'down';
    storage.writes = 'down';
    expect(await visit()).toMatchObject({ statusCode: 302 });
    expect(lines.map((line) => line['event']).toSorted()).toEqual([
      ...['catalog_stale', 'catalog_stale', 'catalog_stale', 'catalog_stale', 'click_not_stored'],
    ]);
  });

  it('stores the click, then answers 302 with the destination and a cookie', async () => {
    const visit = await start();
    const answer = await visit({ query: 'p1=a+b', headers: { 'user-agent': 'Mozilla/5.0', 'accept-language': 'de' } });
    expect(storage.stored).toHaveLength(1);
    const click = fromClickItem(storage.stored[0] ?? {});
    expect(click).toMatchObject({ values: { p1: 'a b' }, ip: '203.0.113.0', userAgent: 'Mozilla/5.0', language: 'de' });
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
});
