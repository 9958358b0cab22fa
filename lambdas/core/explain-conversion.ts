import { limitsMoney } from './caps.ts';
import type { Conversion, HistoryRow, TermsOrigin } from './conversion.ts';
import { PERIOD_GRACE_MS } from './counters.ts';
import type { Cap, CapPeriod } from './entities.ts';
import { amountText, explainAmount } from './explain-amount.ts';
import type { AmountExplanation } from './explain-amount.ts';
import { DAY_MS } from './periods.ts';
import { exchangeRateText, needsExchange } from './pricing.ts';

/**
 * Why a conversion is what it is, and pays what it pays. What only one side may know of the money stands in `payout` or
 * `revenue`; the cap may be one of either.
 */
interface Explanation {
  /** Whether the receipt's or the click's time says which terms count. Null: none count, or it is not known. */
  readonly basis: TermsOrigin['basis'] | null;
  /** Since when the campaign had those terms, ISO. */
  readonly termsSince: string | null;
  /** Null: one currency. */
  readonly exchange: {
    readonly saleCurrency: string;
    readonly currency: string;
    /** For people. Amounts are computed with what each currency was worth in the network's: `saleWorth / worth`. */
    readonly rate: string;
    readonly saleWorth: string;
    readonly worth: string;
  } | null;
  /** The cap that had no room for it. */
  readonly cap: Cap | null;
  readonly payout: AmountExplanation;
  readonly revenue: AmountExplanation;
  readonly words: readonly string[];
}

/** Says only what is known: older rows lack some of it. `history`: the oldest first. */
export function explainConversion(conversion: Conversion, history: readonly HistoryRow[]): Explanation {
  const origin = campaignTerms(conversion);
  return {
    basis: origin?.basis ?? null,
    termsSince: origin === undefined ? null : iso(origin.since),
    exchange: exchangeOf(conversion),
    cap: conversion.cap,
    payout: explainAmount('payout', conversion),
    revenue: explainAmount('revenue', conversion),
    words: [
      statusWords(conversion, history),
      conversion.test ? 'A test: it is in no sum, cap or report.' : releaseWords(history),
      codeWords(conversion, history),
      holdWords(conversion),
      conversion.locked ? 'An operator decided: postbacks change it no more.' : null,
      clickWords(conversion, history),
      pixelWords(conversion),
      basisWords(conversion),
      exchangeWords(conversion),
    ].filter((sentence) => sentence !== null),
  };
}

function exchangeOf({ terms, saleCurrency, currency }: Conversion): Explanation['exchange'] {
  if (terms === null || terms.exchange === null || !needsExchange(terms)) return null;
  const { sale, campaign } = terms.exchange;
  return {
    saleCurrency: saleCurrency ?? currency,
    currency,
    rate: exchangeRateText(terms.exchange),
    saleWorth: sale,
    worth: campaign,
  };
}

function exchangeWords(conversion: Conversion): string | null {
  const exchange = exchangeOf(conversion);
  if (exchange === null) return null;
  const { saleCurrency, currency, rate, saleWorth, worth } = exchange;
  const quotient = worth === '1' ? '' : ` (${saleWorth} / ${worth})`;
  return `By the network's rates 1 ${saleCurrency} was ${rate} ${currency}${quotient}.`;
}

function statusWords({ status }: Conversion, history: readonly HistoryRow[]): string {
  const word = { approved: 'Approved', pending: 'Pending', rejected: 'Rejected' }[status];
  const before = history.findLastIndex((row) => row.status !== status);
  const change = before === -1 ? undefined : history[before + 1];
  if (change === undefined) return `${word} when it was recorded.`;
  const { at, by, reason } = change;
  return `${word} ${byWhom(by)} on ${iso(at)}${reason ? `: "${reason}"` : ''}.`;
}

function byWhom(by: string): string {
  const [kind = '', id = ''] = by.split(':');
  switch (kind) {
    case 'sender':
      return `by the sender ${id}`;
    case 'key':
      return `by an operator with the key ${id}`;
    case 'batch':
      return `by a batch with the key ${id}`;
    case 'system':
      return 'by itself';
    default:
      return `by a ${kind}`;
  }
}

function releaseWords([recorded]: readonly HistoryRow[]): string | null {
  if (recorded?.by.startsWith('key:') !== true) return null;
  return `Its call was refused, and tried again ${byWhom(recorded.by)} on ${iso(recorded.at)}.`;
}

