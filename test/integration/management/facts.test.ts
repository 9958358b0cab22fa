import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toClickItem } from '../../../lambdas/adapters/dynamodb/click-item.ts';
import { toConversionItem, toTxnItem } from '../../../lambdas/adapters/dynamodb/conversion-item.ts';
import { toAttemptItem, toDeliveryItem } from '../../../lambdas/adapters/dynamodb/delivery-item.ts';
import { createHitWriter } from '../../../lambdas/adapters/dynamodb/hits.ts';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import type { Conversion } from '../../../lambdas/core/conversion.ts';
import { testTxnIndexHash, txnIndexHash } from '../../../lambdas/core/dedupe-keys.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import { deliveryId } from '../../../lambdas/core/delivery.ts';
import { newSortableId } from '../../../lambdas/core/ids.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { aCap, aClick } from '../../support/entities.ts';
import { startManagement } from '../../support/management.ts';
import type { Management } from '../../support/management.ts';

const DAY = 86_400_000;
const CLICK = 'a'.repeat(32);
const NOW = Date.now();
const idAt = (time: number, n: number) => newSortableId(time, (length) => new Uint8Array(length).fill(n));

const aConversion = (n: number, createdAt: number, overrides: Partial<Conversion> = {}): Conversion => ({
  id: idAt(createdAt, n),
  version: 1,
  clickId: CLICK,
  campaignId: 'summer',
  publisherId: 'tia',
  advertiserId: 'xyz',
  goal: 'sale',
  status: 'approved',
  code: 'OK',
  reason: null,
  test: false,
  txnId: `order-${n}`,
  saleAmount: toMicros(10_000_000n),
  saleCurrency: 'JPY',
  terms: null,
  rate: '0.0066',
  currency: 'USD',
  payout: toMicros(2_500_000n),
  revenue: toMicros(9_007_199_254_740_993n),
  wouldBePayout: toMicros(2_500_000n),
  wouldBeRevenue: toMicros(0n),
  values: { p1: `visit-${n}`, source: 'blog', sub2: 'two' },
  clickAt: createdAt - 90_500,
  createdAt,
  updatedAt: createdAt,
  locked: false,
  countedIn: [],
  cap: null,
  holdUntil: null,
  reportedBy: 'sender',
  deliveries: 1,
  ...overrides,
});

const aDelivery = (conversion: Conversion, overrides: Partial<Delivery> = {}): Delivery => ({
  id: deliveryId(conversion.id, 1),
  subjectId: conversion.id,
  number: 1,
  postbackId: 'pb',
  publisherId: conversion.publisherId,
  audience: 'publisher',
  event: 'created',
  state: 'delivered',
  values: { payout: '2.50' },
  createdAt: conversion.createdAt,
  attempts: 1,
  scheduleStep: 1,
  nextAttemptAt: null,
  dueAt: null,
  lease: null,
  successor: null,
  recalled: false,
  stuckAt: null,
  ...overrides,
});

const overCap: Partial<Conversion> = {
  status: 'pending',
  code: 'OVER_CAP',
  saleAmount: toMicros(19_990_000n),
  saleCurrency: 'EUR',
  terms: {
    payout: { model: 'percent_of_revenue', percent: '50' },
    revenue: { model: 'percent', percent: '10' },
    exchange: { sale: '1.083715', campaign: '1' },
    origin: {
      basis: 'click',
      since: Date.parse('2025-11-01T00:00:00Z'),
      payout: {
        from: 'override',
        override: {
          publisherId: 'tia',
          goal: null,
          when: { countries: ['DE'], os: [], sources: [] },
          payout: { model: 'percent_of_revenue', percent: '50' },
          revenue: null,
        },
      },
      revenue: { from: 'goal' },
    },
  },
  rate: '1.083715',
  payout: toMicros(0n),
  revenue: toMicros(0n),
  wouldBePayout: toMicros(1_083_173n),
  wouldBeRevenue: toMicros(2_166_346n),
  cap: aCap(),
  holdUntil: Date.parse('2026-12-08T12:00:00Z'),
  reportedBy: 'pixel',
};

