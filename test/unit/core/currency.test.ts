import { describe, expect, it } from 'vitest';
import { currencyDecimals } from '../../../lambdas/core/currency.ts';

describe('a currency', () => {
  it.each(['', 'usd', 'US', 'USDT', 'XXX', 'BTC', 'HRK', '__proto__', 'toString'])('is none as %j', (code) => {
    expect(currencyDecimals(code)).toBeNull();
  });

  it.each([
    ['USD', 2],
    ['EUR', 2],
    ['JPY', 0],
    ['ISK', 0],
    ['KWD', 3],
    ['CLF', 4],
    ['HUF', 2],
  ])('%s has %i decimals', (code, decimals) => {
    expect(currencyDecimals(code)).toBe(decimals);
  });
});
