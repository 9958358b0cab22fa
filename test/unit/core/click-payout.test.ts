import { describe, expect, it } from 'vitest';
import { clickLedgerRow } from '../../../lambdas/core/click-payout.ts';
import type { Click } from '../../../lambdas/core/entities.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { aClick } from '../../support/entities.ts';

const NOW = 1_764_000_900_000;
const payout = { amount: toMicros(20_000), currency: 'EUR' };

describe('clickLedgerRow', () => {
  it.each<[string, Partial<Click>]>([
    ['of a campaign that pays no clicks', { payout: null }],
    ['worth nothing', { payout: { ...payout, amount: toMicros(0) } }],
    ['worth less than nothing', { payout: { ...payout, amount: toMicros(-1) } }],
    ['that does not count', { payout, payable: false }],
    ['of a bot', { payout, code: 'BOT' }],
    ['that is a duplicate', { payout, code: 'DUPLICATE_CLICK' }],
    ['over a cap', { payout, code: 'CAP_REACHED', payable: false }],
  ])('pays nothing for a click %s', (_, overrides) => {
    expect(clickLedgerRow(aClick(overrides), NOW)).toBeNull();
  });

  it('books the payout of a click that counts, when it is booked', () => {
    const click = aClick({ payout });
    expect(clickLedgerRow(click, NOW)).toEqual({
      clickId: click.id,
      number: 1,
      at: NOW,
      payout: 20_000n,
      revenue: 0n,
      currency: 'EUR',
      code: 'OK',
      campaignId: 'summer',
      publisherId: 'tia',
      advertiserId: 'xyz',
    });
  });
});
