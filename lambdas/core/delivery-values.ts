import type { Conversion } from './conversion.ts';
import { currencyDecimals } from './currency.ts';
import type { DeliveryEvent } from './delivery.ts';
import type { Campaign, Settings } from './entities.ts';
import { EXPOSABLE_MACROS, POSTBACK_MACROS } from './macros.ts';
import type { PostbackMacro } from './macros.ts';
import { formatMoney } from './money.ts';
import type { Micros } from './money.ts';
import { exchangeAmount, exchangeBetween } from './pricing.ts';

/** Money as it goes out: the shortest decimal with at least the currency's own decimals. */
export function moneyText(amount: Micros, currency: string): string {
  return formatMoney(amount, currencyDecimals(currency) ?? 2);
}

/**
 * The macro values of a delivery: those of the click, of the conversion as it is now and, of the advertiser's own, what
 * the campaign exposes. Never revenue. The postback's own words for status and goal are put in when it is called.
 */
export function deliveryValues(
  conversion: Conversion,
  campaign: Pick<Campaign, 'goals' | 'expose'>,
  settings: Settings,
  event: DeliveryEvent,
): Record<string, string> {
  const hidden = new Set<string>(EXPOSABLE_MACROS.filter((name) => !campaign.expose.includes(name)));
  const { id, goal, status, reason, txnId, payout, currency, saleAmount, saleCurrency } = conversion;
  const toUsd = exchangeBetween(currency, 'USD', settings);
  const values: Readonly<Partial<Record<PostbackMacro, string | null>>> = {
    ...conversion.values,
    conversion_id: id,
    click_id: conversion.clickId,
    goal,
    goal_name: campaign.goals.find((candidate) => candidate.id === goal)?.name ?? goal,
    payout: moneyText(payout, currency),
    payout_usd: toUsd === undefined ? null : moneyText(exchangeAmount(payout, toUsd), 'USD'),
    currency,
    status,
    reason,
    txn_id: txnId ?? id,
    conversion_timestamp: String(Math.floor(conversion.createdAt / 1_000)),
    event,
    sale_amount: saleAmount === null ? null : moneyText(saleAmount, saleCurrency ?? currency),
  };
  return Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' && POSTBACK_MACROS.has(entry[0]) && !hidden.has(entry[0]),
    ),
  );
}
