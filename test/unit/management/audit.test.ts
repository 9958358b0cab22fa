import { beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../../lambdas/core/audit.ts';
import { hashToken } from '../../../lambdas/core/senders.ts';
import type { Answer } from '../../../lambdas/management/problems.ts';
import { NOON } from '../../support/deliveries.ts';
import { ADMIN, aManagementApi } from '../../support/management-api.ts';

const TOKEN = 'xyz-token-0123456789';
const CAMPAIGN = {
  id: 'summer',
  name: 'Summer',
  advertiser_id: 'xyz',
  destination_url: 'https://xyz.example/',
  goals: [{ id: 'sale', payout: { model: 'fixed', amount: '2' } }],
};

let api: Awaited<ReturnType<typeof aManagementApi>>;
beforeEach(async () => {
  api = await aManagementApi();
});

const bodyOf = ({ body }: Answer) => body as Record<string, unknown>;
const brief = ({ kind, subjectId, action, changes }: AuditEntry) => [
  `${action} ${kind} ${subjectId}`,
  changes.map(({ pointer }) => pointer).join(' '),
];

/** Does this, which must succeed, and answers what the trail says of it. */
const saidOf = async (method: string, target: string, body?: unknown, headers?: Readonly<Record<string, string>>) => {
  const before = api.written().length;
  const answer = await api.call(method, target, body, headers);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return api.written().slice(before);
};

const party = () => saidOf('POST', '/v1/advertisers', { id: 'xyz', name: 'XYZ', security_token: TOKEN });

it('the trail begins with what the bootstrap made, as GET shows it', async () => {
  const id = api.admin;
  const shown = [await api.call('GET', '/v1/settings'), await api.call('GET', `/v1/keys/${id}`)].map(bodyOf);

  const common = { at: NOON, by: 'bootstrap', byName: null, requestId: 'bootstrap-1', action: 'created' };
  const [settings, key] = shown.map((to) => [
    { pointer: '', from: null, to: { ...to, ...('id' in to && { last_used_at: null }) } },
  ]);
  expect(api.written()).toEqual([
    { ...common, id: 'settings#settings#1', kind: 'settings', subjectId: 'settings', changes: settings },
    { ...common, id: `key#${id}#1`, kind: 'key', subjectId: id, changes: key },
  ]);
});

it('says who changed what, when, from what to what', async () => {
  await party();
  await api.call('POST', '/v1/campaigns', CAMPAIGN);
  const payout = { model: 'percent', percent: '10' };

  const [entry] = await saidOf('PATCH', '/v1/campaigns/summer', { status: 'paused', goals: [{ id: 'sale', payout }] });

  expect(entry).toEqual({
    ...{ id: 'campaign#summer#2', kind: 'campaign', subjectId: 'summer', action: 'changed' },
    ...{ at: api.now(), by: `key:${api.admin}`, byName: 'Bootstrap', requestId: `request-${api.now()}` },
    changes: [
      { pointer: '/status', from: 'active', to: 'paused' },
      { pointer: '/goals/0/payout/model', from: 'fixed', to: 'percent' },
      { pointer: '/goals/0/payout/amount', from: '2', to: null },
      { pointer: '/goals/0/payout/percent', from: null, to: '10' },
    ],
  });
});

it('tells of each route that changes something what it did, in order', async () => {
  const told: unknown[] = [];
  const act = async (method: string, target: string, body?: unknown) => {
    told.push(...(await saidOf(method, target, body)).map(brief));
  };
  await act('PATCH', '/v1/settings', { exchange_rates: { EUR: '1.08' } });
  await act('POST', '/v1/advertisers', { id: 'xyz', name: 'XYZ', security_token: TOKEN });
  await act('PATCH', '/v1/advertisers/xyz', { metadata: { crm: '1' } });
  await act('POST', '/v1/senders/xyz/tokens', { security_token: 'another-token-012345' });
  const [token] = (await api.catalog.get('sender', 'xyz'))?.tokens ?? [];
  await act('DELETE', `/v1/senders/xyz/tokens/${token?.id}`);
  await act('PATCH', '/v1/senders/xyz', { ip_allow_list: ['192.0.2.1'] });
  await act('POST', '/v1/publishers', { id: 'tia', name: 'Tia' });
  await act('POST', '/v1/campaigns', CAMPAIGN);
  await act('DELETE', '/v1/campaigns/summer');
  await act('PATCH', '/v1/campaigns/summer', { status: 'active' });
  await act('POST', '/v1/postbacks', { id: 'pb', publisher_id: 'tia', url: 'https://tia.example/' });
  await act('PATCH', '/v1/postbacks/pb', { fire_on: ['rejected'] });
  await act('POST', '/v1/keys', { id: 'k1', name: 'Export', role: 'analyst' });
  await act('PATCH', '/v1/keys/k1', { name: 'Import', expires_at: '2031-01-01T00:00:00Z' });
  await act('DELETE', '/v1/keys/k1');

  expect(told).toEqual([
    ['changed settings settings', '/exchange_rates/EUR'],
    ['created advertiser xyz', ''],
    ['created sender xyz', ''],
    ['changed advertiser xyz', '/metadata/crm'],
    ['token_added sender xyz', '/tokens'],
    ['token_deleted sender xyz', '/tokens'],
    ['changed sender xyz', '/ip_allow_list'],
    ['created publisher tia', ''],
    ['created campaign summer', ''],
    ['archived campaign summer', '/status'],
    ['restored campaign summer', '/status'],
    ['created postback pb', ''],
    ['changed postback pb', '/fire_on'],
    ['created key k1', ''],
    ['changed key k1', '/name /expires_at'],
    ['revoked key k1', '/status'],
  ]);
});

it('never has a secret, or what is kept of one, in it (invariant 12)', async () => {
  const secrets = [ADMIN, TOKEN];
  await party();
  for (const [path, body] of [
    ['/v1/senders/xyz/tokens', {}],
    ['/v1/keys', { id: 'k1', name: 'Export', role: 'manager' }],
  ] as const) {
    const made = bodyOf(await api.call('POST', path, body));
    secrets.push(String(made['security_token'] ?? made['key']));
  }
  await api.call('PATCH', '/v1/keys/k1', { name: 'Import' });
  await api.call('DELETE', '/v1/senders/xyz');

  const trail = JSON.stringify(api.written());
  expect(secrets).not.toContain('undefined');
  for (const secret of secrets) {
    expect(trail).not.toContain(secret);
    expect(trail).not.toContain(hashToken(secret));
  }
  expect(trail).not.toContain('hash');
});

describe('nothing is said', () => {
  beforeEach(async () => {
    await party();
    await api.call('POST', '/v1/campaigns', CAMPAIGN);
    await api.call('POST', '/v1/keys', { id: 'k1', name: 'Export', role: 'analyst' });
  });

  it.each<[what: string, method: string, target: string, body?: unknown]>([
    ['of a document as it is', 'PATCH', '/v1/campaigns/summer', { name: 'Summer' }],
    ['of settings as they are', 'PATCH', '/v1/settings', { network_name: 'abc' }],
    ['of a key as it is', 'PATCH', '/v1/keys/k1', { name: 'Export' }],
  ])('%s', async (_, method, target, body) => {
    expect(await saidOf(method, target, body)).toEqual([]);
  });

  it.each([
    ['/v1/campaigns/summer', 'archived campaign summer'],
    ['/v1/keys/k1', 'revoked key k1'],
  ])('of what has ended already: %s', async (target, said) => {
    expect((await saidOf('DELETE', target)).map(brief)).toEqual([[said, '/status']]);
    expect(await saidOf('DELETE', target)).toEqual([]);
  });

  it('of a repeat under an Idempotency-Key, nor of two at once a second time', async () => {
    const repeat = () => saidOf('POST', '/v1/publishers', { name: 'Tia' }, { 'idempotency-key': 'once' });

    await Promise.all([repeat(), repeat()]);
    expect(await repeat()).toEqual([]);

    expect(api.written().filter(({ kind }) => kind === 'publisher')).toHaveLength(1);
  });

  it.each<[status: number, method: string, target: string, body: object, headers?: Readonly<Record<string, string>>]>([
    [409, 'POST', '/v1/campaigns', CAMPAIGN],
    [409, 'POST', '/v1/advertisers', { id: 'abc', name: 'ABC', security_token: TOKEN }],
    [412, 'PATCH', '/v1/campaigns/summer', { name: 'Winter' }, { 'if-match': '"9"' }],
    [422, 'PATCH', '/v1/campaigns/summer', { status: 'odd' }],
  ])('of what is refused: %i %s %s', async (status, method, target, body, headers) => {
    const before = api.written().length;

    expect(await api.call(method, target, body, headers)).toMatchObject({ status });
    expect(api.written()).toHaveLength(before);
  });
});

describe('of conversions', () => {
  const aPending = async () => {
    const click_id = await api.network.click();
    const { body } = await api.network.call({ click_id, txn_id: 'T1', status: 'pending' });
    return String(body['conversion_id']);
  };

  it('what an operator decides is told, and what a sender reports is not', async () => {
    const id = await aPending();
    expect(api.network.store.audit).toEqual([]);

    const [entry] = await saidOf('PATCH', `/v1/conversions/${id}`, { payout: '7.5', reason: 'bonus' });

    expect(entry).toMatchObject({ id: `conversion#${id}#2`, kind: 'conversion', subjectId: id, action: 'changed' });
    expect(entry).toMatchObject({ by: `key:${api.admin}`, byName: 'Bootstrap' });
    expect(entry?.changes).toContainEqual({ pointer: '/payout', from: '2.50', to: '7.50' });
    expect(entry?.changes).toContainEqual({ pointer: '/reason', from: null, to: 'bonus' });
    expect(entry?.changes).toContainEqual({ pointer: '/locked', from: false, to: true });
    expect(await saidOf('PATCH', `/v1/conversions/${id}`, { payout: '7.50' })).toEqual([]);
  });

  it('a list of many tells of each that it changed, and of none when it only tries', async () => {
    const id = await aPending();
    const order = { match: 'id', items: [{ id, status: 'approved' }] };

    expect(await saidOf('POST', '/v1/conversions/bulk', { ...order, dry_run: true })).toEqual([]);
    expect((await saidOf('POST', '/v1/conversions/bulk', order)).map(brief)).toEqual([
      [`changed conversion ${id}`, '/status /locked'],
    ]);
    expect(await saidOf('POST', '/v1/conversions/bulk', order)).toEqual([]);
  });

  it('an adjustment is told once, also if the same is booked again', async () => {
    const order = { publisher_id: 'tia', campaign_id: 'summer', payout: '5', reason: 'bonus' };
    const book = () => saidOf('POST', '/v1/adjustments', order, { 'idempotency-key': 'once' });

    const [entry] = await book();

    expect(entry).toMatchObject({ kind: 'adjustment', action: 'created' });
    expect(entry?.changes).toMatchObject([{ pointer: '', from: null, to: { payout: '5.00', reason: 'bonus' } }]);
    expect(await book()).toEqual([]);
  });
});

describe('GET /v1/audit', () => {
  const roles = ['manager', 'analyst'] as const;
  const asRole = async (role: string, query: string) => {
    const made = bodyOf(await api.call('POST', '/v1/keys', { name: role, role }));
    return api.call('GET', `/v1/audit${query}`, undefined, { authorization: `Bearer ${String(made['key'])}` });
  };

  it('shows rows as the contract has them', async () => {
    const { body } = await api.call('GET', '/v1/audit');
    expect((body as { items: unknown[] }).items[0]).toMatchObject({
      ...{ id: 'settings#settings#1', at: '2026-11-22T12:00:00.000Z', by: 'bootstrap', by_name: null },
      ...{ action: 'created', kind: 'settings', subject_id: 'settings', request_id: 'bootstrap-1' },
      changes: [{ pointer: '', from: null }],
    });
  });

  it.each([
    '?subject_id=summer',
    '?kind=account',
    '?kind=campaign&subject_id=a%23b',
    '?by=first',
    '?by=key:',
    '?action=deleted',
    '?from=yesterday',
  ])('refuses %s', async (query) => {
    expect(await api.call('GET', `/v1/audit${query}`)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_PARAMETER' },
    });
    expect(api.asked).toEqual([]);
  });

  it('passes its filters on', async () => {
    await api.call('GET', '/v1/audit?kind=key&subject_id=k1&by=key:k1&action=revoked');
    expect(api.asked).toMatchObject([{ filters: { kind: 'key', subject_id: 'k1', by: 'key:k1', action: 'revoked' } }]);
  });

  it.each(roles)('leaves changes of keys out for a key of the role %s', async (role) => {
    expect(await asRole(role, '')).toMatchObject({ status: 200 });
    expect(await asRole(role, '?kind=campaign')).toMatchObject({ status: 200 });
    expect(await asRole(role, '?kind=key&subject_id=k1')).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect(api.asked.map(({ filters }) => filters)).toEqual([{ except_kind: 'key' }, { kind: 'campaign' }]);
  });
});
