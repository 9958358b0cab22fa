import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCli } from '../../../support/cli.ts';
import { startDocumentedApi } from '../../../support/documented-api.ts';
import type { DocumentedApi } from '../../../support/documented-api.ts';

let server: DocumentedApi;
beforeEach(async () => {
  server = await startDocumentedApi();
});
afterEach(() => server.stop());

const ID = '2al2llncispv5mf34hk2pnxo';
const history = [
  { at: '2026-11-22T12:00:00.000Z', status: 'pending', code: 'OK', by: 'sender:xyz', reason: null },
  { at: '2026-11-23T12:00:00.000Z', status: 'approved', code: 'STATUS_CHANGED', by: 'key:ann', reason: 'Paid' },
];
const conversion = {
  ...{ id: ID, click_id: 'click', campaign_id: 'summer', publisher_id: 'tia', goal: 'sale', status: 'approved' },
  ...{ code: 'OK', test: false, txn_id: 'ORDER-1', currency: 'USD', payout: '2.50', revenue: '4.00', coupon: null },
  created_at: '2026-11-22T12:00:00.000Z',
};
const explanation = {
  words: ['Approved by an operator with the key ann.'],
  payout: { exact: '2.5', words: ['Payout by the goal "sale": 2.50 USD.', '2.50 USD is paid.'] },
  revenue: { exact: '4', words: ['4.00 USD is charged.'] },
};
const whole = { ...conversion, history, explanation };
const notFound = { status: 404, body: { code: 'NOT_FOUND', detail: 'There is no such conversion' } };

function run(args: readonly string[], input = '') {
  const env = { FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'key' };
  return runCli(['conversions', ...args], { env, input });
}

describe('flowback conversions', () => {
  it('lists by every filter of the API, and fits 80 columns with the IDs whole', async () => {
    const over = { ...conversion, status: 'rejected', code: 'OVER_CAP', payout: '0.00', revenue: '0.00' };
    server.script({ body: { items: [conversion, over], next_cursor: null } });
    const filters = ['campaign', 'publisher', 'advertiser', 'goal', 'txn', 'p1', 'from', 'to'];

    const { code, out } = await run([
      ...filters.flatMap((name) => [`--${name}`, name]),
      '--click',
      'c',
      '--status',
      's',
    ]);

    expect(code).toBe(0);
    expect(server.calls[0]?.query).toEqual({
      ...{ campaign_id: 'campaign', publisher_id: 'publisher', advertiser_id: 'advertiser', goal: 'goal' },
      ...{ txn_id: 'txn', p1: 'p1', from: 'from', to: 'to', click_id: 'c', status: 's', limit: '50' },
    });
    expect(out.split('\n').slice(0, 3)).toEqual([
      'ID                        CREATED (UTC)     STATUS               PAYOUT  GOAL',
      `${ID}  2026-11-22 12:00  approved           2.50 USD  sale`,
      `${ID}  2026-11-22 12:00  rejected OVER_CAP  0.00 USD  sale`,
    ]);
  });

  it('shows what has a value, then the history', async () => {
    server.script({ body: whole });

    const { code, out } = await run(['show', ID]);

    expect(code).toBe(0);
    expect(out).toContain('txn_id        ORDER-1');
    expect(out).toContain('2026-11-23T12:00:00.000Z  approved  STATUS_CHANGED  key:ann     Paid');
    expect(out).not.toMatch(/coupon|explanation/);
  });

  it('approves several, tells each, goes on after one that fails, and ends with 1', async () => {
    server.script({ body: whole }, notFound, { body: whole });

    const { code, out, err } = await run(['approve', 'a', 'b', 'c', '--reason', 'Paid']);

    expect(code).toBe(1);
    expect(server.calls.map(({ method, path, body }) => [method, path, body])).toEqual(
      ['a', 'b', 'c'].map((id) => ['PATCH', `/v1/conversions/${id}`, { status: 'approved', reason: 'Paid' }]),
    );
    expect(out).toBe(['a', 'c'].map((id) => `Approved ${id}: approved, payout 2.50 USD, revenue 4.00 USD\n`).join(''));
    expect(err).toContain('b: There is no such conversion (NOT_FOUND)');
    expect(err).toContain('1 of 3 failed');
  });

  it('rejects without a reason, too', async () => {
    server.script({ body: { ...whole, status: 'rejected' } });

    const { code } = await run(['reject', ID]);

    expect([code, server.calls[0]?.body]).toEqual([0, { status: 'rejected' }]);
  });

  it('sends what is to be changed, an empty reason as none', async () => {
    server.script({ body: whole });

    await run(['update', ID, '--payout', '2.50', '--sale-amount', '9', '--revenue', '4', '--reason', '']);

    expect(server.calls[0]?.body).toEqual({ payout: '2.50', sale_amount: '9', revenue: '4', reason: null });
  });

  it('refuses an update of nothing', async () => {
    const { code, err } = await run(['update', ID]);

    expect([code, server.calls.length]).toEqual([2, 0]);
    expect(err).toContain('nothing to change');
  });

  it('explains in words', async () => {
    server.script({ body: whole });

    const { code, out } = await run(['explain', ID]);

    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 9)).toEqual([
      `Conversion ${ID}: approved, payout 2.50 USD, revenue 4.00 USD`,
      '  Approved by an operator with the key ann.',
      '',
      'Payout',
      '  Payout by the goal "sale": 2.50 USD.',
      '  2.50 USD is paid.',
      '',
      'Revenue',
      '  4.00 USD is charged.',
    ]);
  });

  it('explains to scripts as the API does', async () => {
    server.script({ body: whole });

    expect(JSON.parse((await run(['explain', ID, '--json'])).out)).toEqual(explanation);
  });

  it('tells a bound key, which sees no explanation, what to do', async () => {
    server.script({ body: { ...conversion, history } });

    const { code, err } = await run(['explain', ID]);

    expect(code).toBe(4);
    expect(err).toContain('Use the key of an analyst');
  });
});

