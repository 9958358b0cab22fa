import type { Adjustment } from './adjustment.ts';
import type { AuditEntry } from './audit.ts';
import type { Conversion, HistoryRow } from './conversion.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { Advertiser, ApiKey, Campaign, Click, Postback, Publisher, Sender, Settings } from './entities.ts';
import type { Hit } from './hit.ts';
import type { Wire } from './wire.ts';

/** An API key as stored, in its list and by its hash. */
export type StoredKey = Wire<ApiKey> & {
  /** Missing: active. An archived key is revoked. */
  readonly status?: 'active' | 'archived';
  /** Milliseconds; kept to the hour. Missing: never. */
  readonly last_used_at?: number;
};

/** What the management API keeps in Catalog, by kind (the partition), in wire form. */
export interface CatalogKinds {
  settings: Wire<Settings>;
  advertiser: Wire<Advertiser>;
  sender: Wire<Sender>;
  publisher: Wire<Publisher>;
  campaign: Wire<Campaign>;
  postback: Wire<Postback>;
  /** By the SHA-256 of the token, in hex. */
  sender_token: { readonly sender_id: string; readonly token_id: string; readonly expires_at: number | null };
  api_key: StoredKey;
  /** By the SHA-256 of the key, in hex: a revoked key is not there. */
  api_key_hash: StoredKey;
  /** The ring of click-ID keys, oldest first; the management function itself may not read it. */
  mac_key: { readonly key: Uint8Array; readonly created_at: number };
}

/** The kinds that operators set up: they have an id, a status and the same five routes. */
export type EntityKind = 'advertiser' | 'sender' | 'publisher' | 'campaign' | 'postback';

export type CatalogKind = keyof CatalogKinds;
/** Partitions without a type of their own. */
type OwnedPartition = `postback_of#${string}` | `idempotency#${string}` | `campaign_terms#${string}`;

/**
 * One item's part of a transaction.
 *  - `create`: put; lost if it exists (one whose `ttl`, in seconds, is over does not count).
 *  - `replace`: put; lost unless its version is `version`.
 *  - `put`, `delete`: without a condition.
 *  - `require`: changes nothing; lost unless it exists and is not archived or, with a `version`, unless that is its own.
 */
export type CatalogChange = { readonly pk: CatalogKind | OwnedPartition; readonly sk: string } & (
  | { readonly op: 'create'; readonly value: object; readonly now?: number }
  | { readonly op: 'replace'; readonly value: object; readonly version: number }
  | { readonly op: 'put'; readonly value: object }
  | { readonly op: 'delete' }
  | { readonly op: 'require'; readonly version?: number }
);

/** An answer to a write as kept for its Idempotency-Key; `sealed` can be opened only with the caller's API key. */
export interface IdempotencyRecord {
  readonly request_hash: string;
  readonly sealed: Uint8Array;
  /** Seconds. */
  readonly ttl: number;
}

/** How long a commit tries at most, in milliseconds. What it has sent by then may still happen, within moments. */
export const COMMIT_TIMEOUT = 2_000;

/** All reads are strongly consistent. Everything throws StorageUnavailable. */
export interface ManagementCatalog {
  get<K extends CatalogKind>(kind: K, id: string): Promise<CatalogKinds[K] | null>;
  /** In the order of ids; `after` is the last id of the page before. */
  list<K extends CatalogKind>(kind: K, after: string | null, limit: number): Promise<readonly CatalogKinds[K][]>;
  /** Postbacks of one publisher, or of all (`*`): those that are not archived. */
  postbacksOf(owner: string): Promise<readonly Wire<Postback>[]>;
  idempotencyRecord(keyId: string, hash: string): Promise<IdempotencyRecord | null>;
  /**
   * One transaction, with the rows of the audit trail that tell of it; null: done. Otherwise nothing was written, and the
   * answer is the index of the first change that lost. Takes no longer than {@link COMMIT_TIMEOUT}.
   */
  commit(changes: readonly CatalogChange[], audit?: readonly AuditEntry[]): Promise<number | null>;
  /** Notes when a key was used, on both its items. */
  touchKey(key: StoredKey, at: number): Promise<void>;
  /** The key that encrypts cursors, 32 bytes; made if there is none. */
  cursorKey(): Promise<Uint8Array>;
}

