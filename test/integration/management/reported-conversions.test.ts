import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { toClickItem } from '../../../lambdas/adapters/dynamodb/click-item.ts';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import { mintClickId } from '../../../lambdas/core/click-id.ts';
import type { MacKey } from '../../../lambdas/core/click-id.ts';
import type { Role } from '../../../lambdas/core/entities.ts';
import { createConversionCatalog } from '../../../lambdas/adapters/dynamodb/catalog.ts';
import { aClick } from '../../support/entities.ts';
import { keyOf, startManagement } from '../../support/management.ts';
import type { CallOptions, Management, Reply } from '../../support/management.ts';

let api: Management;
let macKey: MacKey | undefined;
/** Of `xyz`, and of another advertiser. */
let own: string;
let foreign: string;

const campaign = (id: string, advertiser: string) => ({
  id,
  name: id,
  advertiser_id: advertiser,
  destination_url: 'https://shop.example/?cid={click_id}',
  goals: [{ id: 'sale', payout: { model: 'fixed', amount: '2.75' }, revenue: { model: 'fixed', amount: '4' } }],
});

beforeAll(async () => {
  api = await startManagement();
  await api.put('catalog', toItem({ pk: 'mac_key', sk: '0000-first', key: randomBytes(32), created_at: 0 }));
  [macKey] = await createConversionCatalog(api.storage.client, api.storage.tables.catalog).macKeys();
  for (const id of ['xyz', 'other']) await api.create('/v1/advertisers', { id, name: id });
  await api.create('/v1/campaigns', campaign('summer', 'xyz'));
  await api.create('/v1/campaigns', campaign('winter', 'other'));
  own = await click();
  foreign = await click({ campaignId: 'winter', advertiserId: 'other' });
});
afterAll(() => api.stop());
beforeEach(() => void vi.spyOn(process.stdout, 'write').mockImplementation(() => true));

async function click(overrides: { campaignId?: string; advertiserId?: string } = {}): Promise<string> {
  if (macKey === undefined) throw new Error('no key');
  const createdAt = Date.now() - 60_000;
  const id = mintClickId(createdAt, randomBytes, macKey);
  await api.put('clicks', toClickItem(aClick({ id, createdAt, ...overrides })));
  return id;
}

type Result = Readonly<Record<string, unknown>>;
const report = (body: unknown, role: Role = 'manager', options: CallOptions = {}): Promise<Reply> =>
  api.call('POST', '/v1/conversions', { body, key: keyOf(role), ...options });
const resultsOf = ({ body }: Reply) => (body as { results: readonly Result[] }).results;
const codesOf = (reply: Reply) => resultsOf(reply).map(({ code }) => code);
const storedConversions = async (txnId: string) => {
  const { body } = await api.call('GET', `/v1/conversions?txn_id=${txnId}`);
  return (body as { items: readonly Result[] }).items;
};

