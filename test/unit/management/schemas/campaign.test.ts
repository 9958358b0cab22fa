import { describe, expect, test } from 'vitest';
import { Problem } from '../../../../lambdas/management/problems.ts';
import { createCampaignSchema } from '../../../../lambdas/management/schemas/campaign.ts';
import { validate } from '../../../../lambdas/management/validation.ts';

const schema = createCampaignSchema(false);
const document = (terms: object) => ({
  name: 'Summer sale',
  advertiser_id: 'xyz',
  destination_url: 'https://shop.example/?cid={click_id}',
  goals: [{ id: 'sale', default: true }, { name: 'without an id of its own' }],
  ...terms,
});
const parse = (terms: object, of = schema) => validate(of, document(terms));

/** `/pointer CODE` of every wrong field. */
function errorsOf(terms: object): readonly string[] {
  try {
    parse(terms);
  } catch (error) {
    if (error instanceof Problem) return error.errors?.map(({ pointer, code }) => `${pointer} ${code}`) ?? [];
    throw error;
  }
  return [];
}

function messageOf(terms: object): string | undefined {
  try {
    parse(terms);
  } catch (error) {
    if (error instanceof Problem) return error.errors?.[0]?.message;
    throw error;
  }
  return undefined;
}

const clicks = { metric: 'clicks', period: 'day', limit: '100' };
const conversions = { ...clicks, metric: 'conversions' };
const payout = { ...clicks, metric: 'payout' };
const countries = (lists: object) => ({ targeting: { countries: lists } });
const three = { model: 'fixed', amount: '3' };
const override = (change: object) => ({ overrides: [{ payout: three, ...change }] });
const coupons = (...codes: string[]) => ({ coupons: codes.map((code) => ({ code, publisher_id: 'tia' })) });
const many = (length: number) => Array.from({ length }, (_, i) => `x${i}`);

