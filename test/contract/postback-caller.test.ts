import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPostbackCaller } from '../../lambdas/adapters/http/postback-caller.ts';
import type { PostbackCallerOptions } from '../../lambdas/adapters/http/postback-caller.ts';
import { createResolve } from '../../lambdas/adapters/http/resolve.ts';
import type { OutboundRequest } from '../../lambdas/core/ports.ts';
import { startNameServer } from '../support/name-server.ts';
import type { DnsAnswer, NameServer } from '../support/name-server.ts';
import { startPublisher, TLS_CERTIFICATE } from '../support/publisher.ts';
import type { Behaviour, Misbehaviour, Publisher } from '../support/publisher.ts';

let publisher: Publisher;
let nameServer: NameServer;

beforeEach(async () => {
  [publisher, nameServer] = await Promise.all([startPublisher(), startNameServer()]);
});

afterEach(async () => {
  await vi.waitFor(() => expect(publisher.open, 'connections that are left').toBe(0));
  await Promise.all([publisher.stop(), nameServer.stop()]);
});

/** For calls that nothing else ends; the others have as long as on AWS. */
const BRIEF = { connectTimeout: 200, deadline: 300 };
const ENDED_BY_DEADLINE: readonly Behaviour[] = ['hang', 'dripHead', 'dripBody'];

interface Call extends Partial<PostbackCallerOptions> {
  readonly url?: string;
  readonly request?: Partial<OutboundRequest>;
}

function call(behaviour: Behaviour, { url = publisher.url, request, ...options }: Call = {}) {
  publisher.plan = () => behaviour;
  const resolve = createResolve([nameServer.address]);
  const caller = createPostbackCaller({ allowLoopback: true, resolve, ...options });
  return caller.call({ method: 'GET', url, headers: {}, body: null, ...request });
}

describe('a call that fails', () => {
  it.each<[string, Misbehaviour, string]>([
    ['nothing comes', 'hang', 'timeout'],
    ['the head drips', 'dripHead', 'timeout'],
    ['the connection is reset', 'reset', 'connection_reset'],
    ['the connection is closed', 'close', 'connection_reset'],
    ['the answer is lost', 'lose', 'connection_reset'],
    ['the answer is not HTTP', 'garbage', 'invalid_response'],
    ['the answer has two lengths', 'twoLengths', 'invalid_response'],
    ['a header never ends', 'endlessHead', 'invalid_response'],
    ['headers never end', 'endlessHeaders', 'invalid_response'],
    ['only interim answers come, without an end', 'endlessInterim', 'invalid_response'],
    ['only empty lines come, without an end', 'endlessLines', 'invalid_response'],
    ['the receiver switches protocols', 'upgrade', 'invalid_response'],
  ])('says why: %s', async (_, behaviour, error) => {
    const answer = await call(behaviour, ENDED_BY_DEADLINE.includes(behaviour) ? BRIEF : {});

    expect(answer).toMatchObject({ status: null, error, body: null, retryAfterSeconds: null });
    expect(answer.durationMs).toBeLessThan(3_000);
    expect(publisher.calls).toHaveLength(1);
  });

  it.each([
    ['reset', 'connection_reset'],
    ['hang', 'timeout'],
  ] as const)('says why, if the request was not even read: %s', async (greeting, error) => {
    publisher.greeting = greeting;

    expect(await call(200, BRIEF)).toMatchObject({ status: null, error });
    expect(publisher.calls).toEqual([]);
  });

  it.each(['http', 'https'])('says that nobody listens: %s', async (scheme) => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const url = `${scheme}://127.0.0.1:${(free.address() as AddressInfo).port}`;
    free.close();
    await once(free, 'close');

    expect(await call(200, { url })).toMatchObject({ status: null, error: 'connection_refused' });
  });

  it.each([
    ['a certificate that nobody signed', () => `https://localhost:${publisher.tlsPort}`],
    ['plain HTTP', () => `https://127.0.0.1:${publisher.port}`],
  ])('says that TLS failed: %s', async (_, url) => {
    expect(await call(200, { url: url() })).toMatchObject({ status: null, error: 'tls_error' });
    expect(publisher.calls).toEqual([]);
  });

  it('gives up a handshake before its deadline', async () => {
    publisher.greeting = 'hang';
    const answer = await call(200, { url: `https://localhost:${publisher.tlsPort}`, connectTimeout: 200 });

    expect(answer.error).toBe('timeout');
    expect(answer.durationMs).toBeLessThan(3_000);
  });

  it.each([301, 302, 303, 307, 308, 304, 400, 404, 410, 429, 500, 503])('keeps status %i', async (status) => {
    expect(await call(status)).toMatchObject({ status, error: null });
  });
});

