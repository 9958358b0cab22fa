import { decodeLeniently } from './routes.ts';

/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  /** The request's target: path and query, still encoded. */
  readonly target: string;
  readonly httpVersion: string;
  /** Names and values in turn, in their order and spelling. */
  readonly rawHeaders: readonly string[];
  readonly sourceIp: string;
  readonly body: Buffer;
}

/** What API Gateway adds. */
interface RequestFacts {
  readonly apiId: string;
  readonly accountId: string;
  readonly stage: string;
  readonly routeKey: string;
  readonly pathParameters: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly traceId: string;
  /** Where the request came in. */
  readonly scheme: 'http' | 'https';
  readonly port: number;
  /** Milliseconds. */
  readonly time: number;
}

/** Headers between two hops, which API Gateway keeps to itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/**
 * The content types whose bodies arrive as text; every other body, also one without a type and a form, arrives in
 * base64. AWS does not document the list; this is what HTTP APIs were observed to do:
 * https://github.com/ministackorg/ministack/pull/766
 */
const TEXT_TYPE = /^(text\/|application\/(json|xml|javascript)\s*(;|$))/i;

/**
 * The event of payload format 2.0 for a request.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function toEvent(request: RawRequest, facts: RequestFacts): Record<string, unknown> {
  const { path, query } = splitTarget(request.target);
  const { headers, cookies } = joinHeaders(request.rawHeaders);
  const host = headers.host ?? '';
  const domainName = host.replace(/:\d+$/, '');
  headers['content-length'] = String(request.body.length);
  headers['x-amzn-trace-id'] = facts.traceId;
  headers['x-forwarded-for'] =
    headers['x-forwarded-for'] === undefined ? request.sourceIp : `${headers['x-forwarded-for']}, ${request.sourceIp}`;
  headers['x-forwarded-port'] = String(facts.port);
  headers['x-forwarded-proto'] = facts.scheme;
  const rawPath = decodeLeniently(path);
  const parameters = parseQuery(query);
  return {
    version: '2.0',
    routeKey: facts.routeKey,
    rawPath,
    rawQueryString: query,
    ...(cookies.length === 0 ? {} : { cookies }),
    headers,
    ...(parameters === undefined ? {} : { queryStringParameters: parameters }),
    requestContext: {
      accountId: facts.accountId,
      apiId: facts.apiId,
      domainName,
      domainPrefix: domainName.split('.', 1)[0],
      http: {
        method: request.method,
        path: rawPath,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: facts.requestId,
      routeKey: facts.routeKey,
      stage: facts.stage,
      time: commonLogTime(facts.time),
      timeEpoch: facts.time,
    },
    ...(Object.keys(facts.pathParameters).length === 0 ? {} : { pathParameters: facts.pathParameters }),
    ...bodyOf(request.body, headers['content-type']),
  };
}

/** Path and query of a request's target, which may be a whole URL. */
export function splitTarget(target: string): { path: string; query: string } {
  const relative = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const mark = relative.indexOf('?');
  const path = mark === -1 ? relative : relative.slice(0, mark);
  return { path: path.startsWith('/') ? path : `/${path}`, query: mark === -1 ? '' : relative.slice(mark + 1) };
}

/** Names in lower case, repeated ones joined with a comma; cookies apart. */
function joinHeaders(rawHeaders: readonly string[]): { headers: Record<string, string>; cookies: string[] } {
  // No prototype: a header may be called `__proto__`.
  const headers = Object.create(null) as Record<string, string>;
  const cookies: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    const value = rawHeaders[index + 1] ?? '';
    if (name === 'cookie') {
      cookies.push(...value.split(';').flatMap((cookie) => (cookie.trim() === '' ? [] : [cookie.trim()])));
    } else if (!HOP_BY_HOP.has(name)) {
      headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
    }
  }
  return { headers, cookies };
}

/** Decoded parameters, repeated ones joined with a comma; undefined if there is no query. */
function parseQuery(query: string): Record<string, string> | undefined {
  if (query === '') return undefined;
  const parameters = Object.create(null) as Record<string, string>;
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeParameter(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decodeParameter(pair.slice(equals + 1));
    parameters[name] = parameters[name] === undefined ? value : `${parameters[name]},${value}`;
  }
  return parameters;
}

function decodeParameter(text: string): string {
  return decodeLeniently(text.replaceAll('+', ' '));
}

function bodyOf(body: Buffer, contentType: string | undefined): { body?: string; isBase64Encoded: boolean } {
  if (body.length === 0) return { isBase64Encoded: false };
  const isText = contentType !== undefined && TEXT_TYPE.test(contentType);
  return { body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `12/Mar/2020:19:03:58 +0000` */
function commonLogTime(time: number): string {
  const date = new Date(time);
  const iso = date.toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[date.getUTCMonth()]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
