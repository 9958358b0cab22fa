import { NO_ROOM_NEEDED, takeRoom } from './conversion-counters.ts';
import type { Conversion, Terms } from './conversion.ts';
import type { StoredCounter } from './counters.ts';
import type { ConversionStatus, Goal } from './entities.ts';
import { ZERO } from './money.ts';
import type { KeyChange } from './ports.ts';
import { exchangeBetween, exchangeRateText, needsAmount, price } from './pricing.ts';
import type { ConversionCode } from './reasons.ts';
import { refuse } from './ruling.ts';
import type { Ruling, Scene, Subject } from './ruling.ts';

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
  const change = { before: null, after: conversion, code, by: scene.by, reason: null, keys, counters };
  return { code, warnings: request.warnings, conversion, change };
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
