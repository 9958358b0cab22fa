import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Terms } from '../../../lambdas/core/conversion.ts';
import { formatMoney, toMicros } from '../../../lambdas/core/money.ts';
import {
  exactText,
  exchangeBetween,
  exchangeRateText,
  isRounded,
  needsAmount,
  needsExchange,
  price,
  priceExactly,
} from '../../../lambdas/core/pricing.ts';
import { someSettings } from '../../support/entities.ts';

const NONE = { model: 'none' } as const;
const fixed = (amount: string) => ({ model: 'fixed', amount }) as const;
const percent = (value: string) => ({ model: 'percent', percent: value }) as const;
const ofRevenue = (value: string) => ({ model: 'percent_of_revenue', percent: value }) as const;
const reported = (amount: string) => ({ model: 'reported', amount }) as const;
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
    // What the call reports is in the sale's currency, and needs no sale.
    [terms(reported('3'), reported('4.5')), null, 3_000_000n, 4_500_000n],
    [terms(reported('3'), fixed('4'), { sale: '1.1', campaign: '1.25' }), null, 2_640_000n, 4_000_000n],
    [terms(ofRevenue('50'), reported('3'), { sale: '1.1', campaign: '1.25' }), null, 1_320_000n, 2_640_000n],
    // A share is of the exact revenue, not of what is booked: 30 % of 1.5 is 0.45, 70 % of 2.5 is 1.75, 30 % of 5 / 3 is 0.5.
    [terms(ofRevenue('30'), percent('50')), 3n, 0n, 2n],
    [terms(ofRevenue('70'), percent('50')), 5n, 2n, 2n],
    [terms(ofRevenue('30'), reported('0.000001'), { sale: '5', campaign: '3' }), null, 0n, 2n],
    [terms(ofRevenue('100'), percent('10'), { sale: '1', campaign: '3' }), 5_000_000n, 166_667n, 166_667n],
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

  const decimals = fc.bigInt(0n, 10n ** 18n - 1n).map((amount) => formatMoney(toMicros(amount), 2));
  const revenues = [
    fc.constant(NONE),
    decimals.map(fixed),
    decimals.map(reported),
    percents.map(({ text }) => percent(text)),
  ] as const;
  const anyTerms = fc.record<Terms>({
    payout: fc.oneof(
      ...revenues,
      percents.map(({ text }) => ofRevenue(text)),
    ),
    revenue: fc.oneof(...revenues),
    exchange: fc.option(fc.record({ sale: rates.map(({ text }) => text), campaign: rates.map(({ text }) => text) })),
  });

  it('is the exact value, rounded half even once, whatever the models, rates and percentages (invariant 5)', () => {
    fc.assert(
      fc.property(anyTerms, fc.oneof(amounts, fc.bigInt(0n, 9n).map(toMicros)), (of, saleAmount) => {
        const revenue = exactly(of.revenue, of.exchange, saleAmount, null);
        const payout = exactly(of.payout, of.exchange, saleAmount, revenue);
        expect(price(of, saleAmount)).toEqual({ payout: nearestEven(payout), revenue: nearestEven(revenue) });
      }),
      { numRuns: 300 },
    );
  });
});

type Fraction = readonly [numerator: bigint, denominator: bigint];

const times = (a: Fraction, b: Fraction): Fraction => [a[0] * b[0], a[1] * b[1]];

/** A decimal of at most six digits after the point. */
const millionths = (decimal: string): bigint => {
  const [whole = '', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(6, '0'));
};

/** The oracle: micro-units as a fraction. */
function exactly(
  model: Terms['payout'],
  exchange: Terms['exchange'],
  saleAmount: bigint,
  revenue: Fraction | null,
): Fraction {
  const rate: Fraction = exchange === null ? [1n, 1n] : [millionths(exchange.sale), millionths(exchange.campaign)];
  switch (model.model) {
    case 'none':
      return [0n, 1n];
    case 'fixed':
      return [millionths(model.amount), 1n];
    case 'reported':
      return times([millionths(model.amount), 1n], rate);
    case 'percent':
      return times(times([saleAmount, 1n], rate), [millionths(model.percent), 100_000_000n]);
    case 'percent_of_revenue':
      return times(revenue ?? [0n, 0n], [millionths(model.percent), 100_000_000n]);
  }
}

/** The nearer of the two neighbours, the even one if both are as near. */
function nearestEven([numerator, denominator]: Fraction): bigint {
  const floor = numerator / denominator;
  const below = numerator - floor * denominator;
  const above = (floor + 1n) * denominator - numerator;
  if (below === above) return floor + (floor % 2n);
  return below < above ? floor : floor + 1n;
}

describe('an amount before it is rounded', () => {
  it.each<[Terms, bigint, string | null, boolean]>([
    [terms(fixed('2.50'), NONE), 0n, '2.5', false],
    [terms(percent('10'), NONE), 19_990_000n, '1.999', false],
    [terms(percent('10'), NONE, { sale: '1.083715', campaign: '1' }), 19_990_000n, '2.166346285', true],
    [terms(percent('50'), NONE), 3n, '0.0000015', true],
    [terms(ofRevenue('50'), percent('50')), 1n, '0.00000025', true],
    [terms(percent('10'), NONE, { sale: '1', campaign: '3' }), 1_000_000n, null, true],
    [terms(percent('33.33'), NONE, { sale: '0.00000000001', campaign: '1' }), 1n, null, true],
    // A rate without end may make an amount that has one.
    [terms(percent('10'), NONE, { sale: '1', campaign: '3' }), 30_000_000n, '1', false],
  ])('of %o for %s is %s', (of, saleAmount, exact, rounded) => {
    const { payout } = priceExactly(of, toMicros(saleAmount));
    expect(exactText(payout)).toBe(exact);
    expect(isRounded(payout)).toBe(rounded);
  });
});

describe('needsAmount', () => {
  it.each<[Terms, boolean]>([
    [terms(fixed('1'), fixed('2')), false],
    [terms(ofRevenue('50'), fixed('2')), false],
    [terms(ofRevenue('50'), percent('2')), true],
    [terms(percent('1'), NONE), true],
    [terms(reported('1'), reported('1')), false],
    [terms(ofRevenue('50'), reported('1')), false],
  ])('of %o is %s', (of, expected) => {
    expect(needsAmount(of)).toBe(expected);
  });
});

describe('needsExchange', () => {
  it.each<[Terms, boolean]>([
    [terms(fixed('1'), NONE), false],
    [terms(ofRevenue('50'), fixed('2')), false],
    [terms(fixed('1'), percent('2')), true],
    [terms(reported('1'), NONE), true],
    [terms(NONE, reported('1')), true],
  ])('of %o is %s', (of, expected) => {
    expect(needsExchange(of)).toBe(expected);
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
