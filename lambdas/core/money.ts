declare const micros: unique symbol;

/**
 * An amount of money in micro-units (10^-6) of its currency. An integer: no floating point anywhere. Negative only in
 * the ledger: as a difference or an adjustment.
 */
export type Micros = bigint & { readonly [micros]: true };

export const ZERO = 0n as Micros;

export const MICROS_DIGITS = 6;
const MICROS_PER_UNIT = 1_000_000n;

/** Names an integer of micro-units as money, for adapters that read it from storage. */
export function toMicros(value: bigint | number): Micros {
  return BigInt(value) as Micros;
}

export function addMicros(a: Micros, b: Micros): Micros {
  return (a + b) as Micros;
}

export function subtractMicros(a: Micros, b: Micros): Micros {
  return (a - b) as Micros;
}

/**
 * Reads a decimal without sign, exponent or separators: 1 to 12 digits before the point, 1 to `decimals` after it.
 * Leading zeros mean nothing. Null for everything else, a JSON number's text included only if it has that form.
 */
export function parseMoney(text: string, decimals: number): Micros | null {
  const match = /^(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) return null;
  const [, whole = '', fraction = ''] = match;
  if (fraction.length > decimals) return null;
  return (BigInt(whole) * MICROS_PER_UNIT + BigInt(fraction.padEnd(MICROS_DIGITS, '0'))) as Micros;
}

/** As {@link parseMoney}, of an amount that a minus may make negative. */
export function parseSignedMoney(text: string, decimals: number): Micros | null {
  if (!text.startsWith('-')) return parseMoney(text, decimals);
  const amount = parseMoney(text.slice(1), decimals);
  return amount === null ? null : subtractMicros(ZERO, amount);
}

/** Rounds to the currency's own decimals, half even, for senders that may send six (`decimals: 6`). */
export function roundToDecimals(amount: Micros, decimals: number): Micros {
  const step = 10n ** BigInt(MICROS_DIGITS - decimals);
  return (divideHalfEven(amount, step) * step) as Micros;
}

/** The shortest decimal with at least the currency's own decimals: 2_500_000n in USD is "2.50". */
export function formatMoney(amount: Micros, decimals: number): string {
  const sign = amount < 0n ? '-' : '';
  const digits = absolute(amount)
    .toString()
    .padStart(MICROS_DIGITS + 1, '0');
  const whole = digits.slice(0, -MICROS_DIGITS);
  const fraction = digits.slice(-MICROS_DIGITS).replace(/0+$/, '').padEnd(decimals, '0');
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** An exact fraction, for percentages and exchange rates; multiplied out and rounded once, at the end. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const ONE: Ratio = { numerator: 1n, denominator: 1n };

/** Reads an unsigned decimal ("12.5", up to 12 digits and 12 decimals) as an exact fraction; null for anything else. */
export function parseRatio(text: string): Ratio | null {
  const match = /^(\d{1,12})(?:\.(\d{1,12}))?$/.exec(text);
  if (match === null) return null;
  const [, whole = '', fraction = ''] = match;
  return { numerator: BigInt(whole + fraction), denominator: 10n ** BigInt(fraction.length) };
}

/** "10" percent as the fraction 10/100; null if it is no decimal from 0 to 100. */
export function parsePercent(text: string): Ratio | null {
  const ratio = parseRatio(text);
  if (ratio === null || ratio.numerator > 100n * ratio.denominator) return null;
  return { numerator: ratio.numerator, denominator: ratio.denominator * 100n };
}

export function multiplyRatios(a: Ratio, b: Ratio): Ratio {
  return { numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator };
}

/** The inverse of a ratio that is not zero. */
export function invertRatio(ratio: Ratio): Ratio {
  if (ratio.numerator === 0n) throw new RangeError('invertRatio: zero');
  return { numerator: ratio.denominator, denominator: ratio.numerator };
}

/** amount x ratio, rounded half even to a micro-unit. */
export function multiplyMicros(amount: Micros, ratio: Ratio): Micros {
  return divideHalfEven(amount * ratio.numerator, ratio.denominator) as Micros;
}

function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n;
  const a = absolute(dividend);
  const b = absolute(divisor);
  const quotient = a / b;
  const twice = (a % b) * 2n;
  const rounded = twice > b || (twice === b && quotient % 2n === 1n) ? quotient + 1n : quotient;
  return negative ? -rounded : rounded;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
