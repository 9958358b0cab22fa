import { countChange } from './conversion-counters.ts';
import type { Conversion, ReportedAmount, Terms } from './conversion.ts';
import type { PayoutModel, RevenueModel } from './entities.ts';
import { defaultStanding } from './hold.ts';
import type { Standing } from './hold.ts';
import type { KeyChange } from './ports.ts';
import type { PostbackRequest } from './postback-request.ts';
import { amountsOf, reprice } from './reprice.ts';
import type { Repriced } from './reprice.ts';
import { refuse } from './ruling.ts';
import type { Ruling, Scene } from './ruling.ts';

/** Deliveries have numbers of four digits; beyond this those that are left are for changes of the status. */
export const MAX_DELIVERIES_OF_AMOUNTS = 9_000;

interface ExistingConversion {
  readonly conversion: Conversion;
  /** The verified click id of the call, if it has one. */
  readonly clickId: string | null;
  /** The call names no transaction and the click and goal have several conversions. */
  readonly ambiguous: boolean;
  /** Its rejection came before it got its transaction id. */
  readonly remembered: boolean;
  /** What gives the conversion the call's `txn_id`; null: it has one, or the call has none. */
  readonly adoption: readonly KeyChange[] | null;
}

/** Lines 8 to 10, where a conversion with the key exists. */
export function decideExisting(scene: Scene, input: ExistingConversion): Ruling {
  const { request, reportedBy } = scene;
  const { conversion, adoption } = input;
  const warnings: string[] = [];
  const standing = wantedStanding(scene, input, warnings);
  const amount = wantedAmount(scene, input, warnings);

  if (input.ambiguous && (request.action !== 'add' || request.status !== null)) {
    return { ...refuse('CONFLICTING_CONVERSION', request), message: 'Several conversions match; txn_id is missing' };
  }
  if (request.action === 'add' && !input.ambiguous && conflicts(scene, input)) {
    return { ...refuse('CONFLICTING_CONVERSION', request), conversion };
  }
  if (standing === null && amount === null) {
    if (warnings.length === 0 && (request.status !== null || request.action !== 'add'))
      warnings.push('nothing changed');
    if (adoption === null) {
      return { code: 'DUPLICATE_CONVERSION', warnings: withWarnings(request, warnings), conversion, change: null };
    }
  }

  const changed = { ...conversion, ...amount, ...standing };
  const after: Conversion = {
    ...changed,
    ...amountsOf(changed),
    version: conversion.version + 1,
    updatedAt: scene.now,
    txnId: adoption === null ? conversion.txnId : request.txnId,
    reportedBy: reportedBy === 'sender' ? reportedBy : conversion.reportedBy,
  };
  const code =
    after.status !== conversion.status ? 'STATUS_CHANGED' : amount !== null ? 'AMOUNT_CHANGED' : 'DUPLICATE_CONVERSION';
  const counters = countChange(conversion, after, scene.now);
  const { by } = scene;
  const change = { before: conversion, after, code, by, reason: null, keys: adoption ?? [], counters } as const;
  return { code, warnings: withWarnings(request, warnings), conversion: after, change };
}

/** A pixel proves nothing: the first transaction that a sender reports takes the place of what the pixel said. */
function replacesPixel({ reportedBy }: Scene, { conversion, adoption }: ExistingConversion): boolean {
  return adoption !== null && conversion.reportedBy === 'pixel' && reportedBy === 'sender';
}

/** The status to change to, or null; says why if a postback may not do what it asks for. */
function wantedStanding(scene: Scene, input: ExistingConversion, warnings: string[]): Standing | null {
  const { conversion, remembered } = input;
  const { goal, now } = scene;
  const replaces = replacesPixel(scene, input);
  const asked = remembered ? 'rejected' : scene.request.status;
  const byDefault = replaces && goal !== null ? defaultStanding(goal, 'sender', conversion.createdAt, now) : null;
  // A change of the status ends the hold.
  const wanted = asked === null ? byDefault : { status: asked, holdUntil: null };
  if (wanted === null) return null;
  const { status, holdUntil } = wanted;
  if (status === conversion.status && (!replaces || holdUntil === conversion.holdUntil)) return null;

  const refused = (why: string) => {
    if (asked !== null) warnings.push(`the status was not changed: ${why}`);
    return null;
  };
  if (conversion.locked) return refused('an operator decided it');
  if (conversion.status === 'rejected') return refused('rejected is final');
  if (status === 'pending' && conversion.status === 'approved' && !replaces) {
    return refused('approved conversions do not go back to pending');
  }
  if (conversion.code !== 'OK' && (status === 'approved' || holdUntil !== null)) {
    return refused('only an operator approves this conversion');
  }
  return wanted;
}

