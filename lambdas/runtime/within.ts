import { setTimeout as sleep } from 'node:timers/promises';
import { StorageUnavailable } from '../core/ports.ts';
import type { Within } from '../core/ports.ts';

/** See {@link Within}. */
export const within: Within = async <T>(milliseconds: number, work: Promise<T>): Promise<T> => {
  const done = new AbortController();
  const tooLate = async (): Promise<never> => {
    await sleep(milliseconds, undefined, { signal: done.signal });
    throw new StorageUnavailable(`no answer within ${milliseconds} ms`);
  };
  try {
    return await Promise.race([work, tooLate()]);
  } finally {
    done.abort();
  }
};
