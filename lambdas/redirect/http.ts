import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { ClickRequest } from '../core/click-request.ts';
import type { RedirectAnswer } from '../core/redirect.ts';
import { PIXEL_GIF } from '../runtime/pixel-gif.ts';

export function toClickRequest(event: APIGatewayProxyEventV2): ClickRequest {
  const { headers, pathParameters, requestContext } = event;
  return {
    method: requestContext.http.method,
    campaignId: pathParameters?.['campaign_id'],
    publisherId: pathParameters?.['pub_id'],
    query: event.rawQueryString,
    headers,
    cookies: event.cookies ?? [],
    sourceIp: requestContext.http.sourceIp,
    // Set by API Gateway itself, which speaks HTTPS only; the local run has no certificate.
    https: headers['x-forwarded-proto'] !== 'http',
  };
}

/** The route's own path, with its parameters' names: `/c/{campaign_id}/{pub_id}`. */
export function routeOf({ routeKey }: APIGatewayProxyEventV2): string {
  return routeKey.slice(routeKey.indexOf(' ') + 1);
}

export function isImpression(event: APIGatewayProxyEventV2): boolean {
  return event.routeKey.endsWith('/impression');
}

/** One page whatever is wrong: the answer never says why. */
const NOT_FOUND_PAGE =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Not found</title><p>This link does not work.</p></html>\n';

export function toResult(outcome: RedirectAnswer): APIGatewayProxyStructuredResultV2 {
  switch (outcome.kind) {
    case 'redirect':
      return { ...found(outcome.location), ...(outcome.cookie !== null && { cookies: [outcome.cookie] }) };
    case 'notFound':
      return answer(404, { 'content-type': 'text/html; charset=utf-8' }, NOT_FOUND_PAGE);
    case 'methodNotAllowed':
      return methodNotAllowed();
  }
}

export function methodNotAllowed(): APIGatewayProxyStructuredResultV2 {
  return answer(405, { allow: 'GET, HEAD' });
}

/** For a visitor whom this environment cannot place: to the stage's fallback, else 503. */
export function unavailable(fallbackUrl: string | undefined): APIGatewayProxyStructuredResultV2 {
  return fallbackUrl === undefined ? answer(503, { 'retry-after': '5' }) : found(fallbackUrl);
}

export function pixel(): APIGatewayProxyStructuredResultV2 {
  const headers = { 'content-type': 'image/gif', 'x-content-type-options': 'nosniff' };
  return { ...answer(200, headers, PIXEL_GIF), isBase64Encoded: true };
}

function found(location: string): APIGatewayProxyStructuredResultV2 {
  return answer(302, { location });
}

function answer(
  statusCode: number,
  headers: Readonly<Record<string, string>>,
  body = '',
): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { ...headers, 'cache-control': 'no-store' }, body };
}