// Over months, two of them in the same millisecond; the newest last.
const conversions = [
  aConversion(1, Date.parse('2026-01-05T10:00:00Z'), { status: 'rejected', goal: 'lead', payout: toMicros(0n) }),
  aConversion(2, Date.parse('2026-03-31T23:59:59.999Z'), { campaignId: 'winter', clickId: 'b'.repeat(32) }),
  aConversion(3, Date.parse('2026-04-01T00:00:00Z'), { publisherId: 'ben', clickId: 'b'.repeat(32) }),
  aConversion(4, NOW - DAY, overCap),
  aConversion(5, NOW - DAY, { advertiserId: 'nike', txnId: 'Caf\u00e9' }),
];
const [first, second, third, fourth, fifth] = conversions.map(({ id }) => id);
const hits = [
  { age: 29 * DAY, code: 'OK', sender: 'xyz' },
  { age: 3 * DAY, code: 'INVALID_SECURITY_TOKEN', sender: null },
  { age: 2 * 3_600_000, code: 'DUPLICATE_CONVERSION', sender: 'xyz' },
  { age: 1_000, code: 'OK', sender: 'nike' },
].map(({ age, code, sender }, n) => ({
  id: idAt(NOW - age, n),
  at: NOW - age,
  route: 'GET /postback/{sender_id}',
  senderId: sender,
  advertiserId: sender,
  clickId: null,
  conversionId: null,
  code,
  status: 200,
  query: [
    ['click_id', 'a b'],
    ['security_token', '***'],
  ] as const,
}));

let api: Management;
beforeAll(async () => {
  api = await startManagement();
  await api.put('clicks', toClickItem(aClick({ id: CLICK, values: { p1: 'visit-1', source: 'blog' } })));
  for (const [i, conversion] of conversions.entries()) {
    await api.put('conversions', toConversionItem(conversion));
    const { id: conversionId, txnId, advertiserId, campaignId, goal } = conversion;
    const row = { advertiserId, campaignId, goal, conversionId };
    if (txnId !== null) await api.put('conversions', toTxnItem(txnIndexHash(txnId), row));
    const delivery = aDelivery(conversion, i === 0 ? { state: 'waiting', nextAttemptAt: NOW } : {});
    await api.put('deliveries', toDeliveryItem(delivery));
    const attempt = {
      number: 1,
      at: conversion.createdAt,
      durationMs: 12,
      status: 200,
      error: null,
      body: 'ok',
      nextAttemptAt: null,
    };
    if (i > 0) await api.put('deliveries', toAttemptItem(delivery, attempt));
  }
  const row = { conversion_id: first, number: 1, at: NOW, status: 'rejected', code: 'OK', by: 'sender:xyz' };
  await api.put('conversions', toItem({ ...row, pk: `conversion#${first}`, sk: 'history#0001' }));
  const writer = createHitWriter(api.storage.client, api.storage.tables.hits);
  for (const hit of hits) await writer.put(hit);
});
afterAll(() => api.stop());

/** The ids of a list, all its pages. */
const idsOf = async (path: string): Promise<string[]> => {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const join = path.includes('?') ? '&' : '?';
    const reply = await api.call('GET', cursor === null ? path : `${path}${join}cursor=${cursor}`);
    if (reply.status !== 200) throw new Error(reply.text);
    const page = reply.body as { items: { id: string }[]; next_cursor: string | null };
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== null);
  return ids;
};

