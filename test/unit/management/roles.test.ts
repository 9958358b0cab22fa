import { describe, expect, it, test } from 'vitest';
import type { Conversion, HistoryRow } from '../../../lambdas/core/conversion.ts';
import type { Campaign, Role } from '../../../lambdas/core/entities.ts';
import type { ListQuery } from '../../../lambdas/core/management-ports.ts';
import { counterAttribute } from '../../../lambdas/core/counters.ts';
import type { CounterKey } from '../../../lambdas/core/counters.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { periodStart } from '../../../lambdas/core/periods.ts';
import { hashToken } from '../../../lambdas/core/senders.ts';
import { toWire } from '../../../lambdas/core/wire.ts';
import type { Wire } from '../../../lambdas/core/wire.ts';
import { ACCESS } from '../../../lambdas/management/access.ts';
import type { RouteName } from '../../../lambdas/management/access.ts';
import { createApi } from '../../../lambdas/management/api.ts';
import type { Side } from '../../../lambdas/management/bound.ts';
import type { Deps } from '../../../lambdas/management/http.ts';
import { createHandlers } from '../../../lambdas/management/routes/index.ts';
import { aConversion, aNetwork } from '../../support/conversions.ts';
import { aDelivery, NOON } from '../../support/deliveries.ts';
import { aCampaign, aCap, aClick, aGoal } from '../../support/entities.ts';

const ROLES: readonly Role[] = ['admin', 'manager', 'analyst', 'publisher', 'advertiser'];
const ROUTES = Object.entries(ACCESS) as [RouteName, readonly Role[] | null][];

/** Tia's conversion for the advertiser xyz; what one side must not see of it says so. */
const own = aConversion({
  reason: 'for-publisher',
  saleAmount: toMicros(55_550_000n),
  rate: '1.98765',
  payout: toMicros(7_654_321n),
  revenue: toMicros(9_123_456n),
  wouldBePayout: toMicros(7_654_321n),
  wouldBeRevenue: toMicros(9_123_456n),
  terms: {
    payout: { model: 'percent_of_revenue', percent: '83.9' },
    revenue: { model: 'percent', percent: '16.42' },
    exchange: null,
    origin: { basis: 'conversion', since: NOON, payout: { from: 'goal' }, revenue: { from: 'goal' } },
  },
  values: {
    ...{ p1: 'for-publisher-p1', source: 'for-publisher-source', country: 'DE' },
    ...{ sub1: 'for-advertiser-sub', coupon: 'for-advertiser-coupon' },
  },
  code: 'OVER_CAP',
  cap: aCap({ metric: 'payout', limit: '8888' }),
  locked: true,
});
const foreign = aConversion({ id: 'b'.repeat(24), publisherId: 'ben', advertiserId: 'foreign-advertiser' });
const { id } = own;
const history: readonly HistoryRow[] = [
  { by: 'sender:secret-sender', status: 'pending', code: 'OVER_CAP', reason: null },
  { by: 'key:secret-key', status: 'approved', code: 'STATUS_CHANGED', reason: 'secret-reason' },
  { by: 'key:secret-key', status: 'approved', code: 'AMOUNT_CHANGED', reason: 'secret-reason' },
].map((row, i) => ({ conversionId: id, number: i + 1, at: NOON + i, ...row }) as HistoryRow);

const ownClick = aClick({
  id: own.clickId ?? '',
  code: 'TARGETING',
  payable: false,
  values: { p1: 'for-publisher-p1', source: 'for-publisher-source' },
  ip: 'secret-address',
  userAgent: 'secret-browser',
});
const foreignClick = aClick({ id: 'b'.repeat(32), publisherId: 'ben' });
const ownDelivery = aDelivery({ publisherId: 'tia', subjectId: id });

