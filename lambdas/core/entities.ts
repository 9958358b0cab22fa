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

/** Terms of a campaign that this version stores only at their defaults, because nothing enforces others yet. */
export interface Campaign extends Entity {
  readonly name: string;
  readonly advertiserId: string;
  readonly status: EntityStatus;
  readonly currency: string;
  readonly destinationUrl: string;
  readonly goals: readonly Goal[];
  readonly unknownGoal: 'reject' | 'record' | 'default';
  readonly fallbackUrl: string | null;
  readonly attributionWindowDays: number;
  /** Conversion macros of {@link EXPOSABLE_MACROS} that publishers may see. */
  readonly expose: readonly string[];
}

export interface Postback extends Entity {
  /** Null: of all publishers. */
  readonly publisherId: string | null;
  /** Null: of all campaigns, of all goals. */
  readonly campaignId: string | null;
  readonly goal: string | null;
  readonly url: string;
  readonly method: 'GET' | 'POST_FORM' | 'POST_JSON';
  readonly mode: 'add' | 'replace';
  readonly fireOn: readonly ConversionStatus[];
  readonly statusWords: Readonly<Record<string, string>>;
  readonly goalWords: Readonly<Record<string, string>>;
  readonly status: EntityStatus;
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
}
