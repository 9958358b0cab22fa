import { deliveryId } from './delivery.ts';
import type { Delivery } from './delivery.ts';
import type { Postback } from './entities.ts';
import type { DeliveryHints } from './ports.ts';

/** When the sweeper looks at a new delivery, should its message be lost. */
const SWEEP_AFTER_MS = 60_000;

/** What whoever commits new deliveries needs after it. */
export interface NewDeliveryDeps {
  readonly hints: DeliveryHints;
  /** Tells of a hint that was not sent; the sweeper finds its delivery. */
  readonly hintLost: (deliveryId: string, error: unknown) => void;
  /** Tells of postbacks that match beyond what a transaction holds: they hear nothing of this conversion or click. */
  readonly postbacksLeftOut: (subjectId: string, postbacks: readonly Postback[]) => void;
}

/** A delivery to a postback that is due at once. */
export function newDelivery(
  news: Pick<Delivery, 'subjectId' | 'number' | 'publisherId' | 'event' | 'values'>,
  postback: Postback,
  now: number,
): Delivery {
  return {
    ...news,
    id: deliveryId(news.subjectId, news.number),
    postbackId: postback.id,
    audience: postback.publisherId === null ? 'network' : 'publisher',
    state: 'waiting',
    createdAt: now,
    attempts: 0,
    scheduleStep: 0,
    nextAttemptAt: now,
    dueAt: now + SWEEP_AFTER_MS,
    lease: null,
    successor: null,
    recalled: false,
    stuckAt: null,
  };
}

/** Says after the commit what there is to do: a hint for each new delivery that is due, and the postbacks that have none. */
export async function announceNew(
  subjectId: string,
  deliveries: readonly Delivery[],
  leftOut: readonly Postback[],
  deps: NewDeliveryDeps,
): Promise<void> {
  if (leftOut.length > 0) deps.postbacksLeftOut(subjectId, leftOut);
  await Promise.all(
    deliveries.map(async ({ id, postbackId, nextAttemptAt }) => {
      if (nextAttemptAt === null) return;
      try {
        await deps.hints.send({ deliveryId: id, postbackId, delaySeconds: 0 });
      } catch (error) {
        deps.hintLost(id, error);
      }
    }),
  );
}