/** What publishers must not see of it says so, or is of another one. */
const summer = {
  destinationUrl: 'https://secret.example/',
  advertiserId: 'secret-advertiser',
  fallbackUrl: 'https://secret.example/fallback',
  deepLinkHosts: ['secret.example'],
  goals: [
    aGoal({
      match: ['secret-word'],
      payout: { model: 'percent_of_revenue', percent: '83.9' },
      revenue: { model: 'fixed', amount: '9.123456' },
    }),
  ],
  overrides: ['tia', 'ben', null].map((publisherId) => ({
    publisherId,
    goal: null,
    when: { countries: ['DE'], os: [], sources: publisherId === 'tia' ? [] : ['secret-source'] },
    payout: { model: 'fixed', amount: publisherId === 'tia' ? '3' : '9.123456' },
    revenue: { model: 'fixed', amount: '9.123456' },
  })),
  coupons: [
    { code: 'TIA20', publisherId: 'tia' },
    { code: 'secret-code', publisherId: 'ben' },
  ],
  caps: [
    aCap({ metric: 'revenue', limit: '8888' }),
    aCap({ metric: 'payout', limit: '8888' }),
    aCap({ scope: 'publisher', publisherId: 'ben', limit: '8888' }),
    aCap({ metric: 'payout', scope: 'each_publisher', limit: '10' }),
    aCap({ metric: 'clicks', scope: 'publisher', publisherId: 'tia', limit: '7', period: 'total' }),
  ],
  approvedPublishers: ['tia', 'ben'],
  blockedPublishers: ['foreign-publisher'],
  targeting: { ...aCampaign().targeting, sources: { allow: [], deny: ['secret-source'] } },
} as const satisfies Partial<Campaign>;
const campaigns = [
  aCampaign({ id: 'approved', visibility: 'private', approvedPublishers: ['tia'] }),
  aCampaign({ id: 'archived', status: 'archived' }),
  aCampaign({ id: 'blocked', blockedPublishers: ['tia'] }),
  aCampaign({ id: 'blocked-too', visibility: 'ask', approvedPublishers: ['tia'], blockedPublishers: ['tia'] }),
  aCampaign({ id: 'not-approved', visibility: 'ask', approvedPublishers: ['ben'] }),
  aCampaign({ id: 'paused', status: 'paused' }),
  aCampaign({ id: 'private', visibility: 'private' }),
  aCampaign({ id: 'summer', ...summer }),
].map((campaign) => toWire(campaign) as Wire<Campaign>);
const VISIBLE = ['approved', 'paused', 'summer'];

const ids = { publisher: { publisher_id: 'tia' }, advertiser: { advertiser_id: 'xyz' } };
const keyOf = (role: Role) => `key-of-the-${role}`;
const keys = new Map(
  ROLES.map((role) => [
    hashToken(keyOf(role)),
    {
      ...{ id: `key-${role}`, role, expires_at: null, last_used_at: NOON, publisher_id: null, advertiser_id: null },
      ...(role === 'publisher' || role === 'advertiser' ? ids[role] : {}),
    },
  ]),
);

