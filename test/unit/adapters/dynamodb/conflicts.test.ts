import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { retryConflicts } from '../../../../lambdas/adapters/dynamodb/conflicts.ts';
import { StorageUnavailable } from '../../../../lambdas/core/ports.ts';

const about = { $metadata: {}, message: '' };
const cancelled = (...codes: string[]) =>
  new TransactionCanceledException({ ...about, CancellationReasons: codes.map((Code) => ({ Code })) });

/** A call that throws these errors in turn, then answers. */
function failing(...errors: Error[]) {
  const calls = { made: 0 };
  const call = async (): Promise<string> => {
    const error = errors[calls.made++];
    if (error !== undefined) throw error;
    return 'done';
  };
  return { calls, call };
}

describe('a write that fails', () => {
  it.each([
    ['a lost condition', new ConditionalCheckFailedException(about)],
    ['a lost condition in a transaction', cancelled('None', 'ConditionalCheckFailed')],
    ['a lost condition beside a conflict', cancelled('TransactionConflict', 'ConditionalCheckFailed')],
  ])('with %s is not tried again', async (_, error) => {
    const { call, calls } = failing(error);

    await expect(retryConflicts(call)).rejects.toBe(error);
    expect(calls.made).toBe(1);
  });

  it('for want of an answer is left to the client, and reported as such', async () => {
    const { call, calls } = failing(new Error('socket hang up'));

    await expect(retryConflicts(call)).rejects.toThrow(StorageUnavailable);
    expect(calls.made).toBe(1);
  });

  it('with conflicts again and again is given up while there is time to say so', async () => {
    const { call } = failing(...Array.from({ length: 1_000 }, () => cancelled('TransactionConflict')));
    const waits: number[] = [];

    const written = retryConflicts(call, async (milliseconds) => waits.push(milliseconds));

    await expect(written).rejects.toThrow(StorageUnavailable);
    const all = waits.reduce((sum, wait) => sum + wait, 0);
    expect(all).toBeLessThanOrEqual(5_000);
    expect(all).toBeGreaterThan(4_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(800);
  });

  it.each([
    ['a transaction', cancelled('None', 'TransactionConflict')],
    ['a throttled transaction', cancelled('ThrottlingError', 'None')],
    ['a plain write', new TransactionConflictException(about)],
  ])('with a conflict is tried again: %s', async (_, error) => {
    const { call, calls } = failing(error, error);

    expect(await retryConflicts(call)).toBe('done');
    expect(calls.made).toBe(3);
  });
});
