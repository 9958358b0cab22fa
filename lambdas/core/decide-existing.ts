import { countChange } from './conversion-counters.ts';
import type { Conversion } from './conversion.ts';
import type { ConversionStatus } from './entities.ts';
import type { KeyChange } from './ports.ts';
import type { PostbackRequest } from './postback-request.ts';
import { amountsOf, reprice } from './reprice.ts';
import type { Repriced } from './reprice.ts';
import { refuse } from './ruling.ts';
import type { Ruling, Scene } from './ruling.ts';

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
  const { request } = scene;
  const { conversion, adoption } = input;
  const warnings: string[] = [];
  const status = wantedStatus(scene, input, warnings);
  const amount = wantedAmount(scene, conversion, warnings);
  const changes = request.action !== 'add' || status !== null;

  if (input.ambiguous && changes) {
    return { ...refuse('CONFLICTING_CONVERSION', request), message: 'Several conversions match; txn_id is missing' };
  }
  if (request.action === 'add' && !input.ambiguous && conflicts(scene, input)) {
    return { ...refuse('CONFLICTING_CONVERSION', request), conversion };
  }
  if (status === null && amount === null) {
    if (warnings.length === 0 && (request.status !== null || request.action !== 'add'))
      warnings.push('nothing changed');
    if (adoption === null) {
      return { code: 'DUPLICATE_CONVERSION', warnings: withWarnings(request, warnings), conversion, change: null };
    }
  }

  const changed = { ...conversion, ...amount, status: status ?? conversion.status };
  const after: Conversion = {
    ...changed,
    ...amountsOf(changed),
    version: conversion.version + 1,
    updatedAt: scene.now,
    txnId: adoption === null ? conversion.txnId : request.txnId,
  };
  const code = status !== null ? 'STATUS_CHANGED' : amount !== null ? 'AMOUNT_CHANGED' : 'DUPLICATE_CONVERSION';
  const counters = countChange(conversion, after, scene.now);
  const { by } = scene;
  const change = { before: conversion, after, code, by, reason: null, keys: adoption ?? [], counters } as const;
  return { code, warnings: withWarnings(request, warnings), conversion: after, change };
}

/** The status to change to, or null; says why if a postback may not do what it asks for. */
function wantedStatus(scene: Scene, input: ExistingConversion, warnings: string[]): ConversionStatus | null {
  const { conversion, remembered } = input;
  const status = remembered ? 'rejected' : scene.request.status;
  if (status === null || status === conversion.status) return null;
  if (conversion.locked) warnings.push('the status was not changed: an operator decided it');
  else if (conversion.status === 'rejected') warnings.push('the status was not changed: rejected is final');
  else if (status === 'pending')
    warnings.push('the status was not changed: approved conversions do not go back to pending');
  else if (status === 'approved' && conversion.code !== 'OK') {
    warnings.push('the status was not changed: only an operator approves this conversion');
  } else return status;
  return null;
}

/** The amount to change to with its price, or null; says why if a postback may not do what it asks for. */
function wantedAmount(scene: Scene, conversion: Conversion, warnings: string[]): Repriced | null {
  const { request, saleAmount, saleCurrency, settings } = scene;
  if (request.action === 'add' || saleAmount === null) return null;
  if (saleAmount === conversion.saleAmount && saleCurrency === conversion.saleCurrency) return null;
  const refused = (why: string) => {
    warnings.push(`the amount was not changed: ${why}`);
    return null;
  };
  if (conversion.locked) return refused('an operator decided it');
  if (conversion.status === 'rejected') return refused('rejected is final');
  if (conversion.terms === null) return refused('the conversion is not paid');
  return reprice(conversion, saleAmount, saleCurrency, settings) ?? refused('the network has no exchange rate');
}

/** Same key, other click, amount or currency. What is missing on either side never conflicts. */
function conflicts({ request, saleAmount, saleCurrency }: Scene, { conversion, clickId }: ExistingConversion): boolean {
  if (clickId !== null && clickId !== conversion.clickId) return true;
  if (saleAmount !== null && conversion.saleAmount !== null) {
    return saleAmount !== conversion.saleAmount || saleCurrency !== conversion.saleCurrency;
  }
  return request.currency !== null && conversion.saleCurrency !== null && request.currency !== conversion.saleCurrency;
}

function withWarnings(request: PostbackRequest, warnings: readonly string[]): readonly string[] {
  return [...request.warnings, ...warnings];
}
