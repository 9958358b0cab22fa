import type { JsonObject } from '../json.ts';
import type { InvocationResult } from '../lambda-host/lambda-function.ts';
import { failedIds } from './failed-ids.ts';

/** A change of a table on its way to a function. */
export interface StreamRecord {
  readonly sequenceNumber: string;
  /** When the runner read it, in milliseconds: the start of its age. */
  readonly readAt: number;
  /** As the function gets it. */
  readonly event: JsonObject;
}

/** What becomes of a batch that fails. */
export interface BatchRules {
  /** Whether a batch that failed as a whole is split in two. */
  readonly bisect: boolean;
  /** Further tries of a batch; Infinity: until it succeeds or is too old. */
  readonly maxRetries: number;
  /** Infinity: any age. */
  readonly maxAgeMs: number;
  /** Whether the function tells from which record on it failed. */
  readonly partialFailures: boolean;
}

/** Records that are given up, oldest first. */
export interface Discarded {
  readonly records: readonly StreamRecord[];
  readonly condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded';
  /** How often the function was called with them. */
  readonly invocations: number;
}

interface BatchDeps {
  readonly invoke: (records: readonly StreamRecord[]) => Promise<InvocationResult>;
  /** Everything up to this record is done with. */
  readonly checkpoint: (record: StreamRecord) => void;
  readonly discard: (discarded: Discarded) => Promise<void>;
  /** Waits before the next try; `failures`: how many there were in a row. */
  readonly pause: (failures: number) => Promise<void>;
  readonly now: () => number;
  /** Once aborted, nothing more is begun and no failure counts. */
  readonly signal: AbortSignal;
}

interface Batch {
  readonly records: readonly StreamRecord[];
  readonly failures: number;
}

/**
 * Hands records of one shard to the function, in order, until each was handled or given up, as Lambda does: a failure
 * blocks what comes after it. Neither a split nor progress inside a batch uses up a retry.
 */
export async function handleBatch(records: readonly StreamRecord[], rules: BatchRules, deps: BatchDeps): Promise<void> {
  const { signal } = deps;
  const open: Batch[] = [{ records, failures: 0 }];
  for (let batch = open.shift(); batch !== undefined && !signal.aborted; batch = open.shift()) {
    const { failures } = batch;
    const oldest = deps.now() - rules.maxAgeMs;
    const fresh = batch.records.filter(({ readAt }) => readAt >= oldest);
    const expired = batch.records.filter(({ readAt }) => readAt < oldest);
    await giveUp({ records: expired, condition: 'RecordAgeExceeded', invocations: failures }, deps);
    if (fresh.length === 0) continue;

    const result = await deps.invoke(fresh);
    const left = unhandled(result, fresh, rules);
    const done = fresh[fresh.length - left.length - 1];
    if (done !== undefined) deps.checkpoint(done);
    if (left.length === 0 || signal.aborted) continue;

    if (done !== undefined) {
      open.unshift({ records: left, failures: 0 });
    } else if (rules.bisect && left.length > 1) {
      const middle = Math.ceil(left.length / 2);
      open.unshift({ records: left.slice(0, middle), failures }, { records: left.slice(middle), failures });
    } else if (failures >= rules.maxRetries) {
      await giveUp({ records: left, condition: 'RetryAttemptsExhausted', invocations: failures + 1 }, deps);
      continue;
    } else {
      open.unshift({ records: left, failures: failures + 1 });
    }
    await deps.pause(failures);
  }
}

async function giveUp(discarded: Discarded, deps: BatchDeps): Promise<void> {
  const last = discarded.records.at(-1);
  if (last === undefined) return;
  await deps.discard(discarded);
  if (!deps.signal.aborted) deps.checkpoint(last);
}

/** The records from the first that failed on: Lambda retries those, whatever the function says of later ones. */
function unhandled(
  result: InvocationResult,
  records: readonly StreamRecord[],
  rules: BatchRules,
): readonly StreamRecord[] {
  if (result.kind !== 'success') return records;
  if (!rules.partialFailures) return [];
  const ids = records.map(({ sequenceNumber }) => sequenceNumber);
  const failed = failedIds(result.payload, ids);
  if (failed === undefined) return records;
  const first = ids.findIndex((id) => failed.has(id));
  return first === -1 ? [] : records.slice(first);
}
