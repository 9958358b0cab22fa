import { chooseTerms } from './choose-terms.ts';
import type { TermsInForce } from './choose-terms.ts';
import { NO_ROOM_NEEDED, takeRoom } from './conversion-counters.ts';
import type { Conversion, Terms } from './conversion.ts';
import type { StoredCounter } from './counters.ts';
import type { ConversionStatus } from './entities.ts';
import { defaultStanding } from './hold.ts';
import type { Standing } from './hold.ts';
import { DAY_MS } from './periods.ts';
import type { KeyChange } from './ports.ts';
import { exchangeBetween, exchangeRateText, needsAmount, needsExchange, price } from './pricing.ts';
import type { ConversionCode } from './reasons.ts';
import { amountsOf } from './reprice.ts';
import { refuse } from './ruling.ts';
import type { Ruling, Scene, Subject } from './ruling.ts';

interface NewConversion {
  readonly id: string;
  readonly subject: Subject;
  /** Macro values of the click, or of whose the conversion is. */
  readonly clickValues: Readonly<Record<string, string>>;
  readonly receivedAt: number;
  readonly goalId: string;
  readonly termsInForce: TermsInForce;
  /** Its rejection came before it. */
  readonly remembered: boolean;
  readonly keys: readonly KeyChange[];
  /** Counters that had no room for it a moment ago. */
  readonly full: readonly StoredCounter[];
}

/** Lines 7 and 11 to 13, where no conversion with the key exists. */
export function decideNew(scene: Scene, input: NewConversion): Ruling {
  const { request, campaign, settings, saleAmount, saleCurrency, now } = scene;
  const { subject, receivedAt } = input;
  if (scene.goal === null && campaign.unknownGoal === 'reject') return refuse('UNKNOWN_GOAL', request);
  const chosen = chosenTerms(scene, input);
  if (chosen !== null && needsAmount(chosen) && saleAmount === null) return refuse('MISSING_AMOUNT', request);

  const exchange =
    chosen !== null && needsExchange(chosen) ? exchangeBetween(saleCurrency, campaign.currency, settings) : null;
  const terms: Terms | null = chosen && { ...chosen, exchange: exchange ?? null };
  const wouldBe = terms === null || exchange === undefined ? null : price(terms, saleAmount);
  const unlimited = codeOf(scene, input, exchange);
  const wanted = wantedStanding(scene, input);
  const received = { publisherId: subject.publisherId, goal: input.goalId, createdAt: receivedAt };
  const { reached, countedIn, counters } =
    unlimited === 'OK' && wanted.status !== 'rejected' && wouldBe !== null
      ? takeRoom(campaign, settings.timeZone, received, wouldBe, input.full, now)
      : NO_ROOM_NEEDED;
  const code = reached === null ? unlimited : 'OVER_CAP';
  const standing: Standing =
    code === 'OK' ? wanted : { status: unpaidStatus(code, reached?.onReached, wanted), holdUntil: null };
  const worth = { wouldBePayout: wouldBe?.payout ?? null, wouldBeRevenue: wouldBe?.revenue ?? null };

  const { gaid, idfa, ...values } = request.values;
  const conversion: Conversion = {
    id: input.id,
    version: 1,
    ...subject,
    goal: input.goalId,
    ...standing,
    code,
    reason: null,
    test: false,
    txnId: request.txnId,
    saleAmount,
    terms,
    currency: campaign.currency,
    // Without an amount in it nobody knows what the sale's currency is, unless the call says it.
    saleCurrency: saleAmount === null && !(chosen !== null && needsExchange(chosen)) ? request.currency : saleCurrency,
    rate: exchange === null || exchange === undefined ? null : exchangeRateText(exchange),
    ...worth,
    ...amountsOf({ status: standing.status, code, ...worth }),
    // The click knows its device better than a call about it.
    values: {
      ...(gaid !== undefined && { gaid }),
      ...(idfa !== undefined && { idfa }),
      ...input.clickValues,
      ...values,
    },
    createdAt: receivedAt,
    updatedAt: now,
    locked: false,
    countedIn,
    cap: reached,
    reportedBy: scene.reportedBy,
    deliveries: 0,
  };
  const { keys } = input;
  const change = { before: null, after: conversion, code, by: scene.by, reason: null, keys, counters };
  return { code, warnings: request.warnings, conversion, change };
}

/** Null: a goal that is only recorded is not paid. */
function chosenTerms(
  { goal, reported }: Scene,
  { subject, clickValues, termsInForce }: NewConversion,
): Omit<Terms, 'exchange'> | null {
  if (goal === null) return null;
  const known = (name: string) => clickValues[name] ?? null;
  const of = {
    publisherId: subject.publisherId,
    country: known('country'),
    os: known('os'),
    source: known('source'),
  };
  return chooseTerms(goal, termsInForce, of, reported);
}

/** What the conversion is to be if nothing speaks against paying for it. */
function wantedStanding({ request, goal, reportedBy, now }: Scene, input: NewConversion): Standing {
  const status = input.remembered ? 'rejected' : request.status;
  if (status !== null) return { status, holdUntil: null };
  if (goal === null) return { status: 'pending', holdUntil: null };
  return defaultStanding(goal, reportedBy, input.receivedAt, now);
}

function codeOf(
  { goal, campaign }: Scene,
  { subject, receivedAt }: NewConversion,
  exchange: Terms['exchange'] | undefined,
): ConversionCode {
  if (goal === null) return 'UNKNOWN_GOAL';
  if (subject.clickAt !== null) {
    // Clocks differ: a call that came before its click came at once.
    const age = Math.max(0, receivedAt - subject.clickAt);
    if (age > campaign.attributionWindowDays * DAY_MS) return 'CLICK_EXPIRED';
    if (age < campaign.minimumSecondsToConvert * 1_000) return 'TOO_EARLY';
  }
  return exchange === undefined ? 'NO_EXCHANGE_RATE' : 'OK';
}

/** Of a conversion that is recorded with another code than `OK`; what is rejected already stays so. */
function unpaidStatus(
  code: ConversionCode,
  onReached: 'reject' | 'pending' | undefined,
  wanted: Standing,
): ConversionStatus {
  if (wanted.status === 'rejected') return 'rejected';
  const waits = code === 'TOO_EARLY' || code === 'NO_EXCHANGE_RATE' || onReached === 'pending';
  return waits ? 'pending' : 'rejected';
}
