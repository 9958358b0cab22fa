import { afterEach, expect, test, vi } from 'vitest';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { ACCESS } from '../../../lambdas/management/access.ts';
import { createApi } from '../../../lambdas/management/api.ts';
import type { Deps } from '../../../lambdas/management/http.ts';
import { createHandlers } from '../../../lambdas/management/routes/index.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** An API whose storage fails in this way. */
function apiOf(failure: Error) {
  const fail = () => Promise.reject(failure);
  const deps = {
    catalog: new Proxy({}, { get: () => fail }),
    facts: new Proxy({}, { get: () => fail }),
    now: () => 0,
    random: (length: number) => new Uint8Array(length),
    trackingUrl: 'https://track.example',
    apiUrl: 'https://api.example',
    cacheSeconds: 30,
    allowLoopback: false,
  } as unknown as Deps;
  return createApi(createHandlers(deps), deps);
}

const request = {
  method: 'GET',
  path: '/v1/campaigns',
  query: [],
  headers: { authorization: 'Bearer a-key-that-is-long-enough' },
  body: '',
  requestId: 'request-7',
};

test('an answer that storage did not give is a 503 with Retry-After and nothing but a request id', async () => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const answer = await apiOf(new StorageUnavailable('table catalog: secret detail'))(request);
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(answer.body).toEqual({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    code: 'TEMPORARILY_UNAVAILABLE',
    request_id: 'request-7',
  });
});

test('an unexpected error is a 500 with nothing but a request id, and a log line without the key', async () => {
  const lines: unknown[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(line) > 0);
  const answer = await apiOf(new TypeError('secret detail'))(request);
  expect(answer.status).toBe(500);
  expect(JSON.stringify(answer.body)).not.toContain('secret detail');
  expect(answer.body).toMatchObject({ code: 'INTERNAL_ERROR', request_id: 'request-7' });
  expect(lines.join('')).toContain('api_request_failed');
  expect(lines.join('')).not.toContain('long-enough');
});

test('every route of the role table has a handler and the other way round', () => {
  const handlers = createHandlers({ trackingUrl: 'https://a.example', apiUrl: 'https://b.example' } as Deps);
  expect(Object.keys(handlers).sort()).toEqual(Object.keys(ACCESS).sort());
});

test.each([
  ['POST /v1/adjustments', 131_072, 422],
  ['POST /v1/campaigns', 131_073, 413],
  ['POST /v1/adjustments', 131_073, 413],
  ['POST /v1/conversions', 524_288, 422],
  ['POST /v1/conversions', 524_289, 413],
  ['POST /v1/conversions/bulk', 524_288, 422],
  ['POST /v1/conversions/bulk', 524_289, 413],
])(
  '%s with %i characters answers %i: what is stored as one row is bounded, lists are longer',
  async (route, length, status) => {
    const [method = '', path = ''] = route.split(' ');
    const admin = {
      id: 'k1',
      role: 'admin',
      expires_at: null,
      last_used_at: 0,
      publisher_id: null,
      advertiser_id: null,
    };
    const catalog = { get: async () => admin };
    const urls = { trackingUrl: 'https://track.example', apiUrl: 'https://api.example' };
    const deps = { catalog, now: () => 0, ...urls } as unknown as Deps;
    const headers = { ...request.headers, 'content-type': 'application/json' };
    const body = '{}'.padEnd(length);
    expect(await createApi(createHandlers(deps), deps)({ ...request, method, path, headers, body })).toMatchObject({
      status,
    });
  },
);
