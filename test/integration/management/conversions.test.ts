import { randomBytes } from 'node:crypto';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { toClickItem } from '../../../lambdas/adapters/dynamodb/click-item.ts';
import { createHitStore, createHitWriter } from '../../../lambdas/adapters/dynamodb/hits.ts';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import { createRecordDeps } from '../../../lambdas/wiring/record-deps.ts';
import { mintClickId } from '../../../lambdas/core/click-id.ts';
import { receivePostback } from '../../../lambdas/core/receive-postback.ts';
import type { RecordDeps } from '../../../lambdas/core/record-conversion.ts';
import { aCall, aHit } from '../../support/conversions.ts';
import { aClick } from '../../support/entities.ts';
import { keyOf, startManagement } from '../../support/management.ts';
import type { Management, Reply } from '../../support/management.ts';

const TOKEN = 'xyz-token-0123456789';
let api: Management;
let record: RecordDeps;

beforeAll(async () => {
  api = await startManagement();
  await api.put('catalog', toItem({ pk: 'mac_key', sk: '0000-first', key: randomBytes(32), created_at: 0 }));
  await api.create('/v1/advertisers', { id: 'xyz', name: 'XYZ', security_token: TOKEN });
  await api.create('/v1/publishers', { id: 'tia', name: 'Tia' });
  await api.create('/v1/campaigns', {
    id: 'summer',
    name: 'Summer sale',
    advertiser_id: 'xyz',
    destination_url: 'https://shop.example/?cid={click_id}',
    goals: [{ id: 'sale', payout: { model: 'fixed', amount: '2.50' }, revenue: { model: 'percent', percent: '10' } }],
    caps: [{ metric: 'conversions', period: 'total', limit: '1' }],
  });
  await api.create('/v1/postbacks', {
    publisher_id: 'tia',
    url: 'https://tia.example/?s={status}&p={payout}&r={reason}',
  });
  record = createRecordDeps(api.storage.client);
});
afterAll(() => api.stop());
// Nobody receives hints here, and the log says so.
beforeEach(() => void vi.spyOn(process.stdout, 'write').mockImplementation(() => true));

const mint = async (): Promise<string> => {
  const [key] = await record.catalog.macKeys();
  if (key === undefined) throw new Error('no key');
  return mintClickId(Date.now() - 60_000, randomBytes, key);
};

/** Stores a click and answers its id. */
const click = async (id?: string): Promise<string> => {
  const minted = id ?? (await mint());
  await api.put('clicks', toClickItem(aClick({ id: minted, createdAt: Date.now() - 60_000 })));
  return minted;
};

const report = async (parameters: Record<string, string>): Promise<Record<string, unknown>> => {
  const query = new URLSearchParams({ security_token: TOKEN, ...parameters }).toString();
  const hits = createHitWriter(api.storage.client, api.storage.tables.hits);
  const hitLost = () => expect.unreachable();
  return (await receivePostback(aCall({ query }), { ...record, hits, random: randomBytes, hitLost })).body;
};

const bodyOf = ({ body }: Reply) => body as Record<string, unknown>;

