import type { AuditEntry } from './audit.ts';
import type { MacKeyRing } from './click-id.ts';
import type { ClickLedgerRow } from './click-payout.ts';
import type { Conversion, HistoryRow, LedgerRow } from './conversion.ts';
import type { CounterKey, Counts, CounterUpdate, StoredCounter } from './counters.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { Campaign, CampaignTerms, Click, Postback, Publisher, Sender, Settings } from './entities.ts';
import type { Hit } from './hit.ts';
import type { PixelHit } from './pixel-hit.ts';
import type { ClickCode } from './reasons.ts';

/** Storage said no, was slow or did not answer. Whether the write happened is not known. The caller answers 503 or tries again. */
export class StorageUnavailable extends Error {
  override readonly name = 'StorageUnavailable';
  readonly code = 'TEMPORARILY_UNAVAILABLE';
  readonly retryable = true;
}

/** Milliseconds since 1970. */
export type Clock = () => number;

/** What the work answers, or {@link StorageUnavailable} after so many milliseconds; what is late may still be done. */
export type Within = <T>(milliseconds: number, work: Promise<T>) => Promise<T>;

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
  /**
   * The terms that were in force at a time, in milliseconds, of those before the campaign's present ones (`termsSince`);
   * the oldest if it is before them. Null: the present ones are the first.
   */
  termsAt(campaignId: string, at: number): Promise<CampaignTerms | null>;
  /** Postbacks of this publisher and those of all publishers that are not archived. */
  postbacksOf(publisherId: string): Promise<readonly Postback[]>;
}

/** What the click path asks of Clicks and Counters. Every call may throw {@link StorageUnavailable}; `timeout` in milliseconds. */
export interface ClickStore {
  /**
   * Stores a click once, in one transaction with the slots that it takes, if any: all of it or nothing. May be repeated.
   * `there`: the id is stored already, with this code; `full`: a slot's limit leaves no room.
   */
  put(click: Click, slots: readonly CounterUpdate[], timeout: number): Promise<ClickPut>;
  /** Never tried twice: after a throw it may have happened. `counts` are those after it or, if a limit left no room, those that stand. */
  add(update: CounterUpdate, timeout: number): Promise<{ readonly added: boolean; readonly counts: Counts }>;
  /** Removes attributes of periods that are over. */
  forget(key: CounterKey, attributes: readonly string[], timeout: number): Promise<void>;
  /** The marker of a visit, strongly consistent. */
  visit(key: string, timeout: number): Promise<VisitMarker | null>;
  /**
   * Sets the marker of a click's visit unless one stands that is younger than the window and not the click's own. Answers
   * that one, or null: set. May be repeated.
   */
  claimVisit(visit: VisitClaim, click: Click, timeout: number): Promise<VisitMarker | null>;
  /** Takes the click's own marker away, and no other. May be repeated. */
  releaseVisit(key: string, clickId: string, timeout: number): Promise<void>;
}

export type ClickPut = { readonly kind: 'stored' | 'full' } | { readonly kind: 'there'; readonly code: ClickCode };

/** A visitor's click that counted. */
export interface VisitMarker {
  readonly clickId: string;
  /** Milliseconds. */
  readonly countedAt: number;
}

/** A click that storage did not take in time, with what it still has to claim; null: its code is final. */
export interface SpooledClick {
  readonly click: Click;
  readonly claims: ClickClaims | null;
}

export interface ClickSpool {
  /** Throws {@link StorageUnavailable}. */
  send(spooled: SpooledClick, timeout: number): Promise<void>;
}

/** What is asked of Counters before a click counts. */
export interface ClickClaims {
  /** Null: the campaign counts all of a visitor's clicks. */
  readonly visit: VisitClaim | null;
  /** See `clickSlots`; empty: no cap. */
  readonly slots: readonly CounterUpdate[];
}

export interface VisitClaim {
  /**
   * Keyed hashes of campaign, address and user agent with a salt of the day: today's, and yesterday's if the window
   * reaches back to it.
   */
  readonly key: string;
  readonly keyBefore: string | null;
  readonly windowSeconds: number;
}

export interface RecordedClick {
  /** With the code that it got: `OK` may have become `DUPLICATE_CLICK` or `CAP_REACHED`. */
  readonly click: Click;
  /** For a duplicate: when the click was that counted, in milliseconds. */
  readonly countedAt: number | null;
}

