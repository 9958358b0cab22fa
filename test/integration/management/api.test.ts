import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import { hashToken } from '../../../lambdas/core/senders.ts';
import { ADMIN_KEY, keyOf, startManagement } from '../../support/management.ts';
import type { Management } from '../../support/management.ts';

let api: Management;
beforeAll(async () => {
  api = await startManagement();
  await api.create('/v1/advertisers', { id: 'xyz', name: 'XYZ' });
  await api.create('/v1/publishers', { id: 'tia', name: 'Tia' });
});
afterAll(() => api.stop());

const goals = [{ id: 'sale', payout: { model: 'fixed', amount: '2' } }];
const campaign = { name: 'x', advertiser_id: 'xyz', destination_url: 'https://shop.example/', goals };

describe('authentication', () => {
  test.each([
    ['no credentials', {}],
    ['another scheme', { authorization: `Basic ${ADMIN_KEY}` }],
    ['no scheme', { authorization: ADMIN_KEY }],
    ['a key of no known shape', { authorization: 'Bearer x.y.z' }],
    ['an unknown key', { authorization: 'Bearer fb_22222222222222222222222222222222' }],
    ['the key with more behind it', { authorization: `Bearer ${ADMIN_KEY} x` }],
    ["the key's hash", { authorization: `Bearer ${hashToken(ADMIN_KEY)}` }],
  ])('refuses %s', async (_, headers) => {
    for (const path of ['/v1/campaigns', '/v1/no-such-route']) {
      const reply = await api.call('GET', path, { key: null, headers });
      expect(reply).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED', status: 401, type: 'about:blank' } });
      expect(reply.headers).toMatchObject({
        'www-authenticate': 'Bearer',
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
      });
    }
  });

  test('is not needed for health', async () => {
    expect(await api.call('GET', '/v1/health', { key: null })).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  test('refuses an expired key', async () => {
    const key = 'an-expired-key-of-somebody';
    const stored = { id: 'expired', role: 'admin', hash: hashToken(key), expires_at: Date.now() - 1 };
    await api.put('catalog', toItem({ ...stored, pk: 'api_key_hash', sk: stored.hash }));
    expect(await api.call('GET', '/v1/campaigns', { key })).toMatchObject({ status: 401 });
  });
});

describe('an API key', () => {
  test('is shown once, notes its use and dies at once when it is revoked', async () => {
    const made = await api.create('/v1/keys', { id: 'k1', name: 'Robot', role: 'manager' });
    const { key } = made.body as { key: string };
    expect(key).toMatch(/^fb_[a-z2-7]{32}$/);
    expect(made.body).toMatchObject({ id: 'k1', role: 'manager', expires_at: null, last_used_at: null });
    expect(made.body).not.toHaveProperty('publisher_id');
    expect(await api.call('GET', '/v1/campaigns', { key })).toMatchObject({ status: 200 });
    const [one, list] = [await api.call('GET', '/v1/keys/k1'), await api.call('GET', '/v1/keys')];
    expect(one.body).toMatchObject({ last_used_at: expect.stringMatching(/Z$/) as string });
    for (const { text } of [one, list]) {
      expect(text).not.toContain(key);
      expect(text).not.toContain(hashToken(key));
    }
    expect(await api.call('DELETE', '/v1/keys/k1')).toMatchObject({ status: 204 });
    expect(await api.call('GET', '/v1/campaigns', { key })).toMatchObject({ status: 401 });
    expect(await api.call('DELETE', '/v1/keys/k1')).toMatchObject({ status: 204 });
    expect((await api.call('GET', '/v1/keys/k1')).body).toMatchObject({ status: 'archived' });
  });

  test.each([
    ['an unknown role', { role: 'root' }, '/role'],
    ["a publisher's key without the publisher", { role: 'publisher' }, '/publisher_id'],
    ["a publisher's key of an unknown one", { role: 'publisher', publisher_id: 'nobody' }, '/publisher_id'],
    [
      "a publisher's key of an advertiser",
      { role: 'publisher', publisher_id: 'tia', advertiser_id: 'xyz' },
      '/advertiser_id',
    ],
    ["a manager's key of a publisher", { role: 'manager', publisher_id: 'tia' }, '/publisher_id'],
    ['an end in the past', { role: 'admin', expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    ['a key of its own choice', { role: 'admin', key: 'x'.repeat(32) }, '/key'],
  ])('with %s is refused', async (_, fields, pointer) => {
    const reply = await api.call('POST', '/v1/keys', { body: { name: 'K', ...fields } });
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
  });

  test('of a publisher is bound to it', async () => {
    const made = await api.create('/v1/keys', { name: 'Tia', role: 'publisher', publisher_id: 'tia' });
    expect(made.body).toMatchObject({ role: 'publisher', publisher_id: 'tia' });
  });
});

describe('a request', () => {
  test.each([
    ['to an unknown route', 'GET', '/v1/nothing', {}, 404],
    ['with an escaped slash in its path', 'GET', '/v1/campaigns/..%2fadmin', {}, 404],
    ['with dots in its path', 'GET', '/v1/campaigns/../keys', {}, 404],
    ['with escaped dots in its path', 'GET', '/v1/campaigns/%2e%2e/keys', {}, 404],
    ['with a slash at the end', 'GET', '/v1/campaigns/', {}, 404],
    ['with two slashes', 'GET', '/v1//campaigns', {}, 404],
    ['with a broken escape', 'GET', '/v1/campaigns/%zz', {}, 404],
    ['with another method', 'PUT', '/v1/campaigns', { body: campaign }, 405],
    ['with XML', 'POST', '/v1/campaigns', { text: '<x/>', headers: { 'content-type': 'application/xml' } }, 415],
    ['with a body without a type', 'POST', '/v1/campaigns', { text: '{}', headers: { 'content-type': '' } }, 415],
    ['with half a JSON', 'POST', '/v1/campaigns', { text: '{"name":' }, 400],
    [
      'with a body nested deeply',
      'POST',
      '/v1/campaigns',
      { text: '{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000) },
      400,
    ],
    ['with too large a body', 'POST', '/v1/campaigns', { text: `"${'x'.repeat(600_000)}"` }, 413],
    ['without a body', 'POST', '/v1/campaigns', {}, 422],
    ['with null as its body', 'PATCH', '/v1/settings', { text: 'null' }, 422],
    ['with __proto__ as a field', 'POST', '/v1/campaigns', { text: '{"__proto__":{"name":"x"}}' }, 422],
    ['to change with __proto__ as a field', 'PATCH', '/v1/settings', { text: '{"__proto__":{"currency":"EUR"}}' }, 422],
  ])('%s is refused', async (_, method, path, options, status) => {
    const reply = await api.call(method, path, options);
    expect(reply.status).toBe(status);
    expect(reply.body).toMatchObject({
      status,
      code: expect.any(String) as string,
      detail: expect.any(String) as string,
    });
  });

  test('with another method is told which are allowed', async () => {
    const reply = await api.call('PUT', '/v1/campaigns', { body: campaign });
    expect(reply.headers['allow']?.split(', ').sort()).toEqual(['GET', 'POST']);
  });

  test('that is HEAD is answered as GET is', async () => {
    expect(await api.call('HEAD', '/v1/publishers/tia')).toMatchObject({ status: 200, headers: { etag: '"1"' } });
  });
});

describe('an Idempotency-Key', () => {
  const post = (path: string, body: object, id: string, key = ADMIN_KEY) =>
    api.call('POST', path, { body, key, headers: { 'idempotency-key': id } });

  test('makes a repeat answer as before, the secret included, and do nothing', async () => {
    const first = await post('/v1/advertisers', { name: 'Once' }, 'i1');
    const second = await post('/v1/advertisers', { name: 'Once' }, 'i1');
    expect(second).toEqual(first);
    expect(first.body).toMatchObject({ security_token: expect.stringMatching(/^[a-z2-7]{32}$/) as string });
    const list = await api.call('GET', '/v1/advertisers?limit=200');
    const same = (list.body as { items: { name: string }[] }).items.filter(({ name }) => name === 'Once');
    expect(same).toHaveLength(1);
  });

  test('makes twenty requests at once do it once', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => post('/v1/publishers', { name: 'Twin' }, 'i2')));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(replies[0]?.status).toBe(201);
  });

  test('belongs to one request', async () => {
    await post('/v1/publishers', { id: 'idem', name: 'A' }, 'i3');
    const other = await post('/v1/publishers', { id: 'idem', name: 'B' }, 'i3');
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    const elsewhere = await post('/v1/campaigns', campaign, 'i3');
    expect(elsewhere).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  });

  test("is each API key's own", async () => {
    const mine = await post('/v1/publishers', { name: 'Mine' }, 'i4');
    const theirs = await post('/v1/publishers', { name: 'Mine' }, 'i4', keyOf('manager'));
    expect(theirs.status).toBe(201);
    expect((theirs.body as { id: string }).id).not.toBe((mine.body as { id: string }).id);
  });

  test('is free again after a refusal', async () => {
    expect(await post('/v1/publishers', { name: '' }, 'i5')).toMatchObject({ status: 422 });
    expect(await post('/v1/publishers', { name: 'Right' }, 'i5')).toMatchObject({ status: 201 });
  });

  test('of a wrong form is refused', async () => {
    expect(await post('/v1/publishers', { name: 'x' }, 'x'.repeat(256))).toMatchObject({ status: 400 });
  });

  test('lets a change with If-Match be repeated', async () => {
    await api.create('/v1/publishers', { id: 'again', name: 'A' });
    const change = () =>
      api.call('PATCH', '/v1/publishers/again', {
        body: { name: 'B' },
        headers: { 'if-match': '"1"', 'idempotency-key': 'i6' },
      });
    const first = await change();
    expect(first.status).toBe(200);
    expect(await change()).toEqual(first);
  });
});

describe('settings', () => {
  test('are defaults until they are set, change by merge patch and guard against concurrent edits', async () => {
    const before = await api.call('GET', '/v1/settings');
    expect(before.body).toEqual({
      network_name: 'Flowback',
      time_zone: 'UTC',
      currency: 'USD',
      exchange_rates: {},
      fallback_url: null,
      attribution_window_days: 30,
      click_retention_days: 180,
    });
    const body = { network_name: 'ABC', time_zone: 'Europe/Berlin', exchange_rates: { EUR: '1.1' } };
    const changed = await api.call('PATCH', '/v1/settings', { body, headers: { 'if-match': '"0"' } });
    expect(changed).toMatchObject({ status: 200, body: { ...body, currency: 'USD' } });
    const stale = await api.call('PATCH', '/v1/settings', { body, headers: { 'if-match': '"0"' } });
    expect(stale).toMatchObject({ status: 412 });
    const reset = await api.call('PATCH', '/v1/settings', {
      body: { network_name: null, exchange_rates: { EUR: null } },
    });
    expect(reset.body).toMatchObject({ network_name: 'Flowback', exchange_rates: {}, time_zone: 'Europe/Berlin' });
  });

  test.each([
    ['an unknown time zone', { time_zone: 'Mars/Olympus' }, '/time_zone'],
    ['an offset as its time zone', { time_zone: '+01:00' }, '/time_zone'],
    ['an unknown currency', { currency: 'BTC' }, '/currency'],
    ['a rate of zero', { exchange_rates: { EUR: '0' } }, '/exchange_rates/EUR'],
    ['a rate as a number', { exchange_rates: { EUR: 1.1 } }, '/exchange_rates/EUR'],
    ["a rate of the network's own currency", { exchange_rates: { USD: '1' } }, '/exchange_rates/USD'],
    ['a loopback fallback', { fallback_url: 'http://127.0.0.1/' }, '/fallback_url'],
    ['a retention below the attribution window', { click_retention_days: 7 }, '/attribution_window_days'],
    ['an unknown field', { theme: 'dark' }, '/theme'],
  ])('with %s are refused', async (_, body, pointer) => {
    const reply = await api.call('PATCH', '/v1/settings', { body });
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
  });
});

describe('hostile inputs', () => {
  const later = new Set(['report from > to', 'report bad date', 'report group-by unknown field']);
  const fixture = new URL('../../fixtures/hostile-inputs.json', import.meta.url);
  const input = z.object({
    group: z.string(),
    name: z.string(),
    request: z.object({
      method: z.string(),
      path: z.string(),
      query: z.string(),
      headers: z.record(z.string(), z.string()),
      body: z.string().nullable(),
    }),
    expect: z.object({ status: z.array(z.number()), saved: z.boolean().optional() }),
  });
  const inputs = z
    .array(input)
    .parse(JSON.parse(readFileSync(fixture, 'utf8')))
    .filter(({ group, name }) => ['admin-api', 'publisher-postback-config'].includes(group) && !later.has(name));

  test.each(inputs.map((one) => [`${one.group}: ${one.name}`, one] as const))(
    '%s',
    async (_, { request, expect: wanted }) => {
      const fill = (text: string) =>
        text
          .replaceAll('{ADMIN_TOKEN}', ADMIN_KEY)
          .replaceAll('{ADVERTISER}', 'xyz')
          .replaceAll('{PUBLISHER}', 'tia')
          .replaceAll('{CAMPAIGN}', 'hostile');
      if (request.path.includes('{CAMPAIGN}')) await api.create('/v1/campaigns', { ...campaign, id: 'hostile' });
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, fill(value)]));
      const target = fill(request.path) + (request.query === '' ? '' : `?${request.query}`);
      const reply = await api.call(request.method, target, {
        key: null,
        headers,
        ...(request.body !== null && { text: fill(request.body) }),
      });
      expect(wanted.status).toContain(reply.status);
      expect(reply.text).not.toContain('hash');
    },
  );
});
