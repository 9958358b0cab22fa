import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Adjustment } from '../../lambdas/core/adjustment.ts';
import { auditCreation } from '../../lambdas/core/audit.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import type { AdjustmentLedger } from '../../lambdas/core/management-ports.ts';
import { subtractMicros, toMicros, ZERO } from '../../lambdas/core/money.ts';
import { NOON } from '../support/deliveries.ts';

/** What every {@link AdjustmentLedger} does. */
export function adjustmentLedgerContract(name: string, create: () => AdjustmentLedger): void {
  describe(`${name} as a ledger of adjustments`, () => {
    const given = (overrides: Partial<Adjustment> = {}): Adjustment => ({
      id: newSortableId(NOON, randomBytes),
      publisherId: 'tia',
      campaignId: 'summer',
      advertiserId: 'xyz',
      goal: null,
      payout: toMicros(-2_500_000n),
      revenue: ZERO,
      currency: 'USD',
      at: NOON - 1,
      reason: 'Ärger 💥',
      createdAt: NOON,
      createdBy: 'key:k1',
      ...overrides,
    });

    const saying = ({ id, createdAt }: Adjustment) =>
      auditCreation(
        { kind: 'adjustment', id, version: 1 },
        { at: createdAt, by: 'key:k1', byName: 'A key', requestId: 'request-1' },
        { id },
      );

    it('keeps every micro-unit of either sign (invariant 5)', async () => {
      const ledger = create();
      const highest = toMicros(999_999_999_999_999_999n);
      const all = [given(), given({ goal: 'sale', payout: highest, revenue: subtractMicros(ZERO, highest) })];

      for (const adjustment of all) {
        expect(await ledger.adjustment(adjustment.id)).toBeNull();
        expect(await ledger.add(adjustment, saying(adjustment))).toEqual(adjustment);
        expect(await ledger.adjustment(adjustment.id)).toEqual(adjustment);
      }
    });

    it('books the first of an id and answers it to all that follow, also at once (invariant 4)', async () => {
      const ledger = create();
      const { id } = given();
      const several = Array.from({ length: 5 }, (_, i) => given({ id, createdAt: NOON + i }));

      const answers = await Promise.all(several.map((adjustment) => ledger.add(adjustment, saying(adjustment))));

      const stored = await ledger.adjustment(id);
      expect(several).toContainEqual(stored);
      expect(answers).toEqual(several.map(() => stored));
    });
  });
}
