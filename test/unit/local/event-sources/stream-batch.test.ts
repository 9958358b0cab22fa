import { describe, expect, it } from 'vitest';

import type { BatchRules, Discarded, StreamRecord } from '../../../../local/event-sources/stream-batch.ts';
import { handleBatch } from '../../../../local/event-sources/stream-batch.ts';
import type { InvocationResult } from '../../../../local/lambda-host/lambda-function.ts';

const RULES: BatchRules = { bisect: false, maxRetries: Infinity, maxAgeMs: Infinity, partialFailures: false };
const records = (text: string): StreamRecord[] =>
  [...text].map((sequenceNumber) => ({ sequenceNumber, readAt: 0, event: {} }));
const text = (batch: readonly StreamRecord[]) => batch.map(({ sequenceNumber }) => sequenceNumber).join('');
const failing = (...ids: string[]): InvocationResult => ({
  kind: 'success',
  payload: JSON.stringify({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) }),
});
const BROKEN: InvocationResult = { kind: 'error', payload: '{}' };

/** Handles a batch; the clock moves a second with each call. What happened, in order. */
async function run(
  batch: string,
  rules: Partial<BatchRules>,
  answer: (batch: string, call: number) => InvocationResult,
) {
  const calls: string[] = [];
  const checkpoints: string[] = [];
  const discarded: Discarded[] = [];
  const stopping = new AbortController();
  await handleBatch(
    records(batch),
    { ...RULES, ...rules },
    {
      invoke: async (batch) => {
        calls.push(text(batch));
        if (calls.length > 50) stopping.abort();
        return answer(text(batch), calls.length);
      },
      checkpoint: ({ sequenceNumber }) => checkpoints.push(sequenceNumber),
      discard: async (given) => void discarded.push(given),
      pause: async () => undefined,
      now: () => calls.length * 1_000,
      signal: stopping.signal,
    },
  );
  return {
    calls,
    checkpoints: checkpoints.join(''),
    discarded: discarded.map(({ records, condition, invocations }) => `${text(records)} ${condition} ${invocations}`),
  };
}

const good = failing();

describe('a batch of a stream', () => {
  it('moves nowhere while the function fails', async () => {
    const { calls, checkpoints, discarded } = await run('abc', {}, () => BROKEN);
    expect([new Set(calls), checkpoints, discarded]).toEqual([new Set(['abc']), '', []]);
  });

  it('is given up after its retries', async () => {
    expect(await run('abc', { maxRetries: 2 }, () => BROKEN)).toEqual({
      calls: ['abc', 'abc', 'abc'],
      checkpoints: 'c',
      discarded: ['abc RetryAttemptsExhausted 3'],
    });
  });

  it('is given up when its records are too old, called or not', async () => {
    const { calls, checkpoints, discarded } = await run('abc', { maxAgeMs: 1_000 }, () => BROKEN);
    expect([calls.length, checkpoints, discarded]).toEqual([2, 'c', ['abc RecordAgeExceeded 2']]);
  });

  it('is split around the record that breaks the function, which alone uses up its retries', async () => {
    const answer = (batch: string) => (batch.includes('c') ? BROKEN : good);
    expect(await run('abcde', { bisect: true, maxRetries: 1 }, answer)).toEqual({
      calls: ['abcde', 'abc', 'ab', 'c', 'c', 'de'],
      checkpoints: 'bce',
      discarded: ['c RetryAttemptsExhausted 2'],
    });
  });

  it('goes on at the first of the records that the function names', async () => {
    const answer = (_: string, call: number) => (call === 1 ? failing('d', 'b') : good);
    expect(await run('abcd', { partialFailures: true, bisect: true, maxRetries: 0 }, answer)).toEqual({
      calls: ['abcd', 'bcd'],
      checkpoints: 'ad',
      discarded: [],
    });
  });

  it('gives up only the record that keeps failing', async () => {
    const answer = (batch: string) => (batch.includes('b') ? failing('b') : good);
    expect(await run('abcd', { partialFailures: true, bisect: true, maxRetries: 1 }, answer)).toEqual({
      calls: ['abcd', 'bcd', 'bc', 'b', 'b', 'c', 'd'],
      checkpoints: 'abcd',
      discarded: ['b RetryAttemptsExhausted 2'],
    });
  });

  it.each([
    ['names an unknown record', failing('x')],
    ['names none', { kind: 'success', payload: '{"batchItemFailures":[{"id":"a"}]}' }],
    ['is no JSON', { kind: 'success', payload: 'no' }],
  ] as const)('failed as a whole if the answer %s', async (_, result) => {
    const { calls, checkpoints } = await run('ab', { partialFailures: true, maxRetries: 1 }, () => result);
    expect([calls, checkpoints]).toEqual([['ab', 'ab'], 'b']);
  });

  it('does not look for failures in the answer unless the mapping says so', async () => {
    expect(await run('ab', {}, () => failing('a'))).toEqual({ calls: ['ab'], checkpoints: 'b', discarded: [] });
  });

  it('keeps its place when the source stops in a call', async () => {
    const stopping = new AbortController();
    const checkpoints: StreamRecord[] = [];
    await handleBatch(
      records('ab'),
      { ...RULES, maxRetries: 0 },
      {
        invoke: async () => {
          stopping.abort();
          return BROKEN;
        },
        checkpoint: (record) => checkpoints.push(record),
        discard: async () => undefined,
        pause: async () => undefined,
        now: () => 0,
        signal: stopping.signal,
      },
    );
    expect(checkpoints).toEqual([]);
  });
});