describe('POST /v1/conversions', () => {
  test('answers each item in its order as /postback does, whatever becomes of the others', async () => {
    const reply = await report({
      items: [
        { click_id: own, txn_id: 'A1', sale_amount: '10', currency: 'usd', sub1: 'red' },
        { click_id: own, txn_id: 'A1', sale_amount: 10 },
        { txn_id: 'A1', action: 'change', sale_amount: '12.50' },
        'nonsense',
        { click_id: own, txn_id: 'A1', sale_amount: '12.50' },
      ],
    });

    expect(reply.status).toBe(200);
    const id = resultsOf(reply)[0]?.['conversion_id'];
    const conversion = { conversion_id: id, status: 'approved', goal: 'sale', payout: '2.75', revenue: '4.00' };
    expect(resultsOf(reply)).toEqual([
      {
        index: 0,
        http_status: 200,
        result: 'accepted',
        code: 'OK',
        message: 'Recorded',
        warnings: [],
        ...conversion,
        currency: 'USD',
      },
      expect.objectContaining({ index: 1, http_status: 400, result: 'rejected', code: 'INVALID_AMOUNT' }),
      expect.objectContaining({ index: 2, http_status: 200, result: 'updated', code: 'AMOUNT_CHANGED', ...conversion }),
      expect.objectContaining({ index: 3, http_status: 400, result: 'rejected', code: 'MALFORMED_REQUEST' }),
      expect.objectContaining({ index: 4, code: 'DUPLICATE_CONVERSION', ...conversion }),
    ]);
    expect(await storedConversions('A1')).toMatchObject([{ id, sale_amount: '12.50', sub1: 'red' }]);
    const { body } = await api.call('GET', `/v1/conversions/${String(id)}`);
    expect(body).toMatchObject({ history: [{ by: 'batch:key-manager' }, { by: 'batch:key-manager' }] });
  });

  test("an advertiser's key reports its own alone, and reads no payout", async () => {
    const items = [
      { click_id: own, txn_id: 'B1' },
      { click_id: foreign, txn_id: 'B2' },
      { click_id: own, txn_id: 'B1' },
      { txn_id: 'B1', status: 'rejected' },
    ];
    const reply = await report(items, 'advertiser');
    expect(codesOf(reply)).toEqual(['OK', 'INVALID_SECURITY_TOKEN', 'DUPLICATE_CONVERSION', 'STATUS_CHANGED']);
    expect(resultsOf(reply)[0]).toMatchObject({ revenue: '4.00', currency: 'USD' });
    expect(reply.text).not.toContain('payout');
    expect(reply.text).not.toContain('2.75');
    expect(await storedConversions('B2')).toEqual([]);
    expect(codesOf(await report(items.slice(1, 2)))).toEqual(['OK']);
  });

  test('takes a hundred items, and finds what it recorded when it is repeated (invariant 4)', async () => {
    // Ninety are refused: a hundred sales take seconds here.
    const sales = Array.from({ length: 10 }, (_, index) => ({ click_id: own, txn_id: `C${index}` }));
    const first = await report([...sales, ...Array.from({ length: 90 }, () => ({}))]);
    const second = await report(sales);
    expect(codesOf(first).slice(0, 10)).toEqual(Array(10).fill('OK'));
    expect(codesOf(first).slice(10)).toEqual(Array(90).fill('MISSING_PARAMETER'));
    expect(codesOf(second)).toEqual(Array(10).fill('DUPLICATE_CONVERSION'));
    const ids = resultsOf(first).map((result) => result['conversion_id']);
    expect(resultsOf(second).map((result) => result['conversion_id'])).toEqual(ids.slice(0, 10));
  });

  test('makes one conversion of five identical calls at once (invariant 4)', async () => {
    const items = ['D1', 'D2', 'D3'].map((txn_id) => ({ click_id: own, txn_id }));
    const replies = await Promise.all([1, 2, 3, 4, 5].map(() => report(items)));
    for (const index of [0, 1, 2]) {
      const results = replies.map((reply) => resultsOf(reply)[index]);
      expect(new Set(results.map((result) => result?.['conversion_id'])).size).toBe(1);
      expect(results.filter((result) => result?.['code'] === 'OK')).toHaveLength(1);
    }
  });

  test('answers a repeat under an Idempotency-Key as the first time', async () => {
    const headers = { 'idempotency-key': 'reports' };
    const body = [{ click_id: own, txn_id: 'E1' }];
    const first = await report(body, 'advertiser', { headers });
    expect(codesOf(first)).toEqual(['OK']);
    expect(await report(body, 'advertiser', { headers })).toEqual(first);
    expect(await report([{ click_id: own, txn_id: 'E2' }], 'advertiser', { headers })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(await storedConversions('E2')).toEqual([]);
  });

  test('is a hit for each item, which an operator finds (invariant 3)', async () => {
    const from = new Date().toISOString();
    await report([{ click_id: own, txn_id: 'F1', ip: '203.0.113.77' }, { click_id: 'x' }], 'advertiser');
    const { body } = await api.call('GET', `/v1/hits?from=${from}&advertiser_id=xyz`);
    const { items } = body as { items: readonly Result[] };
    expect(items.toReversed()).toMatchObject([
      { route: 'POST /v1/conversions', code: 'OK', query: `click_id=${own}&txn_id=F1&ip=203.0.113.0` },
      { route: 'POST /v1/conversions', code: 'INVALID_CLICK_ID', status: 422, sender_id: null, query: 'click_id=x' },
    ]);
  });

  test('keeps no API key in hits, wherever it stands (invariant 12)', async () => {
    const key = keyOf('advertiser');
    const from = new Date().toISOString();
    await report([{ click_id: key }, { click_id: own, sub1: key }, key, { txn_id: { key } }], 'advertiser');
    const { text, body } = await api.call('GET', `/v1/hits?from=${from}`);
    expect((body as { items: unknown[] }).items).toHaveLength(4);
    expect(text).not.toContain(key);
  });
});

test.each<[what: string, items: readonly object[], pointer: string, code: string]>([
  ['101 items', Array<object>(101).fill({ click_id: 'x' }), '/items', 'TOO_BIG'],
  ['a field that is no parameter', [{ click_id: 'x' }, { cid: 'x' }], '/items/1/cid', 'UNKNOWN_FIELD'],
  ['a token', [{ security_token: 'x'.repeat(32) }], '/items/0/security_token', 'UNKNOWN_FIELD'],
])('a body with %s is refused as a whole and leaves no hit', async (_, items, pointer, code) => {
  const from = new Date().toISOString();
  expect(await report({ items }, 'advertiser')).toMatchObject({
    status: 422,
    body: { code: 'VALIDATION_FAILED', errors: [{ pointer, code }] },
  });
  expect((await api.call('GET', `/v1/hits?from=${from}`)).body).toMatchObject({ items: [] });
});

test('hostile values are the results of their items alone, and a number keeps its digits', async () => {
  const huge = 'x'.repeat(30_000);
  const values: readonly (readonly [members: string, code: string])[] = [
    ['"sale_amount":9.99', 'INVALID_AMOUNT'],
    ['"sale_amount":1e400', 'INVALID_AMOUNT'],
    ['"sub1":{"a":{"b":"c"}}', 'MALFORMED_REQUEST'],
    ['"txn_id":"G1","txn_id":"G1"', 'MALFORMED_REQUEST'],
    ['"txn_id":"\\udfff"', 'INVALID_TXN_ID'],
    [`"txn_id":"${huge}"`, 'INVALID_TXN_ID'],
    [`"txn_id":"G2","sub1":"\\ud83c","sub2":"${huge}"`, 'OK'],
    ['"txn_id":12345678901234567890', 'OK'],
  ];
  const text = `{"items":[${values.map(([members]) => `{"click_id":"${own}",${members}}`).join(' , ')}]}`;
  const reply = await report(undefined, 'advertiser', { text });
  expect(codesOf(reply)).toEqual(values.map(([, code]) => code));
  expect(await storedConversions('12345678901234567890')).toHaveLength(1);
});
