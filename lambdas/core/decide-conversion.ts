import { countChange, NO_ROOM_NEEDED, takeRoom } from './conversion-counters.ts';
import type { Conversion, LedgerRow, Terms } from './conversion.ts';
import type { CounterUpdate, StoredCounter } from './counters.ts';
import { deliveryValues } from './delivery-values.ts';
import type { Delivery } from './delivery.ts';
import type { Campaign, ConversionStatus, Goal, Postback, Settings } from './entities.ts';
import { matchPostbacks } from './match-postbacks.ts';
import { subtractMicros, ZERO } from './money.ts';
import type { Micros } from './money.ts';
import { planDeliveries } from './plan-deliveries.ts';
import type { ConversionWrite, KeyChange } from './ports.ts';
import type { PostbackRequest } from './postback-request.ts';
import { exchangeBetween, exchangeRateText, needsAmount, price } from './pricing.ts';
import type { ConversionCode } from './reasons.ts';

/** The last lines of the contract's table of codes, without a read: from what is known to what is written. */
export interface Ruling {
  readonly code: ConversionCode;
  readonly message?: string;
  readonly warnings: readonly string[];
  /** As it will be, or as it is if nothing is written. */
  readonly conversion: Conversion | null;
  readonly write: ConversionWrite | null;
}

/** What every decision needs to know. */
export interface Scene {
  readonly request: PostbackRequest;
  readonly campaign: Campaign;
  readonly settings: Settings;
  /** Active ones of the publisher and of all publishers. */
  readonly postbacks: readonly Postback[];
  /** Parsed with the decimals of `saleCurrency`. */
  readonly saleAmount: Micros | null;
  /** The request's, or the campaign's. */
  readonly saleCurrency: string;
  readonly now: number;
  /** For the history: `sender:<id>`. */
  readonly by: string;
}

/** Whom a call is about: a click, or an earlier conversion of it. */
export interface Subject {
  readonly clickId: string;
  /** Milliseconds. */
  readonly clickAt: number;
  readonly campaignId: string;
  readonly publisherId: string;
  readonly advertiserId: string;
}