describe('PATCH /v1/conversions/{id}', () => {
  let txn = 0;
  let untouched: Promise<string> | undefined;
  const convert = async (parameters: Record<string, string> = {}): Promise<string> => {
    const body = await report({ click_id: await click(), txn_id: `order-${++txn}`, sale_amount: '10', ...parameters });
    return `/v1/conversions/${String(body['conversion_id'])}`;
  };

  test('answers the conversion as it is read, with its history, and its version as the ETag', async () => {
    const path = await convert({ status: 'pending' });
    const read = await api.call('GET', path);
    expect(read.headers['etag']).toBe('"1"');

    const patched = await api.call('PATCH', path, {
      body: { status: 'approved', payout: '3', reason: 'checked' },
      headers: { 'if-match': '"1"' },
      key: keyOf('manager'),
    });

    expect(patched).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(bodyOf(patched)).toMatchObject({
      status: 'approved',
      code: 'OK',
      payout: '3.00',
      revenue: '1.00',
      reason: 'checked',
      locked: true,
      history: [
        { by: 'sender:xyz' },
        { status: 'approved', code: 'STATUS_CHANGED', by: 'key:key-manager', reason: 'checked' },
      ],
    });
    expect(bodyOf(await api.call('GET', path))).toEqual(bodyOf(patched));
    const sent = await api.call('GET', `/v1/deliveries?conversion_id=${path.slice('/v1/conversions/'.length)}`);
    expect(bodyOf(sent)['items']).toMatchObject([{ event: 'created' }]);
  });

  test('approves what was over a cap, which counts it and stays closed (invariant 6)', async () => {
    const over = await convert();
    expect(bodyOf(await api.call('GET', over))).toMatchObject({ code: 'OVER_CAP', status: 'rejected', payout: '0.00' });

    const approved = await api.call('PATCH', over, { body: { status: 'approved' } });

    expect(bodyOf(approved)).toMatchObject({ code: 'OVER_CAP', status: 'approved', payout: '2.50', revenue: '1.00' });
    expect(bodyOf(await api.call('GET', await convert()))).toMatchObject({ code: 'OVER_CAP' });
    expect(await api.call('GET', '/v1/campaigns/summer/caps')).toMatchObject({
      body: { items: [{ limit: '1', used: '2', remaining: '0', reached: true }] },
    });
  });

  test('changes once what is repeated under an Idempotency-Key, also at once and although the version is another then', async () => {
    const path = await convert();
    const options = { body: { status: 'rejected' }, headers: { 'idempotency-key': 'k', 'if-match': '"1"' } };

    const replies = await Promise.all([1, 2, 3].map(() => api.call('PATCH', path, options)));
    replies.push(await api.call('PATCH', path, options));

    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(bodyOf(await api.call('GET', path))['history']).toHaveLength(2);
  });

  test('lets one of several change a version', async () => {
    const path = await convert();
    const change = (payout: string) => api.call('PATCH', path, { body: { payout }, headers: { 'if-match': '"1"' } });

    const statuses = (await Promise.all(['1', '2', '3', '4'].map(change))).map(({ status }) => status);

    expect(statuses.toSorted()).toEqual([200, 412, 412, 412]);
  });

  test.each<[body: unknown, pointer: string, code: string]>([
    [{}, '', 'REQUIRED'],
    [undefined, '', 'REQUIRED'],
    [[], '', 'INVALID_TYPE'],
    [{ status: 'done' }, '/status', 'INVALID_VALUE'],
    [{ status: null }, '/status', 'INVALID_VALUE'],
    [{ payout: 3 }, '/payout', 'INVALID_TYPE'],
    [{ payout: '-3' }, '/payout', 'INVALID_AMOUNT'],
    [{ revenue: '1.2345678' }, '/revenue', 'INVALID_AMOUNT'],
    [{ sale_amount: '1e3' }, '/sale_amount', 'INVALID_AMOUNT'],
    [{ sale_amount: '1.001' }, '/sale_amount', 'INVALID_AMOUNT'],
    [{ reason: '' }, '/reason', 'TOO_SMALL'],
    [{ reason: 'a\nb' }, '/reason', 'INVALID_FORMAT'],
    [{ code: 'OK', status: 'approved' }, '/code', 'UNKNOWN_FIELD'],
  ])('refuses %j at "%s": %s', async (body, pointer, code) => {
    const path = await (untouched ??= convert());

    const reply = await api.call('PATCH', path, { body });

    expect(reply).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED', errors: [{ pointer, code }] } });
    expect(bodyOf(await api.call('GET', path))['history']).toHaveLength(1);
  });

  test.each(['a'.repeat(24), 'x', '..'])('does not find %s', async (id) => {
    expect(await api.call('PATCH', `/v1/conversions/${id}`, { body: { status: 'approved' } })).toMatchObject({
      status: 404,
    });
  });
});