describe('a click', () => {
  test('is found in any case, with the conversions that it brought', async () => {
    const { body } = await api.call('GET', `/v1/clicks/${CLICK.toUpperCase()}`);
    expect(body).toMatchObject({
      id: CLICK,
      code: 'OK',
      payable: true,
      p1: 'visit-1',
      p2: null,
      source: 'blog',
      conversions: [fifth, fourth, first],
    });
    expect(body).not.toHaveProperty('ip');
    expect(body).not.toHaveProperty('user_agent');
  });

  test('shows what the visitor was told apart by, and what the publisher gets for it', async () => {
    const visitor = { country: 'DE', device: 'mobile', os: 'ios', browser: 'safari', language: 'de' };
    const payout = { amount: toMicros(50_000n), currency: 'EUR' };
    await api.put('clicks', toClickItem(aClick({ id: 'd'.repeat(32), ...visitor, payout })));
    const paid = await api.call('GET', `/v1/clicks/${'d'.repeat(32)}`);
    expect(paid.body).toMatchObject({ ...visitor, payout: '0.05', currency: 'EUR' });
    await api.put('clicks', toClickItem(aClick({ id: 'e'.repeat(32), code: 'TARGETING', payable: false })));
    const refused = await api.call('GET', `/v1/clicks/${'e'.repeat(32)}`);
    expect(refused.body).toMatchObject({
      code: 'TARGETING',
      payable: false,
      device: null,
      language: null,
      payout: null,
      currency: null,
    });
  });

  test.each(['c'.repeat(32), 'short', '%00', '..'])('that does not exist is not found: %s', async (id) => {
    expect(await api.call('GET', `/v1/clicks/${id}`)).toMatchObject({ status: 404 });
  });
});

describe('a conversion', () => {
  test('shows money as exact decimals of its currency, its values and its history', async () => {
    const { body } = await api.call('GET', `/v1/conversions/${first}`);
    expect(body).toMatchObject({
      id: first,
      click_id: CLICK,
      status: 'rejected',
      sale_amount: '10',
      sale_currency: 'JPY',
      currency: 'USD',
      payout: '0.00',
      revenue: '9007199254.740993',
      p1: 'visit-1',
      source: 'blog',
      coupon: null,
      sub1: null,
      sub2: 'two',
      click_at: '2026-01-05T09:58:29.500Z',
      seconds_to_convert: 90,
      created_at: '2026-01-05T10:00:00.000Z',
      locked: false,
      history: [{ status: 'rejected', code: 'OK', by: 'sender:xyz' }],
    });
    expect(body).not.toHaveProperty('terms');
  });

  test('explains itself, in fields and in words; a list does not', async () => {
    const { body } = await api.call('GET', `/v1/conversions/${fourth}`);
    expect(body).toMatchObject({
      payout: '0.00',
      would_be_payout: '1.083173',
      would_be_revenue: '2.166346',
      hold_until: '2026-12-08T12:00:00.000Z',
      reported_by: 'pixel',
      explanation: {
        basis: 'click',
        terms_since: '2025-11-01T00:00:00.000Z',
        exchange: { sale_currency: 'EUR', currency: 'USD', rate: '1.083715', sale_worth: '1.083715', worth: '1' },
        cap: { metric: 'conversions', period: 'day', limit: '100', scope: 'campaign', on_reached: 'reject' },
        payout: {
          from: 'override',
          rule: { model: 'percent_of_revenue', percent: '50' },
          override: { publisher_id: 'tia', goal: null, when: { countries: ['DE'], os: [], sources: [] } },
          exact: '1.0831731425',
          rounded: true,
        },
        revenue: { from: 'goal', override: null, exact: '2.166346285', rounded: true },
      },
    });
    const { explanation } = body as { explanation: Record<'words' | 'payout' | 'revenue', unknown> };
    expect(explanation.words).toContain("OVER_CAP: the campaign's limit of 100 conversions a day had no room for it.");
    expect(explanation.revenue).toMatchObject({
      words: expect.arrayContaining([
        '10 % of 19.99 EUR at 1.083715 USD is 2.166346285 USD, rounded half even to 2.166346 USD.',
      ]) as unknown,
    });
    const list = await api.call('GET', '/v1/conversions?status=pending');
    const { items } = list.body as { items: object[] };
    expect(items).toHaveLength(1);
    expect(items[0]).not.toHaveProperty('explanation');
    expect(items[0]).not.toHaveProperty('history');
  });

  test('from before there was an explanation says what is known', async () => {
    const { body } = await api.call('GET', `/v1/conversions/${first}`);
    expect(body).toMatchObject({
      would_be_payout: '2.50',
      explanation: { basis: null, terms_since: null, exchange: null, cap: null, payout: { from: null, rule: null } },
    });
  });

  test('that does not exist is not found', async () => {
    expect(await api.call('GET', `/v1/conversions/${'2'.repeat(24)}`)).toMatchObject({ status: 404 });
    expect(await api.call('GET', '/v1/conversions/none')).toMatchObject({ status: 404 });
  });
});

