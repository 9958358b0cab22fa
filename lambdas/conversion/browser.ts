import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { newPixelHit } from '../core/pixel-hit.ts';
import type { PixelHitDeps } from '../core/pixel-hit.ts';
import { answerBrowser, answerTransport } from '../core/postback-answer.ts';
import type { PostbackAnswer } from '../core/postback-answer.ts';
import type { TransportCode } from '../core/reasons.ts';
import { receivePixel } from '../core/receive-pixel.ts';
import type { PixelDeps } from '../core/receive-pixel.ts';
import { readCall, TAG_TYPES } from '../core/received-call.ts';
import type { InboundCall, ReceivedCall } from '../core/received-call.ts';
import { toInboundCall, toResult } from './http.ts';

type Deps = PixelDeps & PixelHitDeps;

/** `GET /pixel.gif` and the like: a page shows the same whatever becomes of the call. */
export async function answerPixel(
  event: APIGatewayProxyEventV2,
  shown: APIGatewayProxyStructuredResultV2,
  deps: Deps,
): Promise<APIGatewayProxyStructuredResultV2> {
  const call = toInboundCall(event);
  switch (call.method) {
    case 'GET':
      await receive(call, readCall(call), event.cookies ?? [], deps);
      return shown;
    case 'HEAD':
      return shown;
    default:
      return toResult(answerTransport('METHOD_NOT_ALLOWED'), 'GET, HEAD');
  }
}

/** `POST /tag/convert`: pages of any origin may send to it and read the answer. */
export async function answerTag(event: APIGatewayProxyEventV2, deps: Deps): Promise<APIGatewayProxyStructuredResultV2> {
  const call = toInboundCall(event);
  if (call.method === 'OPTIONS') return { statusCode: 204, headers: { ...ANY_ORIGIN, ...PREFLIGHT } };
  const received = call.method === 'POST' ? readCall(call, TAG_TYPES) : 'METHOD_NOT_ALLOWED';
  const result = toResult(await receive(call, received, event.cookies ?? [], deps), 'POST, OPTIONS');
  return { ...result, headers: { ...result.headers, ...ANY_ORIGIN } };
}

const ANY_ORIGIN = { 'access-control-allow-origin': '*' };
const PREFLIGHT = {
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'content-type',
  'access-control-max-age': '86400',
};

async function receive(
  { method, route }: InboundCall,
  received: ReceivedCall | TransportCode,
  cookies: readonly string[],
  deps: Deps,
): Promise<PostbackAnswer> {
  if (typeof received === 'string') return answerTransport(received);
  const pixel = newPixelHit({ route: `${method} ${route}`, received, cookies }, deps);
  return answerBrowser(await receivePixel(pixel, deps));
}
