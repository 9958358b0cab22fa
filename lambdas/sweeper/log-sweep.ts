import type { ParkedConversion } from '../core/ports.ts';
import { CONVERSION_REASONS } from '../core/reasons.ts';
import type { ConversionCode } from '../core/reasons.ts';
import type { SweepResult } from '../core/sweep.ts';
import { describeError, log } from '../runtime/log.ts';

/** More failures than these say nothing new. */
const MAX_LINES = 10;

/** Logs what a sweep did, if it did anything. */
export function logSweep(what: 'deliveries' | 'parked' | 'holds', sweep: PromiseSettledResult<SweepResult>): void {
  if (sweep.status === 'rejected') {
    log('sweep_failed', { what, of: 'all', ...describeError(sweep.reason) });
    return;
  }
  const { done, failures, backlog } = sweep.value;
  if (backlog !== null) log('sweep_skipped', { what, backlog });
  if (done > 0 || failures.length > 0) log('sweep_done', { what, done, failed: failures.length });
  for (const { of, error } of failures.slice(0, MAX_LINES)) log('sweep_failed', { what, of, ...describeError(error) });
}

/** Logs that a parked conversion came to nothing; an operator can release its hit. */
export function logParked({ clickId, hitId }: ParkedConversion, code: ConversionCode | null): void {
  if (code === null || CONVERSION_REASONS[code].result !== 'rejected') return;
  log('parked_conversion_ended', { click_id: clickId, hit_id: hitId, code });
}
