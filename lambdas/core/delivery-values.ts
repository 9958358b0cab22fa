import { clickMacroValues } from './click-macros.ts';
import type { Conversion } from './conversion.ts';
import { currencyDecimals } from './currency.ts';
import type { DeliveryEvent } from './delivery.ts';
import type { Campaign, Click, Settings } from './entities.ts';
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
  const hidden = EXPOSABLE_MACROS.filter((name) => !campaign.expose.includes(name));
  const { id, goal, status, reason, txnId, payout, currency, saleAmount, saleCurrency } = conversion;
  return known({
    ...conversion.values,
    ...payoutValues(payout, currency, settings),
    conversion_id: id,
    click_id: conversion.clickId,
    goal,
    goal_name: campaign.goals.find((candidate) => candidate.id === goal)?.name ?? goal,
    status,
    reason,
    txn_id: txnId ?? id,
    conversion_timestamp: secondsText(conversion.createdAt),
    event,
    sale_amount: saleAmount === null ? null : moneyText(saleAmount, saleCurrency ?? currency),
    ...Object.fromEntries(hidden.map((name) => [name, null])),
  });
}

/** As {@link deliveryValues}, of a click that its publisher is paid for. It has no conversion, no goal and no reason. */
export function clickPayoutValues(
  click: Click,
  payout: NonNullable<Click['payout']>,
  campaign: Pick<Campaign, 'name'>,
  settings: Settings,
): Record<string, string> {
  return known({
    ...clickMacroValues(click, campaign),
    ...payoutValues(payout.amount, payout.currency, settings),
    status: 'approved',
    txn_id: click.id,
    conversion_timestamp: secondsText(click.createdAt),
    event: 'click_payout',
  });
}

type MacroValues = Readonly<Partial<Record<PostbackMacro, string | null>>>;

function payoutValues(payout: Micros, currency: string, settings: Settings): MacroValues {
  const toUsd = exchangeBetween(currency, 'USD', settings);
  return {
    payout: moneyText(payout, currency),
    payout_usd: toUsd === undefined ? null : moneyText(exchangeAmount(payout, toUsd), 'USD'),
    currency,
  };
}

function secondsText(milliseconds: number): string {
  return String(Math.floor(milliseconds / 1_000));
}

/** Those that have a value and that postbacks may use. */
function known(values: MacroValues): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && POSTBACK_MACROS.has(entry[0]),
    ),
  );
}