/** The API over a network in memory that holds these facts. */
function anApi() {
  const network = aNetwork();
  const terms = {
    payout: { model: 'fixed', amount: '7.654321' },
    revenue: { model: 'fixed', amount: '9.123456' },
  } as const;
  network.catalog.campaigns.set('summer', aCampaign({ goals: [aGoal(terms)] }));
  const asked: ListQuery<string>[] = [];
  const pageOf =
    <T>(items: readonly T[]) =>
    async (query: ListQuery<string>) => {
      asked.push(query);
      return { items, next: null };
    };
  const conversions = [own, foreign];
  const deps = {
    catalog: {
      get: async (kind: string, key: string) => {
        if (kind === 'publisher') return ['tia', 'ben'].includes(key) ? { id: key } : null;
        if (kind === 'campaign') return campaigns.find((campaign) => campaign.id === key) ?? null;
        return (kind === 'api_key_hash' ? keys.get(key) : null) ?? null;
      },
      list: async (kind: string, after: string | null, limit: number) =>
        kind === 'campaign' ? campaigns.filter((campaign) => campaign.id > (after ?? '')).slice(0, limit) : [],
      cursorKey: async () => new Uint8Array(32),
    },
    facts: {
      click: async (key: string) => [ownClick, foreignClick].find((click) => click.id === key) ?? null,
      conversionIdsOfClick: async () => [id],
      conversion: async (key: string) => {
        const conversion = conversions.find((candidate) => candidate.id === key);
        return conversion === undefined ? null : { conversion, history };
      },
      delivery: async (key: string) => (key === ownDelivery.id ? { delivery: ownDelivery, attempts: [] } : null),
      hit: async () => null,
      conversions: async (query: ListQuery<string>) => {
        const { publisher_id = null, advertiser_id = null } = query.filters;
        const isFound = ({ publisherId, advertiserId }: Conversion) =>
          (publisher_id ?? publisherId) === publisherId && (advertiser_id ?? advertiserId) === advertiserId;
        return pageOf(conversions.filter(isFound))(query);
      },
      deliveries: pageOf([{ delivery: ownDelivery, attempts: [] }]),
      hits: pageOf([]),
      adjustments: pageOf([]),
      audit: pageOf([]),
    },
    conversions: {
      ...network.deps,
      within: async (_: number, work: unknown) => work,
      itemFailed: () => undefined,
    },
    adjustments: { adjustment: async () => null },
    // Of all publishers 8888, of Tia 4, of every other one 7654.
    readCounter: async ({ sk }: CounterKey) => {
      const count = new Map(Object.entries({ '*': 8888n, tia: 4n })).get(sk.replace(/#.*/, '')) ?? 7_654n;
      const attributes = (['number', 'payout'] as const).flatMap((unit) =>
        (['day', 'total'] as const).map((period) => counterAttribute(unit, period, periodStart(period, 'UTC', NOON))),
      );
      return new Map(attributes.map((name) => [name, name.startsWith('p') ? count * 1_000_000n : count]));
    },
    replays: { delivery: async () => null },
    deadLetters: { count: async () => 0, receive: async () => [] },
    now: () => NOON,
    random: (length: number) => new Uint8Array(length),
    trackingUrl: 'https://track.example',
    apiUrl: 'https://api.example',
    cacheSeconds: 30,
    allowLoopback: false,
  } as unknown as Deps;
  const api = createApi(createHandlers(deps), deps);
  return {
    network,
    asked,
    call: (role: Role, method: string, target: string, body?: unknown) => {
      const [path = '', query = ''] = target.split('?', 2);
      return api({
        method,
        path,
        query: [...new URLSearchParams(query)],
        headers: { authorization: `Bearer ${keyOf(role)}`, 'content-type': 'application/json' },
        body: body === undefined ? '' : JSON.stringify(body),
        requestId: 'request-1',
      });
    },
  };
}

describe('every route', () => {
  const { call } = anApi();
  const cases = ROUTES.flatMap(([route, allowed]) =>
    allowed === null ? [] : ROLES.map((role) => [role, route, allowed.includes(role)] as const),
  );

  test.each(cases)('%s %s: %s', async (role, route, allowed) => {
    const [method = '', pattern = ''] = route.split(' ');
    // Of nothing that exists, and with a body that is never right.
    const path = pattern.replace(/:\w+/g, 'none');
    const body = method === 'POST' || method === 'PATCH' ? [] : undefined;
    const { status } = await call(role, method, path, body);
    if (allowed) expect([200, 204, 400, 404, 422]).toContain(status);
    else expect(status).toBe(403);
  });

  test('that writes: a manager may, but not to keys and settings', () => {
    expect(ACCESS['POST /v1/campaigns']).toEqual(['admin', 'manager']);
    expect(ACCESS['POST /v1/keys']).toEqual(['admin']);
    expect(ACCESS['PATCH /v1/settings']).toEqual(['admin']);
  });
});

/** A good call of each route that a side may use. */
const CALLS: Readonly<Record<Side, Readonly<Partial<Record<RouteName, string>>>>> = {
  publisher: {
    'GET /v1/campaigns': '/v1/campaigns',
    'GET /v1/campaigns/:id': '/v1/campaigns/summer',
    'GET /v1/campaigns/:id/link': '/v1/campaigns/summer/link',
    'GET /v1/campaigns/:id/caps': '/v1/campaigns/summer/caps',
    'GET /v1/clicks/:id': `/v1/clicks/${ownClick.id}`,
    'GET /v1/conversions': '/v1/conversions',
    'GET /v1/conversions/:id': `/v1/conversions/${id}`,
    'GET /v1/deliveries': '/v1/deliveries',
    'GET /v1/deliveries/:id': `/v1/deliveries/${ownDelivery.id}`,
  },
  advertiser: {
    'POST /v1/conversions': '/v1/conversions',
    'GET /v1/conversions': '/v1/conversions',
    'GET /v1/conversions/:id': `/v1/conversions/${id}`,
  },
};

/** What no answer to a side may hold: names of fields, and what these facts hold for the other one. */
const HIDDEN: Readonly<Record<Side, { readonly fields: RegExp; readonly values: readonly string[] }>> = {
  publisher: {
    fields:
      /revenue|sale|rate$|^caps$|approved_|blocked_|match|hosts|^sub\d|^coupon$|advertiser|destination|fallback|expose|explanation|^cap$|reported_by/,
    values: [
      '9.123456',
      '55.55',
      '1.98765',
      '16.42',
      '83.9',
      'for-advertiser',
      'xyz',
      'secret',
      'foreign',
      'ben',
      '8888',
    ],
  },
  advertiser: {
    fields: /payout|^p\d|source|explanation|^cap$|reason/,
    values: ['7.654321', '83.9', 'for-publisher', 'secret', 'foreign', 'ben', '8888'],
  },
};

function fieldsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  return Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsOf(inner)]);
}

