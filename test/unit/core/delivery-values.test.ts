import { describe, expect, it } from 'vitest';
import { clickMacroValues } from '../../../lambdas/core/click-macros.ts';
import type { Conversion } from '../../../lambdas/core/conversion.ts';
import { clickPayoutValues, deliveryValues } from '../../../lambdas/core/delivery-values.ts';
import type { DeliveryEvent } from '../../../lambdas/core/delivery.ts';
import type { Campaign, Postback, Settings } from '../../../lambdas/core/entities.ts';
import { CLICK_VALUES } from '../../../lambdas/core/entities.ts';
import { EXPOSABLE_MACROS, POSTBACK_MACROS } from '../../../lambdas/core/macros.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { buildRequest } from '../../../lambdas/core/postback-call.ts';
import { aConversion } from '../../support/conversions.ts';
import { aDelivery, aPostback, NOON } from '../../support/deliveries.ts';
import { aCampaign, aClick, aGoal, someSettings } from '../../support/entities.ts';

/** The macros of the contract, each with a value that no other has and that must be encoded. */
const OF_CLICK = {
  click_id: 'k'.repeat(32),
  campaign_id: 'summer',
  campaign_name: 'Summer & sale',
  pub_id: 'tia',
  advertiser_id: 'xyz',
  ...Object.fromEntries(CLICK_VALUES.map((name) => [name, `${name} ü&=+%`])),
  country: 'DE',
  device: 'mobile',
  os: 'android',
  browser: 'firefox',
  language: 'de',
};
const EXPOSED = {
  sale_amount: '100.00',
  coupon: 'coupon ü',
  ...Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`sub${n + 1}`, `sub${n + 1} ü`])),
};
const OF_CONVERSION = {
  conversion_id: 'c'.repeat(24),
  goal: 'sale',
  goal_name: 'Sale, paid',
  payout: '8.80',
  payout_usd: '11.00',
  currency: 'EUR',
  status: 'approved',
  reason: 'checked by hand',
  txn_id: 'T 1',
  conversion_timestamp: String(NOON / 1_000),
};
const EVERYTHING = { ...OF_CLICK, ...EXPOSED, ...OF_CONVERSION, event: 'created' };

const click = aClick({
  id: OF_CLICK.click_id,
  values: Object.fromEntries(CLICK_VALUES.map((name) => [name, `${name} ü&=+%`])),
  country: 'DE',
  device: 'mobile',
  os: 'android',
  browser: 'firefox',
  language: 'de',
  ip: '198.51.100.0',
  userAgent: 'Firefox',
});
const campaign = aCampaign({
  name: OF_CLICK.campaign_name,
  currency: 'EUR',
  goals: [aGoal({ name: OF_CONVERSION.goal_name })],
  expose: [...EXPOSABLE_MACROS],
});
const settings = someSettings({ exchangeRates: { EUR: '1.25' } });

const conversion = aConversion({
  id: OF_CONVERSION.conversion_id,
  clickId: OF_CLICK.click_id,
  payout: toMicros(8_800_000n),
  revenue: toMicros(77_777_777n),
  currency: 'EUR',
  saleAmount: toMicros(100_000_000n),
  saleCurrency: 'GBP',
  txnId: OF_CONVERSION.txn_id,
  reason: OF_CONVERSION.reason,
  values: { ...EXPOSED, ip: '198.51.100.0', user_agent: 'Firefox', ...clickMacroValues(click, campaign) },
});

interface Given {
  readonly conversion?: Partial<Conversion>;
  readonly campaign?: Partial<Campaign>;
  readonly settings?: Partial<Settings>;
  readonly event?: DeliveryEvent;
}
const valuesOf = (given: Given = {}) =>
  deliveryValues(
    { ...conversion, ...given.conversion },
    { ...campaign, ...given.campaign },
    { ...settings, ...given.settings },
    given.event ?? 'created',
  );

const NAMES = Object.keys(EVERYTHING);
const URL_OF_ALL = `https://pub.example/in?${NAMES.map((name) => `_${name}={${name}}`).join('&')}`;

/** What a publisher gets for each macro, by name; what expanded to nothing is ''. */
function received(event: DeliveryEvent, values: Record<string, string>, postback: Partial<Postback> = {}) {
  const { url, body } = buildRequest(aDelivery({ event, values }), aPostback({ url: URL_OF_ALL, ...postback }), {
    at: NOON,
    userAgent: 'Flowback',
  });
  const inUrl = Object.fromEntries(new URL(url).searchParams);
  const inBody =
    postback.method === 'POST_JSON'
      ? (JSON.parse(body ?? '') as Record<string, string>)
      : Object.fromEntries(new URLSearchParams(body ?? url.slice(url.indexOf('?'))));
  expect(inBody).toEqual(inUrl);
  return Object.fromEntries(Object.entries(inUrl).map(([name, value]) => [name.slice(1), value]));
}

