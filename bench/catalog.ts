import { marshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export const TABLES = {
  catalog: 'Catalog',
  clicks: 'Clicks',
  counters: 'Counters',
  bare: 'BareClicks',
} as const;

export const PUBLISHER = 'tia-media-4821';

const RULE = { allow: [], deny: [] };
const CREATED_AT = 1_764_000_000_000;

/** As a campaign is that somebody takes care of: goals, targeting, a destination with the usual macros. */
const CAMPAIGN = {
  version: 7,
  created_at: CREATED_AT,
  updated_at: CREATED_AT,
  name: 'Autumn sale 2026',
  advertiser_id: 'xyz-outdoor',
  status: 'active',
  currency: 'USD',
  destination_url:
    'https://shop.example/landing/{campaign_id}?utm_source=flowback&utm_medium={pub_id}&cid={click_id}' +
    '&sub={p1}&site={source}&creative={creative}&device={device}&lang={language}&ts={timestamp}',
  goals: [
    {
      id: 'sale',
      name: 'Sale',
      default: true,
      match: ['af_purchase', 'purchase'],
      payout: { model: 'fixed', amount: '2.50' },
      revenue: { model: 'percent', percent: '10' },
      dedupe: 'transaction',
      dedupe_scope: 'goal',
      default_status: 'approved',
      pixel_status: 'pending',
      hold_days: 0,
      accept: [],
    },
  ],
  unknown_goal: 'reject',
  click_payout: null,
  visibility: 'public',
  approved_publishers: [],
  blocked_publishers: ['blocked-1', 'blocked-2'],
  caps: [] as unknown[],
  targeting: {
    countries: RULE,
    devices: { allow: ['mobile', 'tablet', 'desktop'], deny: [] },
    os: { allow: [], deny: ['chromeos'] },
    browsers: RULE,
    languages: RULE,
    sources: { allow: [], deny: ['fraud-1', 'fraud-2'] },
    unknown: 'allow',
  },
  fallback_url: null,
  attribution_window_days: 30,
  duplicate_click_window_seconds: 0,
  deep_link_hosts: ['shop.example', '*.shop.example'],
  expose: [],
  starts_at: CREATED_AT,
  ends_at: null,
} as const;

const clickCap = {
  metric: 'clicks',
  period: 'day',
  limit: '100000000',
  scope: 'campaign',
  publisher_id: null,
  goal: null,
  time_zone: null,
  on_reached: 'reject',
};

/** What a campaign may be that costs more than a click: `plain` is the click alone. */
export const CAMPAIGNS = {
  plain: CAMPAIGN,
  capped: { ...CAMPAIGN, caps: [clickCap] },
  windowed: { ...CAMPAIGN, duplicate_click_window_seconds: 3_600 },
  paying: { ...CAMPAIGN, click_payout: { model: 'fixed', amount: '0.02' } },
} as const;

export type CampaignKind = keyof typeof CAMPAIGNS;

export function campaignId(kind: CampaignKind): string {
  return `autumn-sale-${kind}`;
}

type Item = Record<string, AttributeValue>;

/** Items of Catalog by `pk sk`, and those of the partition of MAC keys, as DynamoDB's JSON has them. */
export function catalogItems(): { readonly items: ReadonlyMap<string, Item>; readonly macKeys: readonly Item[] } {
  const publisher = { version: 1, created_at: CREATED_AT, updated_at: CREATED_AT, name: 'Tia', status: 'active' };
  const settings = {
    version: 3,
    network_name: 'Bench',
    time_zone: 'Europe/Berlin',
    currency: 'USD',
    exchange_rates: { EUR: '1.1' },
    fallback_url: 'https://fallback.example/',
    attribution_window_days: 30,
    click_retention_days: 180,
  };
  const items = new Map([
    ['settings settings', marshall(settings)],
    [`publisher ${PUBLISHER}`, marshall({ id: PUBLISHER, ...publisher, metadata: {} })],
  ]);
  for (const [kind, campaign] of Object.entries(CAMPAIGNS)) {
    const id = campaignId(kind as CampaignKind);
    items.set(`campaign ${id}`, marshall({ id, ...campaign }));
  }
  const key = Buffer.alloc(32, 7).toString('base64') as unknown as Uint8Array;
  return { items, macKeys: [{ key: { B: key }, created_at: { N: '0' } }] };
}