describe.each(['publisher', 'advertiser'] as const)('a key bound to one %s', (side) => {
  const calls = Object.entries(CALLS[side]);

  it('may use these routes alone', () => {
    const allowed = ROUTES.filter(([, roles]) => roles?.includes(side));
    expect(calls.map(([route]) => route).sort()).toEqual(allowed.map(([route]) => route).sort());
  });

  it.each(calls)("is told nothing of the other side's by %s", async (route, path) => {
    const { call, network } = anApi();
    const body = route.startsWith('POST') ? [{ click_id: await network.click() }] : undefined;
    const answer = await call(side, route.slice(0, route.indexOf(' ')), path, body);
    expect(answer.status).toBe(200);
    expect(answer.headers ?? {}).not.toHaveProperty('etag');
    const text = JSON.stringify(answer.body);
    expect(text.length).toBeGreaterThan(50);
    expect(fieldsOf(JSON.parse(text)).filter((name) => HIDDEN[side].fields.test(name))).toEqual([]);
    expect(HIDDEN[side].values.filter((value) => text.includes(value))).toEqual([]);
  });

  it('does not learn whether what is not its own exists', async () => {
    const { call } = anApi();
    const [other, none] = await Promise.all(
      [foreign.id, 'c'.repeat(24)].map((key) => call(side, 'GET', `/v1/conversions/${key}`)),
    );
    expect(other).toMatchObject({ status: 404 });
    expect(other).toEqual(none);
  });

  it('lists its own alone, whatever it asks for', async () => {
    const { call, asked } = anApi();
    const [mine] = Object.entries(ids[side]);
    const [name, value] = mine ?? [];
    for (const query of ['', `?${name}=${value}`, '?status=approved', '?campaign_id=summer&txn_id=T1']) {
      expect(await call(side, 'GET', `/v1/conversions${query}`)).toMatchObject({
        status: 200,
        body: { items: [{ id }] },
      });
    }
    expect(asked.map(({ filters }) => filters)).toEqual(asked.map(() => expect.objectContaining(ids[side]) as unknown));
  });
});

