import { describe, expect, it } from 'vitest';

import { Totals } from '../../../../cli/bulk/totals.ts';

describe('Totals', () => {
  it.each([
    [['2.50', '-2.50'], '0.00'],
    [['0.1', '0.2'], '0.30'],
    [['-0.000001'], '-0.000001'],
    [['-2.40', '-0.60'], '-3.00'],
    [['999999999999.999999', '0.000001'], '1000000000000.00'],
    [['5', '1.005'], '6.005'],
  ])('adds %j to %s exactly (invariant 5)', (amounts, sum) => {
    const totals = new Totals();

    for (const amount of amounts) totals.add('USD', 'payout', amount);

    expect(totals.byCurrency()).toEqual({ USD: { payout: sum } });
  });

  it('keeps currencies apart', () => {
    const totals = new Totals();

    totals.add('USD', 'payout', '1');
    totals.add('EUR', 'payout', '2');
    totals.add('USD', 'revenue', '3');

    expect(totals.byCurrency()).toEqual({ USD: { payout: '1.00', revenue: '3.00' }, EUR: { payout: '2.00' } });
  });
});