/** Records a click (invariant 2). Never throws: what storage does not take goes to the spool, or to the log. */
export interface ClickRecorder {
  /** `claims`: only of a click whose code is `OK`; null: there are none. */
  record(click: Click, claims: ClickClaims | null): Promise<RecordedClick>;
}

/** Counts that are nobody's facts. Never throws and is never repeated: a count may be lost, and is never made twice. */
export interface ImpressionCounter {
  count(campaignId: string, publisherId: string, at: number): Promise<void>;
}

/** What the redirect reads of the conversions' counters. */
export interface ConversionCountReader {
  /**
   * Counters of a campaign and, of the others, of one publisher, by goal (null: all). Throws {@link StorageUnavailable}.
   */
  conversionCounts(campaignId: string, publisherId: string): Promise<readonly ConversionCounts[]>;
}

export interface ConversionCounts {
  /** Null: of all publishers. */
  readonly publisherId: string | null;
  /** Null: of all goals. */
  readonly goal: string | null;
  readonly counts: Counts;
}

export interface ClickReader {
  /** Strongly consistent. */
  click(id: string): Promise<Click | null>;
}

/**
 * What a dedupe row says: which conversion holds the key, or that a rejection came before its conversion
 * (`remembered`), whose later sale takes the row over and is recorded as rejected.
 */
export interface KeyRow {
  /** Null: remembered. */
  readonly conversionId: string | null;
}

/** The row of a click and goal; it names their first conversion. */
export interface ClickGoalRow extends KeyRow {
  readonly goal: string;
  /** Whether that conversion has no txn_id yet, so that a call with one may adopt it. */
  readonly open: boolean;
  /** Whether more conversions followed the first. */
  readonly several: boolean;
}

/** Finds conversions by the advertiser's own transaction id; several goals or campaigns may share one. */
export interface TxnIndexRow {
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly goal: string;
  readonly conversionId: string;
}

/** A dedupe key: the hash of a transaction's parts, made by core, or a click and goal. */
export type DedupeKey =
  | { readonly kind: 'txn'; readonly hash: string }
  | { readonly kind: 'clickGoal'; readonly clickId: string; readonly goal: string };

/**
 * What one transaction does to the dedupe rows, each row at most once.
 *  - `put`: name the key's conversion; refused unless the row is absent or, with `over: 'remembered'`, remembered.
 *  - `follow`: one more conversion of a click and goal; refused unless the row is closed. Marks it `several`.
 *  - `close`: close the row of a click and goal; refused unless it is open and names `conversionId`.
 *  - `index`: make the conversion findable by its transaction id; never refused.
 */
export type KeyChange =
  | {
      readonly kind: 'put';
      readonly key: DedupeKey;
      readonly conversionId: string;
      /** Of a click and goal only. */
      readonly open: boolean;
      readonly over: 'nothing' | 'remembered';
    }
  | { readonly kind: 'follow'; readonly clickId: string; readonly goal: string }
  | { readonly kind: 'close'; readonly clickId: string; readonly goal: string; readonly conversionId: string }
  | { readonly kind: 'index'; readonly txnHash: string; readonly row: TxnIndexRow };

/**
 * What one transaction does to a conversion's deliveries, each row at most once.
 *  - `put`: a new delivery.
 *  - `cancel`: refused unless it still waits.
 *  - `succeed`: names the delivery that waits for this one (null: none any more); refused if this one has ended or
 *    its successor is no longer the one that was read.
 *  - `recall`: takes back the news of one that is being sent, and names its successor likewise; refused unless it is
 *    being sent.
 */
export type DeliveryChange =
  | { readonly kind: 'put'; readonly delivery: Delivery }
  | { readonly kind: 'cancel'; readonly delivery: Delivery }
  | { readonly kind: 'succeed' | 'recall'; readonly delivery: Delivery; readonly successor: number | null };

/** One atomic change of a conversion with all that hangs on it. */
export interface ConversionWrite {
  readonly keys: readonly KeyChange[];
  readonly conversion: Conversion;
  /** Null: the conversion is new. Otherwise the version that must still be stored. */
  readonly expectedVersion: number | null;
  readonly history: HistoryRow;
  readonly ledger: LedgerRow | null;
  /** Each counter at most once; refused if a limit leaves no room. */
  readonly counters: readonly CounterUpdate[];
  readonly deliveries: readonly DeliveryChange[];
  /** What the audit trail says of it. @default - nothing */
  readonly audit?: AuditEntry | null;
}

