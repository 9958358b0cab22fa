import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { PostbackAnswer } from '../core/postback-answer.ts';
import type { InboundCall } from '../core/received-call.ts';

export function toInboundCall(event: APIGatewayProxyEventV2): InboundCall {
  const { headers, pathParameters, requestContext, routeKey } = event;
  return {
    method: requestContext.http.method,
    // `ANY /postback/{sender_id}`: the route, because a path may hold anything.
    route: routeKey.slice(routeKey.indexOf(' ') + 1),
    senderId: pathParameters?.['sender_id'] ?? null,
    query: event.rawQueryString,
    contentType: headers['content-type'] ?? null,
    authorization: headers['authorization'] ?? null,
    body: event.body === undefined ? null : Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8'),
    // Never from X-Forwarded-For, which a caller can write.
    sourceIp: requestContext.http.sourceIp,
  };
}

export function toResult({ status, body, retryAfterSeconds }: PostbackAnswer): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(status === 405 && { allow: 'GET, POST' }),
      ...(retryAfterSeconds !== null && { 'retry-after': String(retryAfterSeconds) }),
    },
    body: JSON.stringify(body),
  };
}
