import type { Attempt, Delivery } from '../../core/delivery.ts';
import { dueShard } from '../../core/due-shard.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';

const padded = (number: number): string => String(number).padStart(4, '0');

/** The key of a conversion's n-th delivery. */
export function deliveryKey(subjectId: string, number: number): { pk: string; sk: string } {
  return { pk: subjectId, sk: `delivery#${padded(number)}` };
}

/** The key of a delivery's n-th attempt. */
function attemptKey(subjectId: string, delivery: number, attempt: number): { pk: string; sk: string } {
  return { pk: subjectId, sk: `attempt#${padded(delivery)}#${padded(attempt)}` };
}

/**
 * A delivery as its row. Null is an absent attribute: a row without `due_at` is in no due-time index, and a condition
 * can ask for it.
 */
export function toDeliveryItem(delivery: Delivery): Item {
  const createdAt = new Date(delivery.createdAt).toISOString();
  return toItem({
    ...deliveryKey(delivery.subjectId, delivery.number),
    ...withoutNulls(delivery),
    month: createdAt.slice(0, 7),
    listed_at: `${createdAt}#${delivery.id}`,
    due_shard: delivery.dueAt === null ? undefined : String(dueShard(delivery.id)),
  });
}

/** The delivery of a row that {@link toDeliveryItem} made. */
export function fromDeliveryItem(item: Item): Delivery {
  return fromRow<Delivery>(item, { nextAttemptAt: null, dueAt: null, lease: null, successor: null });
}

const ATTEMPT_TTL = 30 * 24 * 60 * 60;

/** An attempt as its row, which expires 30 days after the call. */
export function toAttemptItem(delivery: Delivery, attempt: Attempt): Item {
  return toItem({
    ...attemptKey(delivery.subjectId, delivery.number, attempt.number),
    ...withoutNulls(attempt),
    expires_at: Math.floor(attempt.at / 1_000) + ATTEMPT_TTL,
  });
}

/** The attempt of a row that {@link toAttemptItem} made. */
export function fromAttemptItem(item: Item): Attempt {
  return fromRow<Attempt>(item, { status: null, error: null, body: null });
}

function withoutNulls(value: Attempt | Delivery): Record<string, unknown> {
  const wire = Object.entries(toWire(value) as Record<string, unknown>);
  return Object.fromEntries(wire.filter(([, inner]) => inner !== null));
}

const ROW_ONLY = ['pk', 'sk', 'month', 'listed_at', 'due_shard', 'expires_at'];

function fromRow<T extends object>(item: Item, absent: Partial<T>): T {
  return { ...absent, ...(fromWire(fromItem(withoutAttributes(item, ROW_ONLY))) as T) };
}
