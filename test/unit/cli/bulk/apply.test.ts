import { describe, expect, it } from 'vitest';

import { Refusal } from '../../../../cli/api.ts';
import type { Item } from '../../../../cli/api.ts';
import { applyRows } from '../../../../cli/bulk/apply.ts';
import type { BulkReport, Order } from '../../../../cli/bulk/apply.ts';
import type { Row } from '../../../../cli/bulk/rows.ts';
import { EXIT, Failure } from '../../../../cli/terminal.ts';
import { aWorld } from '../../../support/cli.ts';

interface Call {
  readonly items: readonly Item[];
}
type Answer = object | Error;

const done = (index: number, code = 'STATUS_CHANGED') => ({ index, conversion_id: `c${index}`, code });
const late = (index: number) => done(index, 'TEMPORARILY_UNAVAILABLE');

/** What the API answers; of totals and unmatched nothing unless they are given. */
const answer = (results: readonly object[], more: object = {}) => ({
  results,
  unmatched: { conversion_ids: [], refused: [] },
  totals: {},
  complete: results.every((result) => 'code' in result && result.code !== 'TEMPORARILY_UNAVAILABLE'),
  ...more,
});
const allDone = ({ items }: Call) => answer(items.map((_, i) => done(i)));

const wrong = (...pointers: readonly string[]) =>
  new Refusal(
    {
      status: 422,
      code: 'VALIDATION_FAILED',
      errors: pointers.map((pointer) => ({ pointer, code: 'INVALID_AMOUNT', message: 'must be a decimal' })),
    },
    'The request has wrong fields',
    { exit: EXIT.wrong, details: [] },
  );

const rows = (...keys: readonly string[]): Row[] =>
  keys.map((key, i) => ({ line: i + 2, key, item: { txn_id: key, status: 'approved' } }));

/** Applies rows through an API that gives these answers, the last one to all calls that follow. */
async function apply(given: Partial<Order> & Pick<Order, 'rows'>, ...answers: ((call: Call) => Answer)[]) {
  const calls: Call[] = [];
  const waits: number[] = [];
  const { world } = await aWorld({ wait: async (milliseconds) => void waits.push(milliseconds) });
  const api = {
    send: async (_method: string, _path: string, body: unknown) => {
      const call = body as Call;
      calls.push(call);
      const said = (answers.length > 1 ? answers.shift() : answers[0])?.(call);
      if (said instanceof Error) throw said;
      return said as Item;
    },
  };
  const order: Order = { match: 'txn_id', rest: {}, isWhole: false, dryRun: false, ...given };
  const report = await applyRows(order, api, world);
  return { report, waits, sent: calls.map(({ items }) => items.map(({ txn_id }) => txn_id)) };
}

const codes = ({ results }: BulkReport) => results.map(({ line, code }) => [line, code]);

