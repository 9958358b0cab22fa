import type { Attempt, Delivery } from '../../core/delivery.ts';
import { dueShard } from '../../core/due-shard.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';

const padded = (number: number): string => String(number).padStart(4, '0');

/** The key of a subject's n-th delivery. */
export function deliveryKey(subjectId: string, number: number): { pk: string; sk: string } {
  return { pk: subjectId, sk: `delivery#${padded(number)}` };
}

/** The key of a delivery's n-th attempt. */
function attemptKey(subjectId: string, delivery: number, attempt: number): { pk: string; sk: string } {
  return { pk: subjectId, sk: `attempt#${padded(delivery)}#${padded(attempt)}` };
}

/**
 * A delivery as its row. Null is an absent attribute: a row without `due_at` or `stuck_at` is not in the index of it, and
 * a condition can ask for it.
 */
export function toDeliveryItem(delivery: Delivery): Item {
  const { subjectId, ...fields } = delivery;
  const createdAt = new Date(delivery.createdAt).toISOString();
  const attributes = {
    ...(toWire(fields) as object),
    ...stateAttributes(delivery),
    ...deliveryKey(subjectId, delivery.number),
    month: createdAt.slice(0, 7),
    listed_at: `${createdAt}#${delivery.id}`,
  };
  return toItem(withoutNulls(attributes));
}

/** What changes in a delivery's row in its life but for its successor, as attributes; null: absent. */
export function stateAttributes(delivery: Delivery): Readonly<Record<string, string | number | boolean | null>> {
  return {
    ...timeAttributes(delivery.id, delivery),
    state: delivery.state,
    attempts: delivery.attempts,
    schedule_step: delivery.scheduleStep,
    lease: delivery.lease,
    recalled: delivery.recalled || null,
  };
}

/** The times of a delivery as attributes, those of the indexes included; null: absent. */
export function timeAttributes(
  id: string,
  { nextAttemptAt, dueAt, stuckAt }: Pick<Delivery, 'nextAttemptAt' | 'dueAt' | 'stuckAt'>,
) {
  return {
    next_attempt_at: nextAttemptAt,
    due_at: dueAt,
    due_shard: dueAt === null ? null : String(dueShard(id)),
    // Text, because a list goes on behind the last row that it had, and of one time there may be many.
    stuck_at: stuckAt === null ? null : `${new Date(stuckAt).toISOString()}#${id}`,
  };
}

/** The delivery of a row that {@link toDeliveryItem} made; older rows lack what came later. */
export function fromDeliveryItem(item: Item): Delivery {
  const [stuckAt] = item['stuck_at']?.S?.split('#') ?? [];
  return {
    ...fromRow<Delivery>(item, {
      audience: 'publisher',
      recalled: false,
      nextAttemptAt: null,
      dueAt: null,
      lease: null,
      successor: null,
    }),
    subjectId: item['pk']?.S ?? '',
    stuckAt: stuckAt === undefined ? null : Date.parse(stuckAt),
  };
}

const ATTEMPT_TTL = 30 * 24 * 60 * 60;

/** An attempt as its row, which expires 30 days after the call. */
export function toAttemptItem(delivery: Delivery, attempt: Attempt): Item {
  return toItem({
    ...attemptKey(delivery.subjectId, delivery.number, attempt.number),
    ...withoutNulls(toWire(attempt) as object),
    expires_at: Math.floor(attempt.at / 1_000) + ATTEMPT_TTL,
  });
}

/** The attempt of a row that {@link toAttemptItem} made. */
export function fromAttemptItem(item: Item): Attempt {
  return fromRow<Attempt>(item, { status: null, error: null, body: null, nextAttemptAt: null });
}

function withoutNulls(attributes: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null));
}

/** Rows of the first release name their conversion once more. */
const ROW_ONLY = ['pk', 'sk', 'month', 'listed_at', 'due_shard', 'stuck_at', 'expires_at', 'conversion_id'];

function fromRow<T extends object>(item: Item, absent: Partial<T>): T {
  return { ...absent, ...(fromWire(fromItem(withoutAttributes(item, ROW_ONLY))) as T) };
}
