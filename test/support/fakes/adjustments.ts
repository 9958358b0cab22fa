import type { Adjustment } from '../../../lambdas/core/adjustment.ts';
import type { AuditEntry } from '../../../lambdas/core/audit.ts';
import type { AdjustmentLedger } from '../../../lambdas/core/management-ports.ts';

interface FakeAdjustments extends AdjustmentLedger {
  readonly rows: Map<string, Adjustment>;
  readonly audit: AuditEntry[];
}

/** Adjustments in memory; passes the contract suite of the real ledger. */
export function fakeAdjustments(): FakeAdjustments {
  const rows = new Map<string, Adjustment>();
  const audit: AuditEntry[] = [];
  return {
    rows,
    audit,
    adjustment: async (id) => rows.get(id) ?? null,

    async add(adjustment, entry) {
      const stored = rows.get(adjustment.id);
      if (stored !== undefined) return stored;
      rows.set(adjustment.id, adjustment);
      audit.push(entry);
      return adjustment;
    },
  };
}
