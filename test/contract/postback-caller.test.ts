import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPostbackCaller } from '../../lambdas/adapters/http/postback-caller.ts';
import type { PostbackCallerOptions } from '../../lambdas/adapters/http/postback-caller.ts';
import type { OutboundRequest } from '../../lambdas/core/ports.ts';

/** A receiver that speaks raw TCP, so that it can misbehave. `answers[path]` runs when the request's head has come. */
let server: Server;
let port: number;
let heads: string[];
let connections: number;
const sockets = new Set<Socket>();

const answers: Record<string, (socket: Socket) => void> = {
  '/hang': () => undefined,
  '/reset': (socket) => socket.resetAndDestroy(),
  '/close': (socket) => socket.end(),
  '/garbage': (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  '/drip-head': (socket) => drip(socket, 'HTTP/1.1 200 OK\r\nX-Long: '),
  '/drip-body': (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n\r\n'),
  '/endless': (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n\r\n'),
  '/endless-head': (socket) => flood(socket, 'HTTP/1.1 200 OK\r\nX-Long: '),
  '/continue': (socket) => flood(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  '/upgrade': (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  '/half-body': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
  },
  '/bad-chunk': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'),
  '/gzip': (socket) => respond(socket, '200 OK', Buffer.from([0x1f, 0x8b, 8, 0]), 'Content-Encoding: gzip'),
  '/bytes': (socket) => respond(socket, '200 OK', Buffer.alloc(5_000, 0xff)),
  '/accents': (socket) => respond(socket, '200 OK', Buffer.from(`a${'é'.repeat(2_000)}`)),
  '/control': (socket) => respond(socket, '200 OK', Buffer.from('\0\x1b[31m<script>\r\n')),
  '/redirect': (socket) =>
    respond(socket, '302 Found', Buffer.alloc(0), `Location: http://127.0.0.1:${port}/status/200`),
};

function respond(socket: Socket, status: string, body: Buffer, ...headers: string[]): void {
  const head = [`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, 'Connection: close', ...headers, '', ''];
  socket.write(head.join('\r\n'));
  socket.end(body);
}

function drip(socket: Socket, start: string): void {
  socket.write(start);
  const timer = setInterval(() => socket.write('x'), 20);
  socket.on('close', () => clearInterval(timer));
}

function flood(socket: Socket, start: string, chunk = 'x'.repeat(4_096)): void {
  socket.write(start);
  const more = (): void => {
    if (!socket.destroyed) socket.write(chunk, () => setImmediate(more));
  };
  more();
}

beforeEach(async () => {
  heads = [];
  connections = 0;
  server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    let head = '';
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      const clientHello = chunk[0] === 0x16;
      if (clientHello) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      const before = head.includes('\r\n\r\n');
      head += chunk.toString();
      heads[heads.length - (before ? 1 : 0)] = head;
      if (before || !head.includes('\r\n\r\n')) return;
      const [, path = ''] = head.split(' ');
      const [, status, retryAfter] = /^\/status\/(\d+)(?:\/(.+))?$/.exec(path) ?? [];
      if (status !== undefined) {
        const header = retryAfter === undefined ? [] : [`Retry-After: ${decodeURIComponent(retryAfter)}`];
        respond(socket, `${status} Text`, Buffer.from('answer'), ...header);
      } else {
        answers[path]?.(socket);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
});

const TIMES = { connectTimeout: 300, deadline: 500 };

function call(path: string, options: Partial<PostbackCallerOptions> & { base?: string } = {}, request = {}) {
  const { base = `http://127.0.0.1:${port}`, ...rest } = options;
  const get: OutboundRequest = { method: 'GET', url: base + path, headers: {}, body: null };
  return createPostbackCaller({ allowLoopback: true, ...TIMES, ...rest }).call({ ...get, ...request });
}

describe('a call that fails', () => {
  it.each([
    ['nothing comes', '/hang', 'timeout'],
    ['the head drips', '/drip-head', 'timeout'],
    ['only interim answers come', '/continue', 'timeout'],
    ['the connection is reset', '/reset', 'connection_reset'],
    ['the connection is closed', '/close', 'connection_reset'],
    ['the answer is not HTTP', '/garbage', 'invalid_response'],
    ['the head never ends', '/endless-head', 'invalid_response'],
    ['the receiver switches protocols', '/upgrade', 'invalid_response'],
  ])('says why: %s', async (_, path, error) => {
    const answer = await call(path);

    expect(answer).toMatchObject({ status: null, error, body: null, retryAfterSeconds: null });
    expect(answer.durationMs).toBeLessThan(TIMES.deadline + 300);
  });

  it('says that nobody listens', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const base = `http://127.0.0.1:${(free.address() as AddressInfo).port}`;
    free.close();
    await once(free, 'close');

    expect(await call('/', { base })).toMatchObject({ status: null, error: 'connection_refused' });
  });

  it('says that TLS failed', async () => {
    expect(await call('/status/200', { base: `https://127.0.0.1:${port}` })).toMatchObject({ error: 'tls_error' });
  });

  it('gives up connecting before its deadline', async () => {
    const answer = await call('/', { base: 'http://pub.example', resolve: () => undefined, deadline: 5_000 });

    expect(answer.error).toBe('timeout');
    expect(answer.durationMs).toBeLessThan(2_000);
  });

  it('says that a name does not resolve', async () => {
    const error = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    const answer = await call('/', { base: 'http://pub.example', resolve: (_, callback) => callback(error, []) });

    expect(answer).toMatchObject({ status: null, error: 'dns_error' });
  });

  it.each([301, 302, 303, 307, 308, 304, 400, 404, 410, 429, 500, 503])('keeps status %i', async (status) => {
    expect(await call(`/status/${status}`)).toMatchObject({ status, error: null });
  });
});

describe('addresses', () => {
  it.each([
    ['a literal', (p: number) => `http://127.0.0.1:${p}`],
    ['a literal as one number', (p: number) => `http://2130706433:${p}`],
    ['a mapped literal', (p: number) => `http://[::ffff:127.0.0.1]:${p}`],
    ['localhost', (p: number) => `http://localhost:${p}`],
    ['a literal over TLS', (p: number) => `https://127.0.0.1:${p}`],
  ])('of this machine are not even connected to: %s', async (_, base) => {
    const answer = await call('/status/200', { base: base(port), allowLoopback: false });

    expect(answer).toMatchObject({ status: null, error: 'blocked_address' });
    expect(connections).toBe(0);
  });

  it('of this machine are not connected to when a name resolves to them', async () => {
    const asked: string[] = [];
    const answer = await call('/status/200', {
      base: `http://rebind.example:${port}`,
      allowLoopback: false,
      resolve: (name, callback) => {
        asked.push(name);
        callback(null, [
          { address: '127.0.0.1', family: 4 },
          { address: '::1', family: 6 },
        ]);
      },
    });

    expect(answer).toMatchObject({ status: null, error: 'blocked_address' });
    expect(asked).toEqual(['rebind.example']);
    expect(connections).toBe(0);
  });

  it('are connected to as they were checked: those that are refused are left out', async () => {
    const answer = await call('/status/200', {
      base: `http://pub.example:${port}`,
      resolve: (_, callback) => {
        callback(null, [
          { address: '169.254.169.254', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]);
      },
    });

    expect(answer).toMatchObject({ status: 200, error: null });
    expect(heads[0]).toContain(`Host: pub.example:${port}`);
  });

  it('of private networks are refused even where loopback is allowed', async () => {
    expect(await call('/', { base: 'http://10.0.0.1' })).toMatchObject({ error: 'blocked_address' });
    expect(await call('/', { base: 'http://169.254.169.254' })).toMatchObject({ error: 'blocked_address' });
  });
});

describe('an answer', () => {
  it('is its status line, and the beginning of its body', async () => {
    expect(await call('/status/200')).toMatchObject({ status: 200, error: null, body: 'answer' });
  });

  it('to a redirect is the redirect: it is not followed', async () => {
    expect(await call('/redirect')).toMatchObject({ status: 302, body: null });
    expect(connections).toBe(1);
  });

  it.each([
    ['drips', '/drip-body', /^x+$/],
    ['never ends', '/endless', /^x{1024}$/],
    ['breaks off', '/half-body', /^half$/],
  ])('counts although its body %s', async (_, path, body) => {
    const answer = await call(path);

    expect(answer).toMatchObject({ status: 200, error: null });
    expect(answer.body).toMatch(body);
    expect(answer.durationMs).toBeLessThan(TIMES.deadline + 300);
  });

  it('counts although its body is malformed', async () => {
    expect(await call('/bad-chunk')).toMatchObject({ status: 200, error: null, body: null });
  });

  it.each([
    ['compressed bytes, which stay as they are', '/gzip'],
    ['no text', '/bytes'],
    ['accents', '/accents'],
  ])('keeps at most 1 kB of well-formed text: %s', async (_, path) => {
    const { status, body } = await call(path);

    expect(status).toBe(200);
    expect(Buffer.byteLength(body ?? '')).toBeLessThanOrEqual(1_024);
    expect(body?.isWellFormed()).toBe(true);
    if (path === '/accents') expect(body).not.toContain('\ufffd');
  });

  it('keeps control characters as data', async () => {
    expect((await call('/control')).body).toBe('\0\x1b[31m<script>\r\n');
  });

  it.each([
    ['seconds', '120', 120],
    ['a date that is past', 'Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['neither', 'soon', null],
    ['a negative number', '-1', null],
    ['more than a number should have', '9'.repeat(400), null],
  ])('says when to come back: %s', async (_, header, seconds) => {
    const answer = await call(`/status/503/${encodeURIComponent(header)}`);

    expect(answer).toMatchObject({ status: 503, retryAfterSeconds: seconds });
  });
});

describe('a request', () => {
  it('carries its headers, asks for no compression and closes the connection', async () => {
    await call('/status/200', {}, { headers: { 'User-Agent': 'Flowback/1.2.3', 'Webhook-Id': 'id' } });

    expect(heads[0]).toMatch(/^GET \/status\/200 HTTP\/1\.1\r\n/);
    for (const line of [
      'User-Agent: Flowback/1.2.3',
      'Webhook-Id: id',
      'Accept-Encoding: identity',
      'Connection: close',
    ]) {
      expect(heads[0]).toContain(`\r\n${line}\r\n`);
    }
  });

  it('carries its body with its length', async () => {
    const headers = { 'Content-Type': 'application/json' };
    await call('/status/200', {}, { method: 'POST', headers, body: '{"p1":"é"}' });

    expect(heads[0]).toContain('Content-Length: 11\r\n');
    expect(heads[0]).not.toContain('Transfer-Encoding');
    expect(heads[0]).toMatch(/\r\n\r\n\{"p1":"é"\}$/);
  });
});
