import { moneyText } from './delivery-values.ts';
import type { Goal } from './entities.ts';
import type { Micros } from './money.ts';
import type { Place } from './place.ts';
import { readAmount } from './postback-request.ts';
import type { Report } from './report.ts';
import type { Scene } from './ruling.ts';

/** A call with its amounts read, now that campaign and goal are known; what the goal does not accept is ignored. */
export function sceneOf(
  { request, sender, by }: Pick<Report, 'request' | 'sender' | 'by'>,
  { campaign, settings }: Place,
  goal: Goal | null,
  now: number,
): Scene | 'INVALID_AMOUNT' {
  const saleCurrency = request.currency ?? campaign.currency;
  const read = (text: string | null): Micros | null | 'INVALID_AMOUNT' =>
    text === null ? null : (readAmount(text, saleCurrency, sender) ?? 'INVALID_AMOUNT');
  const isAccepted = (name: 'payout' | 'revenue') => goal !== null && goal.accept.includes(name);
  const ignored = (['revenue', 'payout'] as const).filter((name) => request[name] !== null && !isAccepted(name));

  const saleAmount = read(request.saleAmount);
  const payout = isAccepted('payout') ? read(request.payout) : null;
  const revenue = isAccepted('revenue') ? read(request.revenue) : null;
  if (saleAmount === 'INVALID_AMOUNT' || payout === 'INVALID_AMOUNT' || revenue === 'INVALID_AMOUNT') {
    return 'INVALID_AMOUNT';
  }
  const text = (amount: Micros | null) => (amount === null ? null : moneyText(amount, saleCurrency));
  const warnings = ignored.map((name) => `${name} was ignored: the goal does not accept it`);
  return {
    request: { ...request, warnings: [...request.warnings, ...warnings] },
    reportedBy: sender === null ? 'pixel' : 'sender',
    campaign,
    goal,
    settings,
    saleAmount,
    saleCurrency,
    reported: { payout: text(payout), revenue: text(revenue) },
    now,
    by,
  };
}
