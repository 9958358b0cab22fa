import type { Delivery } from '../../core/delivery.ts';
import { dueShard } from '../../core/due-shard.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { fromItem, toItem } from './items.ts';
import type { Item } from './items.ts';

const padded = (number: number): string => String(number).padStart(4, '0');

/** The key of a conversion's n-th delivery. */
export function deliveryKey(conversionId: string, number: number): { pk: string; sk: string } {
  return { pk: conversionId, sk: `delivery#${padded(number)}` };
}

/** The key of a delivery's n-th attempt. */
export function attemptKey(conversionId: string, delivery: number, attempt: number): { pk: string; sk: string } {
  return { pk: conversionId, sk: `attempt#${padded(delivery)}#${padded(attempt)}` };
}

/**
 * A delivery as its row. Null is an absent attribute: a row without `due_at` is in no due-time index, and a condition
 * can ask for it.
 */
export function toDeliveryItem(delivery: Delivery): Item {
  const createdAt = new Date(delivery.createdAt).toISOString();
  const wire = Object.entries(toWire(delivery) as Record<string, unknown>);
  return toItem({
    ...deliveryKey(delivery.conversionId, delivery.number),
    ...Object.fromEntries(wire.filter(([, value]) => value !== null)),
    month: createdAt.slice(0, 7),
    listed_at: `${createdAt}#${delivery.id}`,
    due_shard: delivery.dueAt === null ? undefined : String(dueShard(delivery.id)),
  });
}

const ABSENT = { nextAttemptAt: null, dueAt: null, lease: null, successor: null };
const ROW_ONLY = new Set(['pk', 'sk', 'month', 'listed_at', 'due_shard']);

/** The delivery of a row that {@link toDeliveryItem} made. */
export function fromDeliveryItem(item: Item): Delivery {
  const wire = Object.entries(fromItem(item)).filter(([name]) => !ROW_ONLY.has(name));
  return { ...ABSENT, ...(fromWire(Object.fromEntries(wire)) as Omit<Delivery, keyof typeof ABSENT>) };
}
