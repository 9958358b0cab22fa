import { isAnnounced, writeOf } from './conversion-change.ts';
import type { Audience, ConversionChange } from './conversion-change.ts';
import { PRUNE_DELAY_MS } from './counters.ts';
import type { StoredCounter } from './counters.ts';
import type { Place } from './place.ts';
import { StorageUnavailable } from './ports.ts';
import type {
  Clock,
  CommitResult,
  ConversionCatalog,
  ConversionStore,
  ConversionWrite,
  DeliveryHints,
} from './ports.ts';

/** What every change of a conversion needs, whoever makes it. */
export interface ChangeDeps {
  readonly catalog: ConversionCatalog;
  readonly store: ConversionStore;
  readonly hints: DeliveryHints;
  readonly now: Clock;
  /** Waits a moment with jitter, longer with each try. */
  readonly pause: (tries: number) => Promise<void>;
  /** Tells of a hint that was not sent; the sweeper finds its delivery. */
  readonly hintLost: (deliveryId: string, error: unknown) => void;
  /** Tells of counters that grow until somebody can remove from them what is over. */
  readonly countersNotTidied: (campaignId: string, error: unknown) => void;
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
  const write = writeOf(change, within, await audienceOf(change, deps), deps.now());
  const result = await deps.store.commit(write);
  if (result.committed) await Promise.all([sendHints(write, deps), tidyCounters(write, deps)]);
  return result;
}

async function audienceOf(change: ConversionChange, { catalog, store }: ChangeDeps): Promise<Audience> {
  if (!isAnnounced(change)) return { postbacks: [], deliveries: [] };
  const { before, after } = change;
  const [postbacks, deliveries] = await Promise.all([
    catalog.postbacksOf(after.publisherId),
    before === null ? [] : store.deliveriesOf(before.id),
  ]);
  return { postbacks, deliveries };
}

async function sendHints({ deliveries }: ConversionWrite, deps: ChangeDeps): Promise<void> {
  await Promise.all(
    deliveries.map(async (change) => {
      if (change.kind !== 'put' || change.delivery.nextAttemptAt === null) return;
      const { id, postbackId } = change.delivery;
      try {
        await deps.hints.send({ deliveryId: id, postbackId, delaySeconds: 0 });
      } catch (error) {
        deps.hintLost(id, error);
      }
    }),
  );
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
