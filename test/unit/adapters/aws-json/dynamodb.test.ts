import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDynamoDb } from '../../../../lambdas/adapters/aws-json/dynamodb.ts';
import type { DynamoDb } from '../../../../lambdas/adapters/aws-json/dynamodb.ts';
import { StorageUnavailable } from '../../../../lambdas/core/ports.ts';

interface Call {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Counts the connections. */
  readonly connection: number;
}

type Reaction = (response: ServerResponse, socket: Socket) => void;

const answer =
  (status: number, body: unknown): Reaction =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const ok = answer(200, { Item: { id: { S: 'ü' } } });
const hang: Reaction = () => undefined;
const cutOff: Reaction = (_, socket) => socket.destroy();
const cutOffInside: Reaction = (response, socket) => {
  response.writeHead(200, { 'content-length': '100' });
  response.write('{', () => socket.destroy());
};

let server: Server;
let calls: Call[];
/** What the server does with one call after the other; the last is repeated. */
let reactions: Reaction[];
let connections: number;
let sockets: Socket[];
let db: DynamoDb;

beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKID');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SESSION_TOKEN', '');
  calls = [];
  reactions = [ok];
  connections = 0;
  sockets = [];
  const numbers = new WeakMap<Socket, number>();
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      calls.push({ headers: request.headers, body, connection: numbers.get(request.socket) ?? 0 });
      const [reaction = ok] = reactions.length > 1 ? reactions.splice(0, 1) : reactions;
      reaction(response, request.socket);
    });
  });
  server.on('connection', (socket) => {
    numbers.set(socket, ++connections);
    sockets.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  db = createDynamoDb(`http://127.0.0.1:${port}`, 'eu-central-1');
});

afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const get = (timeout = 2_000) => db.call('GetItem', { TableName: 't' }, timeout);

