import { commitChange, untilCommitted } from './commit-change.ts';
import type { ChangeDeps } from './commit-change.ts';
import type { ConversionChange } from './conversion-change.ts';
import type { Conversion } from './conversion.ts';
import { readPlace } from './place.ts';
import { amountsOf } from './reprice.ts';

/**
 * Approves a conversion whose hold period is over. Kept: somebody decided about it meanwhile, or its time has not come.
 *
 * @throws StorageUnavailable - it may have happened or not; a repeat finds out
 */
export async function endHold(conversionId: string, deps: ChangeDeps): Promise<'approved' | 'kept'> {
  return untilCommitted<'approved' | 'kept'>(
    `conversion ${conversionId}`,
    async () => {
      const held = await deps.store.conversion(conversionId);
      const change = held && approvalOf(held, deps.now());
      if (change === null) return { outcome: 'kept', commit: null };
      const place = await readPlace(change.after.campaignId, deps.catalog);
      return { outcome: 'approved', commit: () => commitChange(change, place, deps) };
    },
    deps,
  );
}

/** Null: its hold is not over, or it has none. A held conversion counts for caps since its receipt. */
function approvalOf(before: Conversion, now: number): ConversionChange | null {
  const { holdUntil, status, version } = before;
  if (status !== 'pending' || holdUntil === null || now < holdUntil) return null;
  const approved = { ...before, status: 'approved', holdUntil: null, version: version + 1, updatedAt: now } as const;
  const after = { ...approved, ...amountsOf(approved) };
  return { before, after, code: 'STATUS_CHANGED', by: 'system', reason: null, keys: [], counters: [] };
}
