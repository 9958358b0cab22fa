import { describe, expect, it } from 'vitest';
import type { Conversion } from '../../../../lambdas/core/conversion.ts';
import type { Goal } from '../../../../lambdas/core/entities.ts';
import { toMicros } from '../../../../lambdas/core/money.ts';
import { aWatchedNetwork, ofGoal, onlyConversion, pixel, report } from '../../../support/conversion-reports.ts';
import type { Parameters } from '../../../support/conversion-reports.ts';
import { aCampaign, aGoal, someSettings } from '../../../support/entities.ts';

const DAY = 24 * 60 * 60 * 1_000;
const percent = (value: string) => ({ model: 'percent', percent: value }) as const;
const SHARE: Partial<Goal> = { payout: percent('10'), revenue: percent('20') };

/** Reports of one click, one after the other; `pixel` ones come from a browser. */
interface Step {
  readonly from: 'pixel' | 'sender';
  readonly call: Parameters;
  readonly code: string;
  readonly becomes?: Partial<Conversion>;
  readonly warned?: boolean;
}

const run = async (goal: Partial<Goal>, steps: readonly Step[]) => {
  const network = aWatchedNetwork(ofGoal(goal));
  network.catalog.stored = someSettings({ exchangeRates: { EUR: '1.10' } });
  const click_id = await network.click();
  for (const { from, call, code, becomes = {}, warned = false } of steps) {
    const outcome = await { pixel, sender: report }[from](network, { click_id, ...call });
    expect(outcome, JSON.stringify(call)).toMatchObject({ code });
    expect(outcome.warnings.length > 0, JSON.stringify([call, outcome.warnings])).toBe(warned);
    expect(onlyConversion(network), JSON.stringify(call)).toMatchObject(becomes);
    network.watch.expectSound();
  }
  return network;
};

describe('a pixel', () => {
  it.each<[string, Partial<Goal>, Parameters, Partial<Conversion>]>([
    ['is pending by default, whatever postbacks are', {}, {}, { status: 'pending', reportedBy: 'pixel' }],
    ['has the status that the goal gives pixels', { pixelStatus: 'approved' }, {}, { status: 'approved' }],
    ['is held where it would be approved', { pixelStatus: 'approved', holdDays: 1 }, {}, { status: 'pending' }],
    ['has no word about its status', {}, { status: 'approved' }, { status: 'pending' }],
    ['has no word about a rejection', {}, { status: 'rejected' }, { status: 'pending' }],
    ['has no word about what it pays', { accept: ['payout'] }, { payout: '99' }, { payout: toMicros(2_500_000n) }],
    ['cannot change', {}, { action: 'change' }, { status: 'pending' }],
    ['has an amount', SHARE, { sale_amount: '50' }, { payout: toMicros(5_000_000n) }],
  ])('%s', async (_, goal, call, becomes) => {
    const network = await run(goal, [{ from: 'pixel', call, code: 'OK', becomes }]);
    expect(network.store.history).toMatchObject([{ by: 'pixel' }]);
  });

  it.each<[string, Parameters, string]>([
    ['a repeat', {}, 'DUPLICATE_CONVERSION'],
    ['a status', { status: 'rejected' }, 'DUPLICATE_CONVERSION'],
    ['an action', { action: 'upsert', sale_amount: '10' }, 'DUPLICATE_CONVERSION'],
    ['another amount', { action: 'change', sale_amount: '11' }, 'CONFLICTING_CONVERSION'],
  ])('never updates: %s', async (_, call, code) => {
    const first = { txn_id: 'T1', sale_amount: '10' };
    for (const from of ['pixel', 'sender'] as const) {
      await run({}, [
        { from, call: first, code: 'OK' },
        { from: 'pixel', call: { txn_id: 'T1', ...call }, code, becomes: { version: 1 } },
      ]);
    }
  });

  it('gives a conversion its transaction, and nothing else', async () => {
    await run({}, [
      { from: 'sender', call: { sale_amount: '10' }, code: 'OK', becomes: { status: 'approved' } },
      {
        from: 'pixel',
        call: { txn_id: 'T1' },
        code: 'DUPLICATE_CONVERSION',
        becomes: { txnId: 'T1', status: 'approved', reportedBy: 'sender' },
      },
      { from: 'pixel', call: { txn_id: 'T1', sale_amount: '11' }, code: 'CONFLICTING_CONVERSION' },
    ]);
  });

  it('names nothing without a click, whatever coupon it has', async () => {
    const network = aWatchedNetwork({ coupons: [{ code: 'c', publisherId: 'tia' }] });
    const call = { txn_id: 'O1', campaign_id: 'summer', coupon: 'c' };
    expect(await pixel(network, call)).toMatchObject({ code: 'CONVERSION_NOT_FOUND' });
    expect(network.store.conversions.size).toBe(0);
  });
});

