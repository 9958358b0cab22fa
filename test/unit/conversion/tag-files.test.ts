import { gunzipSync } from 'node:zlib';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { createTagFiles } from '../../../lambdas/conversion/tag-files.ts';

const TAG = '"use strict";(()=>{window.flowback=()=>{}})();\n';
const answer = createTagFiles(TAG);

function event(
  route: '/tag.js' | '/tag.txt',
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: `ANY ${route}`,
    rawPath: route,
    rawQueryString: '',
    headers: { host: 'track.example', 'x-forwarded-proto': 'https', ...headers },
    isBase64Encoded: false,
    requestContext: {
      accountId: '',
      apiId: '',
      domainName: '',
      domainPrefix: '',
      requestId: 'r-1',
      routeKey: '',
      stage: '',
      time: '',
      timeEpoch: 0,
      http: { method, path: route, protocol: 'HTTP/1.1', sourceIp: '203.0.113.77', userAgent: '' },
    },
  };
}

describe('the files of the tag', () => {
  it.each(['/tag.js', '/tag.txt'] as const)('are only read: %s', (route) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect(answer(event(route, {}, method))).toMatchObject({ statusCode: 405, headers: { allow: 'GET, HEAD' } });
    }
    expect(answer(event(route, {}, 'HEAD'))).toEqual(answer(event(route)));
  });

  it.each(['/tag.js', '/tag.txt'] as const)(
    'may be loaded by pages of any origin, and kept for an hour: %s',
    (route) => {
      expect(answer(event(route)).headers).toMatchObject({
        'cache-control': 'public, max-age=3600',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'cross-origin',
        'access-control-allow-origin': '*',
      });
    },
  );
});

describe('/tag.js', () => {
  it.each<Record<string, string>>([{}, { 'accept-encoding': 'br' }])(
    'is the tag as it is for a caller that takes no gzip',
    (headers) => {
      const { statusCode, headers: answered, body } = answer(event('/tag.js', headers));

      expect([statusCode, body]).toEqual([200, TAG]);
      expect(answered).toMatchObject({
        'content-type': 'application/javascript; charset=utf-8',
        vary: 'accept-encoding',
      });
      expect(answered).not.toHaveProperty('content-encoding');
    },
  );

  it('is compressed for browsers', () => {
    const result = answer(event('/tag.js', { 'accept-encoding': 'gzip, deflate, br, zstd' }));

    expect(result).toMatchObject({
      statusCode: 200,
      headers: { 'content-encoding': 'gzip', vary: 'accept-encoding' },
      isBase64Encoded: true,
    });
    expect(gunzipSync(Buffer.from(result.body ?? '', 'base64')).toString()).toBe(TAG);
  });

  it('is not sent again to who has it', () => {
    const etag = String(answer(event('/tag.js')).headers?.['etag']);
    const other = String(createTagFiles('other')(event('/tag.js')).headers?.['etag']);

    const again = answer(event('/tag.js', { 'if-none-match': etag, 'accept-encoding': 'gzip' }));
    expect(again).toMatchObject({ statusCode: 304, headers: { etag } });
    expect(again.body).toBeUndefined();
    expect(answer(event('/tag.js', { 'if-none-match': other }))).toMatchObject({ statusCode: 200 });
  });
});

describe('/tag.txt', () => {
  it.each([
    [{}, 'https://track.example'],
    [{ host: '127.0.0.1:4000', 'x-forwarded-proto': 'http' }, 'http://127.0.0.1:4000'],
  ])('is the tag as an element that names the network by which it was asked for: %o', (headers, url) => {
    const { headers: answered, body } = answer(event('/tag.txt', headers));

    expect(body).toBe(`<script data-url="${url}">\n${TAG}</script>\n`);
    expect(answered).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
  });

  it.each(['', '"><img src=x onerror=alert(1)>', 'track.example/path', 'user@track.example', 'track.example"'])(
    'is nothing to paste for a host that is none: %s',
    (host) => {
      const { statusCode, body } = answer(event('/tag.txt', { host }));

      expect([statusCode, body]).toEqual([400, undefined]);
    },
  );
});
