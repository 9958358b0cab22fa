import type { Cap, ConversionStatus, Override, PayoutModel, RevenueModel } from './entities.ts';
import type { Micros } from './money.ts';
import type { ConversionCode } from './reasons.ts';

/** What a conversion is priced by: the terms in force when it was received, whatever the campaign says later. */
export interface Terms {
  readonly payout: PayoutModel | ReportedAmount;
  readonly revenue: RevenueModel | ReportedAmount;
  /** What one unit of the sale's and of the campaign's currency was worth; null: the same currency, or not needed. */
  readonly exchange: { readonly sale: string; readonly campaign: string } | null;
  /** Whence they are. Rows from before there was a choice do not say. */
  readonly origin?: TermsOrigin;
}

/** What the call itself said, in the sale's currency, where the goal accepts it. */
export interface ReportedAmount {
  readonly model: 'reported';
  readonly amount: string;
}

export interface TermsOrigin {
  readonly basis: 'conversion' | 'click';
  /** Since when the campaign had these terms, in milliseconds. */
  readonly since: number;
  readonly payout: AmountOrigin;
  readonly revenue: AmountOrigin;
}

export type AmountOrigin =
  { readonly from: 'goal' | 'call' | 'operator' } | { readonly from: 'override'; readonly override: Override };

/** One goal reached by one click. All that its macros need is copied here, so that it outlives its click. */
export interface Conversion {
  readonly id: string;
  /** Counts the changes; each change is conditional on it and numbers its history and ledger rows. */
  readonly version: number;
  /** Null: a coupon or an operator says whose it is. */
  readonly clickId: string | null;
  readonly campaignId: string;
  readonly publisherId: string;
  readonly advertiserId: string;
  readonly goal: string;
  readonly status: ConversionStatus;
  readonly code: ConversionCode;
  readonly reason: string | null;
  /** Stays out of money, caps and reports, whatever becomes of it; its publisher is told as of a real one. */
  readonly test: boolean;
  readonly txnId: string | null;
  readonly saleAmount: Micros | null;
  readonly saleCurrency: string | null;
  /** Null: it is unpaid (an unknown goal that the campaign records). */
  readonly terms: Terms | null;
  /** Exchange rate from the sale's to the campaign's currency as applied, a decimal; null: the same currency. */
  readonly rate: string | null;
  /** The campaign's currency: payout and revenue are in it. */
  readonly currency: string;
  /** What the publisher gets: paid if approved, what approval will pay if pending, 0 if rejected. */
  readonly payout: Micros;
  readonly revenue: Micros;
  /** What would be paid were it approved; stored also where nothing is paid. Null: not priced (NO_EXCHANGE_RATE). */
  readonly wouldBePayout: Micros | null;
  readonly wouldBeRevenue: Micros | null;
  /** Values of the click and of the call, by macro name (`p1`, `source`, `country`, `sub1`, `coupon`, ...). */
  readonly values: Readonly<Record<string, string>>;
  /** Milliseconds; null with `clickId`. */
  readonly clickAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** An operator decided: postbacks change it no more. */
  readonly locked: boolean;
  /** Time zones in whose periods it counts for caps; none: it takes no room of any. */
  readonly countedIn: readonly string[];
  /** The cap that had no room for it: why its code is `OVER_CAP`. */
  readonly cap: Cap | null;
  /** When it approves itself, in milliseconds; null: it does not, or not any more. */
  readonly holdUntil: number | null;
  /** A pixel proves nothing: what a sender says of the same event replaces it. */
  readonly reportedBy: 'sender' | 'pixel';
  /** How many deliveries it has; they are numbered from 1. */
  readonly deliveries: number;
}

/** A difference of money; only ever added. Numbered by the version of the conversion that made it. */
export interface LedgerRow {
  readonly conversionId: string;
  readonly number: number;
  readonly at: number;
  readonly payout: Micros;
  readonly revenue: Micros;
  readonly currency: string;
  readonly code: ConversionCode;
}

export interface HistoryRow {
  readonly conversionId: string;
  readonly number: number;
  readonly at: number;
  readonly status: ConversionStatus;
  readonly code: ConversionCode;
  /** `sender:<id>`, `batch:<id>` of the key that reported, `key:<id>` of an operator's, `pixel` or `system`. */
  readonly by: string;
  /** What the operator gave. */
  readonly reason: string | null;
}
