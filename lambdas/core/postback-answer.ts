import { moneyText } from './delivery-values.ts';
import type { Sender } from './entities.ts';
import { CONVERSION_REASONS, TRANSPORT_REASONS } from './reasons.ts';
import type { Reason, TransportCode } from './reasons.ts';
import type { Outcome } from './record-conversion.ts';

/** What a sender is answered; the body is JSON. */
export interface PostbackAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | null;
}

const RETRY_AFTER_SECONDS = 5;

/** What a code means for this outcome: an unknown goal is accepted where the campaign records it. */
export function reasonOf({ code, conversion }: Pick<Outcome, 'code' | 'conversion'>): Reason {
  if (code !== 'UNKNOWN_GOAL' || conversion === null) return CONVERSION_REASONS[code];
  return { ...CONVERSION_REASONS.OK, message: 'Recorded, but not paid: the campaign has no such goal' };
}

export function answerOutcome(outcome: Omit<Outcome, 'advertiserId'>, sender: Sender | null): PostbackAnswer {
  const { code, conversion, warnings } = outcome;
  const reason = reasonOf(outcome);
  const retry = reason.result === 'retry';
  return {
    status: sender?.responseMode === 'always_200' && !retry ? 200 : reason.http,
    body: {
      result: reason.result,
      code,
      message: outcome.message ?? reason.message,
      warnings,
      ...(conversion !== null && {
        conversion_id: conversion.id,
        status: conversion.status,
        goal: conversion.goal,
        payout: moneyText(conversion.payout, conversion.currency),
        revenue: moneyText(conversion.revenue, conversion.currency),
        currency: conversion.currency,
      }),
    },
    retryAfterSeconds: retry ? RETRY_AFTER_SECONDS : null,
  };
}

const EARNINGS = new Set(['payout', 'revenue', 'currency']);

/** What a browser is answered: anybody reads it, and what a publisher or the network earns is none of a visitor's business. */
export function answerBrowser(outcome: Outcome): PostbackAnswer {
  const { body, ...answer } = answerOutcome(outcome, null);
  return { ...answer, body: Object.fromEntries(Object.entries(body).filter(([name]) => !EARNINGS.has(name))) };
}

/** What every failure of our own is answered: the sender tries again. */
export function answerUnavailable(): PostbackAnswer {
  return answerOutcome({ code: 'TEMPORARILY_UNAVAILABLE', warnings: [], conversion: null }, null);
}

export function answerTransport(code: TransportCode): PostbackAnswer {
  const { http, message } = TRANSPORT_REASONS[code];
  return { status: http, body: { result: 'rejected', code, message, warnings: [] }, retryAfterSeconds: null };
}
