import { randomBytes } from 'node:crypto';
import { DeleteItemCommand, paginateScan } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { toClickItem } from '../../../lambdas/adapters/dynamodb/click-item.ts';
import { createHitWriter } from '../../../lambdas/adapters/dynamodb/hits.ts';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import { mintClickId } from '../../../lambdas/core/click-id.ts';
import { receivePostback } from '../../../lambdas/core/receive-postback.ts';
import type { RecordDeps } from '../../../lambdas/core/record-conversion.ts';
import { hashToken } from '../../../lambdas/core/senders.ts';
import { createRecordDeps } from '../../../lambdas/wiring/record-deps.ts';
import { aCall } from '../../support/conversions.ts';
import { aClick } from '../../support/entities.ts';
import { keyOf, startManagement } from '../../support/management.ts';
import type { CallOptions, Management, Reply } from '../../support/management.ts';
import { TABLES } from '../../support/storage.ts';

const TOKEN = 'xyz-token-0123456789';
let api: Management;
let record: RecordDeps;

beforeAll(async () => {
  api = await startManagement();
  await api.put('catalog', toItem({ pk: 'mac_key', sk: '0000-first', key: randomBytes(32), created_at: 0 }));
  await api.create('/v1/advertisers', { id: 'xyz', name: 'XYZ', security_token: TOKEN });
  await api.create('/v1/advertisers', { id: 'shoe', name: 'Shoe' });
  await api.create('/v1/publishers', { id: 'tia', name: 'Tia' });
  await api.create('/v1/publishers', { id: 'pub', name: 'Pub' });
  const goals = [
    { id: 'sale', default: true, payout: { model: 'fixed', amount: '2' }, revenue: { model: 'fixed', amount: '4' } },
    { id: 'lead', payout: { model: 'fixed', amount: '1' }, revenue: { model: 'fixed', amount: '1' } },
  ];
  const campaign = { name: 'A campaign', advertiser_id: 'xyz', destination_url: 'https://shop.example/', goals };
  await api.create('/v1/campaigns', { ...campaign, id: 'summer' });
  await api.create('/v1/campaigns', { ...campaign, id: 'yen', currency: 'JPY' });
  await api.create('/v1/campaigns', { ...campaign, id: 'dinar', currency: 'KWD', advertiser_id: 'shoe' });
  await api.create('/v1/postbacks', { publisher_id: 'tia', url: 'https://tia.example/?s={status}&p={payout}' });
  record = createRecordDeps(api.storage.client);
});
afterAll(() => api.stop());
// Nobody receives hints here, and the log says so.
beforeEach(() => void vi.spyOn(process.stdout, 'write').mockImplementation(() => true));

const bodyOf = ({ body }: Reply) => body as Record<string, unknown>;
const post = (path: string, body: unknown, options: CallOptions = {}) =>
  api.call('POST', path, { key: keyOf('manager'), body, ...options });

const everything = async () => {
  const found: Record<string, unknown[]> = {};
  for (const name of TABLES) {
    const TableName = api.storage.tables[name];
    const items: unknown[] = [];
    for await (const { Items = [] } of paginateScan({ client: api.storage.client }, { TableName }))
      items.push(...Items);
    found[name] = items;
  }
  return found;
};

