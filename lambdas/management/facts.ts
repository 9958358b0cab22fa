import type { Adjustment } from '../core/adjustment.ts';
import type { Conversion, HistoryRow } from '../core/conversion.ts';
import { currencyDecimals } from '../core/currency.ts';
import type { Click, PostbackStatus } from '../core/entities.ts';
import { explainConversion } from '../core/explain-conversion.ts';
import type { Hit } from '../core/hit.ts';
import { encodeValue } from '../core/macros.ts';
import type { DeadLetter, DeliveryWithAttempts } from '../core/management-ports.ts';
import { formatMoney } from '../core/money.ts';
import type { Micros } from '../core/money.ts';
import type { PostbackHealth } from '../core/ports.ts';
import { disablesAt } from '../core/postback-health.ts';
import { toWire } from '../core/wire.ts';
import type { Side } from './bound.ts';
import { isoTime } from './http.ts';

/** The objects of the contract that say what happened. Every field is named here: nothing is shown by accident. */
const P = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10'] as const;
const SUB = Array.from({ length: 15 }, (_, i) => `sub${i + 1}`);

export function showClick(click: Click, conversions: readonly string[]) {
  return {
    id: click.id,
    campaign_id: click.campaignId,
    publisher_id: click.publisherId,
    advertiser_id: click.advertiserId,
    code: click.code,
    payable: click.payable,
    created_at: isoTime(click.createdAt),
    ...pick(click.values, P),
    source: click.values.source ?? null,
    country: click.country,
    device: click.device,
    os: click.os,
    browser: click.browser,
    language: click.language,
    payout: click.payout && money(click.payout.amount, click.payout.currency),
    currency: click.payout && click.payout.currency,
    conversions,
  };
}

const PUBLISHERS_CLICK_FIELDS: ReadonlySet<string> = new Set([
  ...['id', 'campaign_id', 'publisher_id', 'code', 'payable', 'created_at', ...P, 'source'],
  ...['country', 'device', 'os', 'browser', 'language', 'payout', 'currency', 'conversions'],
]);

/** {@link showClick}, as its publisher may see it. */
export function showClickToPublisher(click: Click, conversions: readonly string[]) {
  return only(showClick(click, conversions), PUBLISHERS_CLICK_FIELDS);
}

export function showConversion(conversion: Conversion) {
  const { values, currency, saleCurrency } = conversion;
  return {
    id: conversion.id,
    click_id: conversion.clickId,
    campaign_id: conversion.campaignId,
    publisher_id: conversion.publisherId,
    advertiser_id: conversion.advertiserId,
    goal: conversion.goal,
    status: conversion.status,
    code: conversion.code,
    reason: conversion.reason,
    test: conversion.test,
    txn_id: conversion.txnId,
    sale_amount: conversion.saleAmount === null ? null : money(conversion.saleAmount, saleCurrency ?? currency),
    sale_currency: saleCurrency,
    rate: conversion.rate,
    currency,
    payout: money(conversion.payout, currency),
    revenue: money(conversion.revenue, currency),
    p1: values['p1'] ?? null,
    source: values['source'] ?? null,
    country: values['country'] ?? null,
    coupon: values['coupon'] ?? null,
    ...pick(values, SUB),
    click_at: isoTime(conversion.clickAt),
    seconds_to_convert:
      conversion.clickAt === null ? null : Math.floor((conversion.createdAt - conversion.clickAt) / 1_000),
    created_at: isoTime(conversion.createdAt),
    updated_at: isoTime(conversion.updatedAt),
    locked: conversion.locked,
  };
}

/** A conversion by itself: with what a list has no room for. */
export function showWholeConversion(conversion: Conversion, history: readonly HistoryRow[]) {
  return {
    ...showConversionByItself(conversion),
    history: showHistory(history),
    explanation: toWire(explainConversion(conversion, history)),
  };
}

/** {@link showWholeConversion}, without how it became so. */
export function showConversionByItself(conversion: Conversion) {
  const { wouldBePayout, wouldBeRevenue, currency } = conversion;
  return {
    ...showConversion(conversion),
    would_be_payout: wouldBePayout === null ? null : money(wouldBePayout, currency),
    would_be_revenue: wouldBeRevenue === null ? null : money(wouldBeRevenue, currency),
    hold_until: isoTime(conversion.holdUntil),
    reported_by: conversion.reportedBy,
  };
}

const ON_BOTH_SIDES = [
  ...['id', 'click_id', 'campaign_id', 'publisher_id', 'goal', 'status', 'code', 'test', 'txn_id', 'currency'],
  ...['country', 'click_at', 'seconds_to_convert', 'created_at', 'updated_at', 'locked'],
];