it.each<[Side, string]>([
  ['publisher', '/v1/conversions?publisher_id=ben'],
  ['publisher', '/v1/conversions?advertiser_id=xyz'],
  ['publisher', '/v1/deliveries?publisher_id=ben'],
  ['publisher', '/v1/campaigns?advertiser_id=xyz'],
  ['publisher', '/v1/campaigns/summer/link?pub_id=ben'],
  ['publisher', '/v1/campaigns/none/link?pub_id=ben'],
  ['publisher', '/v1/campaigns/summer/caps?publisher_id=ben'],
  ['advertiser', '/v1/conversions?advertiser_id=abc'],
  ['advertiser', '/v1/conversions?p1=for-publisher-p1'],
])('%s: may not ask for %s', async (side, path) => {
  expect(await anApi().call(side, 'GET', path)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
});

const BOTH = {
  ...{ id, click_id: own.clickId, campaign_id: 'summer', publisher_id: 'tia', goal: 'sale', status: 'approved' },
  ...{
    code: 'OVER_CAP',
    test: false,
    txn_id: 'T1',
    currency: 'USD',
    country: 'DE',
    seconds_to_convert: 60,
    locked: true,
  },
  click_at: '2026-11-22T11:59:00.000Z',
  created_at: '2026-11-22T12:00:00.000Z',
  updated_at: '2026-11-22T12:00:00.000Z',
};
const subs = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`sub${i + 1}`, null]));

it.each<[Side, object]>([
  [
    'publisher',
    {
      ...{ payout: '7.654321', reason: 'for-publisher' },
      ...{ p1: 'for-publisher-p1', source: 'for-publisher-source' },
    },
  ],
  [
    'advertiser',
    {
      ...{ advertiser_id: 'xyz', revenue: '9.123456', sale_amount: '55.55', sale_currency: 'USD', rate: '1.98765' },
      ...{ coupon: 'for-advertiser-coupon', ...subs, sub1: 'for-advertiser-sub' },
    },
  ],
])('%s: sees of its conversion what is its own, and who decided without their names', async (side, expected) => {
  const { call } = anApi();
  expect((await call(side, 'GET', '/v1/conversions')).body).toEqual({
    items: [{ ...BOTH, ...expected }],
    next_cursor: null,
  });
  expect((await call(side, 'GET', `/v1/conversions/${id}`)).body).toEqual({
    ...BOTH,
    ...expected,
    hold_until: null,
    history: [
      { at: '2026-11-22T12:00:00.000Z', status: 'pending', code: 'OVER_CAP', by: 'advertiser' },
      { at: '2026-11-22T12:00:00.001Z', status: 'approved', code: 'STATUS_CHANGED', by: 'operator' },
    ],
  });
});

it('a publisher sees its click with its code, and no other', async () => {
  const { call } = anApi();
  expect(await call('publisher', 'GET', `/v1/clicks/${ownClick.id}`)).toMatchObject({
    status: 200,
    body: { id: ownClick.id, code: 'TARGETING', payable: false, p1: 'for-publisher-p1', conversions: [id] },
  });
  const other = await call('publisher', 'GET', `/v1/clicks/${foreignClick.id}`);
  expect(other).toMatchObject({ status: 404 });
  expect(other).toEqual(await call('publisher', 'GET', `/v1/clicks/${'c'.repeat(32)}`));
});

