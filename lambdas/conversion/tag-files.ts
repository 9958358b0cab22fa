import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { answerTransport } from '../core/postback-answer.ts';
import { routeOf, toResult } from './http.ts';

type Answer = APIGatewayProxyStructuredResultV2;

/** The network's own name, which becomes part of what shops paste into their pages. */
const HOST = /^[a-z0-9.-]+(?::\d+)?$/i;

const HEADERS = {
  'cache-control': 'public, max-age=3600',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
};

/** Answers `/tag.js`, the tag, and `/tag.txt`, the same as an element to paste into a page. */
export function createTagFiles(tag: string): (event: APIGatewayProxyEventV2) => Answer {
  const script = createScript(tag);
  return (event) => {
    const { method } = event.requestContext.http;
    if (method !== 'GET' && method !== 'HEAD') return toResult(answerTransport('METHOD_NOT_ALLOWED'), 'GET, HEAD');
    return routeOf(event) === '/tag.js' ? script(event) : toElement(tag, event);
  };
}

function createScript(tag: string): (event: APIGatewayProxyEventV2) => Answer {
  // Weak: it stands for the compressed tag, too.
  const etag = `W/"${createHash('sha256').update(tag).digest('base64url')}"`;
  // HTTP APIs compress nothing by themselves.
  const compressed = gzipSync(tag, { level: 9 }).toString('base64');
  const headers = {
    ...HEADERS,
    'content-type': 'application/javascript; charset=utf-8',
    vary: 'accept-encoding',
    etag,
  };
  return ({ headers: asked }) => {
    if (asked['if-none-match']?.includes(etag) === true) return { statusCode: 304, headers };
    if (asked['accept-encoding']?.includes('gzip') !== true) return { statusCode: 200, headers, body: tag };
    return {
      statusCode: 200,
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: compressed,
      isBase64Encoded: true,
    };
  };
}

/** The network's URL is the one under which it was asked for. */
function toElement(tag: string, { headers }: APIGatewayProxyEventV2): Answer {
  const host = headers['host'] ?? '';
  if (!HOST.test(host)) return { statusCode: 400, headers: HEADERS };
  const scheme = headers['x-forwarded-proto'] === 'http' ? 'http' : 'https';
  return {
    statusCode: 200,
    headers: { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' },
    body: `<script data-url="${scheme}://${host}">\n${tag.trim()}\n</script>\n`,
  };
}
