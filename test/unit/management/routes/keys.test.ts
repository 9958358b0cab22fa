import { beforeEach, describe, expect, it } from 'vitest';
import { hashToken } from '../../../../lambdas/core/senders.ts';
import { ADMIN, aManagementApi } from '../../../support/management-api.ts';

const LATER = '2031-01-01T00:00:00.000Z';

let api: Awaited<ReturnType<typeof aManagementApi>>;
beforeEach(async () => {
  api = await aManagementApi();
});

const stored = (id: string) => api.catalog.get('api_key', id);
const make = async (id: string, role: string, more: object = {}) => {
  const { body } = await api.call('POST', '/v1/keys', { id, name: id, role, ...more });
  return String((body as { key: string }).key);
};
const patch = (id: string, body: unknown, headers = {}) => api.call('PATCH', `/v1/keys/${id}`, body, headers);
const revoke = (id: string, key = ADMIN) =>
  api.call('DELETE', `/v1/keys/${id}`, undefined, { authorization: `Bearer ${key}` });
const authenticates = async (key: string) => {
  const { status } = await api.call('GET', '/v1/settings', undefined, { authorization: `Bearer ${key}` });
  return status === 200;
};

describe('PATCH /v1/keys/:id', () => {
  it.each<[body: unknown, pointer: string, code: string]>([
    [[], '', 'INVALID_TYPE'],
    [{ name: null }, '/name', 'REQUIRED'],
    [{ name: 'x'.repeat(500) }, '/name', 'TOO_BIG'],
    [{ expires_at: '2026-11-22T12:00:00Z' }, '/expires_at', 'IN_THE_PAST'],
    [{ role: 'admin' }, '/role', 'READ_ONLY'],
    [{ publisher_id: 'tia' }, '/publisher_id', 'READ_ONLY'],
    [{ advertiser_id: 'xyz' }, '/advertiser_id', 'READ_ONLY'],
    [{ id: 'k2' }, '/id', 'READ_ONLY'],
    [{ status: 'archived' }, '/status', 'READ_ONLY'],
    [{ created_at: LATER }, '/created_at', 'READ_ONLY'],
    [{ hash: 'x' }, '/hash', 'UNKNOWN_FIELD'],
  ])('refuses %j at %s: %s', async (body, pointer, code) => {
    await make('k1', 'analyst');
    const before = await stored('k1');

    expect(await patch('k1', body)).toMatchObject({ status: 422, body: { errors: [{ pointer, code }] } });
    expect(await stored('k1')).toEqual(before);
  });

  it('changes name and expiry, of the key that authenticates too', async () => {
    const key = await make('k1', 'analyst');

    const answer = await patch('k1', { name: 'Export', expires_at: LATER });

    expect(answer).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
      body: { name: 'Export', expires_at: LATER },
    });
    expect(await api.catalog.get('api_key_hash', hashToken(key))).toEqual(await stored('k1'));
    expect(await authenticates(key)).toBe(true);
  });

  it('takes a document as GET showed it, also after the key was used', async () => {
    const key = await make('k1', 'analyst');
    const { body } = await api.call('GET', '/v1/keys/k1');
    await authenticates(key);

    expect(await patch('k1', { ...(body as object), name: 'Export' })).toMatchObject({ status: 200 });
  });

  it('leaves a key that has expired nameable, and lets it be lengthened', async () => {
    const key = await make('k1', 'analyst', { expires_at: new Date(api.now() + 2_500).toISOString() });
    await api.call('GET', '/v1/settings');
    expect(await authenticates(key)).toBe(false);

    expect(await patch('k1', { name: 'Export' })).toMatchObject({ status: 200 });
    expect(await patch('k1', { expires_at: null })).toMatchObject({ status: 200 });

    expect(await authenticates(key)).toBe(true);
  });

  it('does not change what is revoked, unknown or changed since', async () => {
    const key = await make('k1', 'analyst');

    expect(await patch('k1', { name: 'x' }, { 'if-match': '"7"' })).toMatchObject({ status: 412 });
    await revoke('k1');
    expect(await patch('k1', { name: 'x' })).toMatchObject({ status: 409, body: { code: 'ARCHIVED' } });
    expect(await patch('k2', { name: 'x' })).toMatchObject({ status: 404 });
    expect(await authenticates(key)).toBe(false);
  });

  it('that meets a revocation does not bring the key back', async () => {
    const key = await make('k1', 'analyst');

    await Promise.all([revoke('k1'), patch('k1', { name: 'x' })]);

    expect(await authenticates(key)).toBe(false);
    expect(await stored('k1')).toMatchObject({ status: 'archived' });
  });
});

describe('the last admin key that never expires', () => {
  const REFUSED = { status: 409, body: { code: 'LAST_ADMIN_KEY' } };

  beforeEach(async () => {
    await make('manager', 'manager');
    await make('passing', 'admin', { expires_at: LATER });
    await make('revoked', 'admin');
    await revoke('revoked');
  });

  it('is neither revoked nor left to expire, but may have another name', async () => {
    expect(await revoke(api.admin)).toMatchObject(REFUSED);
    expect(await patch(api.admin, { expires_at: LATER })).toMatchObject(REFUSED);
    expect(await patch(api.admin, { name: 'Ours' })).toMatchObject({ status: 200 });
    expect(await revoke('passing')).toMatchObject({ status: 204 });
    expect(await revoke('manager')).toMatchObject({ status: 204 });
    expect(await authenticates(ADMIN)).toBe(true);
  });

  it('is found behind any number of others', async () => {
    for (let i = 0; i < 205; i++) await make(`a${i}`, 'analyst');
    expect(await revoke(api.admin)).toMatchObject(REFUSED);
    const key = await make('zz', 'admin');
    expect(await revoke(api.admin)).toMatchObject({ status: 204 });
    expect(await revoke('zz', key)).toMatchObject(REFUSED);
  });

  it.each<[what: string, end: (id: string) => Promise<{ status: number }>]>([
    ['revoked', (id) => revoke(id)],
    ['to expire', (id) => patch(id, { expires_at: LATER })],
  ])('is left of two of which one is revoked and the other is %s at once', async (_, end) => {
    await make('other', 'admin');

    const answers = await Promise.all([revoke(api.admin), end('other')]);

    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
    const keys = await api.catalog.list('api_key', null, 100);
    const lasting = keys.filter((key) => key.role === 'admin' && key.expires_at === null && key.status !== 'archived');
    expect(lasting).toHaveLength(1);
  });
});
