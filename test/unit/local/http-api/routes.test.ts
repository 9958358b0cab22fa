import { describe, expect, it } from 'vitest';

import { decodeLeniently, Router } from '../../../../local/http-api/routes.ts';

/** The example of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html, and more. */
const KEYS = [
  'ANY /{proxy+}',
  'GET /pets/{proxy+}',
  'GET /pets/dog/1',
  'GET /pets/dog/{id}',
  'ANY /pets/{kind}/1',
  'POST /upload',
  'ANY /upload',
];

function route(method: string, path: string, keys = KEYS) {
  const match = new Router(keys.map((key) => ({ key, target: undefined }))).match(method, path);
  return match && { key: match.route.key, parameters: match.parameters };
}

describe('Router', () => {
  it.each([
    ['GET', '/pets/dog/1', 'GET /pets/dog/1', {}],
    ['GET', '/pets/dog/2', 'GET /pets/dog/{id}', { id: '2' }],
    ['GET', '/pets/cat/1', 'ANY /pets/{kind}/1', { kind: 'cat' }],
    ['GET', '/pets/cat/2', 'GET /pets/{proxy+}', { proxy: 'cat/2' }],
    ['POST', '/pets/dog/1', 'ANY /pets/{kind}/1', { kind: 'dog' }],
    ['POST', '/pets/5', 'ANY /{proxy+}', { proxy: 'pets/5' }],
    ['POST', '/upload', 'POST /upload', {}],
    ['HEAD', '/upload', 'ANY /upload', {}],
    ['GET', '/pets', 'ANY /{proxy+}', { proxy: 'pets' }],
    ['GET', '/pets/dog%2F1', 'GET /pets/{proxy+}', { proxy: 'dog/1' }],
    ['GET', '/p%65ts/dog/1', 'GET /pets/dog/1', {}],
    ['GET', '/pets/dog/%zz', 'GET /pets/dog/{id}', { id: '%zz' }],
  ])('routes %s %s to %s', (method, path, key, parameters) => {
    expect(route(method, path)).toEqual({ key, parameters });
  });

  it.each([
    ['GET', '/other', ['ANY /click']],
    ['GET', '/click/', ['ANY /click']],
    ['GET', '//click', ['ANY /click']],
    ['HEAD', '/click', ['GET /click']],
    ['TRACE', '/click', ['ANY /click', '$default']],
    ['GET', '/c//p', ['ANY /c/{campaign}/{publisher}']],
    ['GET', '/', ['ANY /{proxy+}']],
  ])('finds no route for %s %s among %j', (method, path, keys) => {
    expect(route(method, path, keys)).toBeUndefined();
  });

  it('falls back to $default', () => {
    expect(route('GET', '/other', ['ANY /click', '$default'])?.key).toBe('$default');
  });

  it.each([['GET click'], ['FETCH /click'], ['ANY /{proxy+}/x']])('refuses the route key %s', (key) => {
    expect(() => route('GET', '/', [key])).toThrow(key);
  });
});

describe('decodeLeniently', () => {
  it.each([
    ['a%20b', 'a b'],
    ['%zz%41', '%zzA'],
    ['100%', '100%'],
    ['%ff%41', '\ufffdA'],
    ['%E2%82%AC', '€'],
    ['a+b', 'a+b'],
  ])('decodes %s to %s', (text, expected) => {
    expect(decodeLeniently(text)).toBe(expected);
  });
});
