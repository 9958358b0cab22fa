import { describe, expect, it } from 'vitest';
import { bookAdjustment } from '../../../lambdas/core/adjustment.ts';
import type { Adjustment, AdjustmentOrder } from '../../../lambdas/core/adjustment.ts';
import { auditCreation } from '../../../lambdas/core/audit.ts';
import { toMicros, ZERO } from '../../../lambdas/core/money.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCampaign, aGoal, aPublisher } from '../../support/entities.ts';
import { fakeAdjustments } from '../../support/fakes/adjustments.ts';
import { FakeConversionCatalog } from '../../support/fakes/conversion-catalog.ts';

const DAY = 86_400_000;

const bookedAs = ({ id }: Adjustment) =>
  auditCreation(
    { kind: 'adjustment', id, version: 1 },
    { at: NOON, by: 'key:k1', byName: null, requestId: 'r1' },
    { id },
  );

const BONUS: AdjustmentOrder = {
  publisherId: 'tia',
  campaignId: 'summer',
  goal: null,
  payout: toMicros(-2_500_001n),
  revenue: ZERO,
  currency: null,
  at: null,
  reason: 'charged back',
};

function aLedger() {
  const catalog = new FakeConversionCatalog();
  catalog.campaigns.set('summer', aCampaign({ goals: [aGoal()], currency: 'KWD' }));
  catalog.publishers.set('tia', aPublisher({ id: 'tia' }));
  const ledger = fakeAdjustments();
  let now = NOON;
  const book = (order: Partial<AdjustmentOrder> = {}, id = 'a1', by = 'key:k1') =>
    bookAdjustment({ ...BONUS, ...order }, { id, by }, { ledger, catalog, now: () => now, audit: bookedAs });
  return { catalog, ledger, book, later: () => (now += DAY) };
}

describe('an adjustment', () => {
  it.each<[field: string, code: string, order: Partial<AdjustmentOrder>]>([
    ['payout', 'INVALID_AMOUNT', { payout: ZERO }],
    ['publisher_id', 'NOT_FOUND', { publisherId: 'tio' }],
    ['campaign_id', 'NOT_FOUND', { campaignId: 'winter' }],
    ['goal', 'NOT_FOUND', { goal: 'lead' }],
    ['goal', 'NOT_FOUND', { goal: 'Sale' }],
    ['currency', 'INVALID_CURRENCY', { currency: 'USD' }],
    ['at', 'IN_THE_FUTURE', { at: NOON + 1 }],
    ['at', 'TOO_OLD', { at: NOON - 733 * DAY }],
  ])('is not booked where nobody could say whose money it is, or when: %s, %s', async (field, code, order) => {
    const { ledger, book } = aLedger();

    expect(await book(order)).toMatchObject({ kind: 'wrong', errors: [{ field, code }] });
    expect(ledger.rows.size).toBe(0);
  });

  it('tells all that is wrong at once', async () => {
    const { book } = aLedger();

    const errors = [{ field: 'at' }, { field: 'payout' }, { field: 'publisher_id' }, { field: 'campaign_id' }];
    const wrong = { at: NOON + 1, payout: ZERO, publisherId: 'tio', campaignId: 'winter' };
    expect(await book(wrong)).toMatchObject({ kind: 'wrong', errors });
  });

  it('is booked as it was ordered, now and in the currency of its campaign unless that is said (invariant 5)', async () => {
    const { ledger, book } = aLedger();

    await book();
    await book(
      { at: NOON - 700 * DAY, currency: 'KWD', goal: 'sale', revenue: toMicros(7n), payout: ZERO },
      'a2',
      'key:k2',
    );

    const [first, second] = ledger.rows.values();
    const { currency, at, ...order } = BONUS;
    expect({ currency, at }).toEqual({ currency: null, at: null });
    const by = { createdAt: NOON, createdBy: 'key:k1' };
    expect(first).toEqual({ ...order, id: 'a1', advertiserId: 'xyz', currency: 'KWD', at: NOON, ...by });
    expect(second).toMatchObject({ goal: 'sale', payout: 0n, revenue: 7n, at: NOON - 700 * DAY, createdBy: 'key:k2' });
  });

  it('is booked for what is paused or archived: money is owed for the past, too', async () => {
    const { catalog, book } = aLedger();
    catalog.campaigns.set('summer', aCampaign({ status: 'archived' }));
    catalog.publishers.set('tia', aPublisher({ id: 'tia', status: 'archived' }));

    expect(await book()).toMatchObject({ kind: 'booked' });
  });

  it('is booked once under its id, whatever became of its campaign since (invariant 4)', async () => {
    const { catalog, ledger, book, later } = aLedger();
    const order = { at: NOON, goal: 'sale', currency: 'KWD' };
    const booked = await book(order);

    later();
    catalog.campaigns.set('summer', aCampaign({ goals: [], currency: 'EUR' }));
    catalog.publishers.clear();

    expect(await book(order)).toEqual(booked);
    expect(ledger.rows.size).toBe(1);
  });

  it('is booked once by several at once', async () => {
    const { ledger, book } = aLedger();

    const [first, ...others] = await Promise.all([book(), book(), book()]);

    expect(others).toEqual([first, first]);
    expect(ledger.rows.size).toBe(1);
  });

  it.each<[keyof AdjustmentOrder, Partial<AdjustmentOrder>]>([
    ['publisherId', { publisherId: 'tio' }],
    ['campaignId', { campaignId: 'winter' }],
    ['goal', { goal: 'sale' }],
    ['payout', { payout: toMicros(2_500_001n) }],
    ['revenue', { revenue: toMicros(1n) }],
    ['currency', { currency: 'USD' }],
    ['at', { at: NOON - 1 }],
    ['reason', { reason: 'charged back twice' }],
  ])('is not taken for another one: another %s', async (_name, other) => {
    const { ledger, book } = aLedger();
    await book();

    expect(await book(other)).toEqual({ kind: 'other' });
    expect(ledger.rows.size).toBe(1);
  });
});
