import { deliveryId, hasEnded } from '../../../lambdas/core/delivery.ts';
import type { Attempt, Delivery } from '../../../lambdas/core/delivery.ts';
import { dueShard } from '../../../lambdas/core/due-shard.ts';
import type { DeliveryStore } from '../../../lambdas/core/ports.ts';

const CANCELLED = { state: 'cancelled', nextAttemptAt: null, dueAt: null, stuckAt: null } as const;

interface FakeDeliveries extends DeliveryStore {
  readonly rows: Map<string, Delivery>;
  readonly attempts: Map<string, Attempt[]>;
}

/** Deliveries in memory; passes the contract suite of the real store. */
export function fakeDeliveries(...deliveries: readonly Delivery[]): FakeDeliveries {
  return fakeDeliveriesOf(new Map(deliveries.map((delivery) => [delivery.id, delivery])));
}

/** The same over rows that others write too. */
export function fakeDeliveriesOf(rows: Map<string, Delivery>): FakeDeliveries {
  const attempts = new Map<string, Attempt[]>();
  return {
    rows,
    attempts,
    delivery: async (id) => rows.get(id) ?? null,

    async claim(id, now, lease, leaseUntil) {
      const row = rows.get(id);
      if (row === undefined || hasEnded(row.state)) return null;
      const due = row.nextAttemptAt !== null && row.nextAttemptAt <= now;
      if (!due && row.lease !== lease) return null;
      const claimed: Delivery = { ...row, state: 'sending', lease, nextAttemptAt: leaseUntil, dueAt: leaseUntil };
      rows.set(id, claimed);
      return claimed;
    },

    async finish(delivery, lease, attempt, now) {
      const row = rows.get(delivery.id);
      if (row?.lease !== lease) return null;
      const { recalled, successor } = row;
      const isOver = recalled && !hasEnded(delivery.state);
      const finished: Delivery = { ...delivery, lease: null, recalled, successor, ...(isOver && CANCELLED) };
      rows.set(delivery.id, finished);
      if (attempt !== null) {
        const made = isOver ? { ...attempt, nextAttemptAt: null } : attempt;
        attempts.set(delivery.id, [...(attempts.get(delivery.id) ?? []), made]);
      }
      const next = rows.get(deliveryId(row.subjectId, row.successor ?? 0));
      if (hasEnded(finished.state) && next?.state === 'waiting' && next.nextAttemptAt === null) {
        rows.set(next.id, { ...next, nextAttemptAt: now, dueAt: now });
      }
      return finished;
    },

    async defer({ id, nextAttemptAt }, to) {
      const row = rows.get(id);
      if (row === undefined || hasEnded(row.state)) return false;
      if (nextAttemptAt === null || row.nextAttemptAt !== nextAttemptAt || row.recalled) return false;
      rows.set(id, { ...row, ...to, state: 'waiting', lease: null });
      return true;
    },

    async due(shard, now, limit) {
      return [...rows.values()]
        .filter((row) => dueShard(row.id) === shard && row.dueAt !== null && row.dueAt <= now)
        .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))
        .slice(0, limit);
    },

    async postpone({ id, dueAt }, newDueAt) {
      const row = rows.get(id);
      if (row === undefined || dueAt === null || row.dueAt !== dueAt) return false;
      rows.set(id, { ...row, dueAt: newDueAt });
      return true;
    },
  };
}
