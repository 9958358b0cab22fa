import * as z from 'zod';
import { currencyDecimals } from '../../core/currency.ts';
import { DEFAULT_SETTINGS } from '../../core/entities.ts';
import { parseRatio } from '../../core/money.ts';
import { refuse } from '../validation.ts';
import { attributionWindowDays, boundedRecord, currency, destinationUrl, displayName, timeZone } from './common.ts';

const exchangeRates = boundedRecord(z.record(z.string(), z.string()), 200).superRefine((rates, ctx) => {
  for (const [code, rate] of Object.entries(rates)) {
    if (currencyDecimals(code) === null)
      refuse(ctx, [code], 'INVALID_CURRENCY', 'must be an ISO 4217 code in upper case');
    const ratio = parseRatio(rate);
    if (ratio === null || ratio.numerator === 0n) {
      refuse(ctx, [code], 'INVALID_RATE', 'must be a positive decimal string, at most 12 digits and 12 decimals');
    }
  }
});

export function createSettingsSchema(allowLoopback: boolean) {
  return z
    .strictObject({
      network_name: displayName.default(DEFAULT_SETTINGS.networkName),
      time_zone: timeZone.default(DEFAULT_SETTINGS.timeZone),
      currency: currency.default(DEFAULT_SETTINGS.currency),
      exchange_rates: exchangeRates.default({}),
      fallback_url: destinationUrl(allowLoopback).nullable().default(null),
      attribution_window_days: attributionWindowDays.default(DEFAULT_SETTINGS.attributionWindowDays),
      click_retention_days: z.int().min(1).max(730).default(DEFAULT_SETTINGS.clickRetentionDays),
    })
    .superRefine((settings, ctx) => {
      if (settings.attribution_window_days > settings.click_retention_days) {
        refuse(ctx, ['attribution_window_days'], 'TOO_LONG', 'must not be longer than click_retention_days');
      }
      if (settings.exchange_rates[settings.currency] !== undefined) {
        refuse(ctx, ['exchange_rates', settings.currency], 'NOT_ALLOWED', "is the network's own currency");
      }
    });
}