export type CommitResult =
  | { readonly committed: true }
  /** A condition was lost and nothing was written: read again and decide again. */
  | { readonly committed: false; readonly lost: 'key' | 'version' | 'delivery' }
  /** Told only if keys and version would have held. `counters`: those that refused, as they are. */
  | { readonly committed: false; readonly lost: 'cap'; readonly counters: readonly StoredCounter[] };

export interface ParkedConversion {
  readonly clickId: string;
  readonly hitId: string;
  /** The call as core parsed it, without its token; JSON. */
  readonly request: string;
  readonly dueAt: number;
  /** When parking ends, in milliseconds. */
  readonly endsAt: number;
}

export interface EndedHold {
  readonly conversionId: string;
  /** Milliseconds. */
  readonly until: number;
}

/** Every read is strongly consistent unless it says otherwise; every method may throw {@link StorageUnavailable}. */
export interface ConversionStore {
  /** All rows of a click, one a goal. */
  clickGoals(clickId: string): Promise<readonly ClickGoalRow[]>;
  txn(hash: string): Promise<KeyRow | null>;
  /** Conversions with this transaction id, of one advertiser or (null) of all; at most `MAX_OF_TXN`. */
  conversionsOfTxn(txnHash: string, advertiserId: string | null): Promise<readonly TxnIndexRow[]>;
  conversion(id: string): Promise<Conversion | null>;
  /** All of a conversion or a click, oldest first. */
  deliveriesOf(subjectId: string): Promise<readonly Delivery[]>;
  /** One transaction, at most 100 rows. After a thrown error it may have happened: the caller reads its own conversion back. */
  commit(write: ConversionWrite): Promise<CommitResult>;
  /** Removes from counters what is over; see `staleAttributes`. Idempotent. */
  pruneCounters(keys: readonly CounterKey[], now: number): Promise<void>;
  /** Remembers a rejection that came before its conversion; false if the key names a conversion now. Idempotent. */
  remember(key: DedupeKey): Promise<boolean>;
  /** Conversions whose hold period is over, longest first; eventually consistent, only a hint. */
  endedHolds(now: number, limit: number): Promise<readonly EndedHold[]>;
  /** Moves the next look at a conversion that is still held as it was read; its hold period stays. */
  postponeHold(hold: EndedHold, dueAt: number): Promise<void>;
  /** Idempotent. */
  park(parked: ParkedConversion): Promise<void>;
  /** Parked conversions that are due, oldest first; eventually consistent. */
  dueParked(now: number, limit: number): Promise<readonly ParkedConversion[]>;
  /** The hit id of the call of a click that is parked for longest; null: none is. */
  oldestParked(clickId: string): Promise<string | null>;
  /** Moves a parked conversion's due time; false if it is gone or somebody else moved it. */
  postponeParked(parked: ParkedConversion, dueAt: number): Promise<boolean>;
  unpark(parked: ParkedConversion): Promise<void>;
}

/** Books what clicks pay. */
export interface ClickLedger {
  /**
   * Adds the row of a click and the deliveries that tell of it, all or nothing. A click is booked once: the first row stays.
   * False: it was booked before. Throws {@link StorageUnavailable}.
   */
  add(row: ClickLedgerRow, deliveries: readonly Delivery[]): Promise<boolean>;
}

export interface HitWriter {
  put(hit: Hit): Promise<void>;
  /** As `put`, but leaves a hit alone that an operator has tried again. */
  putUntried(hit: Hit): Promise<void>;
}

/** Keeps browsers' calls that storage did not take in time. */
export interface PixelSpool {
  /** Throws {@link StorageUnavailable}. */
  send(pixel: PixelHit): Promise<void>;
}

