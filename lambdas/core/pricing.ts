import type { ReportedAmount, Terms } from './conversion.ts';
import type { PayoutModel, RevenueModel, Settings } from './entities.ts';
import {
  invertRatio,
  MICROS_DIGITS,
  multiplyMicros,
  multiplyRatios,
  ONE,
  parseMoney,
  parsePercent,
  parseRatio,
  toMicros,
  ZERO,
} from './money.ts';
import type { Micros, Ratio } from './money.ts';

interface Price {
  readonly payout: Micros;
  readonly revenue: Micros;
}

/** Whether payout or revenue is a percentage of the sale's amount, so that there must be one. */
export function needsAmount({ payout, revenue }: Pick<Terms, 'payout' | 'revenue'>): boolean {
  return payout.model === 'percent' || revenue.model === 'percent';
}

/** Whether payout or revenue is told in the sale's currency. */
export function needsExchange({ payout, revenue }: Pick<Terms, 'payout' | 'revenue'>): boolean {
  return needsAmount({ payout, revenue }) || payout.model === 'reported' || revenue.model === 'reported';
}

/**
 * What one unit of each currency is worth in the network's, for {@link Terms}. Null: the same currency. Undefined: the
 * network has no rate for one of them.
 */
export function exchangeBetween(
  saleCurrency: string,
  campaignCurrency: string,
  settings: Settings,
): Terms['exchange'] | undefined {
  if (saleCurrency === campaignCurrency) return null;
  const sale = rateOf(saleCurrency, settings);
  const campaign = rateOf(campaignCurrency, settings);
  return sale === null || campaign === null ? undefined : { sale, campaign };
}

function rateOf(currency: string, settings: Settings): string | null {
  if (currency === settings.currency) return '1';
  if (!Object.hasOwn(settings.exchangeRates, currency)) return null;
  const rate = settings.exchangeRates[currency] ?? '';
  const ratio = parseRatio(rate);
  return ratio === null || ratio.numerator === 0n ? null : rate;
}

function exchangeRatio(exchange: Terms['exchange']): Ratio {
  if (exchange === null) return ONE;
  return multiplyRatios(required(parseRatio(exchange.sale)), invertRatio(required(parseRatio(exchange.campaign))));
}

const RATE_DIGITS = 12;

/** The exchange rate for people: a decimal, rounded half even to 12 digits. Money is computed without it. */
export function exchangeRateText(exchange: NonNullable<Terms['exchange']>): string {
  return decimalText(multiplyMicros(toMicros(10n ** BigInt(RATE_DIGITS)), exchangeRatio(exchange)), RATE_DIGITS);
}

/** `scaled` / 10^`digits` as its shortest decimal. */
function decimalText(scaled: bigint, digits: number): string {
  const text = scaled.toString().padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  const whole = text.slice(0, -digits);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** Converts an amount, rounded half even to a micro-unit. */
export function exchangeAmount(amount: Micros, exchange: Terms['exchange']): Micros {
  return multiplyMicros(amount, exchangeRatio(exchange));
}

/**
 * Payout and revenue in the campaign's currency. Exact up to one rounding of each at its end, half even to a
 * micro-unit. `saleAmount` must be given if {@link needsAmount}.
 */
export function price(terms: Terms, saleAmount: Micros | null): Price {
  const { payout, revenue } = priceExactly(terms, saleAmount);
  return { payout: round(payout), revenue: round(revenue) };
}

/** An amount that is not rounded yet. */
export interface Product {
  readonly amount: Micros;
  readonly ratio: Ratio;
}

/** What {@link price} rounds. */
export function priceExactly(
  terms: Terms,
  saleAmount: Micros | null,
): { readonly payout: Product; readonly revenue: Product } {
  const sale: Product = { amount: saleAmount ?? ZERO, ratio: exchangeRatio(terms.exchange) };
  const revenue = productOf(terms.revenue, sale, null);
  return { payout: productOf(terms.payout, sale, revenue), revenue };
}

export function round({ amount, ratio }: Product): Micros {
  return multiplyMicros(amount, ratio);
}

/** Whether rounding changes it. */
export function isRounded({ amount, ratio }: Product): boolean {
  return (amount * ratio.numerator) % ratio.denominator !== 0n;
}

const EXACT_DIGITS = 20;

/** All its decimals; null if there are more than 20, or no end of them. */
export function exactText({ amount, ratio }: Product): string | null {
  const scaled = amount * ratio.numerator * 10n ** BigInt(EXACT_DIGITS - MICROS_DIGITS);
  return scaled % ratio.denominator === 0n ? decimalText(scaled / ratio.denominator, EXACT_DIGITS) : null;
}

function productOf(
  model: PayoutModel | RevenueModel | ReportedAmount,
  sale: Product,
  revenue: Product | null,
): Product {
  switch (model.model) {
    case 'fixed':
      return { amount: required(parseMoney(model.amount, 6)), ratio: ONE };
    case 'reported':
      return { amount: required(parseMoney(model.amount, 6)), ratio: sale.ratio };
    case 'percent':
      return percentOf(model.percent, sale);
    case 'percent_of_revenue':
      return percentOf(model.percent, required(revenue));
    case 'none':
      return { amount: ZERO, ratio: ONE };
  }
}

function percentOf(percent: string, { amount, ratio }: Product): Product {
  return { amount, ratio: multiplyRatios(ratio, required(parsePercent(percent))) };
}

/** Models and rates were validated when they were saved. */
function required<T>(value: T | null): T {
  if (value === null) throw new TypeError('terms that cannot be read');
  return value;
}