function codeWords(conversion: Conversion, history: readonly HistoryRow[]): string | null {
  const { code, goal, cap, clickAt, createdAt, currency, saleCurrency } = conversion;
  const came = clickAt === null ? 'it came' : `it came ${elapsed(Math.max(0, createdAt - clickAt))} after its click`;
  switch (code) {
    case 'UNKNOWN_GOAL':
      return `UNKNOWN_GOAL: the campaign had no goal "${goal}".`;
    case 'CLICK_EXPIRED':
      return `CLICK_EXPIRED: ${came}, when the attribution window was over.`;
    case 'TOO_EARLY':
      return `TOO_EARLY: ${came}, sooner than the campaign's minimum.`;
    case 'NO_EXCHANGE_RATE':
      return `NO_EXCHANGE_RATE: the network had no rate from ${saleCurrency ?? currency} to ${currency}.`;
    case 'OVER_CAP':
      return `OVER_CAP: ${cap === null ? 'a cap' : capText(cap, currency)} had no room for it${doubtWords(conversion, history)}.`;
    default:
      return null;
  }
}

/** Counters of a period that is long over may be gone: what is recorded then was refused without being counted. */
function doubtWords({ cap, createdAt }: Conversion, [recorded]: readonly HistoryRow[]): string {
  const isLate = recorded !== undefined && recorded.at - createdAt >= PERIOD_GRACE_MS;
  return isLate && cap !== null && cap.period !== 'total' ? ', or its period was over for too long to tell' : '';
}

function elapsed(milliseconds: number): string {
  const [unit, length] = milliseconds < DAY_MS ? ['second', 1_000] : ['day', DAY_MS];
  const count = Math.floor(milliseconds / length);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

const PERIODS: Readonly<Record<CapPeriod, string>> = {
  hour: 'an hour',
  day: 'a day',
  week: 'a week',
  month: 'a month',
  total: 'in all',
};

function capText({ scope, publisherId, metric, limit, goal, period, timeZone }: Cap, currency: string): string {
  const whose = {
    campaign: "the campaign's",
    each_publisher: "each publisher's",
    publisher: `publisher ${publisherId ?? ''}'s`,
  }[scope];
  const what = limitsMoney({ metric }) ? `${amountText(limit, currency)} of ${metric}` : `${limit} ${metric}`;
  const goalText = goal === null ? '' : ` of the goal "${goal}"`;
  const zone = timeZone === null ? '' : ` (${timeZone})`;
  return `${whose} limit of ${what} ${PERIODS[period]}${zone}${goalText}`;
}

function holdWords({ holdUntil }: Conversion): string | null {
  return holdUntil === null ? null : `On ${iso(holdUntil)} it approves itself, unless somebody decides before.`;
}

/** Only a transaction where there was none takes the place of what a pixel said. */
function pixelWords({ reportedBy, txnId, status, locked }: Conversion): string | null {
  if (reportedBy !== 'pixel') return null;
  if (txnId !== null || status === 'rejected' || locked) return 'A pixel reported it.';
  return 'A pixel reported it: the first transaction that a sender reports of the same event replaces what it said.';
}

function clickWords({ clickId, publisherId, values }: Conversion, history: readonly HistoryRow[]): string | null {
  if (clickId !== null) return null;
  const coupon = values['coupon'];
  const isReleased = history[0]?.by.startsWith('key:') === true;
  const witness = coupon === undefined || isReleased ? 'an operator' : `the coupon ${coupon}`;
  return `It has no click: ${witness} says that it is publisher ${publisherId}'s.`;
}

/** Undefined: none of the campaign's, or it is not known. */
function campaignTerms({ terms }: Conversion): TermsOrigin | undefined {
  const origin = terms?.origin;
  return origin?.payout.from === 'operator' && origin.revenue.from === 'operator' ? undefined : origin;
}

function basisWords(conversion: Conversion): string | null {
  const { clickAt, createdAt } = conversion;
  const origin = campaignTerms(conversion);
  if (origin === undefined) return null;
  const isClicks = origin.basis === 'click' && clickAt !== null;
  const at = isClicks ? clickAt : createdAt;
  const since = iso(origin.since);
  if (origin.since > at) return `It is priced by the terms since ${since}: there were none for its goal before.`;
  return `It is priced by the terms in force when ${isClicks ? 'its click was' : 'it was received'}, ${iso(at)}; they were since ${since}.`;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
