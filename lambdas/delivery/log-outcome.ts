import type { DeliverOutcome } from '../core/deliver.ts';
import { log } from '../runtime/log.ts';

/** Logs what somebody may have to know of a delivery; a good one leaves its row and no line. */
export function logOutcome(outcome: DeliverOutcome): void {
  if (outcome.kind === 'nothing_to_do' || outcome.kind === 'paused') return;
  const { id, postbackId, publisherId, state } = outcome.delivery;
  const of = { delivery_id: id, postback_id: postbackId, publisher_id: publisherId };
  if (outcome.kind === 'lease_lost') {
    log('delivery_result_not_stored', of);
    return;
  }
  const { number: attempt, status, error, durationMs } = outcome.attempt;
  const call = { ...of, attempt, status, error, duration_ms: durationMs };
  if (state === 'waiting') log('delivery_attempt_failed', call);
  if (state === 'exhausted') log('delivery_exhausted', call);
  if (outcome.hintsLost > 0) log('hint_not_sent', { ...of, hints: outcome.hintsLost });
}