describe('macros of postbacks', () => {
  it('are those of the contract', () => {
    expect([...POSTBACK_MACROS].sort()).toEqual(NAMES.toSorted());
  });

  describe.each(['GET', 'POST_FORM', 'POST_JSON'] as const)('by %s', (method) => {
    it.each(['created', 'status_changed'] as const)('each have their value in a conversion that was %s', (event) => {
      expect(received(event, valuesOf({ event }), { method })).toEqual({ ...EVERYTHING, event });
    });

    it('have the values of a paid click, which has no conversion, goal or reason', () => {
      const payout = { amount: toMicros(20_000n), currency: 'EUR' };
      const nothing = Object.fromEntries(NAMES.map((name) => [name, '']));
      expect(received('click_payout', clickPayoutValues(click, payout, campaign, settings), { method })).toEqual({
        ...nothing,
        ...OF_CLICK,
        payout: '0.02',
        payout_usd: '0.025',
        currency: 'EUR',
        status: 'approved',
        txn_id: OF_CLICK.click_id,
        conversion_timestamp: String(click.createdAt / 1_000),
        event: 'click_payout',
      });
    });
  });

  it.each<[string, Given, Record<string, string>]>([
    ['txn_id falls back to the conversion', { conversion: { txnId: null } }, { txn_id: OF_CONVERSION.conversion_id }],
    ['no reason is nothing', { conversion: { reason: null } }, { reason: '' }],
    ['no click is nothing', { conversion: { clickId: null } }, { click_id: '' }],
    ['no amount is nothing', { conversion: { saleAmount: null } }, { sale_amount: '' }],
    ['yen have no decimals', { conversion: { saleCurrency: 'JPY' } }, { sale_amount: '100' }],
    [
      'an amount without a currency is in the campaign’s',
      { conversion: { saleCurrency: null } },
      { sale_amount: '100.00' },
    ],
    ['what is rejected pays nothing', { conversion: { payout: toMicros(0n) } }, { payout: '0.00', payout_usd: '0.00' }],
    ['small money is exact', { conversion: { payout: toMicros(1n) } }, { payout: '0.000001', payout_usd: '0.000001' }],
    ['dollars are dollars', { conversion: { currency: 'USD' } }, { currency: 'USD', payout_usd: '8.80' }],
    ['no rate, no dollars', { settings: { exchangeRates: {} } }, { payout_usd: '' }],
    [
      'dollars of a network in another currency',
      { settings: { currency: 'EUR', exchangeRates: { USD: '0.8' } } },
      { payout_usd: '11.00' },
    ],
    ['a goal that is gone is its own name', { conversion: { goal: 'gone' } }, { goal: 'gone', goal_name: 'gone' }],
    ['seconds are whole', { conversion: { createdAt: NOON + 999 } }, { conversion_timestamp: String(NOON / 1_000) }],
  ])('have their fallbacks: %s', (_, given, expected) => {
    expect(received('created', valuesOf(given))).toEqual({ ...EVERYTHING, ...expected });
  });

  it.each(EXPOSABLE_MACROS)('say %s only where the campaign exposes it', (name) => {
    const hidden = Object.fromEntries(EXPOSABLE_MACROS.map((other) => [other, '']));
    expect(received('created', valuesOf({ campaign: { expose: [] } }))).toEqual({ ...EVERYTHING, ...hidden });
    const { [name]: value } = EVERYTHING as Record<string, string>;
    const exposed = received('created', valuesOf({ campaign: { expose: [name] } }));
    expect(exposed).toEqual({ ...EVERYTHING, ...hidden, [name]: value });
  });

  it('never say what the network gets, who the visitor is, or what it runs', () => {
    const text = JSON.stringify(valuesOf());
    for (const secret of ['77.77', '198.51.100', 'Firefox']) expect(text).not.toContain(secret);
  });

  it.each<[string, DeliveryEvent, Partial<Postback>, Record<string, string>]>([
    ['for a status', 'created', { statusWords: { approved: 'ok ü', rejected: 'no' } }, { status: 'ok ü' }],
    ['for none', 'created', { statusWords: { pending: 'wait' } }, { status: 'approved' }],
    ['for a goal', 'status_changed', { goalWords: { sale: 'Kauf' } }, { goal: 'Kauf', event: 'status_changed' }],
    ['for no goal', 'created', { goalWords: { lead: 'Kontakt' } }, { goal: 'sale' }],
  ])('are in the receiver’s words %s', (_, event, postback, expected) => {
    expect(received(event, valuesOf({ event }), postback)).toEqual({ ...EVERYTHING, ...expected });
  });
});
