import { describe, expect, it } from 'vitest';
import { countryCode } from '../../../../lambdas/core/visitor/country.ts';

describe('a country', () => {
  it.each([undefined, '', 'us', 'USA', 'U', 'T1', 'A1', 'XX', 'ZZ', 'EU', 'AP', 'ÄÖ', 'US\n', ' US'])(
    'is not known from %j',
    (text) => {
      expect(countryCode(text)).toBeNull();
    },
  );

  it.each(['US', 'DE', 'GB', 'XK', 'AQ'])('%s is one', (code) => {
    expect(countryCode(code)).toBe(code);
  });
});