describe('names', () => {
  const named = () => ({ url: `http://pub.example:${publisher.port}` });

  it.each<[string, DnsAnswer]>([
    ['there is none', 'noSuchName'],
    ['its server fails', 'serverFailure'],
    ['its server refuses', 'refused'],
    ['its server does not understand', 'formatError'],
    ['its server talks nonsense', 'garbage'],
    ['it has no address', []],
    ['it leads in a circle', { cname: 'pub.example' }],
    ['it leads nowhere', { cname: 'www.pub.example' }],
  ])('that do not resolve are an error of their own: %s', async (_, answer) => {
    nameServer.answer = () => answer;

    expect(await call(200, named())).toMatchObject({ status: null, error: 'dns_error' });
    expect(publisher.connections).toBe(0);
  });

  it('that do not resolve are an error of their own, whatever the resolver says', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error(), { code: 'ECONNRESET' }));

    expect(await call(200, { ...named(), resolve })).toMatchObject({ status: null, error: 'dns_error' });
  });

  it('do not hold a call up', async () => {
    nameServer.answer = () => 'silence';
    const { error, durationMs } = await call(200, { ...named(), connectTimeout: 200 });

    expect(error).toBe('timeout');
    expect(durationMs).toBeLessThan(3_000);
  });

  it('are asked for their IPv6 addresses only if they have no others', async () => {
    nameServer.answer = (type) => (type === 'A' ? ['127.0.0.1'] : ['::1']);
    expect(await call(200, { url: `http://PUB.example.:${publisher.port}` })).toMatchObject({ status: 200 });
    expect(nameServer.questions).toEqual(['A pub.example']);

    nameServer.answer = (type) => (type === 'A' ? [] : ['::ffff:127.0.0.1']);
    expect(await call(200, named())).toMatchObject({ error: 'blocked_address' });
    expect(nameServer.questions.slice(1)).toEqual(['A pub.example', 'AAAA pub.example']);
  });

  it('of this machine are nothing that a name server is asked about', async () => {
    expect(await call(200, { url: `http://localhost.:${publisher.port}` })).toMatchObject({ status: 200 });
    expect(nameServer.questions).toEqual([]);
  });
});

