import { DEFAULT_CAMPAIGN_TERMS, DEFAULT_SETTINGS } from '../../lambdas/core/entities.ts';
import type { Campaign, Cap, Click, Goal, Publisher, Settings } from '../../lambdas/core/entities.ts';

/** Entities as they are stored, with overrides. */
export function aGoal(overrides: Partial<Goal> = {}): Goal {
  return {
    id: 'sale',
    name: 'Sale',
    default: true,
    match: [],
    payout: { model: 'fixed', amount: '2.50' },
    revenue: { model: 'fixed', amount: '4' },
    dedupe: 'transaction',
    dedupeScope: 'goal',
    defaultStatus: 'approved',
    pixelStatus: 'pending',
    holdDays: 0,
    accept: [],
    ...overrides,
  };
}

/** The cap of the contract's example: 100 conversions a day. */
export function aCap(overrides: Partial<Cap> = {}): Cap {
  return {
    metric: 'conversions',
    period: 'day',
    limit: '100',
    scope: 'campaign',
    publisherId: null,
    goal: null,
    timeZone: null,
    onReached: 'reject',
    ...overrides,
  };
}

export function aCampaign(overrides: Partial<Campaign> = {}): Campaign {
  return {
    id: 'summer',
    version: 1,
    createdAt: 1_764_000_000_000,
    updatedAt: 1_764_000_000_000,
    name: 'Summer sale',
    advertiserId: 'xyz',
    status: 'active',
    currency: 'USD',
    destinationUrl: 'https://shop.example/landing?cid={click_id}',
    goals: [aGoal()],
    unknownGoal: 'reject',
    fallbackUrl: null,
    attributionWindowDays: 30,
    expose: [],
    ...DEFAULT_CAMPAIGN_TERMS,
    termsSince: 1_764_000_000_000,
    ...overrides,
  };
}

export function aPublisher(overrides: Partial<Publisher> = {}): Publisher {
  return {
    id: 'tia',
    version: 1,
    createdAt: 1_764_000_000_000,
    updatedAt: 1_764_000_000_000,
    name: 'Tia',
    status: 'active',
    metadata: {},
    ...overrides,
  };
}

export function someSettings(overrides: Partial<Settings> = {}): Settings {
  return { ...DEFAULT_SETTINGS, version: 1, ...overrides };
}

export function aClick(overrides: Partial<Click> = {}): Click {
  return {
    id: 'a'.repeat(32),
    campaignId: 'summer',
    publisherId: 'tia',
    advertiserId: 'xyz',
    code: 'OK',
    payable: true,
    createdAt: 1_764_000_000_000,
    expiresAt: 1_779_552_000,
    values: {},
    country: null,
    device: null,
    os: null,
    browser: null,
    language: null,
    ip: null,
    userAgent: null,
    payout: null,
    ...overrides,
  };
}
