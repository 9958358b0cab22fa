import type { Conversion } from './conversion.ts';
import { hasEnded } from './delivery.ts';
import type { Delivery, DeliveryEvent } from './delivery.ts';
import type { Postback } from './entities.ts';
import { newDelivery } from './new-delivery.ts';
import type { DeliveryChange } from './ports.ts';

/**
 * What becomes of a conversion's deliveries when it is recorded or a change is announced, in the same transaction.
 *  - A rejection cancels what still waits and recalls what is being sent: no publisher hears of a sale after we know
 *    that it is none.
 *  - A new one cancels what waits behind another one to the same postback: the publisher hears what became of it in the
 *    end, and however often a conversion changes meanwhile, what waits fits into one transaction.
 *  - The first that a postback hears of a conversion is `created`, all after it `status_changed`.
 *  - A delivery to a postback whose delivery before has not ended gets no time of its own; whoever ends that one
 *    releases it.
 */
export function planDeliveries(
  conversion: Conversion,
  existing: readonly Delivery[],
  postbacks: readonly Postback[],
  valuesOf: (event: DeliveryEvent) => Record<string, string>,
  now: number,
): readonly DeliveryChange[] {
  const rejected = conversion.status === 'rejected';
  const isOvertaken = ({ postbackId, nextAttemptAt }: Delivery) =>
    nextAttemptAt === null && postbacks.some(({ id }) => id === postbackId);
  const cancelled = existing.filter((delivery) => delivery.state === 'waiting' && (rejected || isOvertaken(delivery)));
  const alive = existing.filter((delivery) => !hasEnded(delivery.state) && !cancelled.includes(delivery));
  const heard = existing.filter(
    (delivery) => delivery.attempts > 0 || !(delivery.state === 'cancelled' || cancelled.includes(delivery)),
  );
  const successors = new Map<Delivery, number>();

  let number = Math.max(0, ...existing.map((delivery) => delivery.number));
  const created = postbacks.map((postback): DeliveryChange => {
    number++;
    const before = alive.filter(({ postbackId }) => postbackId === postback.id).at(-1);
    if (before !== undefined) successors.set(before, number);
    const event = heard.some(({ postbackId }) => postbackId === postback.id) ? 'status_changed' : 'created';
    const { id: subjectId, publisherId } = conversion;
    const delivery = newDelivery({ subjectId, number, publisherId, event, values: valuesOf(event) }, postback, now);
    return {
      kind: 'put',
      delivery: before === undefined ? delivery : { ...delivery, nextAttemptAt: null, dueAt: null },
    };
  });

  const relinked = alive.flatMap((delivery): DeliveryChange[] => {
    const successor = successors.get(delivery) ?? null;
    if (rejected) return [{ kind: 'recall', delivery, successor }];
    const lost = cancelled.some((other) => isSuccessor(delivery, other));
    return successor === null && !lost ? [] : [{ kind: 'succeed', delivery, successor }];
  });
  return [...cancelled.map((delivery): DeliveryChange => ({ kind: 'cancel', delivery })), ...relinked, ...created];
}

function isSuccessor(delivery: Delivery, other: Delivery): boolean {
  return delivery.successor === other.number;
}