/** What each side sees of a conversion. An operator's reason is told to publishers, so it is written for them. */
const CONVERSION_FIELDS: Readonly<Record<Side, ReadonlySet<string>>> = {
  publisher: new Set([...ON_BOTH_SIDES, 'payout', 'p1', 'source', 'reason']),
  advertiser: new Set([
    ...ON_BOTH_SIDES,
    ...['advertiser_id', 'revenue', 'sale_amount', 'sale_currency', 'rate', 'coupon', ...SUB],
  ]),
};

/** {@link showConversion}, as one side of it may see it. */
export function showConversionTo(side: Side, conversion: Conversion) {
  return only(showConversion(conversion), CONVERSION_FIELDS[side]);
}

/**
 * {@link showWholeConversion}, as one side of it may see it: without the explanation, which computes with what the other
 * one earns, and with the changes of its status alone: that an amount changed may be the other side's affair.
 */
export function showWholeConversionTo(side: Side, conversion: Conversion, history: readonly HistoryRow[]) {
  const turns = history.filter(({ status }, i) => status !== history[i - 1]?.status);
  return {
    ...showConversionTo(side, conversion),
    hold_until: isoTime(conversion.holdUntil),
    history: turns.map(({ at, status, code, by }) => ({ at: isoTime(at), status, code, by: decider(by) })),
  };
}

/** Who decided, without naming a key or sender. */
function decider(by: string): 'operator' | 'advertiser' | 'system' {
  if (by.startsWith('key:')) return 'operator';
  return by === 'system' ? 'system' : 'advertiser';
}

function showHistory(history: readonly HistoryRow[]) {
  return history.map(({ at, status, code, by, reason = null }) => ({ at: isoTime(at), status, code, by, reason }));
}

export function showDelivery({ delivery, attempts }: DeliveryWithAttempts) {
  const ofClick = delivery.event === 'click_payout';
  return {
    id: delivery.id,
    conversion_id: ofClick ? null : delivery.subjectId,
    click_id: ofClick ? delivery.subjectId : (delivery.values['click_id'] ?? null),
    postback_id: delivery.postbackId,
    publisher_id: delivery.publisherId,
    event: delivery.event,
    state: delivery.state,
    created_at: isoTime(delivery.createdAt),
    next_attempt_at: isoTime(delivery.nextAttemptAt),
    attempts: attempts.map((attempt) => ({
      number: attempt.number,
      at: isoTime(attempt.at),
      duration_ms: attempt.durationMs,
      status: attempt.status,
      error: attempt.error,
      body: attempt.body,
      next_attempt_at: isoTime(attempt.nextAttemptAt),
    })),
  };
}

/** How a postback has been failing; null: it is not. Only an active one is disabled by it. */
export function showHealth(health: PostbackHealth | null, status: PostbackStatus) {
  if (health === null) return null;
  return {
    failing_since: isoTime(health.failingSince),
    failures: health.failures,
    last_failure_at: isoTime(health.lastFailureAt),
    disables_at: status === 'active' ? isoTime(disablesAt(health)) : null,
  };
}

export function showDeadLetter({ messageId, deliveryId, sentAt, body }: DeadLetter) {
  return { message_id: messageId, delivery_id: deliveryId, sent_at: isoTime(sentAt), body };
}

export function showHit(hit: Hit) {
  return {
    id: hit.id,
    at: isoTime(hit.at),
    route: hit.route,
    sender_id: hit.senderId,
    advertiser_id: hit.advertiserId,
    click_id: hit.clickId,
    conversion_id: hit.conversionId,
    code: hit.code,
    status: hit.status,
    query: queryText(hit.query),
    retries: (hit.retries ?? []).map(({ at, by, was, code, corrected = [] }) => ({
      ...{ at: isoTime(at), by, was, code },
      corrected: queryText(corrected),
    })),
  };
}

function queryText(parameters: Hit['query']): string {
  return parameters.map(([name, value]) => `${encodeValue(name)}=${encodeValue(value)}`).join('&');
}

export function showAdjustment(adjustment: Adjustment) {
  const { payout, revenue, currency } = adjustment;
  return {
    id: adjustment.id,
    publisher_id: adjustment.publisherId,
    campaign_id: adjustment.campaignId,
    advertiser_id: adjustment.advertiserId,
    goal: adjustment.goal,
    payout: money(payout, currency),
    revenue: money(revenue, currency),
    currency,
    at: isoTime(adjustment.at),
    reason: adjustment.reason,
    created_at: isoTime(adjustment.createdAt),
    created_by: adjustment.createdBy,
  };
}

function money(amount: Micros, currency: string): string {
  return formatMoney(amount, currencyDecimals(currency) ?? 2);
}

function pick(values: Readonly<Partial<Record<string, string>>>, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
}

function only(shown: object, names: ReadonlySet<string>) {
  return Object.fromEntries(Object.entries(shown).filter(([name]) => names.has(name)));
}
