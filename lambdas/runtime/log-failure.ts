import { StorageUnavailable } from '../core/ports.ts';
import { describeError, log } from './log.ts';

/** One line for what was thrown: storage that did not answer, or a defect. */
export function logFailure(error: unknown, requestId?: string): void {
  const name = error instanceof StorageUnavailable ? 'storage_unavailable' : 'unexpected_error';
  log(name, { ...(requestId !== undefined && { request_id: requestId }), ...describeError(error) });
}
