import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { PostbackAnswer } from '../core/postback-answer.ts';
import type { InboundCall } from '../core/received-call.ts';
import { PIXEL_GIF } from '../runtime/pixel-gif.ts';

/** The route, not the path, because a path may hold anything: of `ANY /postback/{sender_id}` what follows the method. */
export function routeOf({ routeKey }: APIGatewayProxyEventV2): string {
  return routeKey.slice(routeKey.indexOf(' ') + 1);
}

export function toInboundCall(event: APIGatewayProxyEventV2): InboundCall {
  const { headers, pathParameters, requestContext } = event;
  return {
    method: requestContext.http.method,
    route: routeOf(event),
    senderId: pathParameters?.['sender_id'] ?? null,
    query: event.rawQueryString,
    contentType: headers['content-type'] ?? null,
    authorization: headers['authorization'] ?? null,
    body: event.body === undefined ? null : Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8'),
    // Never from X-Forwarded-For, which a caller can write.
    sourceIp: requestContext.http.sourceIp,
  };
}

/** `allow`: the methods that a 405 names. */
export function toResult(
  { status, body, retryAfterSeconds }: PostbackAnswer,
  allow = 'GET, POST',
): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(status === 405 && { allow }),
      ...(retryAfterSeconds !== null && { 'retry-after': String(retryAfterSeconds) }),
    },
    body: JSON.stringify(body),
  };
}

/** What any page may show of us. */
const SHOWN = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'cross-origin',
};

export function gif(): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: 200,
    headers: { ...SHOWN, 'content-type': 'image/gif' },
    body: PIXEL_GIF,
    isBase64Encoded: true,
  };
}

/** An empty page for an iframe. */
export function frame(): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: 200,
    headers: {
      ...SHOWN,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'",
    },
    body: '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pixel</title></html>\n',
  };
}
