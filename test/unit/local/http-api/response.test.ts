import { describe, expect, it } from 'vitest';

import { gatewayAnswer, toAnswer } from '../../../../local/http-api/response.ts';

function answerOf(result: unknown) {
  const { status, headers, body } = toAnswer(JSON.stringify(result));
  return { status, headers, body: body.toString() };
}

describe('toAnswer', () => {
  it.each([
    [{ statusCode: 'abc' }],
    [{ statusCode: 99 }],
    [{ statusCode: 100 }],
    [{ statusCode: 600 }],
    [{ statusCode: 200.5 }],
    [{ statusCode: null }],
    [{ statusCode: 200, body: { a: 1 } }],
    [{ statusCode: 200, headers: 'x' }],
    [{ statusCode: 200, headers: { a: ['b'] } }],
    [{ statusCode: 200, headers: { a: null } }],
    [{ statusCode: 200, headers: { 'a b': 'c' } }],
    [{ statusCode: 302, headers: { location: 'https://x.example/\r\nX: y' } }],
    [{ statusCode: 200, cookies: 'a=b' }],
    [{ statusCode: 200, cookies: [1] }],
    [{ statusCode: 200, cookies: ['a=b\n'] }],
  ])('answers the malformed response %j with 500', (result) => {
    expect(answerOf(result)).toEqual({
      status: 500,
      headers: { 'content-type': 'application/json' },
      body: '{"message":"Internal Server Error"}',
    });
  });

  it.each([
    ['Hello', 'Hello'],
    [{ a: 1 }, '{"a":1}'],
    [[1, 2], '[1,2]'],
    [null, 'null'],
  ])('takes %j without a status code as the JSON body of a 200', (result, body) => {
    expect(answerOf(result)).toEqual({ status: 200, headers: { 'content-type': 'application/json' }, body });
  });

  it('writes status, headers, cookies and text', () => {
    const result = {
      statusCode: 201,
      headers: { 'Content-Type': 'text/html', 'X-Number': 7, 'Content-Length': '99', Connection: 'close' },
      cookies: ['a=b; Path=/', 'c=d'],
      body: 'é',
    };
    expect(answerOf(result)).toEqual({
      status: 201,
      headers: { 'content-type': 'text/html', 'x-number': '7', 'set-cookie': ['a=b; Path=/', 'c=d'] },
      body: 'é',
    });
  });

  it('decodes a base64 body', () => {
    const { body } = toAnswer(JSON.stringify({ statusCode: 200, body: 'R0lGOP8=', isBase64Encoded: true }));
    expect(body).toEqual(Buffer.from([0x47, 0x49, 0x46, 0x38, 0xff]));
  });

  it('names a type for a body that has none', () => {
    expect(answerOf({ statusCode: 200, body: 'x' }).headers['content-type']).toBe('text/plain;charset=UTF-8');
    expect(answerOf({ statusCode: 204 }).headers).toEqual({});
  });
});

describe('gatewayAnswer', () => {
  it.each([
    [404, 'Not Found'],
    [413, 'Request Entity Too Large'],
    [429, 'Too Many Requests'],
    [500, 'Internal Server Error'],
    [503, 'Service Unavailable'],
  ])('answers %i as API Gateway does', (status, message) => {
    const answer = gatewayAnswer(status);
    expect([answer.status, answer.body.toString()]).toEqual([status, JSON.stringify({ message })]);
  });
});
