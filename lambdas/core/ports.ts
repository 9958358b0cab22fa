import type { MacKeyRing } from './click-id.ts';
import type { Conversion, HistoryRow, LedgerRow } from './conversion.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { Campaign, Click, Postback, Publisher, Sender, Settings } from './entities.ts';
import type { Hit } from './hit.ts';

/** Storage said no, was slow or did not answer. Whether the write happened is not known. The caller answers 503 or tries again. */
export class StorageUnavailable extends Error {
  override readonly name = 'StorageUnavailable';
  readonly code = 'TEMPORARILY_UNAVAILABLE';
  readonly retryable = true;
}

/** Milliseconds since 1970. */
export type Clock = () => number;

/** What the redirect reads. Null: there is none. Throws {@link StorageUnavailable}. */
export interface CatalogReader {
  campaign(id: string): Promise<Campaign | null>;
  publisher(id: string): Promise<Publisher | null>;
  settings(): Promise<Settings>;
  macKeys(): Promise<MacKeyRing>;
}

/** What a conversion reads, each strongly consistent, so that what an operator saved applies to the next call. */
export interface ConversionCatalog extends CatalogReader {
  sender(id: string): Promise<Sender | null>;
  /** The sender that a token belongs to, by its SHA-256 in hex. */
  senderIdOfToken(hash: string): Promise<string | null>;
  /** Active postbacks of this publisher and those of all publishers. */
  postbacksOf(publisherId: string): Promise<readonly Postback[]>;
}

export interface ClickWriter {
  /** Stores a click once; storing the same id again is success. Throws {@link StorageUnavailable}. */
  put(click: Click): Promise<void>;
}

export interface ClickReader {
  /** Strongly consistent. */
  click(id: string): Promise<Click | null>;
}

/** The row that names the first conversion of a click and goal. */
export interface ClickGoalRow {
  readonly conversionId: string;
  /** Whether that conversion has no txn_id yet, so that a call with one may adopt it. */
  readonly open: boolean;
}

/**
 * What one transaction does to the dedupe rows. Keys are hashes made by core; the adapter only prefixes them.
 *  - `putTxn`: put the transaction's key; refused if it exists.
 *  - `putClickGoal`: put the row of click and goal; refused if it exists.
 *  - `checkClickGoalClosed`: the row exists and is closed; else refused.
 *  - `closeClickGoal`: close the row; refused unless it is open and names `conversionId`.
 */
export type KeyChange =
  | { readonly kind: 'putTxn'; readonly key: string; readonly conversionId: string }
  | { readonly kind: 'putClickGoal'; readonly key: string; readonly conversionId: string; readonly open: boolean }
  | { readonly kind: 'checkClickGoalClosed'; readonly key: string }
  | { readonly kind: 'closeClickGoal'; readonly key: string; readonly conversionId: string };

/** One atomic change of a conversion with all that hangs on it. */
export interface ConversionWrite {
  readonly keys: readonly KeyChange[];
  readonly conversion: Conversion;
  /** Null: the conversion is new. Otherwise the version that must still be stored. */
  readonly expectedVersion: number | null;
  readonly history: HistoryRow;
  readonly ledger: LedgerRow | null;
  readonly deliveries: readonly Delivery[];
}

export type CommitResult =
  | { readonly committed: true }
  /** A condition was lost: read again and decide again. */
  | { readonly committed: false; readonly lost: 'key' | 'version' };

export interface ParkedConversion {
  readonly clickId: string;
  readonly hitId: string;
  /** The call as core parsed it, without its token; JSON. */
  readonly request: string;
  readonly dueAt: number;
  /** When parking ends, in milliseconds. */
  readonly endsAt: number;
}

export interface ConversionStore {
  /** Both strongly consistent. */
  clickGoal(key: string): Promise<ClickGoalRow | null>;
  conversionIdOfTxn(key: string): Promise<string | null>;
  /** Strongly consistent. */
  conversion(id: string): Promise<Conversion | null>;
  /**
   * One transaction. Safe to repeat after a lost answer: a repeat of a commit that happened is reported as lost, and
   * the caller reads its own conversion back. Throws {@link StorageUnavailable}.
   */
  commit(write: ConversionWrite): Promise<CommitResult>;
  park(parked: ParkedConversion): Promise<void>;
  /** Parked conversions that are due, oldest first; eventually consistent. */
  dueParked(now: number, limit: number): Promise<readonly ParkedConversion[]>;
  /** Moves a parked conversion's due time; false if it is gone or somebody else moved it. */
  postponeParked(parked: ParkedConversion, dueAt: number): Promise<boolean>;
  unpark(parked: ParkedConversion): Promise<void>;
}

export interface HitWriter {
  put(hit: Hit): Promise<void>;
}

/** A message that says "look at this delivery"; losing it costs time, never the delivery. */
export interface DeliveryHints {
  /** `delaySeconds` is at most 900. Throws {@link StorageUnavailable}. */
  send(hint: { deliveryId: string; postbackId: string; delaySeconds: number }): Promise<void>;
  /** About how many wait; the sweeper sends none while there are many. */
  backlog(): Promise<number>;
}

export interface DeliveryStore {
  delivery(id: string): Promise<Delivery | null>;
  /**
   * Takes the lease if the delivery waits and its time has come, or if it was being sent and that lease has ended. Sets
   * state `sending`, `lease`, and `nextAttemptAt` = `dueAt` = `leaseUntil`. Null: not now, and nothing changed.
   */
  claim(id: string, now: number, lease: string, leaseUntil: number): Promise<Delivery | null>;
  /**
   * Writes the attempt (if any) and the delivery's new state in one transaction, ends the lease, and, if the delivery
   * ended, makes its successor due at `now`. Answers what is stored; null if the lease was lost: nothing is written.
   */
  finish(delivery: Delivery, lease: string, attempt: Attempt | null, now: number): Promise<Delivery | null>;
  /** Deliveries to look at, of one shard (0-7), earliest first; eventually consistent. */
  due(shard: number, now: number, limit: number): Promise<readonly Delivery[]>;
  /** Moves the sweeper's next look; false if the row changed meanwhile. */
  postpone(delivery: Delivery, dueAt: number): Promise<boolean>;
}

/** What a delivery reads of the catalog, strongly consistent. Throws {@link StorageUnavailable}. */
export interface PostbackReader {
  postback(id: string): Promise<Postback | null>;
}

/** One outbound HTTP call. Never throws: what goes wrong is in the answer. */
export interface PostbackCaller {
  call(request: OutboundRequest): Promise<OutboundResponse>;
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface OutboundResponse {
  readonly status: number | null;
  readonly error: Attempt['error'];
  readonly body: string | null;
  /** Seconds, from `Retry-After`, or null. */
  readonly retryAfterSeconds: number | null;
  readonly durationMs: number;
}
