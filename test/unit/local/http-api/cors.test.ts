import { describe, expect, it } from 'vitest';

import type { Cors } from '../../../../local/http-api/cors.ts';
import { corsHeaders, preflight } from '../../../../local/http-api/cors.ts';

const CORS: Cors = {
  allowOrigins: ['https://console.example', 'http://*'],
  allowMethods: ['GET', 'POST'],
  allowHeaders: ['authorization'],
  exposeHeaders: ['etag'],
  allowCredentials: false,
  maxAge: 60,
};

describe('CORS', () => {
  it.each([
    [undefined, undefined],
    ['https://other.example', undefined],
    ['https://console.example', 'https://console.example'],
    ['http://any.example', 'http://any.example'],
  ])('allows the origin %s as %s', (origin, expected) => {
    expect(corsHeaders(CORS, { origin })['access-control-allow-origin']).toBe(expected);
  });

  it('answers a preflight by itself', () => {
    const headers = { origin: 'https://console.example', 'access-control-request-method': 'POST' };
    const answer = preflight(CORS, headers);
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-methods': 'GET,POST',
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': '60',
    });
  });

  it('allows nothing to another origin', () => {
    const headers = { origin: 'https://other.example', 'access-control-request-method': 'POST' };
    expect(preflight(CORS, headers)).toMatchObject({ status: 204, headers: {} });
  });
});