describe('the list of conversions', () => {
  test.each([
    ['', [5, 4, 3, 2, 1]],
    ['campaign_id=summer', [5, 4, 3, 1]],
    ['publisher_id=ben', [3]],
    ['advertiser_id=nike', [5]],
    ['advertiser_id=xyz&status=pending', [4]],
    ['campaign_id=summer&publisher_id=tia&goal=lead', [1]],
    [`click_id=${CLICK.toUpperCase()}`, [5, 4, 1]],
    ['txn_id=order-2', [2]],
    ['txn_id=%20Cafe%CC%81', [5]],
    ['p1=visit-3', [3]],
    ['from=2026-03-31&to=2026-04-01', [2]],
    ['from=2026-04-01T00:00:00Z&to=2026-04-01T00:00:00.001Z', [3]],
    ['campaign_id=summer&to=2026-02-01', [1]],
    ['to=2026-01-01', []],
    ['from=2030-01-01', []],
    ['campaign_id=nothing', []],
  ])('with "%s" is newest first', async (query, expected) => {
    const ids = await idsOf(`/v1/conversions?${query}`);
    expect(ids).toEqual(expected.map((n) => conversions[n - 1]?.id));
  });

  test.each([1, 2, 3, 4])('goes on page by page of %s, across months and equal times, each once', async (limit) => {
    for (const filter of ['', '&campaign_id=summer', '&p1=visit-2']) {
      const whole = await idsOf(`/v1/conversions?limit=200${filter}`);
      expect(await idsOf(`/v1/conversions?limit=${limit}${filter}`)).toEqual(whole);
    }
    const { body } = await api.call('GET', `/v1/conversions?limit=${limit}`);
    expect((body as { items: unknown[] }).items).toHaveLength(limit);
  });

  describe('by transaction', () => {
    // Before the first release: lists by month do not look there.
    const at = (day: number) => Date.parse(`2025-12-0${day}`);
    const ofShared = { clickId: null, campaignId: 'shared', txnId: 'shared', publisherId: 'shared' } as const;
    const [sale, lead, other, crowded] = [
      aConversion(11, at(1), { ...ofShared, advertiserId: 'adv-a' }),
      aConversion(12, at(3), { ...ofShared, advertiserId: 'adv-a', goal: 'lead' }),
      aConversion(13, at(2), { ...ofShared, advertiserId: 'adv-b' }),
      aConversion(14, at(4), { ...ofShared, txnId: 'crowd' }),
    ];
    const tested = aConversion(15, at(4), { ...ofShared, test: true });
    const rowOf = ({ id: conversionId, advertiserId, campaignId, goal }: Conversion) => ({
      ...{ advertiserId, campaignId, goal, conversionId },
    });

    beforeAll(async () => {
      for (const conversion of [sale, lead, other, crowded, tested]) {
        await api.put('conversions', toConversionItem(conversion));
      }
      for (const real of [sale, lead, other]) {
        await api.put('conversions', toTxnItem(txnIndexHash('shared'), rowOf(real)));
      }
      await api.put('conversions', toTxnItem(testTxnIndexHash('shared'), rowOf(tested)));
      for (let i = 0; i <= 100; i++) {
        const row = { ...rowOf(crowded), conversionId: `crowd-${i}` };
        await api.put('conversions', toTxnItem(txnIndexHash('crowd'), row));
      }
    });

    test.each([
      ['txn_id=shared', [tested, lead, other, sale]],
      ['txn_id=shared&limit=1', [tested, lead, other, sale]],
      ['txn_id=shared&advertiser_id=adv-a', [lead, sale]],
      ['txn_id=shared&goal=sale&limit=1', [tested, other, sale]],
      ['txn_id=shared&p1=none', []],
      ['txn_id=shared&from=2025-12-02&to=2025-12-03', [other]],
      ['txn_id=none', []],
      // Too many to be read one by one: the index of the campaign has them.
      ['txn_id=crowd&campaign_id=shared', [crowded]],
    ])('with "%s" finds the few there are, tests among them', async (query, expected) => {
      expect(await idsOf(`/v1/conversions?${query}`)).toEqual(expected.map(({ id }) => id));
    });
  });

  test.each([
    'campaign_id=a/b',
    'status=paid',
    'from=yesterday',
    'from=2026-02-30',
    'from=2026-03-01&to=2026-02-01',
    'cursor=eyJwayI6IlRFTkFOVCNvdGhlciJ9',
    'limit=-1',
  ])('with "%s" is refused', async (query) => {
    expect(await api.call('GET', `/v1/conversions?${query}`)).toMatchObject({ status: 400 });
  });

  test('refuses a cursor under other filters', async () => {
    const { body } = await api.call('GET', '/v1/conversions?limit=1');
    const cursor = (body as { next_cursor: string }).next_cursor;
    expect(await api.call('GET', `/v1/conversions?cursor=${cursor}`)).toMatchObject({ status: 200 });
    const other = await api.call('GET', `/v1/conversions?publisher_id=ben&cursor=${cursor}`);
    expect(other).toMatchObject({ status: 400, body: { code: 'INVALID_CURSOR' } });
  });
});