describe('an answer', () => {
  it('is its status line, and the beginning of its body', async () => {
    expect(await call(200)).toMatchObject({ status: 200, error: null, body: 'answer' });
  });

  it.each<[string, Misbehaviour, RegExp]>([
    ['drips', 'dripBody', /^x+$/],
    ['never ends', 'endlessBody', /^x{1024}$/],
    ['never ends in chunks', 'endlessChunks', /^x{1024}$/],
    ['never ends behind its end', 'endlessTrailers', /^x?$/],
    ['breaks off', 'halfBody', /^half$/],
    ['is longer than it says', 'longBody', /^(long)?$/],
    ['is malformed', 'badChunk', /^$/],
    ['would fill the memory if it were decompressed', 'gzipBomb', /^\W/],
  ])('counts although its body %s', async (_, behaviour, body) => {
    const answer = await call(behaviour, ENDED_BY_DEADLINE.includes(behaviour) ? BRIEF : {});

    expect(answer).toMatchObject({ status: 200, error: null });
    expect(answer.body ?? '').toMatch(body);
    expect(Buffer.byteLength(answer.body ?? '')).toBeLessThanOrEqual(1_024);
    expect(answer.durationMs).toBeLessThan(3_000);
  });

  it.each([
    ['no text', Buffer.alloc(5_000, 0xff)],
    ['accents', `a${'é'.repeat(2_000)}`],
  ])('keeps at most 1 kB of well-formed text: %s', async (name, sent) => {
    const { status, body } = await call({ status: 200, body: sent });

    expect(status).toBe(200);
    expect(Buffer.byteLength(body ?? '')).toBeLessThanOrEqual(1_024);
    expect(body?.isWellFormed()).toBe(true);
    if (name === 'accents') expect(body).not.toContain('\ufffd');
  });

  it('keeps control characters as data', async () => {
    const body = '\0\x1b[31m<script>\r\n';
    expect(await call({ status: 200, body })).toMatchObject({ body });
  });

  it.each([
    ['seconds', '120', 120],
    ['a date that is past', 'Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['neither', 'soon', null],
    ['a negative number', '-1', null],
    ['more than a number should have', '9'.repeat(400), null],
  ])('says when to come back: %s', async (_, header, seconds) => {
    const answer = await call({ status: 503, headers: { 'Retry-After': header } });

    expect(answer).toMatchObject({ status: 503, retryAfterSeconds: seconds });
  });
});

describe('a request', () => {
  it('carries its headers, asks for no compression and closes the connection', async () => {
    await call(200, { request: { headers: { 'User-Agent': 'Flowback/1.2.3', 'Webhook-Id': 'id' } } });

    expect(publisher.calls).toMatchObject([{ method: 'GET', target: '/', body: '' }]);
    expect(publisher.calls[0]?.headers).toEqual({
      'user-agent': 'Flowback/1.2.3',
      'webhook-id': 'id',
      accept: '*/*',
      'accept-encoding': 'identity',
      host: `127.0.0.1:${publisher.port}`,
      connection: 'close',
    });
  });

  it('carries its body with its length', async () => {
    await call(200, { request: { method: 'POST', body: '{"p1":"é"}' } });

    expect(publisher.calls).toMatchObject([{ method: 'POST', body: '{"p1":"é"}' }]);
    expect(publisher.calls[0]?.headers).toMatchObject({ 'content-length': '11' });
    expect(publisher.calls[0]?.headers).not.toHaveProperty('transfer-encoding');
  });
});

it('asks a proxy of the environment for nothing, and takes a certificate of its own host alone', async () => {
  const proxy = await startPublisher();
  const variables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
  const env = {
    ...process.env,
    ...Object.fromEntries(variables.map((name) => [name, proxy.url])),
    NODE_USE_ENV_PROXY: '1',
    NODE_EXTRA_CA_CERTS: TLS_CERTIFICATE,
  };
  const { port, tlsPort } = publisher;
  const urls = [`http://127.0.0.1:${port}`, `https://localhost:${tlsPort}`, `https://127.0.0.1:${tlsPort}`];
  const script = `
    import { createPostbackCaller } from './lambdas/adapters/http/postback-caller.ts';
    const { call } = createPostbackCaller({ allowLoopback: true });
    const answers = ${JSON.stringify(urls)}.map((url) => call({ method: 'GET', url, headers: {}, body: null }));
    console.log(JSON.stringify((await Promise.all(answers)).map(({ status, error }) => status ?? error)));`;

  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: `${import.meta.dirname}/../..` });

  expect(JSON.parse(stdout)).toEqual([200, 200, 'tls_error']);
  expect(publisher.calls).toHaveLength(2);
  expect(proxy.connections).toBe(0);
  await proxy.stop();
});
