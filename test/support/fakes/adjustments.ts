import type { Adjustment } from '../../../lambdas/core/adjustment.ts';
import type { AdjustmentLedger } from '../../../lambdas/core/management-ports.ts';

interface FakeAdjustments extends AdjustmentLedger {
  readonly rows: Map<string, Adjustment>;
}

/** Adjustments in memory; passes the contract suite of the real ledger. */
export function fakeAdjustments(): FakeAdjustments {
  const rows = new Map<string, Adjustment>();
  return {
    rows,
    adjustment: async (id) => rows.get(id) ?? null,

    async add(adjustment) {
      const stored = rows.get(adjustment.id) ?? adjustment;
      rows.set(adjustment.id, stored);
      return stored;
    },
  };
}
