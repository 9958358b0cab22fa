import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { parseParameters } from '../core/parameters.ts';
import { createApi } from './api.ts';
import { createDeps } from './deps.ts';
import { createHandlers } from './routes/index.ts';

const deps = createDeps();
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