interface NewConversion {
  readonly id: string;
  readonly subject: Subject;
  /** Macro values of the click. */
  readonly clickValues: Readonly<Record<string, string>>;
  readonly receivedAt: number;
  /** Null: a goal that the campaign does not know and only records. */
  readonly goal: Goal | null;
  readonly goalId: string;
  /** Its rejection came before it. */
  readonly remembered: boolean;
  readonly keys: readonly KeyChange[];
  /** Counters that had no room for it a moment ago. */
  readonly full: readonly StoredCounter[];
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Lines 11 to 13 (and 7, for a goal that is only recorded), where no conversion with the key exists. */
export function decideNew(scene: Scene, input: NewConversion): Ruling {
  const { request, campaign, settings, saleAmount, saleCurrency } = scene;
  const { goal, subject, receivedAt } = input;
  if (goal !== null && needsAmount(goal) && saleAmount === null) return refuse('MISSING_AMOUNT', request);

  const exchange =
    goal !== null && needsAmount(goal) ? exchangeBetween(saleCurrency, campaign.currency, settings) : null;
  const terms: Terms | null = goal && { payout: goal.payout, revenue: goal.revenue, exchange: exchange ?? null };
  const wouldBe = terms === null || exchange === undefined ? null : price(terms, saleAmount);
  const expired = receivedAt - subject.clickAt > campaign.attributionWindowDays * DAY_MS;
  const wanted = input.remembered ? 'rejected' : (request.status ?? goal?.defaultStatus ?? 'pending');
  const unlimited = codeOf(goal, expired, exchange);
  const received = { publisherId: subject.publisherId, goal: input.goalId, createdAt: receivedAt };
  const { over, countedIn, counters } =
    unlimited === 'OK' && wanted !== 'rejected' && wouldBe !== null
      ? takeRoom(campaign, settings.timeZone, received, wouldBe, input.full, scene.now)
      : NO_ROOM_NEEDED;
  const code = over === null ? unlimited : 'OVER_CAP';
  const status = over === 'pending' ? 'pending' : statusOf(code, wanted);
  const paid = code === 'OK' && status !== 'rejected' ? wouldBe : null;

  const { gaid, idfa, ...values } = request.values;
  const conversion: Conversion = {
    id: input.id,
    version: 1,
    ...subject,
    goal: input.goalId,
    status,
    code,
    reason: null,
    test: false,
    txnId: request.txnId,
    saleAmount,
    terms,
    currency: campaign.currency,
    saleCurrency: saleAmount === null ? request.currency : saleCurrency,
    rate: exchange === null || exchange === undefined ? null : exchangeRateText(exchange),
    payout: paid?.payout ?? ZERO,
    revenue: paid?.revenue ?? ZERO,
    wouldBePayout: wouldBe?.payout ?? null,
    wouldBeRevenue: wouldBe?.revenue ?? null,
    // The click knows its device better than a call about it.
    values: {
      ...(gaid !== undefined && { gaid }),
      ...(idfa !== undefined && { idfa }),
      ...input.clickValues,
      ...values,
    },
    createdAt: receivedAt,
    updatedAt: scene.now,
    locked: false,
    countedIn,
    cap: null,
    holdUntil: null,
    reportedBy: 'sender',
    deliveries: 0,
  };
  const { keys } = input;
  return settle(scene, { before: null, after: conversion, code, keys, counters, deliveries: [], warnings: [] });
}

function codeOf(goal: Goal | null, expired: boolean, exchange: Terms['exchange'] | undefined): ConversionCode {
  if (goal === null) return 'UNKNOWN_GOAL';
  if (expired) return 'CLICK_EXPIRED';
  return exchange === undefined ? 'NO_EXCHANGE_RATE' : 'OK';
}

function statusOf(code: ConversionCode, wanted: ConversionStatus): ConversionStatus {
  if (code === 'OK' || wanted === 'rejected') return wanted;
  return code === 'NO_EXCHANGE_RATE' ? 'pending' : 'rejected';
}

interface ExistingConversion {
  readonly conversion: Conversion;
  readonly deliveries: readonly Delivery[];
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
      return { code: 'DUPLICATE_CONVERSION', warnings: withWarnings(request, warnings), conversion, write: null };
    }
  }

  const { saleAmount, saleCurrency, rate, terms, wouldBePayout, wouldBeRevenue } = { ...conversion, ...amount };
  const next = status ?? conversion.status;
  const pays = next !== 'rejected' && conversion.code === 'OK';
  const after: Conversion = {
    ...conversion,
    version: conversion.version + 1,
    updatedAt: scene.now,
    status: next,
    saleAmount,
    saleCurrency,
    rate,
    terms,
    wouldBePayout,
    wouldBeRevenue,
    txnId: adoption === null ? conversion.txnId : request.txnId,
    payout: pays ? (wouldBePayout ?? ZERO) : ZERO,
    revenue: pays ? (wouldBeRevenue ?? ZERO) : ZERO,
  };
  const code = status !== null ? 'STATUS_CHANGED' : amount !== null ? 'AMOUNT_CHANGED' : 'DUPLICATE_CONVERSION';
  const { deliveries } = input;
  const counters = countChange(conversion, after, scene.now);
  return settle(scene, { before: conversion, after, code, keys: adoption ?? [], counters, deliveries, warnings });
}

/** Whether a call may change the status; the deliveries are needed only then. */
export function wantsStatus(request: PostbackRequest, conversion: Conversion, remembered: boolean): boolean {
  const status = remembered ? 'rejected' : request.status;
  return status !== null && status !== conversion.status;
}

/** The status to change to, or null; says why if a postback may not do what it asks for. */
function wantedStatus(scene: Scene, input: ExistingConversion, warnings: string[]): ConversionStatus | null {
  const { conversion, remembered } = input;
  if (!wantsStatus(scene.request, conversion, remembered)) return null;
  const status = remembered ? 'rejected' : scene.request.status;
  if (conversion.locked) warnings.push('the status was not changed: an operator decided it');
  else if (conversion.status === 'rejected') warnings.push('the status was not changed: rejected is final');
  else if (status === 'pending')
    warnings.push('the status was not changed: approved conversions do not go back to pending');
  else if (status === 'approved' && conversion.code !== 'OK') {
    warnings.push('the status was not changed: only an operator approves this conversion');
  } else return status;
  return null;
}

type AmountChange = Pick<
  Conversion,
  'saleAmount' | 'saleCurrency' | 'rate' | 'terms' | 'wouldBePayout' | 'wouldBeRevenue'
>;

