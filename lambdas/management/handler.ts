import { randomBytes } from 'node:crypto';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createHitStore } from '../adapters/dynamodb/hits.ts';
import { createFactReader } from '../adapters/dynamodb/lists.ts';
import { createManagementCatalog } from '../adapters/dynamodb/management-catalog.ts';
import { createRecordDeps } from '../conversion/deps.ts';
import { parseParameters } from '../core/parameters.ts';
import { ENV, LOCAL_ENV, requireEnv } from '../runtime/environment.ts';
import { createApi } from './api.ts';
import { createHandlers } from './routes/index.ts';

const client = createDynamoDb();
const deps = {
  catalog: createManagementCatalog(client, requireEnv(ENV.catalogTable)),
  facts: createFactReader(client, {
    clicks: requireEnv(ENV.clicksTable),
    conversions: requireEnv(ENV.conversionsTable),
    deliveries: requireEnv(ENV.deliveriesTable),
    hits: requireEnv(ENV.hitsTable),
  }),
  conversions: { ...createRecordDeps(client), hits: createHitStore(client, requireEnv(ENV.hitsTable)) },
  now: Date.now,
  random: (length: number) => new Uint8Array(randomBytes(length)),
  trackingUrl: requireEnv(ENV.trackingUrl),
  apiUrl: requireEnv(ENV.apiUrl),
  cacheSeconds: Number(requireEnv(ENV.cacheSeconds)),
  allowLoopback: process.env[LOCAL_ENV.egress] === 'loopback',
};
const api = createApi(createHandlers(deps), deps);

/** The management API, `ANY /v1/{proxy+}`. */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const { status, headers, body } = await api({
    method: event.requestContext.http.method,
    path: event.rawPath,
    query: parseParameters(event.rawQueryString),
    headers: event.headers,
    body: event.isBase64Encoded ? Buffer.from(event.body ?? '', 'base64').toString('utf8') : (event.body ?? ''),
    requestId: event.requestContext.requestId,
  });
  return {
    statusCode: status,
    headers: {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? '' : JSON.stringify(body),
  };
}
