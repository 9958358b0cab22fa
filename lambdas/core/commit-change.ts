import type { AuditEntry } from './audit.ts';
import { isAnnounced, writeOf } from './conversion-change.ts';
import type { ConversionChange } from './conversion-change.ts';
import { PRUNE_DELAY_MS } from './counters.ts';
import type { StoredCounter } from './counters.ts';
import { matchPostbacks } from './match-postbacks.ts';
import { announceNew } from './new-delivery.ts';
import type { NewDeliveryDeps } from './new-delivery.ts';
import type { Place } from './place.ts';
import { StorageUnavailable } from './ports.ts';
import type { Clock, CommitResult, ConversionCatalog, ConversionStore, ConversionWrite } from './ports.ts';

/** What every change of a conversion needs, whoever makes it. */
export interface ChangeDeps extends NewDeliveryDeps {
  readonly catalog: Pick<ConversionCatalog, 'campaign' | 'settings' | 'postbacksOf'>;
  readonly store: ConversionStore;
  readonly now: Clock;
  /** Waits a moment with jitter, longer with each try. */
  readonly pause: (tries: number) => Promise<void>;
  /** Tells of counters that grow until somebody can remove from them what is over. */
  readonly countersNotTidied: (campaignId: string, error: unknown) => void;
  /** What the audit trail says of a change that an operator decided. @default - nothing: the history says it */
  readonly audit?: (change: ConversionChange) => AuditEntry | null;
}

const MAX_TRIES = 8;

/** What was decided from what was read, and how to make it true; null: there is nothing to write. */
interface Decision<T> {
  readonly outcome: T;
  readonly commit: (() => Promise<CommitResult>) | null;
}

/**
 * Reads only choose the transaction, whose conditions decide: one that is lost is read and decided anew. `full`: counters
 * that had no room a moment ago.
 *
 * @throws StorageUnavailable - what was decided may have been committed or not; a repeat finds out
 */
export async function untilCommitted<T>(
  what: string,
  decide: (full: readonly StoredCounter[]) => Promise<Decision<T>>,
  { pause }: Pick<ChangeDeps, 'pause'>,
): Promise<T> {
  let full: readonly StoredCounter[] = [];
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const { outcome, commit } = await decide(full);
    if (commit === null) return outcome;
    const result = await commit();
    if (result.committed) return outcome;
    if (result.lost === 'cap') full = result.counters;
    else await pause(tries);
  }
  throw new StorageUnavailable(`${what}: lost against others ${MAX_TRIES} times`);
}

/** Commits a change with all that follows from it, then says that there is something to deliver. */
export async function commitChange(change: ConversionChange, within: Place, deps: ChangeDeps): Promise<CommitResult> {
  const { hearing, leftOut, deliveries } = await audienceOf(change, deps);
  const write = writeOf(change, within, { postbacks: hearing, deliveries }, deps.now());
  const result = await deps.store.commit({ ...write, audit: deps.audit?.(change) ?? null });
  if (!result.committed) return result;
  const made = write.deliveries.flatMap((change) => (change.kind === 'put' ? [change.delivery] : []));
  await Promise.all([announceNew(change.after.id, made, leftOut, deps), tidyCounters(write, deps)]);
  return result;
}

async function audienceOf(change: ConversionChange, { catalog, store }: ChangeDeps) {
  if (!isAnnounced(change)) return { hearing: [], leftOut: [], deliveries: [] };
  const { before, after } = change;
  const { campaignId, goal, status: fires } = after;
  const [postbacks, deliveries] = await Promise.all([
    catalog.postbacksOf(after.publisherId),
    before === null ? [] : store.deliveriesOf(before.id),
  ]);
  return { ...matchPostbacks(postbacks, { campaignId, goal, fires }), deliveries };
}

/** Counters must stay small, so one conversion in 32, by the last five random bits of its id, removes what is over. */
async function tidyCounters({ conversion, counters }: ConversionWrite, deps: ChangeDeps): Promise<void> {
  if (counters.length === 0 || !conversion.id.endsWith('a')) return;
  try {
    const keys = counters.map(({ key }) => key);
    await deps.store.pruneCounters(keys, deps.now() - PRUNE_DELAY_MS);
  } catch (error) {
    // The conversion is recorded, and another one will come by.
    deps.countersNotTidied(conversion.campaignId, error);
  }
}
