import type { Micros } from './money.ts';
import type { ClickCode } from './reasons.ts';

/**
 * What operators set up. On the wire and in Catalog the same names in snake_case (see wire.ts); amounts and percentages
 * stay the decimal strings that the operator gave and are parsed where they are used.
 */
export type EntityStatus = 'active' | 'paused' | 'archived';

interface Entity {
  readonly id: string;
  /** Counts the changes; the ETag. */
  readonly version: number;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface Advertiser extends Entity {
  readonly name: string;
  readonly status: EntityStatus;
  readonly metadata: Readonly<Record<string, string>>;
}

export type Publisher = Advertiser;

/** Who may report conversions. Each advertiser has one with its own id. */
export interface Sender extends Entity {
  readonly name: string;
  readonly status: EntityStatus;
  readonly advertiserIds: readonly string[] | 'all';
  readonly tokenRequired: boolean;
  /** Our parameter name -> more names that this sender uses for it. */
  readonly parameters: Readonly<Record<string, readonly string[]>>;
  /** The sender's status word (lower case) -> ours. */
  readonly statusMap: Readonly<Record<string, ConversionStatus>>;
  readonly ipAllowList: readonly string[];
  readonly responseMode: 'status' | 'always_200';
  /** `currency`: no more decimals than the currency has; 6: six are accepted and rounded half even. */
  readonly decimals: 'currency' | 6;
  readonly tokens: readonly SenderToken[];
}

/** A token without its value, which is kept as a hash and shown once. */
export interface SenderToken {
  readonly id: string;
  readonly hash: string;
  /** Milliseconds, or null: never. */
  readonly expiresAt: number | null;
  readonly createdAt: number;
}

export type ConversionStatus = 'approved' | 'pending' | 'rejected';

export type RevenueModel =
  | { readonly model: 'fixed'; readonly amount: string }
  | { readonly model: 'percent'; readonly percent: string }
  | { readonly model: 'none' };

export type PayoutModel = RevenueModel | { readonly model: 'percent_of_revenue'; readonly percent: string };

export interface Goal {
  readonly id: string;
  readonly name: string;
  readonly default: boolean;
  readonly match: readonly string[];
  readonly payout: PayoutModel;
  readonly revenue: RevenueModel;
  readonly dedupe: 'transaction' | 'click';
  readonly dedupeScope: 'goal' | 'campaign' | 'advertiser';
  readonly defaultStatus: 'approved' | 'pending';
  readonly pixelStatus: 'approved' | 'pending';
  readonly holdDays: number;
  readonly accept: readonly ('payout' | 'revenue')[];
}

/** Other terms than the goal's own for some conversions; of several that match the most specific wins. */
export interface Override {
  /** Null: of all publishers, of all goals. */
  readonly publisherId: string | null;
  readonly goal: string | null;
  /** What must hold of the click; empty lists ask nothing. */
  readonly when: {
    readonly countries: readonly string[];
    readonly os: readonly string[];
    readonly sources: readonly string[];
  };
  /** Null: it says nothing of it. */
  readonly payout: PayoutModel | null;
  readonly revenue: RevenueModel | null;
}

/** A code that customers type in at the shop; its sales belong to the publisher although there is no click. */
export interface Coupon {
  readonly code: string;
  readonly publisherId: string;
}

/** What must hold for one thing that is known of a visitor. Empty lists ask nothing. */
export interface TargetingRule {
  /** Not empty: only these. */
  readonly allow: readonly string[];
  /** Never these. */
  readonly deny: readonly string[];
}

/** Countries in upper case (ISO 3166), sources as publishers write them, everything else in lower case. */
export interface Targeting {
  readonly countries: TargetingRule;
  readonly devices: TargetingRule;
  readonly os: TargetingRule;
  readonly browsers: TargetingRule;
  readonly languages: TargetingRule;
  readonly sources: TargetingRule;
  /** What becomes of a visitor of whom the asked is not known. */
  readonly unknown: 'allow' | 'deny';
}

export type CapMetric = 'clicks' | 'conversions' | 'payout' | 'revenue';
export type CapPeriod = 'hour' | 'day' | 'week' | 'month' | 'total';

export interface Cap {
  readonly metric: CapMetric;
  readonly period: CapPeriod;
  /** A whole number; of payout and revenue a decimal in the campaign's currency. */
  readonly limit: string;
  /** `each_publisher`: every publisher has this limit for itself; `publisher`: only `publisherId` has it. */
  readonly scope: 'campaign' | 'each_publisher' | 'publisher';
  readonly publisherId: string | null;
  /** Null: all goals together. Clicks have none. */
  readonly goal: string | null;
  /** IANA name; null: the network's. */
  readonly timeZone: string | null;
  /** What becomes of a conversion beyond the limit. */
  readonly onReached: 'reject' | 'pending';
}

export interface Campaign extends Entity {
  readonly name: string;
  readonly advertiserId: string;
  readonly status: EntityStatus;
  readonly currency: string;
  readonly destinationUrl: string;
  readonly goals: readonly Goal[];
  readonly unknownGoal: 'reject' | 'record' | 'default';
  /** Whether the terms in force when the conversion was received or when the click was are those that count. */
  readonly payoutBasis: 'conversion' | 'click';
  readonly overrides: readonly Override[];
  /** Since when goals and overrides are as they are, in milliseconds; those before are kept, see {@link CampaignTerms}. */
  readonly termsSince: number;
  readonly coupons: readonly Coupon[];
  /** A conversion sooner after its click is suspicious. 0: none is. */
  readonly minimumSecondsToConvert: number;
  /** What a publisher gets for each click that counts; null: nothing. */
  readonly clickPayout: ClickPayout | null;
  /** `ask` and `private`: only approved publishers may send clicks; `ask`: others may apply. */
  readonly visibility: 'public' | 'ask' | 'private';
  readonly approvedPublishers: readonly string[];
  readonly blockedPublishers: readonly string[];
  readonly caps: readonly Cap[];
  readonly targeting: Targeting;
  readonly fallbackUrl: string | null;
  readonly attributionWindowDays: number;
  /** A visitor's further clicks within it do not count; 0: all count. */
  readonly duplicateClickWindowSeconds: number;
  /** Hosts that a tracking link's `url` may lead to; `*.example.com` stands for its subdomains. Lower case. */
  readonly deepLinkHosts: readonly string[];
  /** Conversion macros of {@link EXPOSABLE_MACROS} that publishers may see. */
  readonly expose: readonly string[];
  /** Milliseconds; null: at once. */
  readonly startsAt: number | null;
  /** Milliseconds, the first instant after it; null: never. */
  readonly endsAt: number | null;
}

/** What conversions are priced by. */
export type CampaignTerms = Pick<Campaign, 'goals' | 'overrides' | 'termsSince'>;

/** A fixed amount in the campaign's currency. */
export interface ClickPayout {
  readonly model: 'fixed';
  readonly amount: string;
}

/** The terms that a campaign has unless it says otherwise; rows that were stored before a term existed lack it. */
export const DEFAULT_CAMPAIGN_TERMS = {
  payoutBasis: 'conversion',
  overrides: [],
  coupons: [],
  minimumSecondsToConvert: 0,
  clickPayout: null,
  visibility: 'public',
  approvedPublishers: [],
  blockedPublishers: [],
  caps: [],
  targeting: {
    countries: { allow: [], deny: [] },
    devices: { allow: [], deny: [] },
    os: { allow: [], deny: [] },
    browsers: { allow: [], deny: [] },
    languages: { allow: [], deny: [] },
    sources: { allow: [], deny: [] },
    unknown: 'allow',
  },
  duplicateClickWindowSeconds: 0,
  deepLinkHosts: [],
  startsAt: null,
  endsAt: null,
} as const satisfies Partial<Campaign>;

/** A campaign as it is stored, with the defaults of the terms that its row lacks. */
export function completeCampaign(stored: Campaign): Campaign {
  const since: Partial<Campaign> = { termsSince: stored.createdAt };
  return { ...DEFAULT_CAMPAIGN_TERMS, ...since, ...stored };
}

/** What a postback may fire on: a conversion in a status, or a click that its publisher is paid for. */
export type FireOn = ConversionStatus | 'click_payout';

/** `disabled`: by ourselves, because its receiver is gone or has been failing for days; an operator activates it again. */
export type PostbackStatus = EntityStatus | 'disabled';

export interface Postback extends Entity {
  /** Null: of all publishers. */
  readonly publisherId: string | null;
  /** Null: of all campaigns, of all goals. */
  readonly campaignId: string | null;
  readonly goal: string | null;
  readonly url: string;
  readonly method: 'GET' | 'POST_FORM' | 'POST_JSON';
  readonly mode: 'add' | 'replace';
  readonly fireOn: readonly FireOn[];
  readonly statusWords: Readonly<Record<string, string>>;
  readonly goalWords: Readonly<Record<string, string>>;
  /** While it is paused or disabled its deliveries are made and wait; once it is archived there are none. */
  readonly status: PostbackStatus;
  /** Of a disabled one: since when, in milliseconds, and why: it answered 410, or nothing but failures for days. */
  readonly disabledAt: number | null;
  readonly disabledReason: 'gone' | 'failing' | null;
}

export interface Settings {
  readonly version: number;
  readonly networkName: string;
  readonly timeZone: string;
  readonly currency: string;
  /** Currency -> what one unit of it is worth in the network's currency, as a decimal string. */
  readonly exchangeRates: Readonly<Record<string, string>>;
  readonly fallbackUrl: string | null;
  readonly attributionWindowDays: number;
  readonly clickRetentionDays: number;
}

export const DEFAULT_SETTINGS: Settings = {
  version: 0,
  networkName: 'Flowback',
  timeZone: 'UTC',
  currency: 'USD',
  exchangeRates: {},
  fallbackUrl: null,
  attributionWindowDays: 30,
  clickRetentionDays: 180,
};

export type Role = 'admin' | 'manager' | 'analyst' | 'publisher' | 'advertiser';

export interface ApiKey extends Entity {
  readonly name: string;
  readonly role: Role;
  readonly hash: string;
  readonly advertiserId: string | null;
  readonly publisherId: string | null;
  readonly expiresAt: number | null;
}

/** The publisher's values of a tracking link that are kept with the click, in the order of the contract. */
export const CLICK_VALUES = [
  ...['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'source', 'creative', 'app_name'],
  ...['gaid', 'idfa', 'android_id', 'gclid', 'fbclid', 'ttclid', 'msclkid'],
  ...['gdpr', 'gdpr_consent', 'us_privacy', 'gpp', 'gpp_sid'],
] as const;
export type ClickValue = (typeof CLICK_VALUES)[number];

/** One visit through a tracking link. */
export interface Click {
  readonly id: string;
  readonly campaignId: string;
  readonly publisherId: string;
  readonly advertiserId: string;
  readonly code: ClickCode;
  readonly payable: boolean;
  /** Milliseconds. */
  readonly createdAt: number;
  /** When the row may be forgotten, in seconds (TTL). */
  readonly expiresAt: number;
  readonly values: Readonly<Partial<Record<ClickValue, string>>>;
  readonly country: string | null;
  readonly device: string | null;
  readonly os: string | null;
  readonly browser: string | null;
  readonly language: string | null;
  /** Cut to /24 or /48. */
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** What the publisher gets for it; null: the campaign pays no clicks, or not this one. */
  readonly payout: { readonly amount: Micros; readonly currency: string } | null;
}
