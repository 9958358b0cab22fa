import type { Conversion, Terms } from './conversion.ts';
import type { Settings } from './entities.ts';
import { ZERO } from './money.ts';
import type { Micros } from './money.ts';
import { exchangeBetween, exchangeRateText, needsExchange, price } from './pricing.ts';

/** What a changed amount changes of a conversion. */
export type Repriced = Pick<
  Conversion,
  'saleAmount' | 'saleCurrency' | 'rate' | 'terms' | 'wouldBePayout' | 'wouldBeRevenue'
>;

/**
 * A conversion with another amount, by its own terms and rate: what the campaign says by now is not asked. Another
 * currency takes the network's present rate; null: it has none.
 */
export function reprice(
  { terms, rate, currency, wouldBePayout, wouldBeRevenue, ...before }: Conversion,
  saleAmount: Micros | null,
  saleCurrency: string,
  settings: Settings,
): Repriced | null {
  if (terms === null || !needsExchange(terms)) {
    return { saleAmount, saleCurrency, rate, terms, wouldBePayout, wouldBeRevenue };
  }
  // A conversion without a price gets its only one from the operator who approves it.
  if (wouldBePayout === null) {
    return { saleAmount, saleCurrency, rate: null, terms, wouldBePayout: null, wouldBeRevenue: null };
  }
  // Terms that needed no rate until now have none.
  const isKept = saleCurrency === before.saleCurrency && terms.exchange !== null;
  const exchange = isKept ? terms.exchange : exchangeBetween(saleCurrency, currency, settings);
  if (exchange === undefined) return null;
  return { saleAmount, saleCurrency, ...pricedBy({ ...terms, exchange }, saleAmount) };
}

/** Terms with what they come to. `saleAmount` must be given if they need one. */
export function pricedBy(terms: Terms, saleAmount: Micros | null): Omit<Repriced, 'saleAmount' | 'saleCurrency'> {
  const { payout, revenue } = price(terms, saleAmount);
  const { exchange } = terms;
  const rate = exchange === null ? null : exchangeRateText(exchange);
  return { terms, rate, wouldBePayout: payout, wouldBeRevenue: revenue };
}

/** What a conversion pays as it stands. Whoever approved it had the right to: an approved one pays whatever its code is. */
export function amountsOf({
  status,
  code,
  wouldBePayout,
  wouldBeRevenue,
}: Pick<Conversion, 'status' | 'code' | 'wouldBePayout' | 'wouldBeRevenue'>): Pick<Conversion, 'payout' | 'revenue'> {
  const pays = status === 'approved' || (status === 'pending' && code === 'OK');
  return { payout: (pays ? wouldBePayout : null) ?? ZERO, revenue: (pays ? wouldBeRevenue : null) ?? ZERO };
}