describe('a publisher', () => {
  const { call } = anApi();

  it.each(campaigns.map((campaign) => campaign.id))('sees the campaign %s only if it may run it', async (campaign) => {
    for (const suffix of ['', '/link', '/link?pub_id=tia', '/caps', '/caps?publisher_id=tia']) {
      const answer = await call('publisher', 'GET', `/v1/campaigns/${campaign}${suffix}`);
      if (VISIBLE.includes(campaign)) expect(answer).toMatchObject({ status: 200 });
      else expect(answer).toEqual(await call('publisher', 'GET', `/v1/campaigns/none${suffix}`));
    }
  });

  it.each([1, 2, 50])('lists the campaigns that it may run, %i a page', async (limit) => {
    const found: string[] = [];
    let cursor: string | null = '';
    do {
      const path = `/v1/campaigns?limit=${limit}${cursor && `&cursor=${cursor}`}`;
      const { body } = await call('publisher', 'GET', path);
      const page = body as { items: { id: string }[]; next_cursor: string | null };
      expect(page.items.length).toBeLessThanOrEqual(limit);
      found.push(...page.items.map((campaign) => campaign.id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(found).toEqual(VISIBLE);
  });

  it('sees its terms, without the share of the revenue, and its own overrides, coupons and link', async () => {
    expect((await call('publisher', 'GET', '/v1/campaigns/summer')).body).toMatchObject({
      goals: [{ id: 'sale', payout: { model: 'percent_of_revenue' } }],
      overrides: [{ publisher_id: 'tia', payout: { model: 'fixed', amount: '3' } }],
      coupons: [{ code: 'TIA20', publisher_id: 'tia' }],
    });
    expect((await call('publisher', 'GET', '/v1/campaigns/summer/link')).body).toEqual({
      tracking_url: 'https://track.example/click?campaign_id=summer&pub_id=tia&p1={p1}&source={source}',
      short_url: 'https://track.example/c/summer/tia?p1={p1}&source={source}',
    });
  });

  it('sees what is left of its own caps, and of the campaign’s only whether they are reached', async () => {
    const day = { period: 'day', period_start: '2026-11-22T00:00:00.000Z', period_end: '2026-11-23T00:00:00.000Z' };
    const own = { publisher_id: null, goal: null, reached: false };
    expect((await call('publisher', 'GET', '/v1/campaigns/summer/caps')).body).toEqual({
      items: [
        {
          ...{ ...own, ...day, metric: 'payout', scope: 'campaign', currency: 'USD' },
          ...{ limit: null, used: null, remaining: null, reached: true },
        },
        {
          ...{ ...own, ...day, metric: 'payout', scope: 'each_publisher', currency: 'USD' },
          ...{ limit: '10', used: '4.00', remaining: '6.00' },
        },
        {
          ...{ ...own, metric: 'clicks', scope: 'publisher', publisher_id: 'tia', currency: null },
          ...{ limit: '7', used: '4', remaining: '3', period: 'total', period_start: null, period_end: null },
        },
      ],
    });
  });
});

describe('an operator', () => {
  const { call } = anApi();
  const capsOf = async (query: string) => {
    const { body } = await call('analyst', 'GET', `/v1/campaigns/summer/caps${query}`);
    const { items } = body as { items: Record<string, unknown>[] };
    return items.map((cap) => ['metric', 'scope', 'used', 'remaining', 'reached'].map((name) => cap[name]));
  };

  it('sees all caps of a campaign, those of each publisher without numbers until one is named', async () => {
    const shared = [
      ['revenue', 'campaign', '0.00', '8888.00', false],
      ['payout', 'campaign', '8888.00', '0.00', true],
    ];
    expect(await capsOf('')).toEqual([
      ...shared,
      ['conversions', 'publisher', '7654', '1234', false],
      ['payout', 'each_publisher', null, null, null],
      ['clicks', 'publisher', '4', '3', false],
    ]);
    expect(await capsOf('?publisher_id=tia')).toEqual([
      ...shared,
      ['payout', 'each_publisher', '4.00', '6.00', false],
      ['clicks', 'publisher', '4', '3', false],
    ]);
    expect((await capsOf('?publisher_id=ben'))[3]).toEqual(['payout', 'each_publisher', '7654.00', '0.00', true]);
  });

  it.each([
    ['/v1/campaigns/none/caps', 404],
    ['/v1/campaigns/summer/caps?publisher_id=nobody', 404],
    ['/v1/campaigns/summer/caps?publisher_id=!', 400],
  ])('is refused %s: %i', async (path, status) => {
    expect(await call('admin', 'GET', path)).toMatchObject({ status });
  });
});