describe('flowback conversions bulk', () => {
  const standing = (status: string, payout: string) => ({ status, payout, revenue: '4.00' });
  const results = [
    {
      ...{ index: 0, conversion_id: ID, code: 'STATUS_CHANGED', currency: 'USD' },
      ...{ before: standing('pending', '2.50'), after: standing('approved', '2.50') },
    },
    { index: 1, conversion_id: null, code: 'CONVERSION_NOT_FOUND', message: 'There is no such conversion' },
  ];
  const totals = { USD: { payout: '2.50', revenue: '4.00' } };
  const answer = { results, unmatched: { conversion_ids: [], refused: [] }, totals, complete: true };
  const FILE = 'txn_id,status\nORDER-1,approved\nORDER-2,approved\n';

  it.each([
    [['bulk', '-', '--match', 'order'], '--match must be one of id, txn_id, click_id'],
    [['bulk', '-', '--unmatched', 'reject'], '--unmatched takes 1000 rows at most, the file has 1001'],
  ])('refuses %j and sends nothing', async (args, message) => {
    const { code, err } = await run(args, `txn_id,status\n${'ORDER-1,approved\n'.repeat(1_001)}`);

    expect([code, server.calls.length]).toEqual([2, 0]);
    expect(err).toContain(message);
  });

  it('shows what was not changed, and the difference of money, and ends with 1', async () => {
    server.script({ body: answer });

    const { code, out } = await run(['bulk', '-'], FILE);

    expect(code).toBe(1);
    expect(server.calls[0]?.body).toEqual({
      ...{ match: 'txn_id', dry_run: false },
      items: ['ORDER-1', 'ORDER-2'].map((txn_id) => ({ txn_id, status: 'approved' })),
    });
    expect(out.split('\n')).toEqual([
      'LINE  TXN ID   CODE                  MESSAGE',
      '   3  ORDER-2  CONVERSION_NOT_FOUND  There is no such conversion',
      '',
      '1 changed, 0 as the file says already, 1 not changed',
      '',
      'Difference of approved money:',
      'CURRENCY  PAYOUT  REVENUE',
      'USD         2.50     4.00',
      '',
    ]);
  });

  it('says what is to become of the others, and that a dry run did nothing', async () => {
    const unmatched = { rejected: 3, conversion_ids: [ID], refused: [] };
    server.script({ body: { ...answer, results: results.slice(0, 1), unmatched } });
    const others = ['--unmatched', 'reject', '--advertiser', 'xyz', '--from', '2026-11-01', '--to', '2026-12-01'];

    const { code, out } = await run(['bulk', '-', '--dry-run', ...others], 'txn_id,status\nORDER-1,approved');

    expect(code).toBe(0);
    expect(server.calls[0]?.body).toMatchObject({
      ...{ dry_run: true, unmatched: 'reject', advertiser_id: 'xyz', from: '2026-11-01', to: '2026-12-01' },
    });
    expect(out).toContain('Nothing was done (--dry-run); it would be: 1 changed');
    expect(out).toContain('0 not changed, 3 unmatched changed');
  });

  it('ends with 3 if there was no time for all', async () => {
    const late = { index: 0, conversion_id: null, code: 'TEMPORARILY_UNAVAILABLE', message: 'Not done' };
    server.script({ body: { ...answer, results: [late], totals: {}, complete: false } });

    const { code, out } = await run(['bulk', '-'], 'id,status\na,approved');

    expect(code).toBe(3);
    expect(out).toContain('TEMPORARILY_UNAVAILABLE');
  });

  it('answers scripts with the line of each result', async () => {
    server.script({ body: answer });

    const { out } = await run(['bulk', '-', '--json'], FILE);

    expect(JSON.parse(out)).toMatchObject({
      results: [
        { line: 2, txn_id: 'ORDER-1', code: 'STATUS_CHANGED' },
        { line: 3, txn_id: 'ORDER-2', code: 'CONVERSION_NOT_FOUND' },
      ],
      unmatched: null,
      totals,
    });
  });
});