/** Where a list goes on: in this partition, below this sort key. */
export interface ListPosition {
  readonly partition: string;
  readonly before: string | null;
}

export interface ListQuery<Filter extends string> {
  readonly filters: Readonly<Partial<Record<Filter, string>>>;
  /** Milliseconds; from inclusive, to exclusive. */
  readonly from: number | null;
  readonly to: number | null;
  readonly limit: number;
  readonly position: ListPosition | null;
  readonly now: number;
}

/** `next` may be set although nothing more is found: a page reads a bounded amount. */
export interface ListPage<T> {
  readonly items: readonly T[];
  readonly next: ListPosition | null;
}

export type ConversionFilter =
  'campaign_id' | 'publisher_id' | 'advertiser_id' | 'goal' | 'status' | 'click_id' | 'txn_id' | 'p1';
export type DeliveryFilter = 'conversion_id' | 'postback_id' | 'publisher_id' | 'state' | 'audience';
export type HitFilter = 'sender_id' | 'advertiser_id' | 'code';
/** `except_kind`: what the caller may not see of all kinds. */
export type AuditFilter = 'kind' | 'subject_id' | 'by' | 'action' | 'except_kind';
export type AdjustmentFilter = 'campaign_id' | 'publisher_id' | 'advertiser_id';

export interface DeliveryWithAttempts {
  readonly delivery: Delivery;
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
}

/** Deliveries that operators send again. Throws StorageUnavailable. */
export interface ReplayStore {
  /** Of a postback, stuck since `since` or later, longest first; eventually consistent. `after`: where the page before ended. */
  stuck(
    postbackId: string,
    query: { readonly since: number; readonly after: string | null; readonly limit: number },
  ): Promise<{ readonly deliveries: readonly Delivery[]; readonly next: string | null }>;
  delivery(id: string): Promise<Delivery | null>;
  /**
   * Makes a delivery due at `now`, at the beginning of its schedule. False, and nothing is written, if its state, its
   * times or whether it is taken back are not what was read any more.
   */
  revive(delivery: Delivery, now: number, dueAt: number): Promise<boolean>;
}

/** A message on which the delivery function failed too often. */
export interface DeadLetter {
  readonly messageId: string;
  /** Null: the message is none of ours. */
  readonly deliveryId: string | null;
  /** Its first 200 characters. */
  readonly body: string;
  /** Milliseconds; null: not known. */
  readonly sentAt: number | null;
  /** To delete it with. */
  readonly receipt: string;
}

/** The dead-letter queue of Notifications. Throws StorageUnavailable. */
export interface DeadLetterQueue {
  /** About how many there are. */
  count(): Promise<number>;
  /** At most 10, which nobody else receives for `hiddenSeconds`. */
  receive(hiddenSeconds: number): Promise<readonly DeadLetter[]>;
  delete(letter: DeadLetter): Promise<void>;
}

/** What happened, as operators read it. Lists are newest first and eventually consistent. */
export interface FactReader {
  click(id: string): Promise<Click | null>;
  conversionIdsOfClick(clickId: string): Promise<readonly string[]>;
  conversion(id: string): Promise<{ conversion: Conversion; history: readonly HistoryRow[] } | null>;
  delivery(id: string): Promise<DeliveryWithAttempts | null>;
  hit(id: string): Promise<Hit | null>;
  conversions(query: ListQuery<ConversionFilter>): Promise<ListPage<Conversion>>;
  deliveries(query: ListQuery<DeliveryFilter>): Promise<ListPage<DeliveryWithAttempts>>;
  hits(query: ListQuery<HitFilter>): Promise<ListPage<Hit>>;
  /** By the time at which they are booked. */
  adjustments(query: ListQuery<AdjustmentFilter>): Promise<ListPage<Adjustment>>;
  /** `subject_id` only with a kind: an id is one of many kinds. */
  audit(query: ListQuery<AuditFilter>): Promise<ListPage<AuditEntry>>;
}

/** Books money without a click or conversion. Throws StorageUnavailable. */
export interface AdjustmentLedger {
  /** Strongly consistent. */
  adjustment(id: string): Promise<Adjustment | null>;
  /** Adds a row, with that of the audit trail; the first one of an id stays. Answers the one that is stored. */
  add(adjustment: Adjustment, audit: AuditEntry): Promise<Adjustment>;
}