describe('a campaign is refused', () => {
  test.each<[string, object, string | string[]]>([
    [
      'a click payout of zero',
      { click_payout: { model: 'fixed', amount: '0.00' } },
      '/click_payout/amount INVALID_AMOUNT',
    ],
    [
      'a click payout as a number',
      { click_payout: { model: 'fixed', amount: 0.05 } },
      '/click_payout/amount INVALID_TYPE',
    ],
    [
      'a click payout below a micro-unit',
      { click_payout: { model: 'fixed', amount: '0.0000001' } },
      '/click_payout/amount INVALID_AMOUNT',
    ],
    [
      'a click payout in percent',
      { click_payout: { model: 'percent', percent: '5' } },
      ['/click_payout/model INVALID_VALUE', '/click_payout/amount REQUIRED', '/click_payout/percent UNKNOWN_FIELD'],
    ],
    ['a visibility that is none', { visibility: 'secret' }, '/visibility INVALID_VALUE'],
    ['an approved publisher that is no id', { approved_publishers: ['a b'] }, '/approved_publishers/0 INVALID_FORMAT'],
    ['a publisher approved twice', { approved_publishers: ['a', 'a'] }, '/approved_publishers INVALID_VALUE'],
    ['more than 1,000 blocked publishers', { blocked_publishers: many(1_001) }, '/blocked_publishers TOO_BIG'],

    ['a cap that is no object', { caps: [7] }, '/caps/0 INVALID_TYPE'],
    [
      'a cap of nothing',
      { caps: [{}] },
      ['/caps/0/metric REQUIRED', '/caps/0/period REQUIRED', '/caps/0/limit REQUIRED'],
    ],
    ['a cap of impressions', { caps: [{ ...clicks, metric: 'impressions' }] }, '/caps/0/metric INVALID_VALUE'],
    ['a cap of a year', { caps: [{ ...clicks, period: 'year' }] }, '/caps/0/period INVALID_VALUE'],
    ['a limit as a number', { caps: [{ ...clicks, limit: 100 }] }, '/caps/0/limit INVALID_TYPE'],
    ['a limit of no click', { caps: [{ ...clicks, limit: '0' }] }, '/caps/0/limit INVALID_LIMIT'],
    ['a limit of half a click', { caps: [{ ...clicks, limit: '0.5' }] }, '/caps/0/limit INVALID_LIMIT'],
    ['a limit with a sign', { caps: [{ ...conversions, limit: '+5' }] }, '/caps/0/limit INVALID_LIMIT'],
    ['a limit with an exponent', { caps: [{ ...conversions, limit: '1e3' }] }, '/caps/0/limit INVALID_LIMIT'],
    ['a limit of 13 digits', { caps: [{ ...conversions, limit: '1'.repeat(13) }] }, '/caps/0/limit INVALID_LIMIT'],
    ['a limit of no money', { caps: [{ ...payout, limit: '0' }] }, '/caps/0/limit INVALID_AMOUNT'],
    [
      'a limit of money below a micro-unit',
      { caps: [{ ...payout, limit: '0.0000001' }] },
      '/caps/0/limit INVALID_AMOUNT',
    ],
    ['a limit below zero', { caps: [{ ...payout, metric: 'revenue', limit: '-1' }] }, '/caps/0/limit INVALID_AMOUNT'],
    [
      'a cap of one publisher that names none',
      { caps: [{ ...clicks, scope: 'publisher' }] },
      '/caps/0/publisher_id REQUIRED',
    ],
    [
      'a cap of each publisher that names one',
      { caps: [{ ...clicks, scope: 'each_publisher', publisher_id: 'tia' }] },
      '/caps/0/publisher_id NOT_ALLOWED',
    ],
    [
      'a cap of the campaign that names a publisher',
      { caps: [{ ...clicks, publisher_id: 'tia' }] },
      '/caps/0/publisher_id NOT_ALLOWED',
    ],
    ['a cap of clicks with a goal', { caps: [{ ...clicks, goal: 'sale' }] }, '/caps/0/goal NOT_ALLOWED'],
    [
      'a cap of a goal that the campaign has not',
      { caps: [conversions, { ...conversions, goal: 'Sale' }] },
      '/caps/1/goal NOT_FOUND',
    ],
    [
      'a cap in a time zone that is none',
      { caps: [{ ...clicks, time_zone: 'Mars/Olympus' }] },
      '/caps/0/time_zone INVALID_TIME_ZONE',
    ],
    [
      'a cap at an offset from UTC',
      { caps: [{ ...clicks, time_zone: '+01:00' }] },
      '/caps/0/time_zone INVALID_TIME_ZONE',
    ],
    [
      'clicks that would be pending',
      { caps: [{ ...clicks, on_reached: 'pending' }] },
      '/caps/0/on_reached NOT_ALLOWED',
    ],
    [
      'conversions that would be dropped',
      { caps: [{ ...conversions, on_reached: 'drop' }] },
      '/caps/0/on_reached INVALID_VALUE',
    ],
    ['a field of a cap that does not exist', { caps: [{ ...clicks, colour: 'red' }] }, '/caps/0/colour UNKNOWN_FIELD'],
    [
      'two caps that differ in their limit only',
      { caps: [clicks, conversions, { ...clicks, limit: '7' }] },
      '/caps/2 NOT_UNIQUE',
    ],
    [
      'more than 20 caps',
      { caps: many(21).map((id) => ({ ...clicks, scope: 'publisher', publisher_id: id })) },
      '/caps TOO_BIG',
    ],

    ['targeting that is a list', { targeting: [] }, '/targeting INVALID_TYPE'],
    [
      'targeting of something else',
      { targeting: { cities: { allow: ['Berlin'] } } },
      '/targeting/cities UNKNOWN_FIELD',
    ],
    ['a rule that neither allows nor denies', countries({ only: ['US'] }), '/targeting/countries/only UNKNOWN_FIELD'],
    ['a rule that is a list', countries(['US']), '/targeting/countries INVALID_TYPE'],
    ['a country by its name', countries({ allow: ['Germany'] }), '/targeting/countries/allow/0 INVALID_COUNTRY'],
    ['a country that is none', countries({ allow: ['US', 'QQ'] }), '/targeting/countries/allow/1 INVALID_COUNTRY'],
    ['a union of countries', countries({ deny: ['EU'] }), '/targeting/countries/deny/0 INVALID_COUNTRY'],
    [
      'a country by a code that visitors never have',
      countries({ allow: ['UK'] }),
      '/targeting/countries/allow/0 INVALID_COUNTRY',
    ],
    ['a country that is a number', countries({ allow: [49] }), '/targeting/countries/allow/0 INVALID_TYPE'],
    [
      'the same country in two spellings',
      countries({ allow: ['us', 'US'] }),
      '/targeting/countries/allow INVALID_VALUE',
    ],
    [
      'a country both allowed and denied',
      countries({ allow: ['DE', 'US'], deny: ['FR', 'us'] }),
      '/targeting/countries/deny/1 NOT_UNIQUE',
    ],
    ['an unknown device', { targeting: { devices: { allow: ['fridge'] } } }, '/targeting/devices/allow/0 UNKNOWN_WORD'],
    ['an unknown system', { targeting: { os: { deny: ['beos'] } } }, '/targeting/os/deny/0 UNKNOWN_WORD'],
    [
      'an unknown browser',
      { targeting: { browsers: { allow: ['lynx'] } } },
      '/targeting/browsers/allow/0 UNKNOWN_WORD',
    ],
    [
      'a language with a region',
      { targeting: { languages: { allow: ['pt-BR'] } } },
      '/targeting/languages/allow/0 INVALID_FORMAT',
    ],
    ['an empty source', { targeting: { sources: { deny: [''] } } }, '/targeting/sources/deny/0 TOO_SMALL'],
    [
      'a source of 513 characters',
      { targeting: { sources: { deny: ['x'.repeat(513)] } } },
      '/targeting/sources/deny/0 TOO_BIG',
    ],
    ['more than 500 sources', { targeting: { sources: { allow: many(501) } } }, '/targeting/sources/allow TOO_BIG'],
    ['an unknown that is perhaps allowed', { targeting: { unknown: 'maybe' } }, '/targeting/unknown INVALID_VALUE'],

    ['a window below zero', { duplicate_click_window_seconds: -1 }, '/duplicate_click_window_seconds TOO_SMALL'],
    [
      'a window of more than a day',
      { duplicate_click_window_seconds: 86_401 },
      '/duplicate_click_window_seconds TOO_BIG',
    ],
    [
      'a window of half a second',
      { duplicate_click_window_seconds: 0.5 },
      '/duplicate_click_window_seconds INVALID_TYPE',
    ],
    [
      'the same host in two spellings',
      { deep_link_hosts: ['shop.example', 'SHOP.example'] },
      '/deep_link_hosts INVALID_VALUE',
    ],
    [
      'a host with a path',
      { deep_link_hosts: ['shop.example', 'shop.example/sale'] },
      '/deep_link_hosts/1 INVALID_HOST',
    ],
    [
      'more than 100 hosts',
      { deep_link_hosts: many(101).map((name) => `${name}.example`) },
      '/deep_link_hosts TOO_BIG',
    ],
    ['a start that is no time', { starts_at: 'tomorrow' }, '/starts_at INVALID_FORMAT'],
    ['a start without an offset', { starts_at: '2026-11-22T00:00:00' }, '/starts_at INVALID_FORMAT'],
    ['a start on a day that there is not', { starts_at: '2026-02-30T00:00:00Z' }, '/starts_at INVALID_FORMAT'],
    [
      'an end at its start',
      { starts_at: '2026-11-22T00:00:00Z', ends_at: '2026-11-22T01:00:00+01:00' },
      '/ends_at ENDS_BEFORE_START',
    ],

    ['a payout basis that is none', { payout_basis: 'approval' }, '/payout_basis INVALID_VALUE'],
    ['a time to convert below zero', { minimum_seconds_to_convert: -1 }, '/minimum_seconds_to_convert TOO_SMALL'],
    ['a time to convert over a day', { minimum_seconds_to_convert: 86_401 }, '/minimum_seconds_to_convert TOO_BIG'],
    ['half a second to convert', { minimum_seconds_to_convert: 0.5 }, '/minimum_seconds_to_convert INVALID_TYPE'],
    ['a hold below zero', { goals: [{ hold_days: -1 }] }, '/goals/0/hold_days TOO_SMALL'],
    ['a hold of more than a year', { goals: [{ hold_days: 366 }] }, '/goals/0/hold_days TOO_BIG'],
    ['a hold of half a day', { goals: [{ hold_days: 0.5 }] }, '/goals/0/hold_days INVALID_TYPE'],
    ['rejected pixels', { goals: [{ pixel_status: 'rejected' }] }, '/goals/0/pixel_status INVALID_VALUE'],
    ['a status from outside', { goals: [{ accept: ['status'] }] }, '/goals/0/accept/0 INVALID_VALUE'],
    ['the same accepted twice', { goals: [{ accept: ['payout', 'payout'] }] }, '/goals/0/accept INVALID_VALUE'],

    ['an override of nothing', { overrides: [{ publisher_id: 'tia' }] }, '/overrides/0 REQUIRED'],
    ['an override of two nulls', { overrides: [{ payout: null, revenue: null }] }, '/overrides/0 REQUIRED'],
    ['an override that is no object', { overrides: [7] }, '/overrides/0 INVALID_TYPE'],
    ['an override of a device', override({ when: { devices: ['tv'] } }), '/overrides/0/when/devices UNKNOWN_FIELD'],
    ['conditions of an override beside when', override({ countries: ['US'] }), '/overrides/0/countries UNKNOWN_FIELD'],
    ['an override of a goal that it has not', override({ goal: 'Sale' }), '/overrides/0/goal NOT_FOUND'],
    [
      'an override of a publisher that is no id',
      override({ publisher_id: '*' }),
      '/overrides/0/publisher_id INVALID_FORMAT',
    ],
    [
      'an override in a country that is none',
      override({ when: { countries: ['UK'] } }),
      '/overrides/0/when/countries/0 INVALID_COUNTRY',
    ],
    ['an override on an unknown system', override({ when: { os: ['beos'] } }), '/overrides/0/when/os/0 UNKNOWN_WORD'],
    [
      'an override of one system twice',
      override({ when: { os: ['iOS', 'iPad'] } }),
      '/overrides/0/when/os INVALID_VALUE',
    ],
    ['an override of an empty source', override({ when: { sources: [''] } }), '/overrides/0/when/sources/0 TOO_SMALL'],
    ['an override of 51 sources', override({ when: { sources: many(51) } }), '/overrides/0/when/sources TOO_BIG'],
    [
      'a payout as a number',
      override({ payout: { model: 'fixed', amount: 3 } }),
      '/overrides/0/payout/amount INVALID_TYPE',
    ],
    [
      'a revenue that is a part of itself',
      override({ revenue: { model: 'percent_of_revenue', percent: '5' } }),
      '/overrides/0/revenue/model INVALID_UNION',
    ],
    [
      'two overrides with the same conditions',
      {
        overrides: [
          { goal: 'sale', when: { countries: ['US', 'CA'], os: ['ios'] }, payout: three },
          { goal: 'sale', when: { os: ['ios'] }, payout: three },
          { goal: 'sale', when: { os: ['iPad'], countries: ['ca', 'us'] }, revenue: three },
        ],
      },
      '/overrides/2 NOT_UNIQUE',
    ],
    [
      'more than 200 overrides',
      { overrides: many(201).map((publisher_id) => ({ publisher_id, payout: three })) },
      '/overrides TOO_BIG',
    ],

    ['a coupon of nobody', { coupons: [{ code: 'TIA20' }] }, '/coupons/0/publisher_id REQUIRED'],
    ['a coupon without a code', { coupons: [{ publisher_id: 'tia' }] }, '/coupons/0/code REQUIRED'],
    ['a coupon of blanks', coupons('  '), '/coupons/0/code TOO_SMALL'],
    ['a coupon of 65 characters', coupons('x'.repeat(65)), '/coupons/0/code TOO_BIG'],
    ['a coupon with a control character', coupons('TIA\u0007'), '/coupons/0/code INVALID_FORMAT'],
    [
      'a coupon that a call cannot carry',
      coupons('TIA20', 'None', '[CODE]'),
      ['/coupons/1/code NOT_ALLOWED', '/coupons/2/code NOT_ALLOWED'],
    ],
    ['a coupon in two spellings', coupons('TIA20', 'TIA21', ' tia20'), '/coupons/2/code NOT_UNIQUE'],
    ['a letter of a coupon in two spellings', coupons('CAFÉ', 'cafe\u0301'), '/coupons/1/code NOT_UNIQUE'],
    ['more than 1,000 coupons', coupons(...many(1_001)), '/coupons TOO_BIG'],
  ])('for %s', (_, terms, expected) => {
    expect(errorsOf(terms)).toEqual([expected].flat());
  });

  test.each([
    ['a limit as a number', { caps: [{ ...payout, limit: 100 }] }, 'must be a string as "100" or "2.50"'],
    ['an amount as a number', { click_payout: { model: 'fixed', amount: 1 } }, 'must be a decimal string as "2.50"'],
    ['an unknown device', { targeting: { devices: { allow: ['fridge'] } } }, 'desktop, mobile, tablet'],
    ['the usual mistake for Great Britain', countries({ allow: ['UK'] }), 'the ISO 3166 code of this country is GB'],
    ['a language with a region', { targeting: { languages: { allow: ['en-US'] } } }, 'without a region, as "en"'],
  ])('with a message that helps: %s', (_, terms, message) => {
    expect(messageOf(terms)).toContain(message);
  });
});

