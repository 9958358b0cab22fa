import { isDeepStrictEqual } from 'node:util';
import { commitChange, untilCommitted } from './commit-change.ts';
import type { ChangeDeps } from './commit-change.ts';
import type { ConversionChange } from './conversion-change.ts';
import { countApproval, countChange } from './conversion-counters.ts';
import type { AmountOrigin, Conversion, Terms } from './conversion.ts';
import { currencyDecimals } from './currency.ts';
import { moneyText } from './delivery-values.ts';
import type { Campaign, ConversionStatus, Settings } from './entities.ts';
import { parseMoney } from './money.ts';
import type { Micros } from './money.ts';
import { exchangeBetween, exchangeRateText, needsExchange, price } from './pricing.ts';
import { amountsOf, reprice } from './reprice.ts';

/** What an operator wants a conversion to be; what is left out stays. Amounts are decimals. */
export interface ConversionPatch {
  readonly status?: ConversionStatus | undefined;
  /** In the sale's currency; in the campaign's where no sale is known. */
  readonly sale_amount?: string | undefined;
  /** In the campaign's currency, up to six decimals. */
  readonly payout?: string | undefined;
  readonly revenue?: string | undefined;
  readonly reason?: string | null | undefined;
}

/** Why a patch cannot be done. */
export interface RefusedPatch {
  readonly kind: 'refused';
  /** `INVALID_AMOUNT`: of the sale, whose currency has fewer decimals. */
  readonly code: 'INVALID_AMOUNT' | 'NO_EXCHANGE_RATE';
}

type Verdict =
  RefusedPatch | { readonly kind: 'unchanged' } | { readonly kind: 'changed'; readonly change: ConversionChange };

interface Circumstances {
  readonly campaign: Campaign;
  readonly settings: Settings;
  readonly now: number;
  /** `key:<id>`. */
  readonly by: string;
}

/**
 * An operator's decision: any status, whatever the code, which stays as the reason of what was recorded. What he touches
 * is final against postbacks. Approved, a conversion pays its would-be amounts, and counts for caps without being asked.
 */
export function decidePatch(before: Conversion, patch: ConversionPatch, circumstances: Circumstances): Verdict {
  const { campaign, settings, now, by } = circumstances;
  const priced = priceAnew(before, patch, settings);
  if ('kind' in priced) return priced;

  const { status = before.status, reason = before.reason } = patch;
  const decided = patch.status !== undefined || patch.sale_amount !== undefined || setsMoney(patch);
  const wanted: Conversion = {
    ...priced,
    ...amountsOf({ ...priced, status }),
    status,
    reason,
    locked: before.locked || decided,
    // Who says what the status is does not wait for it to change by itself.
    holdUntil: patch.status === undefined ? before.holdUntil : null,
  };
  if (isDeepStrictEqual(wanted, before)) return { kind: 'unchanged' };

  const uncounted = status === 'approved' && before.status !== 'approved' && before.countedIn.length === 0;
  const { countedIn, counters } = uncounted
    ? countApproval(campaign, settings.timeZone, wanted, now)
    : { countedIn: before.countedIn, counters: countChange(before, wanted, now) };
  const after = { ...wanted, countedIn, version: before.version + 1, updatedAt: now };
  const code =
    status !== before.status ? 'STATUS_CHANGED' : isDeepStrictEqual(priced, before) ? before.code : 'AMOUNT_CHANGED';
  return {
    kind: 'changed',
    change: { before, after, code, by, reason: patch.reason ?? null, keys: [], counters },
  };
}

