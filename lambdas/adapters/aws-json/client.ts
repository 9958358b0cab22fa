import type * as http from 'node:http';
import { StorageUnavailable } from '../../core/ports.ts';
import { createSigner } from './sign.ts';
import type { Credentials } from './sign.ts';

/** AWS's JSON protocol 1.0, signed by hand: a tenth of the SDK in size and start time. */
interface AwsJson {
  /**
   * Resolves with what the service answers, whatever its status; throws {@link StorageUnavailable} if it does not answer.
   */
  call(operation: string, input: object, options: CallOptions): Promise<JsonAnswer>;
}

interface CallOptions {
  /** Milliseconds, over all tries. */
  readonly timeout: number;
  /** Whether the same call twice does no more than once; else it is never sent twice. */
  readonly repeatable: boolean;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: object;
  /** Short name of the error, such as `ThrottlingException`; empty if it succeeded. */
  readonly error: string;
}

interface Service {
  readonly service: 'dynamodb' | 'sqs';
  /** Prefix of `X-Amz-Target`. */
  readonly target: string;
  readonly endpoint: string;
  readonly region: string;
}

/** Where the SDK would look: `AWS_ENDPOINT_URL_<SERVICE>`, else the region's own endpoint. */
export function awsEndpoint(service: 'dynamodb' | 'sqs', region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? `https://${service}.${region}.${suffix}`;
}

/** A connection that rested longer may have been closed at the other end while this environment was frozen. */
const TRUSTED_REST = 5_000;

/** One client an environment and service. Credentials are read from the environment at each call: they may change. */
export function createAwsJson({ service, target, endpoint, region }: Service): AwsJson {
  const { protocol, host, hostname, port } = new URL(endpoint);
  // Only the one that is spoken: loading the other one would cost a millisecond of init.
  const { request, Agent }: Pick<typeof http, 'request' | 'Agent'> = process.getBuiltinModule(
    protocol === 'http:' ? 'node:http' : 'node:https',
  );
  const agent = new Agent({ keepAlive: true });
  let answeredAt = 0;

  const sign = createSigner({ service, region, host });
  /** Signed anew for each try: a signature carries its time. */
  const send = (operation: string, body: string): http.ClientRequest => {
    const headers = sign(`${target}.${operation}`, body, credentials(), new Date());
    return request({ agent, hostname, port, method: 'POST', path: '/', headers }).end(body);
  };

  return {
    async call(operation, input, { timeout, repeatable }) {
      const body = JSON.stringify(input);
      const deadline = new Deadline(timeout);
      // There is no second try if the connection turns out to be dead, so a doubtful one is not used at all.
      if (!repeatable && Date.now() - answeredAt > TRUSTED_REST) closeIdle(agent);
      try {
        const first = send(operation, body);
        const response = await deadline.over(first).catch((error: unknown) => {
          // The peer may have closed a kept connection, and did if this environment was frozen for long. All idle ones
          // are as old: the second try is on a fresh one.
          if (!repeatable || !first.reusedSocket || deadline.passed) throw error;
          closeIdle(agent);
          return deadline.over(send(operation, body));
        });
        answeredAt = Date.now();
        return read(response);
      } catch (error) {
        throw new StorageUnavailable(`${service} did not answer ${operation}`, { cause: error });
      } finally {
        deadline.clear();
      }
    },
  };
}

function credentials(): Credentials {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_SESSION_TOKEN } = process.env;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN === '' ? undefined : AWS_SESSION_TOKEN,
  };
}

/** For an answer that is none of those that the caller knows. */
export function refused(service: string, { status, error }: JsonAnswer): StorageUnavailable {
  return new StorageUnavailable(`${service} answered ${status} ${error}`);
}

interface Response {
  readonly status: number;
  readonly body: string;
}

function read({ status, body }: Response): JsonAnswer {
  const answer: unknown = JSON.parse(body);
  if (typeof answer !== 'object' || answer === null) throw new TypeError('the answer is no object');
  const type = '__type' in answer && typeof answer.__type === 'string' ? answer.__type : '';
  return { status, body: answer, error: type.slice(type.indexOf('#') + 1) };
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
