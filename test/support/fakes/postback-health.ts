import type { PostbackHealth, PostbackHealthStore } from '../../../lambdas/core/ports.ts';

interface FakePostbackHealth extends PostbackHealthStore {
  readonly streaks: Map<string, PostbackHealth>;
}

/** Failing streaks in memory; passes the contract suite of the real store. */
export function fakePostbackHealth(): FakePostbackHealth {
  const streaks = new Map<string, PostbackHealth>();
  return {
    streaks,
    health: async (postbackId) => streaks.get(postbackId) ?? null,

    async failed(postbackId, now) {
      const before = streaks.get(postbackId) ?? { failingSince: now, failures: 0, lastFailureAt: now, warnings: 0 };
      const streak = { ...before, failures: before.failures + 1, lastFailureAt: now };
      streaks.set(postbackId, streak);
      return streak;
    },

    async recovered(postbackId) {
      streaks.delete(postbackId);
    },

    async warned(postbackId, n) {
      const streak = streaks.get(postbackId);
      if (streak === undefined || streak.warnings >= n) return false;
      streaks.set(postbackId, { ...streak, warnings: n });
      return true;
    },
  };
}
