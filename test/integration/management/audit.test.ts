import { paginateScan } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { toConversionItem } from '../../../lambdas/adapters/dynamodb/conversion-item.ts';
import { hashToken } from '../../../lambdas/core/senders.ts';
import { aConversion } from '../../support/conversions.ts';
import { ADMIN_KEY, keyOf, startManagement } from '../../support/management.ts';
import type { CallOptions, Management } from '../../support/management.ts';

const TOKEN = 'xyz-token-0123456789';
const conversion = aConversion({ status: 'pending' });
let api: Management;
const secrets = [ADMIN_KEY, TOKEN];

interface Row {
  readonly kind: string;
  readonly action: string;
  readonly subject_id: string;
  readonly at: string;
}

const write = async (method: string, path: string, body?: unknown, options: CallOptions = {}) => {
  const reply = await api.call(method, path, { body, ...options });
  expect(reply.status, reply.text).toBeLessThan(300);
  return reply.body as Readonly<Record<string, string>>;
};

const read = async (query = '', options: CallOptions = {}) => {
  const reply = await api.call('GET', `/v1/audit${query}`, options);
  expect(reply.status, reply.text).toBe(200);
  return reply.body as { readonly items: readonly Row[]; readonly next_cursor: string | null };
};
const brief = ({ action, kind, subject_id }: Row) => `${action} ${kind} ${subject_id}`;

beforeAll(async () => {
  api = await startManagement();
  await write('POST', '/v1/advertisers', { id: 'xyz', name: 'XYZ', security_token: TOKEN });
  await write('POST', '/v1/publishers', { id: 'tia', name: 'Tia' }, { headers: { 'idempotency-key': 'tia' } });
  await write('POST', '/v1/publishers', { id: 'tia', name: 'Tia' }, { headers: { 'idempotency-key': 'tia' } });
  const goals = [{ id: 'sale', payout: { model: 'fixed', amount: '2' } }];
  const campaign = { id: 'summer', name: 'Summer', advertiser_id: 'xyz', destination_url: 'https://xyz.example/' };
  await write('POST', '/v1/campaigns', { ...campaign, goals });
  await write('PATCH', '/v1/campaigns/summer', { goals: [{ ...goals[0], payout: { model: 'fixed', amount: '3' } }] });
  await write('PATCH', '/v1/campaigns/summer', { status: 'active' });
  await write('PATCH', '/v1/settings', { network_name: 'Ours' }, { key: ADMIN_KEY });
  const made = await write('POST', '/v1/keys', { id: 'k1', name: 'Export', role: 'analyst' });
  secrets.push(made['key'] ?? '');
  await write('PATCH', '/v1/keys/k1', { expires_at: '2031-01-01T00:00:00Z' });
  await write('DELETE', '/v1/keys/k1');
  await api.put('conversions', toConversionItem(conversion));
  await write('PATCH', `/v1/conversions/${conversion.id}`, { status: 'rejected' }, { key: keyOf('manager') });
  const items = [{ id: conversion.id, status: 'approved' }];
  await write('POST', '/v1/conversions/bulk', { match: 'id', items });
  await write('POST', '/v1/conversions/bulk', { match: 'id', items });
  const bonus = { publisher_id: 'tia', campaign_id: 'summer', payout: '5', reason: 'bonus' };
  const once = { headers: { 'idempotency-key': 'bonus' } };
  expect(await write('POST', '/v1/adjustments', bonus, once)).toEqual(
    await write('POST', '/v1/adjustments', bonus, once),
  );
});
afterAll(() => api.stop());
// Nobody receives hints here, and the log says so.
beforeEach(() => void vi.spyOn(process.stdout, 'write').mockImplementation(() => true));

test('the trail tells all that was done, newest first, once', async () => {
  const { items } = await read();

  expect(items.map(({ at }) => at)).toEqual(
    items
      .map(({ at }) => at)
      .toSorted()
      .reverse(),
  );
  const told = items.map(brief);
  expect(told.slice(0, -2)).toEqual([
    expect.stringMatching(/^created adjustment [a-z2-7]{24}$/),
    `changed conversion ${conversion.id}`,
    `changed conversion ${conversion.id}`,
    'revoked key k1',
    'changed key k1',
    'created key k1',
    'changed settings settings',
    'changed campaign summer',
    'created campaign summer',
    'created publisher tia',
  ]);
  // Of one transaction.
  expect(told.slice(-2).sort()).toEqual(['created advertiser xyz', 'created sender xyz']);
});

test('it says who, from what and to what', async () => {
  const { items } = await read(`?kind=conversion&subject_id=${conversion.id}&by=key:key-manager`);

  expect(items).toMatchObject([
    {
      ...{ by: 'key:key-manager', by_name: "The manager's key", request_id: 'request-1', action: 'changed' },
      changes: expect.arrayContaining([{ pointer: '/status', from: 'pending', to: 'rejected' }]) as unknown,
    },
  ]);
  expect((await read('?kind=campaign&action=changed')).items).toMatchObject([
    { changes: [{ pointer: '/goals/0/payout/amount', from: '2', to: '3' }] },
  ]);
});

test('it is read page by page', async () => {
  const whole = (await read()).items;
  const found: Row[] = [];
  let cursor = '';
  do {
    const page = await read(`?limit=5${cursor}`);
    found.push(...page.items);
    cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
  } while (cursor !== '');

  expect(found).toEqual(whole);
});

test('only admins read what became of keys', async () => {
  const all = (await read()).items.filter(({ kind }) => kind !== 'key');

  for (const role of ['manager', 'analyst'] as const) expect((await read('', { key: keyOf(role) })).items).toEqual(all);
  expect((await read('?kind=key&subject_id=k1')).items).toHaveLength(3);
});

test('no secret, and nothing kept of one, is in the table (invariant 12)', async () => {
  const { client, tables } = api.storage;
  const rows: unknown[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: tables.audit })) rows.push(...Items);

  const text = JSON.stringify(rows);
  expect(secrets).toHaveLength(3);
  for (const secret of secrets) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(hashToken(secret));
  }
});
