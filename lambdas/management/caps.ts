import type { CapUsage } from '../core/cap-usage.ts';
import { limitsMoney } from '../core/caps.ts';
import { moneyText } from '../core/delivery-values.ts';
import { toMicros } from '../core/money.ts';
import { isoTime } from './http.ts';

/**
 * A cap as operators see it. What is null nobody can tell without a publisher. `remaining` is 0 where approvals went
 * beyond the limit.
 */
export function showCap({ cap, period, count }: CapUsage, currency: string) {
  const isMoney = limitsMoney(cap);
  const text = (amount: bigint) => (isMoney ? moneyText(toMicros(amount), currency) : String(amount));
  const left = count && (count.used < count.limit ? count.limit - count.used : 0n);
  return {
    metric: cap.metric,
    period: cap.period,
    scope: cap.scope,
    publisher_id: cap.publisherId,
    goal: cap.goal,
    currency: isMoney ? currency : null,
    limit: cap.limit,
    used: count && text(count.used),
    remaining: left === null ? null : text(left),
    reached: left === null ? null : left === 0n,
    period_start: isoTime(period && period.start),
    period_end: isoTime(period && period.end),
  };
}

/** {@link showCap}, as a publisher may see it: the numbers of the whole campaign would tell what others send. */
export function showCapToPublisher(usage: CapUsage, currency: string) {
  const shown = showCap(usage, currency);
  return usage.cap.scope === 'campaign' ? { ...shown, limit: null, used: null, remaining: null } : shown;
}
