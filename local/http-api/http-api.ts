import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

import { codeOf, messageOf, StartError } from '../errors.ts';
import type { LambdaFunction } from '../lambda-host/lambda-function.ts';
import type { Cors } from './cors.ts';
import { corsHeaders, preflight } from './cors.ts';
import { splitTarget, toEvent } from './event.ts';
import type { HttpAnswer } from './response.ts';
import { gatewayAnswer, toAnswer } from './response.ts';
import type { Route } from './routes.ts';
import { Router } from './routes.ts';
import { TokenBucket } from './throttle.ts';
import type { TlsKeyPair } from './tls.ts';

export interface Throttle {
  readonly rate: number;
  readonly burst: number;
}

/** Where a route leads. */
export interface Integration {
  readonly lambda: LambdaFunction;
  readonly timeoutMs: number;
}

/** A deployed API. */
export interface ApiDefinition {
  readonly apiId: string;
  readonly accountId: string;
  readonly stage: string;
  readonly routes: readonly Route<Integration>[];
  readonly cors: Cors | undefined;
  readonly throttle: Throttle | undefined;
  /** Throttles of single routes by route key. */
  readonly routeThrottles: ReadonlyMap<string, Throttle>;
}

/** API Gateway's limit on the request line and headers together. */
const MAX_HEAD = 10_240;
/** API Gateway's limit on a body. */
const MAX_BODY = 10 * 1_048_576;
/** Lambda's limit on an event and a result. */
const MAX_PAYLOAD = 6 * 1_048_576;
/** How long a request waits for an execution environment while all are busy. */
const MAX_WAIT_MS = 5_000;

/** An HTTP API on a port of its own. It listens at once and answers 503 until it is deployed. */
export class HttpApi {
  readonly url: string;
  private readonly scheme: 'http' | 'https';
  private readonly port: number;
  private readonly server: Server;
  private handle: ((request: IncomingMessage) => HttpAnswer | Promise<HttpAnswer>) | undefined;
  private pending = 0;
  private stopping = false;

  private constructor(server: Server, scheme: 'http' | 'https') {
    this.server = server;
    this.scheme = scheme;
    this.port = (server.address() as AddressInfo).port;
    this.url = `${scheme}://127.0.0.1:${this.port}`;
    server.on('request', (request, response) => void this.answer(request, response));
  }

  /**
   * @param tls undefined: plain HTTP
   * @throws StartError if the port is taken
   */
  static async listen(port: number, tls?: TlsKeyPair): Promise<HttpApi> {
    const limits = { maxHeaderSize: 65_536, keepAliveTimeout: 60_000, requestTimeout: 30_000 };
    const server = tls === undefined ? createServer(limits) : createSecureServer({ ...limits, ...tls });
    server.on('clientError', refuse);
    server.listen(port, '127.0.0.1', 511);
    try {
      await once(server, 'listening');
    } catch (error) {
      if (codeOf(error) === 'EADDRINUSE') throw new StartError(`port ${port} is in use; choose another with --port`);
      if (codeOf(error) === 'EACCES')
        throw new StartError(`port ${port} needs more rights; choose another with --port`);
      throw error;
    }
    return new HttpApi(server, tls === undefined ? 'http' : 'https');
  }

  deploy(definition: ApiDefinition): void {
    const router = new Router(definition.routes);
    const now = performance.now();
    const bucket = ({ rate, burst }: Throttle) => new TokenBucket(rate, burst, now);
    const stageBucket = definition.throttle === undefined ? undefined : bucket(definition.throttle);
    const routeBuckets = new Map([...definition.routeThrottles].map(([key, throttle]) => [key, bucket(throttle)]));
    this.handle = (request) => {
      const { method = 'GET', url = '/' } = request;
      const { cors } = definition;
      const match = router.match(method, splitTarget(url).path);
      const limit = (match === undefined ? undefined : routeBuckets.get(match.route.key)) ?? stageBucket;
      if (limit?.take(performance.now()) === false) return gatewayAnswer(429);
      if (cors !== undefined && method === 'OPTIONS') return preflight(cors, request.headers);
      if (match === undefined) return gatewayAnswer(404);
      return this.invoke(request, definition, match.route, match.parameters);
    };
  }

