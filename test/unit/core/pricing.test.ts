import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Terms } from '../../../lambdas/core/conversion.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { exchangeBetween, exchangeRateText, needsAmount, price } from '../../../lambdas/core/pricing.ts';
import { someSettings } from '../../support/entities.ts';

const NONE = { model: 'none' } as const;
const fixed = (amount: string) => ({ model: 'fixed', amount }) as const;
const percent = (value: string) => ({ model: 'percent', percent: value }) as const;
const ofRevenue = (value: string) => ({ model: 'percent_of_revenue', percent: value }) as const;
const terms = (payout: Terms['payout'], revenue: Terms['revenue'], exchange: Terms['exchange'] = null): Terms => ({
  payout,
  revenue,
  exchange,
});

describe('price', () => {
  it.each<[Terms, bigint | null, bigint, bigint]>([
    [terms(NONE, NONE), 5n, 0n, 0n],
    [terms(fixed('2.50'), fixed('4')), null, 2_500_000n, 4_000_000n],
    [terms(percent('10'), percent('12.5')), 100_000_000n, 10_000_000n, 12_500_000n],
    [terms(ofRevenue('50'), fixed('3')), null, 1_500_000n, 3_000_000n],
    [terms(ofRevenue('70'), percent('10')), 10_000_000n, 700_000n, 1_000_000n],
    [terms(ofRevenue('70'), NONE), 10_000_000n, 0n, 0n],
    // Half even to a micro-unit, each from the exact value: 0.5 to 0, 1.5 to 2, and 25 % of 2.5 is 0.625.
    [terms(percent('50'), percent('50')), 1n, 0n, 0n],
    [terms(percent('50'), percent('50')), 3n, 2n, 2n],
    [terms(ofRevenue('25'), percent('50')), 5n, 1n, 2n],
    [terms(percent('10'), NONE, { sale: '1.1', campaign: '1.25' }), 100_000_000n, 8_800_000n, 0n],
    [terms(fixed('1'), NONE, { sale: '1.1', campaign: '1.25' }), 100_000_000n, 1_000_000n, 0n],
  ])('of %o for %s is %s and %s', (of, saleAmount, payout, revenue) => {
    expect(price(of, saleAmount === null ? null : toMicros(saleAmount))).toEqual({ payout, revenue });
  });

  const amounts = fc.bigInt(0n, 10n ** 18n).map(toMicros);
  const percents = fc.bigInt(0n, 100_000_000n).map((millionths) => {
    const digits = millionths.toString().padStart(7, '0');
    return { text: `${digits.slice(0, -6)}.${digits.slice(-6)}`, millionths };
  });
  const rates = fc.bigInt(1n, 10n ** 12n).map((millionths) => {
    const digits = millionths.toString().padStart(7, '0');
    return { text: `${digits.slice(0, -6)}.${digits.slice(-6)}`, millionths };
  });

  it('is at most half a micro-unit from the exact value, whatever the rates', () => {
    fc.assert(
      fc.property(amounts, percents, rates, rates, (amount, share, sale, campaign) => {
        const exchange = { sale: sale.text, campaign: campaign.text };
        const { payout } = price(terms(percent(share.text), NONE, exchange), amount);
        const exact = amount * share.millionths * sale.millionths;
        const unit = 100_000_000n * campaign.millionths;
        const error = payout * unit - exact;
        expect(2n * (error < 0n ? -error : error)).toBeLessThanOrEqual(unit);
      }),
    );
  });

  it('never pays a publisher more than the share of what the network gets', () => {
    fc.assert(
      fc.property(amounts, percents, percents, (amount, a, b) => {
        const { payout, revenue } = price(terms(ofRevenue(a.text), percent(b.text)), amount);
        expect(payout).toBeLessThanOrEqual(revenue);
        expect(revenue).toBeLessThanOrEqual(amount);
      }),
    );
  });

  it('grows with the amount', () => {
    fc.assert(
      fc.property(amounts, amounts, percents, (a, b, share) => {
        const of = terms(percent(share.text), NONE);
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(price(of, low).payout).toBeLessThanOrEqual(price(of, high).payout);
      }),
    );
  });
});

describe('needsAmount', () => {
  it.each<[Terms, boolean]>([
    [terms(fixed('1'), fixed('2')), false],
    [terms(ofRevenue('50'), fixed('2')), false],
    [terms(ofRevenue('50'), percent('2')), true],
    [terms(percent('1'), NONE), true],
  ])('of %o is %s', (of, expected) => {
    expect(needsAmount(of)).toBe(expected);
  });
});

describe('exchangeBetween', () => {
  const settings = someSettings({ currency: 'USD', exchangeRates: { EUR: '1.1', GBP: '1.25', JPY: '0' } });
  it.each<[string, string, Terms['exchange'] | undefined]>([
    ['EUR', 'EUR', null],
    ['SEK', 'SEK', null],
    ['EUR', 'USD', { sale: '1.1', campaign: '1' }],
    ['USD', 'GBP', { sale: '1', campaign: '1.25' }],
    ['EUR', 'SEK', undefined],
    ['JPY', 'USD', undefined],
    ['constructor', 'USD', undefined],
  ])('%s and %s is %o', (sale, campaign, expected) => {
    expect(exchangeBetween(sale, campaign, settings)).toEqual(expected);
  });

  it.each([
    ['1.1', '1.25', '0.88'],
    ['1', '3', '0.333333333333'],
    ['2', '1', '2'],
    ['150', '1', '150'],
  ])('%s to %s is shown as %s', (sale, campaign, expected) => {
    expect(exchangeRateText({ sale, campaign })).toBe(expected);
  });
});
