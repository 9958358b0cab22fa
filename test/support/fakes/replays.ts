import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { ReplayStore } from '../../../lambdas/core/management-ports.ts';

/** Replays in memory, over rows that others write too; passes the contract suite of the real store. */
export function fakeReplays(rows: Map<string, Delivery>): ReplayStore {
  const keyOf = ({ stuckAt, id }: Delivery) => `${new Date(stuckAt ?? 0).toISOString()}#${id}`;
  return {
    async stuck(postbackId, { since, after, limit }) {
      const found = [...rows.values()]
        .filter((row) => row.postbackId === postbackId && row.stuckAt !== null && row.stuckAt >= since)
        .filter((row) => after === null || keyOf(row) > after)
        .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      const deliveries = found.slice(0, limit);
      const last = deliveries.at(-1);
      return { deliveries, next: found.length > limit && last !== undefined ? keyOf(last) : null };
    },

    delivery: async (id) => rows.get(id) ?? null,

    async revive(delivery, now, dueAt) {
      const row = rows.get(delivery.id);
      const same = (['state', 'nextAttemptAt', 'dueAt', 'recalled'] as const).every(
        (name) => row?.[name] === delivery[name],
      );
      if (row === undefined || !same) return false;
      rows.set(row.id, {
        ...row,
        state: 'waiting',
        scheduleStep: 0,
        nextAttemptAt: now,
        dueAt,
        lease: null,
        recalled: false,
        stuckAt: null,
      });
      return true;
    },
  };
}
