import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addMicros,
  formatMoney,
  invertRatio,
  multiplyMicros,
  multiplyRatios,
  ONE,
  parseMoney,
  parsePercent,
  parseRatio,
  parseSignedMoney,
  roundToDecimals,
  subtractMicros,
  toMicros,
} from '../../../lambdas/core/money.ts';

const amount = fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }).map(toMicros);
const signed = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }).map(toMicros);
const decimals = fc.integer({ min: 0, max: 6 });
const ratio = fc.record({
  numerator: fc.bigInt({ min: 0n, max: 10n ** 20n }),
  denominator: fc.bigInt({ min: 1n, max: 10n ** 12n }),
});

/** Half even by another way: the nearest of the two neighbours, the even one if both are as near. */
function halfEven(dividend: bigint, divisor: bigint): bigint {
  let floor = dividend / divisor;
  if (floor * divisor > dividend) floor -= 1n;
  const below = dividend - floor * divisor;
  const above = divisor - below;
  if (below !== above) return below < above ? floor : floor + 1n;
  return floor % 2n === 0n ? floor : floor + 1n;
}

describe('an amount', () => {
  it.each([
    ...['', ' ', '-1', '+1', '1e3', '1,5', '1.', '.5', '1 ', ' 1', '1\n', '0x10', 'NaN', 'Infinity', '1_000', '1.2.3'],
    ...['1234567890123', '1.2345678', '１', '٣'],
  ])('is refused as %j', (text) => {
    expect(parseMoney(text, 6)).toBeNull();
  });

  it.each([
    '',
    '-',
    '--1',
    '+1',
    '-+1',
    ' -1',
    '- 1',
    '-1 ',
    '−1',
    '-.5',
    '-1.',
    '1-',
    '-1e3',
    '-1.2345678',
    '-1234567890123',
  ])('with a sign is refused as %j', (text) => {
    expect(parseSignedMoney(text, 6)).toBeNull();
  });

  it('may be negative where it is said so, and then is the opposite of what it is without its minus', () => {
    expect(parseSignedMoney('-0', 2)).toBe(0n);
    expect(parseSignedMoney('-0.0000', 2)).toBeNull();
    fc.assert(
      fc.property(amount, (value) => {
        const opposite = subtractMicros(toMicros(0n), value);
        expect(parseSignedMoney(formatMoney(value, 2), 6)).toBe(value);
        expect(parseSignedMoney(formatMoney(opposite, 2), 6)).toBe(opposite);
      }),
    );
  });

  it.each([
    ['1.5', 0],
    ['1.234', 2],
    ['0.0000001', 6],
  ])('is refused with more decimals than its currency has: %s with %i', (text, places) => {
    expect(parseMoney(text, places)).toBeNull();
  });

  it.each([
    ['0', 2, 0n, '0.00'],
    ['007', 2, 7_000_000n, '7.00'],
    ['2.5', 2, 2_500_000n, '2.50'],
    ['49.90', 2, 49_900_000n, '49.90'],
    ['100', 0, 100_000_000n, '100'],
    ['0.125', 3, 125_000n, '0.125'],
    ['0.000001', 6, 1n, '0.000001'],
    ['999999999999.999999', 6, 999_999_999_999_999_999n, '999999999999.999999'],
  ])('reads and prints %s', (text, places, micros, printed) => {
    expect(parseMoney(text, places)).toBe(micros);
    expect(formatMoney(toMicros(micros), places)).toBe(printed);
  });

  it('prints the shortest decimal that has at least the currency’s own decimals', () => {
    expect(formatMoney(toMicros(2_500_000n), 2)).toBe('2.50');
    expect(formatMoney(toMicros(2_500_100n), 2)).toBe('2.5001');
    expect(formatMoney(toMicros(-1n), 0)).toBe('-0.000001');
  });

  it('reads back whatever it prints', () => {
    fc.assert(
      fc.property(amount, decimals, (micros, places) => {
        expect(parseMoney(formatMoney(micros, places), 6)).toBe(micros);
      }),
    );
  });

  it('prints a difference with its sign', () => {
    fc.assert(
      fc.property(amount, amount, decimals, (a, b, places) => {
        const difference = subtractMicros(a, b);
        expect(addMicros(difference, b)).toBe(a);
        expect(formatMoney(difference, places).startsWith('-')).toBe(a < b);
      }),
    );
  });
});

describe('multiplication', () => {
  it.each([
    ['down to an even neighbour', 1n, { numerator: 1n, denominator: 2n }, 0n],
    ['up to an even neighbour', 3n, { numerator: 1n, denominator: 2n }, 2n],
    ['a difference as its opposite', -3n, { numerator: 1n, denominator: 2n }, -2n],
    ['to the nearer neighbour', 5n, { numerator: 1n, denominator: 3n }, 2n],
  ])('rounds %s', (_, micros, by, expected) => {
    expect(multiplyMicros(toMicros(micros), by)).toBe(expected);
  });

  it('rounds half even, once, as exact arithmetic has it', () => {
    fc.assert(
      fc.property(signed, ratio, (micros, by) => {
        expect(multiplyMicros(micros, by)).toBe(halfEven(micros * by.numerator, by.denominator));
      }),
    );
  });

  it('rounds ties half even', () => {
    fc.assert(
      fc.property(signed, (micros) => {
        const product = multiplyMicros(micros, { numerator: 1n, denominator: 2n });
        expect(product).toBe(halfEven(micros, 2n));
        if (micros % 2n !== 0n) expect(product % 2n).toBe(0n);
      }),
    );
  });

  it('rounds to a currency’s decimals half even', () => {
    expect(roundToDecimals(toMicros(125_000n), 2)).toBe(120_000n);
    expect(roundToDecimals(toMicros(135_000n), 2)).toBe(140_000n);
    expect(roundToDecimals(toMicros(500_000n), 0)).toBe(0n);
    expect(roundToDecimals(toMicros(1_500_000n), 0)).toBe(2_000_000n);
    fc.assert(
      fc.property(amount, decimals, (micros, places) => {
        const step = 10n ** BigInt(6 - places);
        expect(roundToDecimals(micros, places)).toBe(halfEven(micros, step) * step);
      }),
    );
  });
});

describe('a ratio', () => {
  it.each(['', '-1', '1e3', '1.', '.5', '1,5', '1234567890123', '1.1234567890123'])('is refused as %j', (text) => {
    expect(parseRatio(text)).toBeNull();
  });

  it('is exact', () => {
    expect(parseRatio('12.5')).toEqual({ numerator: 125n, denominator: 10n });
    expect(multiplyMicros(toMicros(10n ** 6n), parseRatio('0.1') ?? ONE)).toBe(100_000n);
  });

  it('times its inverse is one', () => {
    fc.assert(
      fc.property(ratio, (r) => {
        fc.pre(r.numerator > 0n);
        const product = multiplyRatios(r, invertRatio(r));
        expect(product.numerator).toBe(product.denominator);
      }),
    );
  });

  it('of zero has no inverse', () => {
    expect(() => invertRatio({ numerator: 0n, denominator: 1n })).toThrow(RangeError);
  });
});

describe('a percentage', () => {
  it.each(['', '-1', '100.000000000001', '101', '1e1', '10%'])('is refused as %j', (text) => {
    expect(parsePercent(text)).toBeNull();
  });

  it.each([
    ['0', 0n],
    ['10', 10_000_000n],
    ['12.5', 12_500_000n],
    ['100', 100_000_000n],
  ])('%s of 100 is as much', (percent, expected) => {
    expect(multiplyMicros(toMicros(100_000_000n), parsePercent(percent) ?? ONE)).toBe(expected);
  });
});
