import { describe, expect, it } from 'vitest';

import type { RawRequest } from '../../../../local/http-api/event.ts';
import { splitTarget, toEvent } from '../../../../local/http-api/event.ts';

const FACTS: Parameters<typeof toEvent>[1] = {
  apiId: 'api',
  accountId: '000000000000',
  stage: '$default',
  routeKey: 'ANY /{proxy+}',
  pathParameters: {},
  requestId: 'request-1',
  traceId: 'Root=1-0-0',
  scheme: 'http',
  port: 4000,
  time: Date.UTC(2026, 10, 22, 3, 4, 5),
};

function eventOf(request: Partial<RawRequest>, facts: Partial<typeof FACTS> = {}) {
  return toEvent(
    {
      method: 'GET',
      target: '/',
      httpVersion: '1.1',
      rawHeaders: ['Host', '127.0.0.1:4000'],
      sourceIp: '127.0.0.1',
      body: Buffer.alloc(0),
      ...request,
    },
    { ...FACTS, ...facts },
  );
}

describe('toEvent', () => {
  it('has every field of payload format 2.0', () => {
    const request = {
      method: 'POST',
      target: '/a%20b/c?x=1',
      rawHeaders: ['Host', 'localhost:4000', 'User-Agent', 'test', 'Content-Type', 'application/json'],
      body: Buffer.from('{}'),
    };
    expect(eventOf(request, { pathParameters: { proxy: 'a b/c' } })).toEqual({
      version: '2.0',
      routeKey: 'ANY /{proxy+}',
      rawPath: '/a b/c',
      rawQueryString: 'x=1',
      headers: {
        host: 'localhost:4000',
        'user-agent': 'test',
        'content-type': 'application/json',
        'content-length': '2',
        'x-amzn-trace-id': 'Root=1-0-0',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': '4000',
        'x-forwarded-proto': 'http',
      },
      queryStringParameters: { x: '1' },
      requestContext: {
        accountId: '000000000000',
        apiId: 'api',
        domainName: 'localhost',
        domainPrefix: 'localhost',
        http: { method: 'POST', path: '/a b/c', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
        requestId: 'request-1',
        routeKey: 'ANY /{proxy+}',
        stage: '$default',
        time: '22/Nov/2026:03:04:05 +0000',
        timeEpoch: FACTS.time,
      },
      pathParameters: { proxy: 'a b/c' },
      body: '{}',
      isBase64Encoded: false,
    });
  });

  it('says whether the request came in encrypted', () => {
    expect(eventOf({}, { scheme: 'https' }).headers).toMatchObject({ 'x-forwarded-proto': 'https' });
  });

  it('leaves out what is empty', () => {
    const event = eventOf({});
    for (const name of ['cookies', 'queryStringParameters', 'pathParameters', 'body'])
      expect(event).not.toHaveProperty(name);
    expect(event.rawQueryString).toBe('');
  });

  it.each<[string, string[], Record<string, string | undefined>]>([
    ['joins repeated headers with a comma', ['X-A', '1', 'x-a', '2', 'X-B', '3'], { 'x-a': '1,2', 'x-b': '3' }],
    ['extends X-Forwarded-For', ['X-Forwarded-For', '203.0.113.9'], { 'x-forwarded-for': '203.0.113.9, 127.0.0.1' }],
    ['believes no X-Forwarded-Proto', ['X-Forwarded-Proto', 'https'], { 'x-forwarded-proto': 'http' }],
    [
      'keeps hop-by-hop headers to itself',
      ['Connection', 'close', 'TE', 'x'],
      { connection: undefined, te: undefined },
    ],
    ['keeps cookies out of the headers', ['Cookie', 'a=b'], { cookie: undefined }],
    ['takes a header of any name', ['__proto__', 'x'], { ['__proto__']: 'x' }],
  ])('%s', (_title, rawHeaders, expected) => {
    const headers = eventOf({ rawHeaders }).headers as Record<string, string>;
    for (const [name, value] of Object.entries(expected)) expect(headers[name]).toBe(value);
  });

  it('lists the cookies of all Cookie headers', () => {
    const rawHeaders = ['Cookie', 'a=b; c=d;', 'Other', 'x', 'cookie', 'e=f=g'];
    expect(eventOf({ rawHeaders }).cookies).toEqual(['a=b', 'c=d', 'e=f=g']);
  });

  it.each<[string, Record<string, string>]>([
    ['a=1&a=2', { a: '1,2' }],
    ['a=b+c%2B', { a: 'b c+' }],
    ['flag&empty=', { flag: '', empty: '' }],
    ['a=%zz&%61=2', { a: '%zz,2' }],
    ['a=1=2', { a: '1=2' }],
    ['&&a=1', { a: '1' }],
    ['__proto__=x', { ['__proto__']: 'x' }],
  ])('reads the query %s and keeps it raw as well', (query, expected) => {
    const event = eventOf({ target: `/click?${query}` });
    expect(event.rawQueryString).toBe(query);
    expect({ ...(event.queryStringParameters as object) }).toEqual({ ...expected });
  });

  it.each([
    ['application/json', false],
    ['application/json; charset=utf-8', false],
    ['text/plain;charset=UTF-8', false],
    ['TEXT/HTML', false],
    ['application/xml', false],
    ['application/x-www-form-urlencoded', true],
    ['application/jsonp', true],
    ['multipart/form-data; boundary=x', true],
    ['application/octet-stream', true],
    [undefined, true],
  ])('encodes a body of %s in base64: %s', (type, base64) => {
    const rawHeaders = type === undefined ? [] : ['Content-Type', type];
    const event = eventOf({ rawHeaders, body: Buffer.from('é=1') });
    expect(event.isBase64Encoded).toBe(base64);
    expect(event.body).toBe(base64 ? Buffer.from('é=1').toString('base64') : 'é=1');
  });
});

describe('splitTarget', () => {
  it.each([
    ['/a?b=1?c', '/a', 'b=1?c'],
    ['/a', '/a', ''],
    ['/a?', '/a', ''],
    ['//a', '//a', ''],
    ['http://host:1/a?b', '/a', 'b'],
    ['http://host', '/', ''],
    ['*', '/*', ''],
  ])('splits %s', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ path, query });
  });
});