describe('POST /v1/conversions/bulk', () => {
  const bulk = (body: object, options?: CallOptions) =>
    post('/v1/conversions/bulk', { match: 'txn_id', items: [], ...body }, options);

  const report = async (parameters: Record<string, string>, campaignId = 'summer'): Promise<string> => {
    const [key] = await record.catalog.macKeys();
    if (key === undefined) throw new Error('no key');
    const createdAt = Date.now() - 60_000;
    const click_id = parameters['click_id'] ?? mintClickId(createdAt, randomBytes, key);
    const given = { createdAt, campaignId, publisherId: 'tia', advertiserId: 'xyz' };
    await api.put('clicks', toClickItem(aClick({ ...given, id: click_id })));
    const query = new URLSearchParams({ security_token: TOKEN, ...parameters, click_id }).toString();
    const hits = createHitWriter(api.storage.client, api.storage.tables.hits);
    const deps = { ...record, hits, random: randomBytes, hitLost: () => expect.unreachable() };
    return String((await receivePostback(aCall({ query }), deps)).body['conversion_id']);
  };
  const statusOf = async (id: string) => bodyOf(await api.call('GET', `/v1/conversions/${id}`))['status'];

  test.each<[body: object, pointer: string, code: string]>([
    [{ match: 'order' }, '/match', 'INVALID_VALUE'],
    [{ items: [{ txn_id: 'T1' }] }, '/items/0', 'REQUIRED'],
    [{ items: [{ txn_id: 'T1', reason: 'why' }] }, '/items/0', 'REQUIRED'],
    [{ items: [{ txn_id: '', status: 'approved' }] }, '/items/0/txn_id', 'TOO_SMALL'],
    [{ items: [{ status: 'approved' }] }, '/items/0/txn_id', 'REQUIRED'],
    [{ items: [{ txn_id: 'T1', id: 'T1', status: 'approved' }] }, '/items/0/id', 'UNKNOWN_FIELD'],
    [{ items: [{ txn_id: 'T1', payout: 3 }] }, '/items/0/payout', 'INVALID_TYPE'],
    [{ items: [{ txn_id: 'T1', payout: '-3' }] }, '/items/0/payout', 'INVALID_AMOUNT'],
    [{ items: [{ txn_id: 'T1', status: 'confirmed' }] }, '/items/0/status', 'INVALID_VALUE'],
    [{ items: [{ txn_id: 'T1', status: 'approved', note: '' }] }, '/items/0/note', 'UNKNOWN_FIELD'],
    [{ unmatched: 'reject', from: '2026-01-01', to: '2026-02-01' }, '/advertiser_id', 'REQUIRED'],
    [{ unmatched: 'reject', advertiser_id: 'xyz', to: '2026-02-01' }, '/from', 'REQUIRED'],
    [{ unmatched: 'approve', advertiser_id: 'xyz', from: '2026-02-01' }, '/to', 'REQUIRED'],
    [{ unmatched: 'approve', advertiser_id: 'xyz', from: '2026-02-01', to: '2026-02-01' }, '/to', 'ENDS_BEFORE_START'],
    [{ advertiser_id: 'zyx' }, '/advertiser_id', 'NOT_FOUND'],
  ])('refuses a list that cannot be meant so, as a whole: %j', async (body, pointer, code) => {
    const reply = await bulk(body);

    expect(reply).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED', errors: [{ pointer, code }] } });
  });

  test('refuses more than a thousand items', async () => {
    const items = Array.from({ length: 1_001 }, () => ({ txn_id: 'T', status: 'approved' }));

    const errors = [{ pointer: '/items', code: 'TOO_BIG' }];
    expect(await bulk({ items })).toMatchObject({ status: 422, body: { errors } });
  });

  test('is for those who may write', async () => {
    for (const role of ['analyst', 'publisher', 'advertiser'] as const) {
      expect((await bulk({}, { key: keyOf(role) })).status).toBe(403);
    }
  });

  test('does as the list says, tells what it was and is, and finds by any of the keys (invariant 5)', async () => {
    const click_id = `${'a'.repeat(31)}2`;
    const [pending, approved] = [await report({ txn_id: ' b1 ', status: 'pending' }), await report({ txn_id: 'b2' })];
    const yen = await report({ txn_id: 'b3' }, 'yen');
    await report({ txn_id: 'b4' });
    await report({ txn_id: 'b4', goal: 'lead' });

    const reply = await bulk({
      advertiser_id: 'xyz',
      items: [
        { txn_id: 'b1', status: 'approved', payout: '2.25', reason: 'paid' },
        { txn_id: ' b2', status: 'rejected' },
        { txn_id: 'b3', payout: '300' },
        { txn_id: 'b4', status: 'rejected' },
        { txn_id: 'b4', goal: 'lead', status: 'approved' },
        { txn_id: 'b1', status: 'rejected' },
        { txn_id: 'b5', status: 'rejected' },
      ],
    });

    expect(reply.status).toBe(200);
    const decided = (conversion_id: string, code: string, currency: string) => ({ conversion_id, code, currency });
    expect(bodyOf(reply)).toEqual({
      results: [
        {
          index: 0,
          ...decided(pending, 'STATUS_CHANGED', 'USD'),
          before: { status: 'pending', payout: '2.00', revenue: '4.00' },
          after: { status: 'approved', payout: '2.25', revenue: '4.00' },
        },
        {
          index: 1,
          ...decided(approved, 'STATUS_CHANGED', 'USD'),
          before: { status: 'approved', payout: '2.00', revenue: '4.00' },
          after: { status: 'rejected', payout: '0.00', revenue: '0.00' },
        },
        {
          index: 2,
          ...decided(yen, 'AMOUNT_CHANGED', 'JPY'),
          before: { status: 'approved', payout: '2', revenue: '4' },
          after: { status: 'approved', payout: '300', revenue: '4' },
        },
        { index: 3, conversion_id: null, code: 'AMBIGUOUS', message: expect.any(String) as string },
        expect.objectContaining({ index: 4, code: 'UNCHANGED' }),
        { index: 5, conversion_id: pending, code: 'DUPLICATE_ITEM', message: expect.any(String) as string },
        { index: 6, conversion_id: null, code: 'CONVERSION_NOT_FOUND', message: expect.any(String) as string },
      ],
      unmatched: { conversion_ids: [], refused: [] },
      totals: { USD: { payout: '0.25', revenue: '0.00' }, JPY: { payout: '298', revenue: '0' } },
      complete: true,
    });
    expect(bodyOf(await api.call('GET', `/v1/conversions/${pending}`))).toMatchObject({
      payout: '2.25',
      locked: true,
      reason: 'paid',
      history: [{}, { by: 'key:key-manager', code: 'STATUS_CHANGED', reason: 'paid' }],
    });

    await report({ click_id });
    const byClick = await bulk({ match: 'click_id', items: [{ click_id: ` ${click_id.toUpperCase()}`, payout: '9' }] });
    expect(bodyOf(byClick)).toMatchObject({ results: [{ code: 'CONVERSION_NOT_FOUND' }] });
    const byId = await bulk({ match: 'id', items: [{ id: yen.toUpperCase(), status: 'rejected' }] });
    expect(bodyOf(byId)).toMatchObject({ results: [{ code: 'STATUS_CHANGED' }], totals: { JPY: { payout: '-300' } } });
  });

  test('writes nothing at all in a dry run, and answers what it would do', async () => {
    const from = new Date().toISOString();
    const named = await report({ txn_id: 'd1' });
    const unnamed = await report({ txn_id: 'd2', status: 'pending' });
    const to = new Date(Date.now() + 1).toISOString();
    const items = [{ txn_id: 'd1', payout: '2.000001' }];
    const order = { items, unmatched: 'reject', advertiser_id: 'xyz', from, to };
    const before = await everything();

    const dry = await bulk({ ...order, dry_run: true }, { headers: { 'idempotency-key': 'dry' } });

    expect(await everything()).toEqual(before);
    expect(bodyOf(dry)).toMatchObject({
      results: [{ conversion_id: named, code: 'AMOUNT_CHANGED', after: { payout: '2.000001' } }],
      unmatched: { rejected: 1, conversion_ids: [unnamed], refused: [] },
      totals: { USD: { payout: '0.000001', revenue: '0.00' } },
      complete: true,
    });
    expect(bodyOf(await bulk(order))).toEqual(bodyOf(dry));
    expect([await statusOf(named), await statusOf(unnamed)]).toEqual(['approved', 'rejected']);
    expect(bodyOf(await bulk(order))).toMatchObject({ unmatched: { rejected: 0 }, totals: {}, complete: true });
  });

  test('books money once for the same list twice at once, and remembers the answer (invariant 4)', async () => {
    const ids = await Promise.all(['e1', 'e2', 'e3', 'e4'].map((txn_id) => report({ txn_id })));
    const body = { items: ids.map((_, i) => ({ txn_id: `e${i + 1}`, payout: '5' })) };

    const twice = await Promise.all([bulk(body), bulk(body)]);
    const payouts = twice.flatMap((reply) => {
      const { USD } = bodyOf(reply)['totals'] as Record<string, { payout: string }>;
      return USD === undefined ? [] : [Number(USD.payout)];
    });
    expect(payouts.reduce((sum, payout) => sum + payout, 0)).toBe(12);
    for (const id of ids) {
      expect(bodyOf(await api.call('GET', `/v1/conversions/${id}`))['history']).toHaveLength(2);
    }

    const options = { headers: { 'idempotency-key': 'e' } };
    const rejected = { items: ids.map((_, i) => ({ txn_id: `e${i + 1}`, status: 'rejected' })) };
    const [first, second] = [await bulk(rejected, options), await bulk(rejected, options)];
    expect(second.text).toBe(first.text);
    expect(bodyOf(first)).toMatchObject({ totals: { USD: { payout: '-20.00' } } });
  });
});