describe('POST /v1/clicks/{id}/test-conversion', () => {
  /** All rows of money and counters. */
  const books = async () => {
    const { client, tables } = api.storage;
    const rows = async (table: string) => (await client.send(new ScanCommand({ TableName: table }))).Items ?? [];
    const ledger = (await rows(tables.conversions)).filter((row) => row['sk']?.S?.startsWith('ledger#'));
    return { ledger, counters: await rows(tables.counters) };
  };

  test('makes one that is told, listed and changed like any other, and never paid or counted (invariants 4 to 7)', async () => {
    const clickId = await click();
    const before = await books();
    const create = () =>
      api.call('POST', `/v1/clicks/${clickId}/test-conversion`, {
        body: { sale_amount: '10', txn_id: 'tested' },
        headers: { 'idempotency-key': 'test' },
        key: keyOf('manager'),
      });

    const replies = await Promise.all([create(), create()]);
    replies.push(await create());
    const [created] = replies;
    const { id } = created?.body as { id: string };
    const patched = await api.call('PATCH', `/v1/conversions/${id}`, { body: { status: 'rejected' } });

    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(created).toMatchObject({
      status: 201,
      headers: { etag: '"1"' },
      body: { test: true, status: 'approved', code: 'OK', payout: '2.50', revenue: '1.00', history: [{ code: 'OK' }] },
    });
    expect(patched).toMatchObject({ status: 200, body: { test: true, status: 'rejected', payout: '0.00' } });
    expect(bodyOf(await api.call('GET', `/v1/clicks/${clickId}`))['conversions']).toEqual([id]);
    const listed = bodyOf(await api.call('GET', '/v1/conversions?txn_id=tested'));
    expect(listed['items']).toMatchObject([{ id, test: true }]);
    const sent = bodyOf(await api.call('GET', `/v1/deliveries?conversion_id=${id}`));
    expect(sent['items']).toMatchObject([{ event: 'created', state: 'cancelled' }]);
    expect(await books()).toEqual(before);
    expect(await report({ txn_id: 'tested', status: 'rejected' })).toMatchObject({ code: 'CONVERSION_NOT_FOUND' });
    const sale = await report({ click_id: clickId, txn_id: 'tested', sale_amount: '10' });
    expect(sale).toMatchObject({ result: 'accepted' });
    expect(sale['conversion_id']).not.toBe(id);
  });
});

