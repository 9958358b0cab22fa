import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
  TransactionInProgressException,
} from '@aws-sdk/client-dynamodb';
import { StorageUnavailable } from '../../core/ports.ts';
import { storageCall } from './errors.ts';

/**
 * Conversions of one campaign meet on its counters, where one transaction after the other gets through, each in some 10 to
 * 20 ms: waits go on for as long as an answer may take (8 s), and are short enough for somebody to be there always. By a
 * simulation 300 at once are through after 4.5 s at 10 ms each; 6 tries would leave two thirds of them out.
 */
const FIRST_WAIT = 25;
const LONGEST_WAIT = 800;
/** Milliseconds of all waits together. */
const WAITS = 5_000;
/** Reasons of a cancelled transaction that nobody is to blame for. */
const RETRYABLE = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/**
 * Runs a write that may collide with a transaction on the same items, and tries it again with full jitter, which the
 * SDK does not do. A lost condition is thrown as it is, everything else as {@link StorageUnavailable}.
 */
export async function retryConflicts<T>(
  call: () => Promise<T>,
  pause: (milliseconds: number) => Promise<unknown> = sleep,
): Promise<T> {
  let waited = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await storageCall(call);
    } catch (error) {
      const cause = error instanceof StorageUnavailable ? error.cause : error;
      if (!isConflict(cause)) throw error;
      const wait = Math.random() * Math.min(FIRST_WAIT * 2 ** attempt, LONGEST_WAIT);
      waited += wait;
      if (waited > WAITS) throw new StorageUnavailable('too many conflicting transactions', { cause });
      await pause(wait);
    }
  }
}

/** As {@link retryConflicts}, for a write with one condition; null: it was lost and nothing was written. */
export async function unlessConditionLost<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await retryConflicts(call);
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException || reasonsOf(error).includes('ConditionalCheckFailed'))
      return null;
    throw error;
  }
}

function isConflict(error: unknown): boolean {
  if (error instanceof TransactionConflictException || error instanceof TransactionInProgressException) return true;
  const codes = reasonsOf(error);
  return !codes.includes('ConditionalCheckFailed') && codes.some((code) => RETRYABLE.has(code));
}

/** Why a transaction was cancelled, by item; empty: it is no such error. */
function reasonsOf(error: unknown): readonly string[] {
  if (!(error instanceof TransactionCanceledException)) return [];
  return (error.CancellationReasons ?? []).map(({ Code }) => Code ?? '');
}