/** The conversion with the amounts and terms that the patch gives it; it still pays what it paid. */
function priceAnew(before: Conversion, patch: ConversionPatch, settings: Settings): Conversion | RefusedPatch {
  const saleCurrency = before.saleCurrency ?? before.currency;
  const saleAmount = amountOf(patch.sale_amount, saleCurrency) ?? before.saleAmount;
  if (saleAmount === 'INVALID_AMOUNT') return { kind: 'refused', code: saleAmount };
  const sold =
    saleAmount === null || saleAmount === before.saleAmount ? {} : reprice(before, saleAmount, saleCurrency, settings);
  if (sold === null) return { kind: 'refused', code: 'NO_EXCHANGE_RATE' };
  const conversion = { ...before, ...sold };

  const unpriced = conversion.wouldBePayout === null;
  const terms = setsMoney(patch) ? operatorTerms(conversion, patch) : conversion.terms;
  if (terms === null || !(setsMoney(patch) || (unpriced && patch.status === 'approved'))) return conversion;
  // A price that there is keeps its rate; one that there is not takes that of now, once.
  const exchange =
    unpriced && needsExchange(terms) ? exchangeBetween(saleCurrency, conversion.currency, settings) : terms.exchange;
  if (exchange === undefined) return { kind: 'refused', code: 'NO_EXCHANGE_RATE' };
  const priced = { ...terms, exchange };
  const { payout, revenue } = price(priced, saleAmount);
  const rate = exchange === null ? null : exchangeRateText(exchange);
  return { ...conversion, terms: priced, rate, wouldBePayout: payout, wouldBeRevenue: revenue };
}

function amountOf(text: string | undefined, currency: string): Micros | 'INVALID_AMOUNT' | undefined {
  if (text === undefined) return undefined;
  return parseMoney(text, currencyDecimals(currency) ?? 2) ?? 'INVALID_AMOUNT';
}

function setsMoney({ payout, revenue }: ConversionPatch): boolean {
  return payout !== undefined || revenue !== undefined;
}

/** The terms with what the operator fixed. A share of the revenue stays one, of the revenue that he gave. */
function operatorTerms({ terms, currency, createdAt }: Conversion, { payout, revenue }: ConversionPatch): Terms {
  const fixed = (amount: string) => {
    const micros = parseMoney(amount, 6);
    if (micros === null) throw new TypeError('an amount that was not checked');
    return { model: 'fixed', amount: moneyText(micros, currency) } as const;
  };
  const fromOperator: AmountOrigin = { from: 'operator' };
  const origin = terms?.origin ?? {
    basis: 'conversion',
    since: createdAt,
    payout: terms === null ? fromOperator : { from: 'goal' },
    revenue: terms === null ? fromOperator : { from: 'goal' },
  };
  return {
    payout: payout === undefined ? (terms?.payout ?? { model: 'none' }) : fixed(payout),
    revenue: revenue === undefined ? (terms?.revenue ?? { model: 'none' }) : fixed(revenue),
    exchange: terms?.exchange ?? null,
    origin: {
      ...origin,
      ...(payout !== undefined && { payout: fromOperator }),
      ...(revenue !== undefined && { revenue: fromOperator }),
    },
  };
}

export type Changed = { readonly kind: 'done' | 'missing' } | RefusedPatch;

interface Operator {
  /** `key:<id>`. */
  readonly by: string;
  /** Throws unless he means this version. */
  readonly expect: (version: number) => void;
  /** Whether he has to mean it also where nothing is left to change: there it may be his own change that he repeats. */
  readonly strictly: boolean;
}

/**
 * Changes a conversion as an operator says. What would change nothing writes nothing, so a repeat after a lost answer
 * does no harm.
 *
 * @throws StorageUnavailable - it may have happened or not; a repeat finds out
 */
export async function changeConversion(
  id: string,
  patch: ConversionPatch,
  { by, expect, strictly }: Operator,
  deps: ChangeDeps,
): Promise<Changed> {
  return untilCommitted<Changed>(
    `conversion ${id}`,
    async () => {
      const before = await deps.store.conversion(id);
      if (before === null) return { outcome: { kind: 'missing' }, commit: null };
      const within = await contextOf(before, deps);
      const verdict = decidePatch(before, patch, { ...within, now: deps.now(), by });
      if (strictly || verdict.kind !== 'unchanged') expect(before.version);
      if (verdict.kind === 'refused') return { outcome: verdict, commit: null };
      const commit = verdict.kind === 'unchanged' ? null : () => commitChange(verdict.change, within, deps);
      return { outcome: { kind: 'done' }, commit };
    },
    deps,
  );
}

async function contextOf(
  { campaignId }: Conversion,
  { catalog }: ChangeDeps,
): Promise<Pick<Circumstances, 'campaign' | 'settings'>> {
  const [campaign, settings] = await Promise.all([catalog.campaign(campaignId), catalog.settings()]);
  if (campaign === null) throw new Error(`campaign ${campaignId} has conversions and is not stored`);
  return { campaign, settings };
}
