import { request } from 'node:http';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { writeFixtureAssembly } from '../../support/fixture-assembly.ts';
import type { Local } from '../../support/local.ts';
import { startLocal } from '../../support/local.ts';

const fixture = writeFixtureAssembly();
let local: Local;

beforeAll(async () => {
  process.env.SECRET_OF_THE_PARENT = 'must not leak';
  local = await startLocal({
    assembly: fixture.directory,
    network: 'fixture',
    cacheSeconds: 7,
    retrySchedule: [0, 1],
    environments: 2,
  });
});

afterAll(async () => {
  expect(await local.stop()).toBe(0);
  fixture.remove();
});

async function get(path: string, init?: RequestInit): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(`${local.url}${path}`, { redirect: 'manual', ...init });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const json = async (path: string, init?: RequestInit) =>
  JSON.parse((await get(path, init)).text) as Record<string, never>;

/** Makes the function answer with this. */
const answer = (result: unknown) =>
  get('/answer', { method: 'POST', body: JSON.stringify(result), headers: { 'content-type': 'application/json' } });

/** Sends bytes and reads until the connection ends. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(local.url).port), '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
    socket.on('close', () => resolve(received)).on('error', reject);
    // Kept open: who closes first gets no answer.
    socket.write(text);
  });
}

describe('the HTTP API', () => {
  it('hands a request over as it came', async () => {
    const text = await raw(
      'POST /c/a%20b/p1?x=1&x=2&broken=%zz HTTP/1.1\r\nHost: tracker.example\r\nX-Twice: 1\r\nx-twice: 2\r\n' +
        'Cookie: a=b; c=d\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nConnection: close\r\n\r\nx=1',
    );
    const { event } = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as { event: unknown };
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'ANY /c/{campaign_id}/{pub_id}',
      rawPath: '/c/a b/p1',
      rawQueryString: 'x=1&x=2&broken=%zz',
      queryStringParameters: { x: '1,2', broken: '%zz' },
      pathParameters: { campaign_id: 'a b', pub_id: 'p1' },
      cookies: ['a=b', 'c=d'],
      headers: { host: 'tracker.example', 'x-twice': '1,2', 'x-forwarded-for': '127.0.0.1' },
      body: 'eD0x',
      isBase64Encoded: true,
      requestContext: { domainName: 'tracker.example', http: { method: 'POST', sourceIp: '127.0.0.1' } },
    });
  });

  it('writes cookies, base64 bodies and redirects', async () => {
    const { status, headers } = await answer({
      statusCode: 302,
      headers: { Location: 'https://shop.example/' },
      cookies: ['a=1', 'b=2'],
    });
    expect([status, headers.get('location'), headers.getSetCookie()]).toEqual([
      302,
      'https://shop.example/',
      ['a=1', 'b=2'],
    ]);
    const image = await fetch(`${local.url}/answer`, {
      method: 'POST',
      body: JSON.stringify({ statusCode: 200, body: '/wA=', isBase64Encoded: true }),
      headers: { 'content-type': 'application/json' },
    });
    expect(Buffer.from(await image.arrayBuffer())).toEqual(Buffer.from([255, 0]));
  });

  it('answers HEAD without a body', async () => {
    const { status, text, headers } = await get('/click', { method: 'HEAD' });
    expect([status, text]).toEqual([200, '']);
    expect(Number(headers.get('content-length'))).toBeGreaterThan(0);
  });

  it.each([
    ['an unknown path', 'GET', '/', 404, 'Not Found'],
    ['a function that throws', 'GET', '/throw', 500, 'Internal Server Error'],
    ['a function that exits', 'GET', '/exit', 500, 'Internal Server Error'],
    ['an unhandled rejection', 'GET', '/reject', 500, 'Internal Server Error'],
    ['a function that uses too much memory', 'GET', '/hog', 500, 'Internal Server Error'],
    ['a function that spins beyond its time limit', 'GET', '/spin', 500, 'Internal Server Error'],
  ])('answers %s by itself', async (_title, method, path, status, message) => {
    const { text, status: actual } = await get(path, { method });
    expect([actual, text]).toEqual([status, JSON.stringify({ message })]);
    // Another environment takes over.
    expect((await get('/click')).status).toBe(200);
  });

  it('answers a malformed response with 500', async () => {
    expect((await answer({ statusCode: 'no' })).status).toBe(500);
  });

  it('refuses a TRACE without echoing it', async () => {
    expect(await raw('TRACE /click HTTP/1.1\r\nHost: x\r\nX-Secret: s3\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 404 (?!.*s3)/s,
    );
  });

  it('refuses request lines and headers over 10,240 bytes', async () => {
    const head = (size: number) =>
      raw(`GET /click HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ${'x'.repeat(size)}\r\n\r\n`);
    expect(await head(10_000)).toMatch(/^HTTP\/1.1 200/);
    expect(await head(10_300)).toMatch(/^HTTP\/1.1 431/);
    expect(await head(100_000)).toMatch(/^HTTP\/1.1 431/);
  });

  it('refuses a body over 10 MB', async () => {
    const status = await new Promise((resolve, reject) => {
      const call = request(
        `${local.url}/click`,
        { method: 'POST', headers: { 'content-length': 10_485_761 } },
        (response) => {
          resolve(response.statusCode);
          call.destroy();
        },
      );
      call.on('error', reject);
      call.write('x');
    });
    expect(status).toBe(413);
  });

  it('answers garbage with 400', async () => {
    expect(await raw('hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
  });

  it("throttles as the API's stage says", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => fetch(`${local.apiUrl}/v1/health`)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(5);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(5);
    expect(await answers.find(({ status }) => status === 429)?.json()).toEqual({ message: 'Too Many Requests' });
  });
});

describe('an execution environment', () => {
  it('has its own variables and none of the parent', async () => {
    const { variables, name } = (await json('/env')) as unknown as { variables: Record<string, string>; name: string };
    expect(variables).toMatchObject({
      NETWORK: 'fixture',
      CACHE_SECONDS: '7',
      LOCAL_EGRESS: 'loopback',
      LOCAL_RETRY_SCHEDULE: '0,1',
      TABLE: 'fixture-Table',
      TRACKING_URL: local.url,
      ARN: 'arn:aws:x:us-east-1:000000000000:fixture-Queue',
      AWS_LAMBDA_FUNCTION_NAME: 'fixture-Web',
      AWS_ACCESS_KEY_ID: 'local',
    });
    expect(name).toBe('fixture-Web');
    for (const leaked of ['SECRET_OF_THE_PARENT', 'HOME', 'NODE_CHANNEL_FD'])
      expect(variables).not.toHaveProperty(leaked);
  });

  it('is reused, last in first out, and keeps its state', async () => {
    await Promise.all([get('/sleep?ms=100'), get('/sleep?ms=100')]);
    const first = (await json('/ticks')) as unknown as { calls: number };
    const second = (await json('/ticks')) as unknown as { calls: number };
    expect(second.calls).toBe(first.calls + 1);
  });

  it('stands still between two events', async () => {
    const first = (await json('/ticks?ms=100')) as unknown as { before: number; ticks: number };
    await new Promise((resolve) => setTimeout(resolve, 500));
    const second = (await json('/ticks')) as unknown as { before: number };
    expect(first.ticks - first.before).toBeGreaterThanOrEqual(5);
    expect(second.before - first.ticks).toBeLessThanOrEqual(2);
  });

  it('makes further requests wait, then fails them, while all are busy', async () => {
    const started = Date.now();
    const slow = [get('/sleep?ms=2500'), get('/sleep?ms=2500')];
    await new Promise((resolve) => setTimeout(resolve, 100));
    const waiting = await Promise.all([get('/click'), ...slow]);
    expect(waiting.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(Date.now() - started).toBeGreaterThan(2_400);
    const busy = Array.from({ length: 6 }, () => get('/sleep?ms=2800'));
    const statuses = (await Promise.all(busy)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 200, 200, 503, 503]);
  });

  it('has its lines on standard error, with its name', async () => {
    await get('/log');
    const lines = ['[fixture-Web] first line', '[fixture-Web] second line', '[fixture-Web] to stderr'];
    await expect.poll(local.stderr).toContain(lines.join('\n'));
  });
});
