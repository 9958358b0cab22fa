import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { addConsumed, consumedBy, NOTHING } from './consumed.ts';
import type { Consumed, Request, Response } from './consumed.ts';

/** Stands between a function and DynamoDB and SQS, and counts what the function asks for. */
export interface Meter {
  readonly endpoint: string;
  /** What was consumed since the last time. Throws if it could not be told of a call. */
  take(): Consumed;
  stop(): Promise<void>;
}

interface Upstreams {
  readonly dynamoDb: string;
  readonly sqs: string;
}

/** @param nameOf - the table as the report names it */
export async function startMeter(upstreams: Upstreams, nameOf: (table: string) => string): Promise<Meter> {
  let consumed = NOTHING;
  let failed: unknown = null;

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const target = String(request.headers['x-amz-target']);
    const [service, operation = ''] = target.split('.');
    const sent = await text(request);
    const isDynamoDb = service === 'DynamoDB_20120810';
    const input = JSON.parse(sent) as Request;
    const answer = await fetch(isDynamoDb ? upstreams.dynamoDb : upstreams.sqs, {
      method: 'POST',
      headers: {
        'content-type': String(request.headers['content-type']),
        authorization: String(request.headers.authorization),
        'x-amz-date': String(request.headers['x-amz-date']),
        'x-amz-target': target,
      },
      body: isDynamoDb ? JSON.stringify({ ...input, ReturnConsumedCapacity: 'INDEXES' }) : sent,
    });
    const body = await answer.text();
    try {
      const one = isDynamoDb
        ? consumedBy(operation, named(input, nameOf), JSON.parse(body) as Response)
        : { ...NOTHING, calls: { [operation]: 1 } };
      consumed = addConsumed(consumed, one);
    } catch (error) {
      failed ??= error;
    }
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body);
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      if (failed !== null) throw new Error('a call could not be counted', { cause: failed });
      const taken = consumed;
      consumed = NOTHING;
      return taken;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function named(request: Request, nameOf: (table: string) => string): Request {
  const { TableName } = request;
  return TableName === undefined ? request : { ...request, TableName: nameOf(TableName) };
}