/** The amounts to change to with their price, or null; says why if a postback may not do what it asks for. */
function wantedAmount(scene: Scene, input: ExistingConversion, warnings: string[]): Repriced | null {
  const { request, saleCurrency, settings } = scene;
  const { conversion } = input;
  if (request.action === 'add' && !replacesPixel(scene, input)) return null;
  const amounts = compareAmounts(scene, conversion);
  const otherCurrency = saleCurrency !== conversion.saleCurrency;
  if (!amounts.some(({ given, known }) => given !== null && (given !== known || otherCurrency))) return null;

  const refused = (why: string) => {
    warnings.push(`the amount was not changed: ${why}`);
    return null;
  };
  if (conversion.locked) return refused('an operator decided it');
  if (conversion.status === 'rejected') return refused('rejected is final');
  if (conversion.terms === null) return refused('the conversion is not paid');
  if (conversion.deliveries >= MAX_DELIVERIES_OF_AMOUNTS) return refused('it was changed too often');
  if (otherCurrency && amounts.some(({ given, known }) => given === null && known !== null)) {
    return refused('an amount is missing in the other currency');
  }
  const terms = withReported(conversion.terms, scene);
  const saleAmount = scene.saleAmount ?? conversion.saleAmount;
  return (
    reprice({ ...conversion, terms }, saleAmount, saleCurrency, settings) ?? refused('the network has no exchange rate')
  );
}

/** Same key, other click, amount or currency. What is missing on either side never conflicts. */
function conflicts(scene: Scene, input: ExistingConversion): boolean {
  const { conversion, clickId } = input;
  if (clickId !== null && conversion.clickId !== null && clickId !== conversion.clickId) return true;
  if (replacesPixel(scene, input)) return false;
  const both = compareAmounts(scene, conversion).filter(({ given, known }) => given !== null && known !== null);
  if (both.some(({ given, known }) => given !== known)) return true;
  const currency = both.length > 0 ? scene.saleCurrency : scene.request.currency;
  return currency !== null && conversion.saleCurrency !== null && currency !== conversion.saleCurrency;
}

/** Each amount that is in the sale's currency, as the call gives it and as it is known. */
function compareAmounts({ saleAmount, reported }: Scene, conversion: Conversion) {
  const { terms } = conversion;
  return [
    { given: saleAmount, known: conversion.saleAmount },
    { given: reported.payout, known: reportedAmount(terms?.payout) },
    { given: reported.revenue, known: reportedAmount(terms?.revenue) },
  ] as const;
}

function reportedAmount(model: PayoutModel | RevenueModel | ReportedAmount | undefined): string | null {
  return model?.model === 'reported' ? model.amount : null;
}

function withReported(terms: Terms, { reported }: Scene): Terms {
  const { payout, revenue } = reported;
  const fromCall = {
    ...(payout !== null && { payout: { model: 'reported', amount: payout } as const }),
    ...(revenue !== null && { revenue: { model: 'reported', amount: revenue } as const }),
  };
  if (terms.origin === undefined) return { ...terms, ...fromCall };
  const { payout: ofPayout, revenue: ofRevenue } = terms.origin;
  const origin = {
    ...terms.origin,
    payout: payout === null ? ofPayout : ({ from: 'call' } as const),
    revenue: revenue === null ? ofRevenue : ({ from: 'call' } as const),
  };
  return { ...terms, ...fromCall, origin };
}

function withWarnings(request: PostbackRequest, warnings: readonly string[]): readonly string[] {
  return [...request.warnings, ...warnings];
}
