import { commitChange, untilCommitted } from './commit-change.ts';
import type { ChangeDeps } from './commit-change.ts';
import type { ConversionChange } from './conversion-change.ts';
import { countApproval, countChange } from './conversion-counters.ts';
import type { AmountOrigin, Conversion, Terms } from './conversion.ts';
import { currencyDecimals } from './currency.ts';
import { moneyText } from './delivery-values.ts';
import type { ConversionStatus, Settings } from './entities.ts';
import { parseMoney } from './money.ts';
import { readPlace } from './place.ts';
import type { Place } from './place.ts';
import { exchangeBetween, needsExchange } from './pricing.ts';
import { amountsOf, pricedBy, reprice } from './reprice.ts';

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

/** What becomes of a patch. */
export type Verdict =
  RefusedPatch | { readonly kind: 'unchanged' } | { readonly kind: 'changed'; readonly change: ConversionChange };

interface Circumstances extends Place {
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

  const { status = before.status } = patch;
  // Publishers may be told the reason: that of another status would be a lie.
  const reason = patch.reason !== undefined ? patch.reason : status === before.status ? before.reason : null;
  const decides = [patch.status, patch.sale_amount, patch.payout, patch.revenue].some((given) => given !== undefined);
  const locked = before.locked || decides;
  // Who says what the status is does not wait for it to change by itself.
  const holdUntil = patch.status === undefined ? before.holdUntil : null;
  if (
    priced === before &&
    status === before.status &&
    reason === before.reason &&
    locked === before.locked &&
    holdUntil === before.holdUntil
  ) {
    return { kind: 'unchanged' };
  }

  const wanted: Conversion = { ...priced, ...amountsOf({ ...priced, status }), status, reason, locked, holdUntil };
  const approves = status === 'approved' && before.status !== 'approved';
  const uncounted = approves && before.countedIn.length === 0 && !before.test;
  const { countedIn, counters } = uncounted
    ? countApproval(campaign, settings.timeZone, wanted, now)
    : { countedIn: before.countedIn, counters: countChange(before, wanted, now) };
  const after = { ...wanted, countedIn, version: before.version + 1, updatedAt: now };
  const code = status !== before.status ? 'STATUS_CHANGED' : priced !== before ? 'AMOUNT_CHANGED' : before.code;
  return { kind: 'changed', change: { before, after, code, by, reason: patch.reason ?? null, keys: [], counters } };
}

/** The conversion with the amounts and terms that the patch gives it, or itself; it still pays what it paid. */
function priceAnew(before: Conversion, patch: ConversionPatch, settings: Settings): Conversion | RefusedPatch {
  const saleCurrency = before.saleCurrency ?? before.currency;
  const saleAmount =
    patch.sale_amount === undefined
      ? before.saleAmount
      : parseMoney(patch.sale_amount, currencyDecimals(saleCurrency) ?? 2);
  if (saleAmount === null && patch.sale_amount !== undefined) return { kind: 'refused', code: 'INVALID_AMOUNT' };
  const sold = saleAmount === before.saleAmount ? before : reprice(before, saleAmount, saleCurrency, settings);
  if (sold === null) return { kind: 'refused', code: 'NO_EXCHANGE_RATE' };
  const conversion = sold === before ? before : { ...before, ...sold };

  const terms = operatorTerms(conversion, patch);
  const unpriced = conversion.wouldBePayout === null;
  const isFinal = terms === conversion.terms && !(unpriced && patch.status === 'approved');
  if (terms === null || isFinal) return conversion;
  // A price that there is keeps its rate; one that there is not takes that of now, once.
  const exchange =
    unpriced && needsExchange(terms) ? exchangeBetween(saleCurrency, conversion.currency, settings) : terms.exchange;
  if (exchange === undefined) return { kind: 'refused', code: 'NO_EXCHANGE_RATE' };
  return { ...conversion, ...pricedBy({ ...terms, exchange }, saleAmount) };
}

/**
 * The terms with what the operator fixes, or themselves if he fixed it before. A share of the revenue stays one, of the
 * revenue that he gives.
 */
function operatorTerms({ terms, currency, createdAt }: Conversion, patch: ConversionPatch): Terms | null {
  const payout = fixedAmount(patch.payout, currency);
  const revenue = fixedAmount(patch.revenue, currency);
  const stands = (field: 'payout' | 'revenue', given: FixedAmount | null) =>
    given === null || (terms?.origin?.[field].from === 'operator' && isSame(terms[field], given));
  if (stands('payout', payout) && stands('revenue', revenue)) return terms;

  const { origin = { basis: 'conversion', since: createdAt, payout: FROM_GOAL, revenue: FROM_GOAL } } = terms ?? {};
  return {
    payout: payout ?? terms?.payout ?? { model: 'none' },
    revenue: revenue ?? terms?.revenue ?? { model: 'none' },
    exchange: terms?.exchange ?? null,
    origin: {
      ...origin,
      payout: payout === null && terms !== null ? origin.payout : FROM_OPERATOR,
      revenue: revenue === null && terms !== null ? origin.revenue : FROM_OPERATOR,
    },
  };
}

const FROM_GOAL: AmountOrigin = { from: 'goal' };
const FROM_OPERATOR: AmountOrigin = { from: 'operator' };

interface FixedAmount {
  readonly model: 'fixed';
  readonly amount: string;
}

/** In one spelling, so that the same amount is the same terms. */
function fixedAmount(text: string | undefined, currency: string): FixedAmount | null {
  if (text === undefined) return null;
  const micros = parseMoney(text, 6);
  if (micros === null) throw new TypeError('an amount that was not checked');
  return { model: 'fixed', amount: moneyText(micros, currency) };
}

function isSame(model: Terms['payout'], { amount }: FixedAmount): boolean {
  return model.model === 'fixed' && model.amount === amount;
}

type Changed = { readonly kind: 'done' | 'missing' } | RefusedPatch;

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
  const isMeant = ({ version }: Conversion, { kind }: Verdict) => {
    if (strictly || kind !== 'unchanged') expect(version);
    return true;
  };
  const patched = await patchConversion(id, patch, { by, isMeant, dryRun: false }, deps);
  if (patched === null) return { kind: 'missing' };
  return patched.verdict.kind === 'refused' ? patched.verdict : { kind: 'done' };
}

interface Patched {
  /** As it was when it was decided upon. */
  readonly before: Conversion;
  readonly verdict: Verdict;
}

interface Patching {
  /** `key:<id>`. */
  readonly by: string;
  /** Asked of the conversion as it is at that moment, before anything is written; may throw instead. */
  readonly isMeant: (before: Conversion, verdict: Verdict) => boolean | Promise<boolean>;
  /** Decides, and writes nothing. */
  readonly dryRun: boolean;
}

/** As {@link changeConversion}, with what was decided; null: there is no such conversion, or it is not meant. */
export async function patchConversion(
  id: string,
  patch: ConversionPatch,
  { by, isMeant, dryRun }: Patching,
  deps: ChangeDeps,
): Promise<Patched | null> {
  return untilCommitted<Patched | null>(
    `conversion ${id}`,
    async () => {
      const before = await deps.store.conversion(id);
      if (before === null) return { outcome: null, commit: null };
      const within = await readPlace(before.campaignId, deps.catalog);
      const verdict = decidePatch(before, patch, { ...within, now: deps.now(), by });
      if (!(await isMeant(before, verdict))) return { outcome: null, commit: null };
      const writes = verdict.kind === 'changed' && !dryRun;
      return { outcome: { before, verdict }, commit: writes ? () => commitChange(verdict.change, within, deps) : null };
    },
    deps,
  );
}