describe('deliveries', () => {
  test.each([
    ['', [5, 4, 3, 2, 1]],
    [`conversion_id=${second}`, [2]],
    ['publisher_id=ben', [3]],
    ['publisher_id=tia&state=waiting', [1]],
    ['postback_id=pb&state=delivered', [5, 4, 3, 2]],
    ['postback_id=other', []],
  ])('with "%s" are newest first', async (query, expected) => {
    const ids = await idsOf(`/v1/deliveries?${query}`);
    expect(ids).toEqual(expected.map((n) => `${conversions[n - 1]?.id}_1`));
  });

  test('show their attempts, alone and in a list, and never the values that were sent', async () => {
    const one = await api.call('GET', `/v1/deliveries/${third}_1`);
    expect(one.body).toMatchObject({
      id: `${third}_1`,
      conversion_id: third,
      state: 'delivered',
      next_attempt_at: null,
      attempts: [{ number: 1, duration_ms: 12, status: 200, error: null, body: 'ok' }],
    });
    expect(one.body).not.toHaveProperty('values');
    const list = await api.call('GET', `/v1/deliveries?conversion_id=${third}`);
    expect((list.body as { items: unknown[] }).items).toEqual([one.body]);
    expect(await api.call('GET', `/v1/deliveries/${third}_2`)).toMatchObject({ status: 404 });
    expect(await api.call('GET', '/v1/deliveries/none')).toMatchObject({ status: 404 });
  });
});

describe('hits', () => {
  test.each([
    ['', [3, 2, 1, 0]],
    ['sender_id=xyz', [2, 0]],
    ['advertiser_id=nike', [3]],
    ['code=INVALID_SECURITY_TOKEN', [1]],
    ['limit=1', [3, 2, 1, 0]],
  ])('with "%s" are newest first, across hours', async (query, expected) => {
    expect(await idsOf(`/v1/hits?${query}`)).toEqual(expected.map((n) => hits[n]?.id));
  });

  test('are bounded by from and to', async () => {
    const at = (n: number) => new Date(hits[n]?.at ?? 0).toISOString();
    expect(await idsOf(`/v1/hits?from=${at(1)}&to=${at(3)}`)).toEqual([hits[2]?.id, hits[1]?.id]);
  });

  test('show the redacted query', async () => {
    const { body } = await api.call('GET', `/v1/hits/${hits[1]?.id}`);
    expect(body).toMatchObject({ code: 'INVALID_SECURITY_TOKEN', query: 'click_id=a%20b&security_token=%2A%2A%2A' });
    expect(await api.call('GET', '/v1/hits/none')).toMatchObject({ status: 404 });
  });
});
