import { setTimeout as sleep } from 'node:timers/promises';
import { StorageUnavailable } from '../core/ports.ts';

/** What the work answers, or StorageUnavailable after so many milliseconds; what is late may still be done. */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
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
}