describe('POST /v1/hits/{id}/retry', () => {
  const retry = (id: string, body?: unknown) =>
    api.call('POST', `/v1/hits/${id}/retry`, { body, key: keyOf('manager') });
  let refused: Promise<string> | undefined;
  /** The hit of a call that is refused. */
  const refuse = async (parameters: Record<string, string>): Promise<string> => {
    const from = new Date(Date.now()).toISOString();
    expect(await report(parameters)).toMatchObject({ result: 'rejected' });
    const { items } = bodyOf(await api.call('GET', `/v1/hits?from=${from}`)) as { items: { id: string }[] };
    return items[0]?.id ?? '';
  };

  test('releases a call with its correction, answers hit and outcome, and finds its own when repeated (invariant 4)', async () => {
    const clickId = await click();
    const id = await refuse({ click_id: clickId, txn_id: 'retried', sale_amount: '12.345' });

    const first = await retry(id, { sale_amount: '12.34' });
    const again = await retry(id, { sale_amount: '99' });

    expect(first.status).toBe(200);
    expect(bodyOf(first)).toMatchObject({
      id,
      result: 'accepted',
      code: 'OVER_CAP',
      status: 200,
      conversion_id: id,
      conversion_status: 'rejected',
      click_id: clickId,
      sender_id: 'xyz',
      retries: [{ by: 'key:key-manager', was: 'INVALID_AMOUNT', code: 'OVER_CAP' }],
    });
    expect(bodyOf(again)).toEqual({ ...bodyOf(first), warnings: [] });
    expect(bodyOf(await api.call('GET', `/v1/hits/${id}`))).toMatchObject({ code: 'OVER_CAP', conversion_id: id });
    expect(bodyOf(await api.call('GET', `/v1/conversions/${id}`))).toMatchObject({
      txn_id: 'retried',
      sale_amount: '12.34',
    });
  });

  test('releases a conversion to whom the operator says, if its click never came (invariant 3)', async () => {
    const clickId = await mint();
    const id = await refuse({ click_id: `${clickId}x`, txn_id: 'lost-click', sale_amount: '10' });

    const reply = await retry(id, { click_id: clickId, campaign_id: 'summer', pub_id: 'tia' });

    expect(reply).toMatchObject({ status: 200, body: { conversion_id: id, click_id: clickId } });
    expect(bodyOf(await api.call('GET', `/v1/conversions/${id}`))).toMatchObject({
      publisher_id: 'tia',
      advertiser_id: 'xyz',
    });
  });

  test('makes one conversion of five retries at once (invariant 4)', async () => {
    const id = await refuse({ click_id: await click(), txn_id: 'at-once', sale_amount: 'ten' });

    const replies = await Promise.all(['10', '10', '10', '11', '12'].map((sale_amount) => retry(id, { sale_amount })));

    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(replies.map((reply) => bodyOf(reply)['conversion_id']))).toEqual(new Set([id]));
    const { items } = bodyOf(await api.call('GET', '/v1/conversions?txn_id=at-once')) as { items: unknown[] };
    expect(items).toHaveLength(1);
  });

  test.each<[body: unknown, pointer: string, code: string]>([
    [{ security_token: TOKEN }, '/security_token', 'UNKNOWN_FIELD'],
    [{ cid: 'x' }, '/cid', 'UNKNOWN_FIELD'],
    [{ sale_amount: 10 }, '/sale_amount', 'INVALID_TYPE'],
    [{ pub_id: 'tia' }, '/campaign_id', 'REQUIRED'],
    [{ pub_id: 'tia', campaign_id: '' }, '/campaign_id', 'REQUIRED'],
    [{ pub_id: 'tia', campaign_id: 'x'.repeat(1_025) }, '/campaign_id', 'REQUIRED'],
    [{ pub_id: 'tia', campaign_id: 'nope' }, '/campaign_id', 'NOT_FOUND'],
    [{ pub_id: 'nope', campaign_id: 'summer' }, '/pub_id', 'NOT_FOUND'],
    [{ sender_id: 'nope' }, '/sender_id', 'NOT_FOUND'],
    [{ sender_id: 'no pe' }, '/sender_id', 'INVALID_FORMAT'],
    [[], '', 'INVALID_TYPE'],
  ])('refuses %j at "%s": %s', async (body, pointer, code) => {
    const id = await (refused ??= refuse({ click_id: 'x' }));

    expect(await retry(id, body)).toMatchObject({ status: 422, body: { errors: [{ pointer, code }] } });
  });

  test('refuses what was not refused, and what is not there', async () => {
    // The first id of all times.
    const id = '2'.repeat(24);
    const hits = createHitWriter(api.storage.client, api.storage.tables.hits);
    await hits.put(aHit({ id, at: 0, code: 'OK', conversionId: 'a'.repeat(24) }));

    expect(await retry(id)).toMatchObject({ status: 409, body: { code: 'NOT_REJECTED' } });
    expect(await retry('b'.repeat(24))).toMatchObject({ status: 404 });
    expect(await retry('nonsense')).toMatchObject({ status: 404 });
  });
});

describe('a stored hit', () => {
  test('is replaced only while it is what was read', async () => {
    const { client, tables } = api.storage;
    const hits = createHitStore(client, tables.hits);
    const hit = aHit({ id: 'b'.repeat(24) });
    const tried = { ...hit, code: 'OK', retries: [{ at: 1, by: 'key:k1', was: hit.code, code: 'OK' }] };
    await createHitWriter(client, tables.hits).put(hit);

    expect(await hits.replace(tried, { ...hit, code: 'OK' })).toBe(false);
    expect(await hits.replace(tried, { ...hit, retries: tried.retries })).toBe(false);
    expect(await hits.replace(tried, hit)).toBe(true);
    expect(await hits.replace(tried, hit)).toBe(false);
    expect(await hits.replace({ ...tried, retries: [...tried.retries, ...tried.retries] }, tried)).toBe(true);
  });
});
