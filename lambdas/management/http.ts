import type { AuditEntry } from '../core/audit.ts';
import type { Role } from '../core/entities.ts';
import type {
  AdjustmentLedger,
  CatalogChange,
  DeadLetterQueue,
  FactReader,
  ManagementCatalog,
  ReplayStore,
  StoredKey,
} from '../core/management-ports.ts';
import type { ReadCounter } from '../core/cap-usage.ts';
import type { RandomBytes } from '../core/ids.ts';
import type { Clock, PostbackCaller, PostbackHealthStore } from '../core/ports.ts';
import type { BatchDeps } from '../core/receive-batch.ts';
import type { RetryDeps } from '../core/retry-hit.ts';
import type { Answer, Problem } from './problems.ts';

/** What the management API needs; built once an environment. */
export interface Deps {
  readonly catalog: ManagementCatalog;
  readonly facts: FactReader;
  /** For changes of conversions, those that are reported here, and calls that are tried again. */
  readonly conversions: RetryDeps & BatchDeps;
  readonly adjustments: AdjustmentLedger;
  readonly readCounter: ReadCounter;
  readonly replays: ReplayStore;
  readonly deadLetters: DeadLetterQueue;
  readonly health: PostbackHealthStore;
  /** For test calls. */
  readonly caller: PostbackCaller;
  /** `Flowback/<version>`. */
  readonly userAgent: string;
  /** The OpenAPI document, as JSON. */
  readonly openApi: () => unknown;
  readonly now: Clock;
  readonly random: RandomBytes;
  /** Base URLs without a trailing slash. */
  readonly trackingUrl: string;
  readonly apiUrl: string;
  /** After so many seconds every environment has a changed campaign or publisher. */
  readonly cacheSeconds: number;
  /** Whether 127.0.0.0/8, ::1 and localhost may be destinations and postbacks: on one machine only. */
  readonly allowLoopback: boolean;
}

/** One change of a transaction, with what to say if its condition is lost, where it has one. */
export interface Step {
  readonly change: CatalogChange;
  readonly otherwise?: Problem | ConcurrentChange;
}

/** Somebody else changed the entity between our read and our write: read again and decide again. */
export class ConcurrentChange extends Error {
  override readonly name = 'ConcurrentChange';
}

/** A request that passed authentication and the role table. */
export interface ApiRequest {
  /** Of the path, decoded; not validated. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: ReadonlyMap<string, string>;
  /** Parsed JSON; undefined: there was none. */
  readonly body: unknown;
  /** The body as sent: parsing keeps one of several members with the same name, and not all digits of a number. */
  readonly text: string;
  readonly ifMatch: string | null;
  /** Whether it has an Idempotency-Key: it may be the repeat of one whose answer was lost. */
  readonly repeatable: boolean;
  /** Who asks, for histories: `key:<id>`. */
  readonly by: string;
  /** The key's name. */
  readonly byName: string;
  readonly role: Role;
  readonly requestId: string;
  /** The caller's API key itself, to keep it out of what is stored. */
  readonly secret: string;
  /** Whom the key belongs to: it may see nothing of others. Null: it is nobody's in particular. */
  readonly publisherId: string | null;
  readonly advertiserId: string | null;
  /** Method and pattern, `GET /v1/clicks/:id`. */
  readonly route: string;
  readonly now: number;
  /** The id of what the request makes; the same for all repeats under one Idempotency-Key, for ever. */
  readonly newId: () => string;
  /**
   * One transaction, with the rows of the audit trail that tell of it, then the answer. Safe to repeat under an
   * Idempotency-Key. Throws what the lost step says.
   */
  readonly commit: (steps: readonly Step[], audit: readonly AuditEntry[], answer: Answer) => Promise<Answer>;
  /**
   * Keeps the answer to what is done already, outside of Catalog, for repeats under the same Idempotency-Key. After a crash
   * before it a repeat does everything again, so that must do no harm.
   */
  readonly remember: (answer: Answer) => Promise<Answer>;
}

export type Handle = (request: ApiRequest, deps: Deps) => Promise<Answer>;

/** What an API key's holder may do: see access.ts. */
export type Caller = StoredKey;

export function ok(body: unknown, headers?: Readonly<Record<string, string>>): Answer {
  return { status: 200, body, ...(headers && { headers }) };
}

export function etag(version: number): Readonly<Record<string, string>> {
  return { etag: `"${version}"` };
}

/** Whether an If-Match header allows to change this version; without the header everything may be changed. */
export function matches(ifMatch: string | null, version: number): boolean {
  if (ifMatch === null) return true;
  return ifMatch.split(',').some((tag) => ['*', `"${version}"`].includes(tag.trim()));
}

/** Milliseconds as the wire has them; null stays null. */
export function isoTime<T extends number | null>(time: T): T extends number ? string : null;
export function isoTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
