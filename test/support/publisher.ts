import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

/** A status, an answer, or a way to fail. */
export type Behaviour = number | Answer | Misbehaviour;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default 'answer' */
  readonly body?: string | Buffer;
  /** Milliseconds before it is sent. @default 0 */
  readonly after?: number;
}

export type Misbehaviour = keyof typeof FAIL;

/** One request that was read to its end. */
export interface PublisherCall {
  /** When it was read, in milliseconds. */
  readonly at: number;
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly path: string;
  /** Of a repeated parameter the last one. */
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** Empty: it had none. */
  readonly webhookId: string;
  readonly body: string;
  readonly behaviour: Behaviour;
}

/** Decides what becomes of a call. */
export type Plan = (call: Omit<PublisherCall, 'behaviour'>) => Behaviour;

/**
 * A publisher that fails on demand, on loopback. Every answer ends its connection.
 * Bad TLS: `https://localhost:<tlsPort>` has a certificate that nobody signed, which {@link TLS_CERTIFICATE} trusts;
 * `https://127.0.0.1:<tlsPort>` has that of another host as well; `https://127.0.0.1:<port>` speaks plain HTTP.
 */
export interface Publisher {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly port: number;
  readonly tlsPort: number;
  /** In the order in which they were read, whatever became of them. */
  readonly calls: readonly PublisherCall[];
  /** Connections that were accepted, those that sent nothing included. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  /** Calls that are neither answered nor given up, and the most that ever were at once. */
  readonly inFlight: number;
  readonly mostInFlight: number;
  /** From the next call on. */
  plan: Plan;
  /** What becomes of the next connections, before a byte of their requests is read. */
  greeting: 'read' | 'reset' | 'hang';
  stop(): Promise<void>;
}

/** For `NODE_EXTRA_CA_CERTS`. */
export const TLS_CERTIFICATE = new URL('../fixtures/tls-test-certificate-of-localhost.pem', import.meta.url).pathname;
export const TLS_KEY = new URL('../fixtures/tls-test-key-of-no-value.pem', import.meta.url).pathname;

/**
 * What a publisher does instead of answering, once it has read the request.
 *  - `lose`: it took the news, but its answer is lost; `reset`: it did not; `close`: nor said so.
 */
const FAIL = {
  hang: () => undefined,
  lose: (socket) => socket.destroy(),
  reset: (socket) => socket.resetAndDestroy(),
  close: (socket) => socket.end(),
  garbage: (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  dripHead: (socket) => drip(socket, 'HTTP/1.1 200 OK\r\nX-Long: '),
  dripBody: (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n\r\n'),
  endlessHead: (socket) => flood(socket, 'HTTP/1.1 200 OK\r\nX-Long: ', LONG),
  endlessHeaders: (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n', 'X: y\r\n'.repeat(700)),
  endlessBody: (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n\r\n', LONG),
  endlessChunks: (socket) => flood(socket, `${CHUNKED}`, '1;a=b\r\nx\r\n'.repeat(400)),
  endlessTrailers: (socket) => flood(socket, `${CHUNKED}1\r\nx\r\n0\r\n`, 'X: y\r\n'.repeat(700)),
  endlessInterim: (socket) => flood(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(150)),
  endlessLines: (socket) => flood(socket, '', '\r\n'.repeat(2_048)),
  halfBody: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
  },
  longBody: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlonger than it says'),
  badChunk: (socket) => socket.end(`${CHUNKED}zz\r\n`),
  twoLengths: (socket) => socket.end(`${CHUNKED.slice(0, -2)}Content-Length: 4\r\n\r\n1\r\nx\r\n0\r\n\r\n`),
  upgrade: (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  gzipBomb: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n');
    socket.end((bomb ??= gzipSync(Buffer.alloc(8 * 1024 * 1024))));
  },
} satisfies Record<string, (socket: Socket) => unknown>;

export const MISBEHAVIOURS = Object.keys(FAIL) as readonly Misbehaviour[];

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const LONG = 'x'.repeat(4_096);
let bomb: Buffer | undefined;

function drip(socket: Socket, start: string): void {
  socket.write(start);
  const timer = setInterval(() => socket.write('x'), 20);
  socket.on('close', () => clearInterval(timer));
}

function flood(socket: Socket, start: string, chunk: string): void {
  socket.write(start);
  const more = (): void => {
    if (socket.writable) socket.write(chunk, () => setImmediate(more));
  };
  more();
}

/** Answers 200 to everything until it gets a plan. */
export async function startPublisher(plan: Plan = () => 200): Promise<Publisher> {
  const calls: PublisherCall[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let inFlight = 0;
  let mostInFlight = 0;

  const behave = async (call: PublisherCall, response: ServerResponse, socket: Socket): Promise<void> => {
    const { behaviour } = call;
    if (typeof behaviour === 'string') {
      FAIL[behaviour](socket);
      if (socket.closed) inFlight--;
      else socket.on('close', () => inFlight--);
      return;
    }
    const {
      status,
      headers,
      body = 'answer',
      after = 0,
    } = typeof behaviour === 'number' ? { status: behaviour } : behaviour;
    if (after > 0) await sleep(after, undefined, { ref: false });
    // Before its answer is out, or the caller's next call would be counted beside it.
    inFlight--;
    response.writeHead(status, { ...headers, Connection: 'close' }).end(body);
  };

  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body: string;
    try {
      body = await text(request);
    } catch {
      return; // The caller gave up.
    }
    const { method = '', url: target = '', headers, socket } = request;
    const [path = '', query = ''] = target.split(/\?(.*)/s);
    const call = {
      at: Date.now(),
      method,
      target,
      path,
      query: Object.fromEntries(new URLSearchParams(query)),
      headers,
      webhookId: String(headers['webhook-id'] ?? ''),
      body,
    };
    const read = { ...call, behaviour: publisher.plan(call) };
    calls.push(read);
    mostInFlight = Math.max(mostInFlight, ++inFlight);
    await behave(read, response, socket);
  };

  const listen = async (server: http.Server): Promise<net.Server> => {
    server.on('request', (request, response) => void receive(request, response));
    const listener = net.createServer((socket) => {
      connections++;
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      // A caller that hangs up in the middle is nothing to fail by.
      socket.on('error', () => undefined);
      if (publisher.greeting === 'read') server.emit('connection', socket);
      if (publisher.greeting === 'reset') socket.resetAndDestroy();
      if (publisher.greeting === 'hang') socket.resume();
    });
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    return listener;
  };
  const portOf = (listener: net.Server): number => (listener.address() as AddressInfo).port;

  const tls = { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERTIFICATE) };
  const [plain, secure] = await Promise.all([listen(http.createServer()), listen(https.createServer(tls))]);

  const publisher: Publisher = {
    url: `http://127.0.0.1:${portOf(plain)}`,
    port: portOf(plain),
    tlsPort: portOf(secure),
    calls,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    get inFlight() {
      return inFlight;
    },
    get mostInFlight() {
      return mostInFlight;
    },
    plan,
    greeting: 'read',
    async stop() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([plain, secure].map((listener) => once(listener.close(), 'close')));
    },
  };
  return publisher;
}
