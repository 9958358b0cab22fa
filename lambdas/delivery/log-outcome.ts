import type { DeliverOutcome, DeliveryNews } from '../core/deliver.ts';
import type { Delivery } from '../core/delivery.ts';
import { describeError, log } from '../runtime/log.ts';

/**
 * Logs what somebody may have to know of a delivery. A good one leaves its row and no line; of those that are held or put
 * off the lines of their postback or endpoint tell.
 */
export function logOutcome(outcome: DeliverOutcome): void {
  if (outcome.kind === 'storage_unavailable') log('storage_unavailable', describeError(outcome.error));
  if (outcome.kind === 'lease_lost') log('delivery_result_not_stored', fieldsOf(outcome.delivery));
  if (outcome.kind !== 'attempted') return;
  const { number: attempt, status, error, durationMs } = outcome.attempt;
  const call = { ...fieldsOf(outcome.delivery), attempt, status, error, duration_ms: durationMs };
  if (outcome.delivery.state === 'waiting') log('delivery_attempt_failed', call);
  if (outcome.delivery.state === 'exhausted') log('delivery_exhausted', call);
}

/** Logs what a look at a delivery brought to light besides. */
export function logNews(news: DeliveryNews): void {
  switch (news.kind) {
    case 'breaker_opened': {
      const { endpoint, openings, milliseconds } = news;
      log('endpoint_breaker_opened', { endpoint, openings, seconds: Math.round(milliseconds / 1_000) });
      return;
    }
    case 'breaker_closed':
      log('endpoint_breaker_closed', { endpoint: news.endpoint });
      return;
    case 'postback_failing': {
      const { postback, streak } = news;
      const hours = Math.floor((streak.lastFailureAt - streak.failingSince) / (60 * 60_000));
      log('postback_failing', {
        postback_id: postback.id,
        publisher_id: postback.publisherId,
        failures: streak.failures,
        hours,
      });
      return;
    }
    case 'postback_disabled': {
      const { postback, reason } = news;
      log('postback_disabled', { postback_id: postback.id, publisher_id: postback.publisherId, reason });
      return;
    }
    case 'not_followed_up': {
      const of = { ...fieldsOf(news.delivery), ...describeError(news.error) };
      if (news.what === 'hint') log('hint_not_sent', of);
      else log('delivery_not_followed_up', { ...of, what: news.what });
    }
  }
}

function fieldsOf({ id, postbackId, publisherId }: Delivery) {
  return { delivery_id: id, postback_id: postbackId, publisher_id: publisherId };
}