/** The amount to change to with its price by the conversion's own terms, or null. */
function wantedAmount(scene: Scene, conversion: Conversion, warnings: string[]): AmountChange | null {
  const { request, saleAmount, saleCurrency, settings } = scene;
  if (request.action === 'add' || saleAmount === null) return null;
  if (saleAmount === conversion.saleAmount && saleCurrency === conversion.saleCurrency) return null;
  const refused = (why: string) => {
    warnings.push(`the amount was not changed: ${why}`);
    return null;
  };
  if (conversion.locked) return refused('an operator decided it');
  if (conversion.status === 'rejected') return refused('rejected is final');
  const { terms } = conversion;
  if (terms === null) return refused('the conversion is not paid');
  if (!needsAmount(terms)) {
    const { rate, wouldBePayout, wouldBeRevenue } = conversion;
    return { saleAmount, saleCurrency, rate, terms, wouldBePayout, wouldBeRevenue };
  }
  // A conversion without a price gets its only one from the operator who approves it.
  if (conversion.wouldBePayout === null) {
    return { saleAmount, saleCurrency, rate: null, terms, wouldBePayout: null, wouldBeRevenue: null };
  }
  const exchange =
    saleCurrency === conversion.saleCurrency
      ? terms.exchange
      : exchangeBetween(saleCurrency, conversion.currency, settings);
  if (exchange === undefined) return refused('the network has no exchange rate');
  const repriced = { ...terms, exchange };
  const { payout, revenue } = price(repriced, saleAmount);
  return {
    saleAmount,
    saleCurrency,
    terms: repriced,
    wouldBePayout: payout,
    wouldBeRevenue: revenue,
    rate: exchange === null ? null : exchangeRateText(exchange),
  };
}

/** Same key, other click, amount or currency. What is missing on either side never conflicts. */
function conflicts({ request, saleAmount, saleCurrency }: Scene, { conversion, clickId }: ExistingConversion): boolean {
  if (clickId !== null && clickId !== conversion.clickId) return true;
  if (saleAmount !== null && conversion.saleAmount !== null) {
    return saleAmount !== conversion.saleAmount || saleCurrency !== conversion.saleCurrency;
  }
  return request.currency !== null && conversion.saleCurrency !== null && request.currency !== conversion.saleCurrency;
}

interface Settlement {
  readonly before: Conversion | null;
  readonly after: Conversion;
  readonly code: ConversionCode;
  readonly keys: readonly KeyChange[];
  readonly counters: readonly CounterUpdate[];
  readonly deliveries: readonly Delivery[];
  readonly warnings: readonly string[];
}

/** Everything that one change writes, in one transaction: history, the difference of approved money, deliveries. */
function settle(scene: Scene, { before, after, code, keys, counters, deliveries, warnings }: Settlement): Ruling {
  const announced = before?.status === after.status ? [] : matchPostbacks(scene.postbacks, after);
  const changes =
    before?.status === after.status
      ? []
      : planDeliveries(
          after,
          deliveries,
          announced,
          (event) => deliveryValues(after, scene.campaign, scene.settings, event),
          scene.now,
        );
  const conversion = { ...after, deliveries: (before?.deliveries ?? 0) + announced.length };
  const { id: conversionId, version: number, status } = conversion;
  return {
    code,
    conversion,
    warnings: withWarnings(scene.request, warnings),
    write: {
      keys,
      conversion,
      expectedVersion: before?.version ?? null,
      counters,
      deliveries: changes,
      history: { conversionId, number, at: scene.now, status, code, by: scene.by, reason: null },
      ledger: ledgerRow(before, conversion, code, scene.now),
    },
  };
}

/** The difference of approved money, or null if there is none. */
function ledgerRow(before: Conversion | null, after: Conversion, code: ConversionCode, at: number): LedgerRow | null {
  const approved = (conversion: Conversion | null, field: 'payout' | 'revenue') =>
    conversion?.status === 'approved' ? conversion[field] : ZERO;
  const payout = subtractMicros(approved(after, 'payout'), approved(before, 'payout'));
  const revenue = subtractMicros(approved(after, 'revenue'), approved(before, 'revenue'));
  if (payout === ZERO && revenue === ZERO) return null;
  return { conversionId: after.id, number: after.version, at, payout, revenue, currency: after.currency, code };
}

/** A ruling that leaves nothing behind but its hit. */
export function refuse(code: ConversionCode, request: Pick<PostbackRequest, 'warnings'>, message?: string): Ruling {
  return { code, warnings: request.warnings, conversion: null, write: null, ...(message !== undefined && { message }) };
}

function withWarnings(request: PostbackRequest, warnings: readonly string[]): readonly string[] {
  return [...request.warnings, ...warnings];
}