/** Hits that are tried again. Throws {@link StorageUnavailable}. */
export interface HitStore {
  /** Strongly consistent. */
  hit(id: string): Promise<Hit | null>;
  /** False, and nothing is written, if `before` is not what is stored any more: its code or its retries changed. */
  replace(hit: Hit, before: Hit): Promise<boolean>;
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
   * ended, makes its successor due at `now`. One that would wait but was recalled meanwhile ends as cancelled. Answers
   * what is stored; null if the lease was lost: nothing is written.
   */
  finish(delivery: Delivery, lease: string, attempt: Attempt | null, now: number): Promise<Delivery | null>;
  /**
   * Moves a delivery that has not ended to other times, without an attempt; one whose lease has run out waits again. False,
   * and nothing is written, if it is not due at the `nextAttemptAt` that was read (somebody else claimed it or moved it) or
   * was recalled: it is to end with its claim, and nobody must take it for one that waits.
   */
  defer(delivery: Delivery, to: Pick<Delivery, 'nextAttemptAt' | 'dueAt' | 'stuckAt'>): Promise<boolean>;
  /** Deliveries to look at, of one shard (0-7), earliest first; eventually consistent. */
  due(shard: number, now: number, limit: number): Promise<readonly Delivery[]>;
  /** Moves the sweeper's next look; false if the row changed meanwhile. */
  postpone(delivery: Delivery, dueAt: number): Promise<boolean>;
}

/** What a delivery has to do with the catalog, strongly consistent. Throws {@link StorageUnavailable}. */
export interface PostbackCatalog {
  postback(id: string): Promise<Postback | null>;
  /** Disables it; false, and nothing is written, if it was changed since it was read. */
  disable(postback: Postback, reason: NonNullable<Postback['disabledReason']>, now: number): Promise<boolean>;
}

/** How a postback has been failing; there is none while its last call went well. */
export interface PostbackHealth {
  /** When the first of the failures came that nothing but failures followed, in milliseconds. */
  readonly failingSince: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastFailureAt: number;
  /** How many warnings of it were given. */
  readonly warnings: number;
}

/** Failing streaks of postbacks. Throws {@link StorageUnavailable}. */
export interface PostbackHealthStore {
  /** Eventually consistent; null: it is not failing. */
  health(postbackId: string): Promise<PostbackHealth | null>;
  /** Counts a failure; may count one twice if an answer is lost. Answers the streak with it. */
  failed(postbackId: string, now: number): Promise<PostbackHealth>;
  /** Ends the streak. Idempotent. */
  recovered(postbackId: string): Promise<void>;
  /** Notes the n-th warning; false: somebody else gave it. */
  warned(postbackId: string, n: number): Promise<boolean>;
}

/** What is known of an endpoint: who is calling it, how calls went, whether its breaker is open. See endpoints.ts. */
export interface EndpointState {
  /** By slot, when its lease ends, in milliseconds. */
  readonly slots: ReadonlyMap<number, number>;
  readonly breaker: Breaker;
  /** Calls by the bucket of time in which they ended, see `bucketOf`. */
  readonly calls: ReadonlyMap<number, { readonly made: number; readonly failed: number }>;
}

/** `openings` in a row, 0: it is closed; until `openUntil` nobody calls, then one may probe. */
export interface Breaker {
  readonly openings: number;
  /** Milliseconds; null: closed. */
  readonly openUntil: number | null;
}

/**
 * Who may call an endpoint now. Every call is one conditional update, so that workers see each other at once. Throws
 * {@link StorageUnavailable}.
 */
export interface EndpointStore {
  /**
   * Takes a slot until its lease ends, unless another has it or the breaker is not as `breaker`. A probe of an open breaker
   * keeps all others out until then as well. Answers what stands afterwards.
   */
  take(
    endpoint: string,
    take: { readonly slot: number; readonly now: number; readonly leaseUntil: number; readonly breaker: Breaker },
  ): Promise<{ readonly taken: boolean; readonly state: EndpointState }>;
  /**
   * Gives the slot back, counts the calls and removes the buckets of `forget`; does nothing if the slot's lease is not the
   * one that was taken any more. Answers what stands afterwards.
   */
  settle(
    endpoint: string,
    settled: {
      readonly slot: number;
      readonly leaseUntil: number;
      readonly bucket: number;
      readonly made: number;
      readonly failed: number;
      readonly forget: readonly number[];
    },
  ): Promise<EndpointState>;
  /** Opens or closes the breaker; closing forgets all calls. False if it is not as `from` any more. */
  turn(endpoint: string, from: Breaker, to: Breaker, forget: readonly number[]): Promise<boolean>;
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
