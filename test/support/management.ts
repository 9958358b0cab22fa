import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { vi } from 'vitest';
import type { Item } from '../../lambdas/adapters/dynamodb/items.ts';
import { toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import type { Role } from '../../lambdas/core/entities.ts';
import { hashToken } from '../../lambdas/core/senders.ts';
import { createSqs } from '../../lambdas/adapters/sqs/hints.ts';
import { startSqsServer } from '../../local/engines/sqs/server.ts';
import { startStorage } from './storage.ts';
import type { Storage } from './storage.ts';

/** The management function in this process, on a DynamoDB Local and queues of its own. */
export interface Management {
  readonly storage: Storage;
  readonly sqs: SQSClient;
  /** Their URLs. */
  readonly queues: { readonly notifications: string; readonly deadLetters: string };
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  /** POSTs and demands 201. */
  create(path: string, body: object): Promise<Reply>;
  put(table: keyof Storage['tables'], item: Item): Promise<void>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An API key; null: none. Default: the admin's. */
  readonly key?: string | null;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** As sent. */
  readonly text: string;
  readonly body: unknown;
}

export const ADMIN_KEY = 'admin-key-for-tests-only';
const TRACKING_URL = 'https://track.example';
const API_URL = 'https://api.track.example';

/** An API key of a role, as its value. */
export const keyOf = (role: Role): string => (role === 'admin' ? ADMIN_KEY : `${role}-key-for-tests-only`);

export async function startManagement(environment: Readonly<Record<string, string>> = {}): Promise<Management> {
  const [storage, queueServer] = await Promise.all([startStorage(), startSqsServer()]);
  const variables = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: storage.endpoint,
    CATALOG_TABLE: storage.tables.catalog,
    CLICKS_TABLE: storage.tables.clicks,
    CONVERSIONS_TABLE: storage.tables.conversions,
    DELIVERIES_TABLE: storage.tables.deliveries,
    HITS_TABLE: storage.tables.hits,
    COUNTERS_TABLE: storage.tables.counters,
    AUDIT_TABLE: storage.tables.audit,
    AWS_ENDPOINT_URL_SQS: queueServer.endpoint,
    TRACKING_URL,
    API_URL,
    CACHE_SECONDS: '30',
    ...environment,
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const sqs = createSqs();
  const createQueue = async (name: string): Promise<string> =>
    (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl ?? '';
  const queues = { notifications: await createQueue('notifications'), deadLetters: await createQueue('dead-letters') };
  vi.stubEnv('NOTIFICATIONS_QUEUE_URL', queues.notifications);
  vi.stubEnv('NOTIFICATIONS_DEAD_LETTERS_URL', queues.deadLetters);
  // Another file in this process may have loaded it with variables of its own.
  vi.resetModules();
  const { handler } = await import('../../lambdas/management/handler.ts');

  const put: Management['put'] = async (table, item) => {
    await storage.client.send(new PutItemCommand({ TableName: storage.tables[table], Item: item }));
  };
  for (const role of ['admin', 'manager', 'analyst', 'publisher', 'advertiser'] as const) {
    const key = { ...apiKey(role), hash: hashToken(keyOf(role)) };
    await put('catalog', toItem({ ...key, pk: 'api_key', sk: key.id }));
    await put('catalog', toItem({ ...key, pk: 'api_key_hash', sk: key.hash }));
  }

  const call: Management['call'] = async (method, target, options = {}) => {
    const answer = await handler(eventOf(method, target, options));
    const text = answer.body ?? '';
    return {
      status: answer.statusCode ?? 0,
      headers: Object.fromEntries(Object.entries(answer.headers ?? {}).map(([name, value]) => [name, String(value)])),
      text,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
  };
  return {
    storage,
    sqs,
    queues,
    call,
    put,
    async create(path, body) {
      const reply = await call('POST', path, { body });
      if (reply.status !== 201) throw new Error(`POST ${path} answered ${reply.status}: ${reply.text}`);
      return reply;
    },
    async stop() {
      sqs.destroy();
      vi.unstubAllEnvs();
      await Promise.all([storage.stop(), queueServer.stop()]);
    },
  };
}

function apiKey(role: Role) {
  return {
    id: `key-${role}`,
    name: `The ${role}'s key`,
    role,
    publisher_id: role === 'publisher' ? 'tia' : null,
    advertiser_id: role === 'advertiser' ? 'xyz' : null,
    expires_at: null,
    status: 'active',
    version: 1,
    created_at: 0,
    updated_at: 0,
  };
}

/** The event that API Gateway makes of a request, payload format 2.0. */
function eventOf(method: string, target: string, options: CallOptions): APIGatewayProxyEventV2 {
  const [path = '', query = ''] = target.split('?', 2);
  const { key = ADMIN_KEY } = options;
  const text = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const headers: Record<string, string> = {
    ...(key !== null && { authorization: `Bearer ${key}` }),
    ...(text !== undefined && { 'content-type': 'application/json' }),
    ...options.headers,
  };
  return {
    version: '2.0',
    routeKey: 'ANY /v1/{proxy+}',
    rawPath: path,
    rawQueryString: query,
    headers,
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: 'api.track.example',
      domainPrefix: 'api',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
      requestId: 'request-1',
      routeKey: 'ANY /v1/{proxy+}',
      stage: '$default',
      time: '22/Nov/2026:23:00:00 +0000',
      timeEpoch: 0,
    },
    body: text,
    isBase64Encoded: false,
  };
}