describe('a campaign', () => {
  test('without terms gets those that decide nothing', () => {
    const none = { allow: [], deny: [] };
    expect(parse({})).toMatchObject({
      goals: [
        { id: 'sale', pixel_status: 'pending', hold_days: 0, accept: [] },
        { pixel_status: 'pending', hold_days: 0, accept: [] },
      ],
      payout_basis: 'conversion',
      overrides: [],
      coupons: [],
      minimum_seconds_to_convert: 0,
      click_payout: null,
      visibility: 'public',
      approved_publishers: [],
      blocked_publishers: [],
      caps: [],
      targeting: {
        countries: none,
        devices: none,
        os: none,
        browsers: none,
        languages: none,
        sources: none,
        unknown: 'allow',
      },
      duplicate_click_window_seconds: 0,
      deep_link_hosts: [],
      starts_at: null,
      ends_at: null,
    });
  });

  test('takes the defaults of a cap from the contract', () => {
    expect(parse({ caps: [conversions] }).caps).toEqual([
      {
        metric: 'conversions',
        period: 'day',
        limit: '100',
        scope: 'campaign',
        publisher_id: null,
        goal: null,
        time_zone: null,
        on_reached: 'reject',
      },
    ]);
  });

  test.each([
    ['of every metric', ['clicks', 'conversions', 'payout', 'revenue'].map((metric) => ({ ...clicks, metric }))],
    ['of every period', ['hour', 'day', 'week', 'month', 'total'].map((period) => ({ ...clicks, period }))],
    [
      'of every scope',
      [clicks, { ...clicks, scope: 'each_publisher' }, { ...clicks, scope: 'publisher', publisher_id: 'tia' }],
    ],
    [
      'a soft one below a hard one',
      [
        { ...conversions, on_reached: 'pending' },
        { ...conversions, limit: '120' },
      ],
    ],
    ['of a goal and of all', [{ ...conversions, goal: 'sale' }, conversions]],
    ['of one day in two time zones', [{ ...clicks, time_zone: 'Europe/Berlin' }, clicks]],
    ['of money with all its decimals', [{ ...payout, limit: '0.000001' }]],
    ['twenty', many(20).map((id) => ({ ...clicks, scope: 'publisher', publisher_id: id }))],
  ])('may have caps: %s', (_, caps) => {
    expect(parse({ caps }).caps).toMatchObject(caps);
  });

  test('keeps targeting in the words and the case that visitors are compared in', () => {
    const { targeting } = parse({
      targeting: {
        countries: { allow: ['de', 'GB'] },
        devices: { allow: ['Smartphone', 'smart-tv'] },
        os: { deny: ['Mac OS X'] },
        browsers: { allow: ['Chrome', 'Samsung Internet'] },
        languages: { allow: ['DE', 'fil'] },
        sources: { deny: [' Blog ', 'blog'] },
        unknown: 'deny',
      },
    });
    expect(targeting).toEqual({
      countries: { allow: ['DE', 'GB'], deny: [] },
      devices: { allow: ['mobile', 'tv'], deny: [] },
      os: { allow: [], deny: ['macos'] },
      browsers: { allow: ['chrome', 'samsung'], deny: [] },
      languages: { allow: ['de', 'fil'], deny: [] },
      sources: { allow: [], deny: [' Blog ', 'blog'] },
      unknown: 'deny',
    });
  });

  test('takes the defaults of an override from the contract', () => {
    expect(parse(override({})).overrides).toEqual([
      {
        publisher_id: null,
        goal: null,
        when: { countries: [], os: [], sources: [] },
        payout: three,
        revenue: null,
      },
    ]);
  });

  test('keeps what an override asks of a click in the words of targeting', () => {
    const when = { countries: ['us', 'DE'], os: ['iPad', 'Mac OS X'], sources: [' Blog ', 'blog'] };
    expect(parse(override({ when })).overrides[0]?.when).toEqual({
      countries: ['US', 'DE'],
      os: ['ios', 'macos'],
      sources: [' Blog ', 'blog'],
    });
  });

  test.each([
    ['of every model', [{ payout: { model: 'percent_of_revenue', percent: '70' } }]],
    [
      'of nothing to pay',
      [{ publisher_id: 'tia', payout: { model: 'none' }, revenue: { model: 'percent', percent: '0' } }],
    ],
    ['of one publisher and of all', [{ publisher_id: 'tia', revenue: three }, { revenue: three }]],
    ['two hundred', many(200).map((publisher_id) => ({ publisher_id, payout: three }))],
  ])('may have overrides: %s', (_, overrides) => {
    expect(parse({ overrides }).overrides).toMatchObject(overrides);
  });

  test('keeps coupons as they are written, without the spaces around them', () => {
    expect(parse(coupons(' Tia 20 % ', 'x'.repeat(64), '券')).coupons.map(({ code }) => code)).toEqual([
      'Tia 20 %',
      'x'.repeat(64),
      '券',
    ]);
  });

  test('takes the rules of a conversion', () => {
    const terms = { payout_basis: 'click', minimum_seconds_to_convert: 86_400 };
    const goals = [{ id: 'sale', pixel_status: 'approved', hold_days: 365, accept: ['revenue', 'payout'] }];
    expect(parse({ ...terms, goals })).toMatchObject({ ...terms, goals });
  });

  test('keeps times as milliseconds and hosts as browsers write them', () => {
    const terms = {
      starts_at: '2026-11-22T00:00:00+01:00',
      deep_link_hosts: ['*.Bücher.example', 'shop.example:8443'],
    };
    expect(parse(terms)).toMatchObject({
      starts_at: Date.UTC(2026, 10, 21, 23),
      ends_at: null,
      deep_link_hosts: ['*.xn--bcher-kva.example', 'shop.example:8443'],
    });
  });

  test('on one machine may link to loopback', () => {
    const hosts = { deep_link_hosts: ['127.0.0.1:4030', 'localhost'] };
    expect(errorsOf(hosts)).toEqual(['/deep_link_hosts/0 INVALID_HOST', '/deep_link_hosts/1 INVALID_HOST']);
    expect(parse(hosts, createCampaignSchema(true))).toMatchObject(hosts);
  });
});
