import * as http from 'node:http';
import * as https from 'node:https';
import aws4 from 'aws4';
import type { Item } from '../dynamodb/items.ts';
import { StorageUnavailable } from '../../core/ports.ts';

/** What the redirect asks of DynamoDB. */
type Operation = 'GetItem' | 'PutItem' | 'Query';

interface Answer {
  readonly Item?: Item;
  readonly Items?: readonly Item[];
}

/**
 * DynamoDB's own JSON protocol, a tenth of the SDK in size and start time. Null: a condition was lost; every other
 * failure is a {@link StorageUnavailable}. `timeout` is in milliseconds, over all tries.
 */
export interface DynamoDb {
  call(operation: Operation, input: object, timeout: number): Promise<Answer | null>;
}

/** One client an environment. Credentials are read from the environment at each call: they may change. */
export function createDynamoDb(endpoint: string, region: string): DynamoDb {
  const { protocol, host, hostname, port } = new URL(endpoint);
  const { request, agent } =
    protocol === 'http:'
      ? { request: http.request, agent: new http.Agent({ keepAlive: true }) }
      : { request: https.request, agent: new https.Agent({ keepAlive: true }) };

  /** Signed anew for each try: a signature carries its time. */
  const send = (operation: Operation, body: string): http.ClientRequest => {
    const signed = aws4.sign({
      service: 'dynamodb',
      region,
      method: 'POST',
      path: '/',
      headers: {
        Host: host,
        'Content-Type': 'application/x-amz-json-1.0',
        'X-Amz-Target': `DynamoDB_20120810.${operation}`,
      },
      body,
    });
    const { method, path, headers } = signed;
    return request({ agent, hostname, port, method, path, headers }).end(body);
  };

  return {
    async call(operation, input, timeout) {
      const body = JSON.stringify(input);
      const deadline = new Deadline(timeout);
      try {
        const first = send(operation, body);
        const response = await deadline.over(first).catch((error: unknown) => {
          // The peer may have closed a kept connection, and did if this environment was frozen for long. All idle ones
          // are as old: the second try is on a fresh one. Trying twice is safe: puts are conditional.
          if (!first.reusedSocket || deadline.passed) throw error;
          closeIdle(agent);
          return deadline.over(send(operation, body));
        });
        return read(response);
      } catch (error) {
        if (error instanceof StorageUnavailable) throw error;
        throw new StorageUnavailable(`DynamoDB did not answer ${operation}`, { cause: error });
      } finally {
        deadline.clear();
      }
    },
  };
}

interface Response {
  readonly status: number;
  readonly body: string;
}

function read({ status, body }: Response): Answer | null {
  const answer: unknown = JSON.parse(body);
  if (typeof answer !== 'object' || answer === null) throw new TypeError('the answer is no object');
  if (status === 200) return answer;
  const type = '__type' in answer && typeof answer.__type === 'string' ? answer.__type : '';
  if (type.endsWith('#ConditionalCheckFailedException')) return null;
  throw new StorageUnavailable(`DynamoDB answered ${status} ${type.slice(type.indexOf('#') + 1)}`);
}

/** One time limit over several requests. */
class Deadline {
  passed = false;
  #current: http.ClientRequest | null = null;
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number) {
    this.#timer = setTimeout(() => {
      this.passed = true;
      this.#current?.destroy(new Error(`no answer within ${milliseconds} ms`));
    }, milliseconds);
  }

  over(request: http.ClientRequest): Promise<Response> {
    this.#current = request;
    return new Promise((resolve, reject) => {
      request.on('error', reject);
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.once('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
        });
      });
    });
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

function closeIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
