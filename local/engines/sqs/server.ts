import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';

import { messageOf } from '../../errors.ts';
import { isJsonObject, parseJson } from '../../json.ts';
import { SqsActions, SqsError } from './actions.ts';
import { FileJournal } from './journal.ts';

/** A running SQS. */
export interface SqsServer {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

interface SqsServerOptions {
  /** File that keeps the messages; undefined: in memory. */
  readonly journal?: string;
  readonly region?: string;
  /** 0 or undefined: a free one. */
  readonly port?: number;
}

const MAX_BODY = 4 * 1_048_576;

/**
 * Serves standard queues over SQS's JSON protocol on loopback, in this process. Written for this runner because the
 * emulators that start without Docker keep nothing on disk; see docs/adr/0003-local-runner.md.
 */
export async function startSqsServer(options: SqsServerOptions = {}): Promise<SqsServer> {
  const journal = options.journal === undefined ? undefined : new FileJournal(options.journal);
  const actions = new SqsActions(options.region ?? 'us-east-1', journal);
  const server = createServer(
    { keepAliveTimeout: 60_000 },
    (request, response) => void answer(actions, request, response),
  );
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  actions.baseUrl = `http://127.0.0.1:${address.port}`;
  return {
    endpoint: actions.baseUrl,
    stop: async () => {
      server.close();
      actions.close();
      server.closeAllConnections();
    },
  };
}

async function answer(actions: SqsActions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const closed = new AbortController();
  response.on('close', () => closed.abort());
  try {
    const body = await read(request);
    const target = request.headers['x-amz-target'];
    const action = typeof target === 'string' ? /^AmazonSQS\.(\w+)$/.exec(target)?.[1] : undefined;
    if (action === undefined) throw new SqsError('InvalidAction', 'The local SQS speaks the JSON protocol only.');
    const input = parse(body);
    send(response, 200, JSON.stringify(await actions.perform(action, input, closed.signal)));
  } catch (error) {
    if (error instanceof SqsError) {
      response.setHeader('x-amzn-query-error', `${error.legacy};Sender`);
      send(response, 400, JSON.stringify({ __type: `com.amazonaws.sqs#${error.code}`, message: error.message }));
    } else {
      send(response, 500, JSON.stringify({ __type: 'com.amazonaws.sqs#InternalFailure', message: messageOf(error) }));
    }
  }
}

function parse(body: string) {
  try {
    const value = parseJson(body);
    if (isJsonObject(value)) return value;
  } catch {
    // Answered below.
  }
  throw new SqsError('SerializationException', 'The request is not a JSON object.');
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new SqsError('RequestTooLarge', 'The request is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    'x-amzn-requestid': randomUUID(),
  });
  response.end(body);
}