describe('the DynamoDB client of the redirect', () => {
  it.each([
    ['throttling', 400, 'ProvisionedThroughputExceededException'],
    ['a bad request', 400, 'ValidationException'],
    ['bad credentials', 400, 'UnrecognizedClientException'],
    ['an internal error', 500, 'InternalServerError'],
  ])('fails with %s, and says which', async (_, status, type) => {
    reactions = [answer(status, { __type: `com.amazonaws.dynamodb.v20120810#${type}` })];
    await expect(get()).rejects.toThrow(new StorageUnavailable(`DynamoDB answered ${status} ${type}`));
    expect(calls).toHaveLength(1);
  });

  it.each([
    ['a page of HTML', answer(502, '<html>')],
    ['an empty answer', answer(200, '')],
    ['an answer that is no object', answer(200, '7')],
    ['a connection that ends without an answer', cutOff],
    ['a connection that ends inside an answer', cutOffInside],
  ])('fails with %s', async (_, reaction) => {
    reactions = [reaction];
    await expect(get()).rejects.toThrow(StorageUnavailable);
    expect(calls).toHaveLength(1);
  });

  it('fails where nobody listens', async () => {
    const nobody = createDynamoDb('http://127.0.0.1:1', 'eu-central-1');
    await expect(nobody.call('GetItem', {}, 2_000)).rejects.toThrow(StorageUnavailable);
  });

  it('fails when its time is over, and gives the connection up', async () => {
    reactions = [hang, ok];
    await expect(get(50)).rejects.toThrow(StorageUnavailable);
    expect(await get()).not.toBeNull();
    expect(calls.map(({ connection }) => connection)).toEqual([1, 2]);
  });

  it.each([
    ['ConditionalCheckFailedException', { Item: { id: { S: 'a' } } }],
    ['TransactionCanceledException', { CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }] }],
  ])('tells a lost condition apart, with what stood there: %s', async (type, body) => {
    reactions = [answer(400, { __type: `com.amazonaws.dynamodb.v20120810#${type}`, ...body })];
    expect((await db.call('PutItem', {}, 2_000)).refusal).toMatchObject(body);
  });

  it('speaks DynamoDB’s JSON, signed, and reads the answer', async () => {
    expect(await db.call('PutItem', { TableName: 't', Item: { id: { S: 'ü' } } }, 2_000)).toEqual({
      Item: { id: { S: 'ü' } },
    });
    const [call] = calls;
    expect(call?.body).toBe('{"TableName":"t","Item":{"id":{"S":"ü"}}}');
    expect(call?.headers).toMatchObject({
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.PutItem',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/dynamodb\/aws4_request, SignedHeaders=.*host.*x-amz-target, Signature=[0-9a-f]{64}$/,
      ) as string,
    });
    expect(call?.headers).not.toHaveProperty('x-amz-security-token');
  });

  it('reads the credentials at each call, a session token included', async () => {
    await get();
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKID2');
    vi.stubEnv('AWS_SESSION_TOKEN', 'session');
    await get();
    expect(calls[1]?.headers).toMatchObject({
      'x-amz-security-token': 'session',
      authorization: expect.stringMatching(/Credential=AKID2\/.*x-amz-security-token/) as string,
    });
  });

  it('keeps its connection', async () => {
    for (let i = 0; i < 3; i++) await get();
    expect(connections).toBe(1);
  });

  it('does not try again on a fresh connection what failed on one', async () => {
    reactions = [cutOff, ok];
    await expect(get()).rejects.toThrow(StorageUnavailable);
    expect(calls).toHaveLength(1);
  });

  it('tries once more, on a fresh connection, what failed on a kept one', async () => {
    await get();
    reactions = [cutOff, ok];
    expect(await get()).not.toBeNull();
    expect(calls.map(({ connection }) => connection)).toEqual([1, 1, 2]);
  });

  it('tries no third time', async () => {
    await get();
    reactions = [cutOff];
    await expect(get()).rejects.toThrow(StorageUnavailable);
    expect(calls).toHaveLength(3);
  });

  it('never sends twice what must not happen twice', async () => {
    await get();
    reactions = [cutOff, ok];
    await expect(db.call('UpdateItem', {}, 2_000, false)).rejects.toThrow(StorageUnavailable);
    expect(calls).toHaveLength(2);
  });

  it('tries again, until half of its time is over, what a transaction was in the way of: it did not happen', async () => {
    const conflict = answer(400, { __type: 'com.amazonaws.dynamodb.v20120810#TransactionConflictException' });
    reactions = [conflict, conflict, ok];
    expect(await db.call('UpdateItem', {}, 2_000, false)).toHaveProperty('Item');
    expect(calls).toHaveLength(3);
    reactions = [conflict];
    await expect(db.call('UpdateItem', {}, 100, false)).rejects.toThrow(/TransactionConflictException/);
  });

  it('sends what must not happen twice over a connection that was used a moment ago', async () => {
    await get();
    await db.call('UpdateItem', {}, 2_000, false);
    expect(connections).toBe(1);
  });

  it('sends what must not happen twice over a fresh connection when the kept ones may have died', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await Promise.all([get(), get()]);
    vi.setSystemTime(Date.now() + 5_001);
    await db.call('UpdateItem', {}, 2_000, false);
    expect(calls.at(-1)?.connection).toBe(3);
    await db.call('UpdateItem', {}, 2_000, false);
    expect(connections).toBe(3);
  });

  it('leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    reactions = [ok, answer(500, {}), cutOff];
    await get();
    await expect(get()).rejects.toThrow(StorageUnavailable);
    await expect(db.call('UpdateItem', {}, 2_000, false)).rejects.toThrow(StorageUnavailable);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives all idle connections up at once: they are as old as the dead one', async () => {
    await Promise.all([get(), get(), get()]);
    expect(connections).toBe(3);
    reactions = [cutOff, ok];
    expect(await get()).not.toBeNull();
    expect(connections).toBe(4);
    expect(calls.at(-1)?.connection).toBe(4);
  });

  it('survives connections that died while it was frozen', async () => {
    await Promise.all([get(), get()]);
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await get()).not.toBeNull();
  });

  it('has one time limit over both tries', async () => {
    await get();
    reactions = [(_, socket) => setTimeout(() => socket.destroy(), 600), hang];
    const started = performance.now();
    await expect(get(1_000)).rejects.toThrow(StorageUnavailable);
    expect(performance.now() - started).toBeLessThan(1_550);
    expect(calls).toHaveLength(3);
  });

  it('does not try again when its time is over', async () => {
    await get();
    reactions = [hang];
    await expect(get(50)).rejects.toThrow(StorageUnavailable);
    expect(calls).toHaveLength(2);
  });
});
