import type { IncomingHttpHeaders } from 'node:http';

import type { HttpAnswer } from './response.ts';

/** `CorsConfiguration` of an API. */
export interface Cors {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  /** Seconds. */
  readonly maxAge: number | undefined;
}

/** The headers that API Gateway adds to the answer of a request from another origin. */
export function corsHeaders(cors: Cors, headers: IncomingHttpHeaders): Record<string, string> {
  const { origin } = headers;
  if (origin === undefined) return {};
  const any = cors.allowOrigins.includes('*');
  if (!any && !cors.allowOrigins.some((allowed) => originMatches(allowed, origin))) return {};
  return {
    'access-control-allow-origin': any ? '*' : origin,
    ...(any ? {} : { vary: 'origin' }),
    ...(cors.allowCredentials ? { 'access-control-allow-credentials': 'true' } : {}),
    ...(cors.exposeHeaders.length === 0 ? {} : { 'access-control-expose-headers': cors.exposeHeaders.join(',') }),
  };
}

/** API Gateway answers every `OPTIONS` of an API with CORS by itself. */
export function preflight(cors: Cors, headers: IncomingHttpHeaders): HttpAnswer {
  const allowed = corsHeaders(cors, headers);
  const isPreflight = headers['access-control-request-method'] !== undefined && Object.keys(allowed).length > 0;
  return {
    status: 204,
    headers: isPreflight
      ? {
          ...allowed,
          'access-control-allow-methods': cors.allowMethods.join(','),
          ...(cors.allowHeaders.length === 0 ? {} : { 'access-control-allow-headers': cors.allowHeaders.join(',') }),
          ...(cors.maxAge === undefined ? {} : { 'access-control-max-age': String(cors.maxAge) }),
        }
      : {},
    body: Buffer.alloc(0),
  };
}

/** `https://*` stands for any host of the scheme. */
function originMatches(allowed: string, origin: string): boolean {
  return allowed === origin || (allowed.endsWith('://*') && origin.startsWith(allowed.slice(0, -1)));
}