describe('applyRows', () => {
  it('throws what went wrong if nothing was done', async () => {
    const down = new Failure('down', { exit: EXIT.unavailable });

    await expect(apply({ rows: rows('a') }, () => down)).rejects.toBe(down);
  });

  it('asks no call for more than the API takes, also where many rows name no conversion', async () => {
    const nameless = Array.from({ length: 1_500 }, () => '');

    const { report, sent } = await apply({ rows: rows(...nameless) }, allDone);

    expect(sent.map(({ length }) => length)).toEqual([1_000, 500]);
    expect(report.failure).toBeNull();
  });

  it('tells what was done before a call failed, and what was not sent', async () => {
    const keys = Array.from({ length: 1_001 }, (_, i) => `k${i}`);
    const down = new Failure('down', { exit: EXIT.unavailable });

    const { report } = await apply({ rows: rows(...keys) }, allDone, () => down);

    expect(report.failure).toBe(down);
    expect(codes(report).slice(-2)).toEqual([
      [1_001, 'STATUS_CHANGED'],
      [1_002, 'NOT_SENT'],
    ]);
  });

  it('tells wrong rows by their lines and does the others', async () => {
    const { report, sent } = await apply(
      { rows: rows('a', 'b', 'c') },
      () => wrong('/items/1/payout', '/items/1/revenue'),
      allDone,
    );

    expect(sent).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
    ]);
    expect(codes(report)).toEqual([
      [2, 'STATUS_CHANGED'],
      [3, 'INVALID_AMOUNT'],
      [4, 'STATUS_CHANGED'],
    ]);
    expect(report.results[1]).toMatchObject({ txn_id: 'b', message: 'revenue: must be a decimal' });
  });

  it('does not go on if something else than rows is wrong', async () => {
    await expect(apply({ rows: rows('a') }, () => wrong('/items/0/payout', '/advertiser_id'))).rejects.toThrow(Refusal);
  });

  it('sends again what there was no time for, and only that', async () => {
    const { report, sent, waits } = await apply(
      { rows: rows('a', 'b', 'c') },
      () => answer([done(0), late(1), late(2)], { totals: { USD: { payout: '2.50', revenue: '4' } } }),
      () => answer([done(0), late(1)], { totals: { USD: { payout: '-0.25', revenue: '0' } } }),
      allDone,
    );

    expect(sent).toEqual([['a', 'b', 'c'], ['b', 'c'], ['c']]);
    expect(codes(report).map(([, code]) => code)).toEqual(Array(3).fill('STATUS_CHANGED'));
    expect(report.totals).toEqual({ USD: { payout: '2.25', revenue: '4.00' } });
    expect(waits).toEqual([1_000, 1_000]);
  });

  it('gives up on rows that never get their turn, and does the others', async () => {
    const keys = ['a', ...Array.from({ length: 1_000 }, (_, i) => `k${i}`)];

    const { report, sent } = await apply({ rows: rows(...keys) }, ({ items }) =>
      answer(items.map(({ txn_id }, i) => (txn_id === 'a' ? late(i) : done(i)))),
    );

    expect(sent.map(({ length }) => length)).toEqual([1_000, 1, 1, 1, 1]);
    expect(report.results.filter(({ code }) => code === 'STATUS_CHANGED')).toHaveLength(1_000);
    expect(codes(report)[0]).toEqual([2, 'TEMPORARILY_UNAVAILABLE']);
  });

  it('keeps all rows of one key in one call, where the API sees that they mean the same conversion (invariant 4)', async () => {
    const keys = Array.from({ length: 2_300 }, (_, i) => `key-${i % 1_150}`);
    keys[2_299] = 'KEY-1149';

    const { report, sent } = await apply({ rows: rows(...keys) }, allDone);

    const callsOf = new Map<string, Set<number>>();
    for (const [i, call] of sent.entries()) {
      expect(call.length).toBeLessThanOrEqual(1_000);
      for (const key of call) {
        const name = String(key).toLowerCase();
        callsOf.set(name, (callsOf.get(name) ?? new Set()).add(i));
      }
    }
    expect([...callsOf.values()].every(({ size }) => size === 1)).toBe(true);
    expect(sent.flat()).toHaveLength(2_300);
    expect(report.results.map(({ line }) => line)).toEqual(rows(...keys).map(({ line }) => line));
  });

  it('sends no more characters in a call than the API reads', async () => {
    const long = rows(...Array.from({ length: 1_000 }, (_, i) => `k${i}`)).map((row) => ({
      ...row,
      item: { ...row.item, reason: 'x'.repeat(500) },
    }));

    const { sent } = await apply({ rows: long }, allDone);

    expect(sent.length).toBe(2);
  });
});

describe('applyRows with what no row names', () => {
  const whole = { isWhole: true, rest: { unmatched: 'reject' } };
  const others = (rejected: number, ids: readonly string[]) => ({
    unmatched: { rejected, conversion_ids: ids, refused: [{ conversion_id: 'z', code: 'NO_EXCHANGE_RATE' }] },
  });

  it('does nothing while a row is wrong, because it would count as unmatched', async () => {
    const refused = apply({ ...whole, rows: rows('a', 'b') }, () => wrong('/items/1/payout'));

    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining('nothing was done') as string,
      details: ['  line 3  INVALID_AMOUNT  payout: must be a decimal'],
    });
  });

  it('sends all rows until all is done', async () => {
    const { report, sent } = await apply(
      { ...whole, rows: rows('a', 'b') },
      () => answer([done(0), late(1)]),
      () => answer([done(0, 'UNCHANGED'), done(1)], { ...others(2, ['x', 'y']), complete: false }),
      () => answer([done(0, 'UNCHANGED'), done(1, 'UNCHANGED')], others(1, ['v'])),
    );

    expect(sent).toEqual(Array(3).fill(['a', 'b']));
    expect(codes(report)).toEqual([
      [2, 'STATUS_CHANGED'],
      [3, 'STATUS_CHANGED'],
    ]);
    expect(report.unmatched).toMatchObject({
      changed: 3,
      conversion_ids: ['x', 'y', 'v'],
      refused: [{ code: 'NO_EXCHANGE_RATE' }],
    });
    expect(report.failure).toBeNull();
  });

  it.each([
    ['gives up when nothing more is done', { dryRun: false }, 4, 'found done'],
    ['tries a dry run once, which begins anew each time', { dryRun: true }, 1, 'shorter time'],
  ])('%s', async (_, more, calls, next) => {
    const { report, sent } = await apply({ ...whole, ...more, rows: rows('a') }, () =>
      answer([done(0)], { complete: false }),
    );

    expect(sent).toHaveLength(calls);
    expect(report.failure?.exit).toBe(EXIT.unavailable);
    expect(report.failure?.details.join()).toContain(next);
  });
});