describe("a sender's first transaction for a pixel's conversion", () => {
  const PIXEL = { from: 'pixel', call: { sale_amount: '50' }, code: 'OK' } as const;
  const T1 = { txn_id: 'T1' };
  const adopted = { txnId: 'T1', reportedBy: 'sender' } as const;

  it.each<[string, Partial<Goal>, readonly Step[]]>([
    [
      "brings the goal's default status",
      {},
      [PIXEL, { from: 'sender', call: T1, code: 'STATUS_CHANGED', becomes: { ...adopted, status: 'approved' } }],
    ],
    [
      'brings its own status',
      {},
      [
        PIXEL,
        {
          from: 'sender',
          call: { ...T1, status: 'rejected' },
          code: 'STATUS_CHANGED',
          becomes: { ...adopted, status: 'rejected', payout: toMicros(0n) },
        },
      ],
    ],
    [
      'brings its own amount, and does not conflict',
      { ...SHARE, pixelStatus: 'approved' },
      [
        { ...PIXEL, becomes: { payout: toMicros(5_000_000n) } },
        {
          from: 'sender',
          call: { ...T1, sale_amount: '70' },
          code: 'AMOUNT_CHANGED',
          becomes: { ...adopted, payout: toMicros(7_000_000n) },
        },
      ],
    ],
    [
      'brings its own currency',
      SHARE,
      [
        PIXEL,
        {
          from: 'sender',
          call: { ...T1, sale_amount: '50', currency: 'EUR' },
          code: 'STATUS_CHANGED',
          becomes: { ...adopted, saleCurrency: 'EUR', payout: toMicros(5_500_000n) },
        },
      ],
    ],
    [
      "keeps the pixel's amount where it has none",
      SHARE,
      [PIXEL, { from: 'sender', call: T1, code: 'STATUS_CHANGED', becomes: { payout: toMicros(5_000_000n) } }],
    ],
    [
      "makes pending what the pixel's was not, if that is the goal's default",
      { defaultStatus: 'pending', pixelStatus: 'approved' },
      [
        { ...PIXEL, becomes: { status: 'approved' } },
        { from: 'sender', call: T1, code: 'STATUS_CHANGED', becomes: { ...adopted, status: 'pending' } },
      ],
    ],
    [
      'is a duplicate if it says the same',
      { defaultStatus: 'pending' },
      [PIXEL, { from: 'sender', call: { ...T1, sale_amount: '50' }, code: 'DUPLICATE_CONVERSION', becomes: adopted }],
    ],
    [
      'is the last: after it, a sender changes only what it says',
      {},
      [
        PIXEL,
        {
          from: 'sender',
          call: { ...T1, status: 'pending' },
          code: 'DUPLICATE_CONVERSION',
          becomes: adopted,
          warned: true,
        },
        { from: 'sender', call: T1, code: 'DUPLICATE_CONVERSION', becomes: { status: 'pending' } },
        { from: 'sender', call: { ...T1, sale_amount: '51' }, code: 'CONFLICTING_CONVERSION' },
      ],
    ],
    [
      'is none where a sender spoke before',
      {},
      [
        PIXEL,
        { from: 'sender', call: {}, code: 'DUPLICATE_CONVERSION', becomes: { status: 'pending', reportedBy: 'pixel' } },
        { from: 'sender', call: { status: 'approved' }, code: 'STATUS_CHANGED', becomes: { reportedBy: 'sender' } },
        {
          from: 'sender',
          call: { ...T1, sale_amount: '51' },
          code: 'CONFLICTING_CONVERSION',
          becomes: { txnId: null },
        },
      ],
    ],
    [
      'brings no status to one with a transaction: that is a repeat',
      {},
      [
        { ...PIXEL, call: T1 },
        { from: 'sender', call: T1, code: 'DUPLICATE_CONVERSION', becomes: { status: 'pending' } },
        { from: 'sender', call: { ...T1, status: 'approved' }, code: 'STATUS_CHANGED' },
      ],
    ],
    [
      'counts where the click is the key, too',
      { dedupe: 'click' },
      [
        PIXEL,
        { from: 'sender', call: { ...T1, sale_amount: '51' }, code: 'STATUS_CHANGED', becomes: adopted },
        { from: 'sender', call: { txn_id: 'T2' }, code: 'DUPLICATE_CONVERSION', becomes: { txnId: 'T1' } },
      ],
    ],
    [
      'does not approve what only an operator approves',
      SHARE,
      [
        { from: 'pixel', call: { sale_amount: '50', currency: 'GBP' }, code: 'NO_EXCHANGE_RATE' },
        {
          from: 'sender',
          call: { ...T1, sale_amount: '60' },
          code: 'AMOUNT_CHANGED',
          becomes: { status: 'pending', payout: toMicros(0n), wouldBePayout: null },
        },
        { from: 'sender', call: { ...T1, status: 'approved' }, code: 'DUPLICATE_CONVERSION', warned: true },
      ],
    ],
  ])('%s', async (_, goal, steps) => {
    await run(goal, steps);
  });

  it('finds it by its transaction from then on', async () => {
    const network = await run({ dedupe: 'click' }, [PIXEL, { from: 'sender', call: T1, code: 'STATUS_CHANGED' }]);
    expect(await report(network, { ...T1, status: 'rejected' })).toMatchObject({ code: 'STATUS_CHANGED' });
  });

  it.each([
    [3, { status: 'pending', daysLeft: 4 }],
    [8, { status: 'approved', daysLeft: null }],
  ])('after %i days is held for what is left since the receipt', async (days, { status, daysLeft }) => {
    const network = aWatchedNetwork(ofGoal({ holdDays: 7 }));
    const click_id = await network.click();
    await pixel(network, { click_id });
    network.advance(days * DAY);
    await report(network, { click_id, ...T1 });
    const holdUntil = daysLeft === null ? null : network.deps.now() + daysLeft * DAY;
    expect(onlyConversion(network)).toMatchObject({ ...adopted, status, holdUntil });
    network.watch.expectSound();
  });

  it('ends a hold with the word that it is pending', async () => {
    await run({ pixelStatus: 'approved', holdDays: 7 }, [
      PIXEL,
      {
        from: 'sender',
        call: { ...T1, status: 'pending' },
        code: 'DUPLICATE_CONVERSION',
        becomes: { ...adopted, status: 'pending', holdUntil: null },
      },
    ]);
  });

  it.each<[string, Partial<Conversion>]>([
    ['an operator decided', { locked: true }],
    ['was rejected', { status: 'rejected' }],
  ])('leaves one that %s as it is, but for its transaction', async (_, state) => {
    const network = aWatchedNetwork(ofGoal(SHARE));
    const click_id = await network.click();
    await pixel(network, { click_id, sale_amount: '50' });
    const before = { ...onlyConversion(network), ...state };
    network.store.conversions.set(before.id, before);
    const outcome = await report(network, { click_id, ...T1, sale_amount: '70' });
    expect(outcome).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
    expect(outcome.warnings).toHaveLength(1);
    const { status, payout, saleAmount } = before;
    expect(onlyConversion(network)).toMatchObject({ status, saleAmount, txnId: 'T1' });
    if (status !== 'rejected') expect(onlyConversion(network).payout).toBe(payout);
    expect(await report(network, T1)).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
  });

  it('takes the default from the goal, which may be gone', async () => {
    const network = aWatchedNetwork({ goals: [aGoal(), aGoal({ id: 'old', name: 'Old', default: false })] });
    const click_id = await network.click();
    await pixel(network, { click_id, goal: 'old' });
    network.catalog.campaigns.set('summer', aCampaign());
    const outcome = await report(network, { click_id, goal: 'old', ...T1 });
    expect(outcome).toMatchObject({ code: 'DUPLICATE_CONVERSION', conversion: { status: 'pending', txnId: 'T1' } });
  });
});