  /** Stops accepting, waits for the answers under way at most `graceMs`, and closes every connection. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.server.close();
    this.server.closeIdleConnections();
    const deadline = performance.now() + graceMs;
    while (this.pending > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.pending += 1;
    let answer: HttpAnswer;
    try {
      if (headSize(request) > MAX_HEAD) answer = gatewayAnswer(431);
      else answer = (await this.handle?.(request)) ?? gatewayAnswer(503);
    } catch (error) {
      if (!request.destroyed) process.stderr.write(`${this.url}: ${messageOf(error)}\n`);
      answer = gatewayAnswer(500);
    }
    this.pending -= 1;
    if (!response.destroyed) this.write(request, response, answer);
  }

  private write(request: IncomingMessage, response: ServerResponse, { status, headers, body }: HttpAnswer): void {
    const bodiless = status === 204 || status === 304;
    response.writeHead(status, {
      ...headers,
      ...(bodiless ? {} : { 'content-length': String(body.length) }),
      'apigw-requestid': randomUUID(),
      // A body that was not read to its end cannot be followed by another request.
      ...(this.stopping || !request.complete ? { connection: 'close' } : {}),
    });
    response.end(bodiless || request.method === 'HEAD' ? undefined : body);
  }

  private async invoke(
    request: IncomingMessage,
    definition: ApiDefinition,
    route: Route<Integration>,
    pathParameters: Readonly<Record<string, string>>,
  ): Promise<HttpAnswer> {
    const time = Date.now();
    const body = await readBody(request);
    if (body === undefined) return gatewayAnswer(413);
    const requestId = randomUUID();
    const sourceIp = (request.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
    const { method = 'GET', url: target = '/', httpVersion, rawHeaders } = request;
    const event = JSON.stringify(
      toEvent(
        { method, target, httpVersion, rawHeaders, sourceIp, body },
        {
          apiId: definition.apiId,
          accountId: definition.accountId,
          stage: definition.stage,
          routeKey: route.key,
          pathParameters,
          requestId,
          traceId: `Root=1-${Math.floor(time / 1000).toString(16)}-${requestId.replaceAll('-', '').slice(0, 24)}`,
          scheme: this.scheme,
          port: this.port,
          time,
        },
      ),
    );
    if (event.length > MAX_PAYLOAD) return gatewayAnswer(413);
    const answer = await call(route.target, event);
    return definition.cors === undefined
      ? answer
      : { ...answer, headers: { ...answer.headers, ...corsHeaders(definition.cors, request.headers) } };
  }
}

/** Calls the function; an integration that takes too long is answered with 503 and goes on, as on AWS. */
async function call({ lambda, timeoutMs }: Integration, event: string): Promise<HttpAnswer> {
  const invocation = lambda.invoke(event, MAX_WAIT_MS);
  let timer: NodeJS.Timeout | undefined;
  // The function's own limit ends it first, unless it is longer than the integration's.
  const result = await (lambda.definition.timeoutMs < timeoutMs
    ? invocation
    : Promise.race([
        invocation,
        new Promise<{ kind: 'throttled' }>((resolve) => {
          timer = setTimeout(() => resolve({ kind: 'throttled' }), timeoutMs);
        }),
      ]));
  clearTimeout(timer);
  switch (result.kind) {
    case 'success':
      return result.payload.length > MAX_PAYLOAD ? gatewayAnswer(500) : toAnswer(result.payload);
    case 'error':
      return gatewayAnswer(500);
    case 'throttled':
      return gatewayAnswer(503);
  }
}

/** The body; undefined if it is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) return undefined;
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined) {
    return Buffer.alloc(0);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY) {
        request.removeAllListeners('data');
        request.pause();
        resolve(undefined);
      } else {
        chunks.push(chunk);
      }
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the client went away')));
  });
}

/** Bytes of the request line and the headers as they were sent. */
function headSize({ method = '', url = '', rawHeaders }: IncomingMessage): number {
  let size = method.length + url.length + ' HTTP/1.1\r\n'.length + 1;
  // Each line has a colon, a space and a line end besides its name and value.
  for (const text of rawHeaders) size += text.length + 2;
  return size;
}

/** Answers what Node could not parse. */
function refuse(error: Error, socket: Socket): void {
  if (codeOf(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body } = gatewayAnswer(codeOf(error) === 'HPE_HEADER_OVERFLOW' ? 431 : 400);
  const head = `HTTP/1.1 ${status} ${status === 431 ? 'Request Header Fields Too Large' : 'Bad Request'}`;
  socket.end(
    `${head}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body.toString()}`,
  );
}
