import type { Reported } from './choose-terms.ts';
import type { ConversionChange } from './conversion-change.ts';
import type { Conversion } from './conversion.ts';
import type { Goal } from './entities.ts';
import type { Micros } from './money.ts';
import type { Place } from './place.ts';
import type { PostbackRequest } from './postback-request.ts';
import type { ConversionCode } from './reasons.ts';

/** What becomes of a call, as the contract's table of codes has it. */
export interface Ruling {
  readonly code: ConversionCode;
  readonly message?: string;
  readonly warnings: readonly string[];
  /** As it will be, or as it is if nothing changes. */
  readonly conversion: Conversion | null;
  /** What is to be committed before the call is answered. */
  readonly change: ConversionChange | null;
}

/** What every decision about a call needs to know. */
export interface Scene extends Place {
  readonly request: PostbackRequest;
  readonly reportedBy: Conversion['reportedBy'];
  /** What the call is about; null: the campaign does not know it, or not any more. */
  readonly goal: Goal | null;
  /** Parsed with the decimals of `saleCurrency`. */
  readonly saleAmount: Micros | null;
  /** The request's, or the campaign's. */
  readonly saleCurrency: string;
  /** What the call says of payout and revenue and the goal accepts. */
  readonly reported: Reported;
  readonly now: number;
  /** For the history: see `HistoryRow`. */
  readonly by: string;
}

/** Whom a call is about: a click, an earlier conversion of it, or whoever a coupon or an operator names. */
export interface Subject {
  /** Null: there is no click. */
  readonly clickId: string | null;
  /** Milliseconds; null with `clickId`. */
  readonly clickAt: number | null;
  readonly campaignId: string;
  readonly publisherId: string;
  readonly advertiserId: string;
}

/** A ruling that leaves nothing behind but its hit. */
export function refuse(code: ConversionCode, request: Pick<PostbackRequest, 'warnings'>, message?: string): Ruling {
  return {
    code,
    warnings: request.warnings,
    conversion: null,
    change: null,
    ...(message !== undefined && { message }),
  };
}
