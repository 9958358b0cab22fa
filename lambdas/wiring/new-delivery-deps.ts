import { createDeliveryHints, createSqs } from '../adapters/sqs/hints.ts';
import type { NewDeliveryDeps } from '../core/new-delivery.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';

/** What every function has that makes deliveries; from its variables. */
export function createNewDeliveryDeps(): NewDeliveryDeps {
  return {
    hints: createDeliveryHints(createSqs(), requireEnv(ENV.notificationsQueueUrl)),
    hintLost: (id, error) => log('hint_not_sent', { delivery_id: id, ...describeError(error) }),
    postbacksLeftOut: (subjectId, postbacks) =>
      log('postbacks_left_out', { subject_id: subjectId, postback_ids: postbacks.map(({ id }) => id).join(' ') }),
  };
}
