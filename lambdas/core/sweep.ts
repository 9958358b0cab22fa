import { DUE_SHARDS } from './due-shard.ts';
import type { Clock, ConversionStore, DeliveryHints, DeliveryStore, EndedHold, ParkedConversion } from './ports.ts';

/** Deliveries that one round takes from a shard, and rounds of a run. */
const PER_SHARD = 100;
const MAX_ROUNDS = 10;
/** With more messages waiting than this the queue is behind: more hints would only feed it. */
const MAX_BACKLOG = 1_000;
/** When a delivery whose hint was sent is looked at again. */
const NEXT_LOOK = 5 * 60_000;
const MAX_PARKED = 200;
const MAX_HOLDS = 1_000;
/** When a hold that could not be ended is looked at again: after as long as it should be over, within these. */
const FIRST_RETRY = 60_000;
const LAST_RETRY = 60 * 60_000;

export interface SweepResult {
  readonly done: number;
  /** What went wrong with single rows or shards; they did not stop the others. */
  readonly failures: readonly { readonly of: string; readonly error: unknown }[];
  /** The queue's length, if that is why nothing was done. */
  readonly backlog: number | null;
}

interface SweepDeps {
  readonly deliveries: DeliveryStore;
  readonly hints: DeliveryHints;
  readonly now: Clock;
}

/**
 * Sends hints for deliveries that are due: long waits, lost messages, leases that a crash left behind. Each row is
 * postponed before its hint is sent, so that of several runs one sends. Goes on in rounds for as long as there is a full
 * page and the queue keeps up: what somebody replayed by the thousand should not keep others' retries waiting. Begins no row
 * after `deadline`, milliseconds.
 */
export async function sweepDeliveries(deps: SweepDeps, deadline: number): Promise<SweepResult> {
  let [done, failures]: [number, SweepResult['failures']] = [0, []];
  for (let round = 0; round < MAX_ROUNDS && deps.now() < deadline; round++) {
    const backlog = await deps.hints.backlog();
    if (backlog > MAX_BACKLOG) return { done, failures, backlog: round === 0 ? backlog : null };
    const swept = await sweepRound(deps, deadline);
    done += swept.done;
    failures = [...failures, ...swept.failures];
    if (swept.done < PER_SHARD || swept.failures.length > 0) break;
  }
  return { done, failures, backlog: null };
}

async function sweepRound({ deliveries, hints, now }: SweepDeps, deadline: number): Promise<SweepResult> {
  const sweepShard = async (shard: number): Promise<SweepResult> =>
    forEachUntil(
      await deliveries.due(shard, now(), PER_SHARD),
      { now, deadline, name: ({ id }) => id },
      async (row) => {
        if (!(await deliveries.postpone(row, now() + NEXT_LOOK))) return false;
        await hints.send({ deliveryId: row.id, postbackId: row.postbackId, delaySeconds: 0 });
        return true;
      },
    );
  const shards = await Promise.all(
    Array.from({ length: DUE_SHARDS }, (_, shard) =>
      sweepShard(shard).catch((error: unknown) => failed(`shard ${shard}`, error)),
    ),
  );
  return {
    done: shards.reduce((sum, { done }) => sum + done, 0),
    failures: shards.flatMap(({ failures }) => failures),
    backlog: null,
  };
}

/** Runs parked conversions that are due again. Begins none after `deadline`, milliseconds. */
export async function sweepParked(
  deps: {
    readonly store: Pick<ConversionStore, 'dueParked'>;
    /** Records it, postpones it or ends it. */
    readonly runParked: (parked: ParkedConversion) => Promise<unknown>;
    readonly now: Clock;
  },
  deadline: number,
): Promise<SweepResult> {
  const { store, runParked, now } = deps;
  const due = await store.dueParked(now(), MAX_PARKED);
  // Calls of one click run in the order in which they came; hit ids sort by time.
  const inOrder = due.toSorted((a, b) => (a.hitId < b.hitId ? -1 : 1));
  return forEachUntil(inOrder, { now, deadline, name: ({ hitId }) => hitId }, async (parked) => {
    await runParked(parked);
    return true;
  });
}

/**
 * Approves conversions whose hold period is over. Begins none after `deadline`, milliseconds. What fails is put off for
 * longer and longer, so that it does not take the place of others in every run.
 */
export async function sweepHolds(
  deps: {
    readonly store: Pick<ConversionStore, 'endedHolds' | 'postponeHold'>;
    readonly endHold: (conversionId: string) => Promise<'approved' | 'kept'>;
    readonly now: Clock;
  },
  deadline: number,
): Promise<SweepResult> {
  const { store, endHold, now } = deps;
  const postpone = (hold: EndedHold) => {
    const wait = Math.min(Math.max(now() - hold.until, FIRST_RETRY), LAST_RETRY);
    return store.postponeHold(hold, now() + wait);
  };
  const ended = await store.endedHolds(now(), MAX_HOLDS);
  return forEachUntil(ended, { now, deadline, name: ({ conversionId }) => conversionId }, async (hold) => {
    try {
      return (await endHold(hold.conversionId)) === 'approved';
    } catch (error) {
      // Why it failed is what somebody has to know, not that it could not be put off either.
      await Promise.allSettled([postpone(hold)]);
      throw error;
    }
  });
}

function failed(of: string, error: unknown): SweepResult {
  return { done: 0, failures: [{ of, error }], backlog: null };
}

/** One after the other; a row that fails is reported and the next one comes. */
async function forEachUntil<T>(
  rows: readonly T[],
  { now, deadline, name }: { now: Clock; deadline: number; name: (row: T) => string },
  work: (row: T) => Promise<boolean>,
): Promise<SweepResult> {
  let done = 0;
  const failures = [];
  for (const row of rows) {
    if (now() >= deadline) break;
    try {
      if (await work(row)) done++;
    } catch (error) {
      failures.push({ of: name(row), error });
    }
  }
  return { done, failures, backlog: null };
}