describe('/v1/adjustments', () => {
  const BONUS = { publisher_id: 'tia', campaign_id: 'summer', payout: '2.5', revenue: '0', reason: 'a bonus' };
  const book = (body: object = {}, options?: CallOptions) => post('/v1/adjustments', { ...BONUS, ...body }, options);
  const list = async (query: string) => {
    const { items } = bodyOf(await api.call('GET', `/v1/adjustments?${query}`, { key: keyOf('analyst') }));
    return items as Record<string, unknown>[];
  };

  test.each<[body: object, pointer: string, code: string]>([
    [{ payout: undefined }, '/payout', 'INVALID_AMOUNT'],
    [{ payout: 2.5 }, '/payout', 'INVALID_TYPE'],
    [{ payout: '+1' }, '/payout', 'INVALID_AMOUNT'],
    [{ revenue: '-0.0000001' }, '/revenue', 'INVALID_AMOUNT'],
    [{ revenue: '1e2' }, '/revenue', 'INVALID_AMOUNT'],
    [{ payout: '-0' }, '/payout', 'INVALID_AMOUNT'],
    [{ publisher_id: 'tio' }, '/publisher_id', 'NOT_FOUND'],
    [{ campaign_id: 'winter' }, '/campaign_id', 'NOT_FOUND'],
    [{ goal: 'click' }, '/goal', 'NOT_FOUND'],
    [{ currency: 'EUR' }, '/currency', 'INVALID_CURRENCY'],
    [{ currency: 'usd' }, '/currency', 'INVALID_CURRENCY'],
    [{ reason: undefined }, '/reason', 'REQUIRED'],
    [{ reason: ' ' }, '/reason', 'INVALID_FORMAT'],
    [{ at: '2999-01-01' }, '/at', 'IN_THE_FUTURE'],
    [{ at: '2020-01-01' }, '/at', 'TOO_OLD'],
    [{ click_id: 'c1' }, '/click_id', 'UNKNOWN_FIELD'],
  ])('are refused where they are not said in full: %j', async (body, pointer, code) => {
    expect(await book(body)).toMatchObject({ status: 422, body: { errors: [{ pointer, code }] } });
  });

  test('are written by those who may write, and read by those who may read', async () => {
    for (const role of ['analyst', 'publisher', 'advertiser'] as const) {
      expect((await book({}, { key: keyOf(role) })).status).toBe(403);
    }
    for (const role of ['publisher', 'advertiser'] as const) {
      expect((await api.call('GET', '/v1/adjustments', { key: keyOf(role) })).status).toBe(403);
    }
    expect((await api.call('GET', '/v1/adjustments/a')).status).toBe(404);
    expect((await api.call('GET', `/v1/adjustments/${'a'.repeat(24)}`)).status).toBe(404);
  });

  test.each([
    ['summer', 'USD', '-2.5', '-2.50', '0', '0.00', 'xyz'],
    ['summer', 'USD', '0.000001', '0.000001', '-999999999999.999999', '-999999999999.999999', 'xyz'],
    ['yen', 'JPY', '-250', '-250', '1000', '1000', 'xyz'],
    ['dinar', 'KWD', '1.25', '1.250', '-0.125', '-0.125', 'shoe'],
  ])('keep their money exactly: %s in %s, %s as %s (invariant 5)', async (campaign_id, currency, ...texts) => {
    const [payout, payoutText, revenue, revenueText, advertiser_id] = texts;
    const reply = await book({ campaign_id, currency, payout, revenue, goal: 'lead', at: '2026-11-01T12:00:00+01:00' });

    expect(reply.status).toBe(201);
    const id = String(bodyOf(reply)['id']);
    expect(bodyOf(reply)).toEqual({
      id,
      publisher_id: 'tia',
      campaign_id,
      advertiser_id,
      goal: 'lead',
      payout: payoutText,
      revenue: revenueText,
      currency,
      at: '2026-11-01T11:00:00.000Z',
      reason: 'a bonus',
      created_at: expect.stringMatching(/Z$/) as string,
      created_by: 'key:key-manager',
    });
    expect(bodyOf(await api.call('GET', `/v1/adjustments/${id}`, { key: keyOf('analyst') }))).toEqual(bodyOf(reply));
  });

  test('are found by whose they are and when, newest first, and never among conversions', async () => {
    const ofPub = { publisher_id: 'pub' };
    const at = (day: string) => `2026-03-${day}T00:00:00Z`;
    const booked: Reply[] = [];
    booked.push(await book({ ...ofPub, at: at('02'), campaign_id: 'yen' }));
    booked.push(await book({ ...ofPub, at: at('03') }));
    booked.push(await book({ ...ofPub, at: at('01') }));
    const [yen, third, first] = booked.map(bodyOf);
    const march = `from=2026-03-01&to=2026-03-03T00:00:00.001Z`;

    expect(await list('publisher_id=pub')).toEqual([third, yen, first]);
    expect(await list(`publisher_id=pub&from=${at('01')}&to=${at('03')}`)).toEqual([yen, first]);
    expect(await list('publisher_id=pub&campaign_id=summer')).toEqual([third, first]);
    expect(await list(`campaign_id=yen&${march}`)).toEqual([yen]);
    expect(await list(`advertiser_id=xyz&${march}`)).toEqual([third, yen, first]);
    expect(await list('publisher_id=pub&advertiser_id=shoe')).toEqual([]);
    expect(await list(march)).toEqual([third, yen, first]);
    expect(await list(`${march}&limit=2`)).toEqual([third, yen]);
    for (const query of ['publisher_id=pub', `advertiser_id=xyz&${march}`, march]) {
      expect(bodyOf(await api.call('GET', `/v1/conversions?${query}`))['items']).toEqual([]);
    }
    expect((await api.call('GET', '/v1/adjustments?publisher_id=adjustment%23pub')).status).toBe(400);
  });

  test('are booked once under an Idempotency-Key, also after a crash before the answer was kept (invariant 4)', async () => {
    const options = { headers: { 'idempotency-key': 'bonus-1' } };
    const mine = { publisher_id: 'pub', at: '2025-06-01' };
    const replies = await Promise.all([book(mine, options), book(mine, options), book(mine, options)]);
    const Key = toItem({ pk: 'idempotency#key-manager', sk: hashToken('bonus-1') });
    await api.storage.client.send(new DeleteItemCommand({ TableName: api.storage.tables.catalog, Key }));

    replies.push(await book(mine, options));

    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    const june = 'publisher_id=pub&from=2025-06-01&to=2025-06-02';
    expect(await list(june)).toEqual([bodyOf(replies[0])]);

    expect(await book({ ...mine, payout: '3' }, options)).toMatchObject({ status: 422 });
    await api.storage.client.send(new DeleteItemCommand({ TableName: api.storage.tables.catalog, Key }));
    const other = await book({ ...mine, payout: '3' }, options);
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(await list(june)).toHaveLength(1);

    const another = await book(mine, { ...options, key: keyOf('admin') });
    expect(another).toMatchObject({ status: 201, body: { created_by: 'key:key-admin' } });
    expect(await list(june)).toHaveLength(2);
  });
});
