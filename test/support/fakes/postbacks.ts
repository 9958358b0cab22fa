import type { Postback } from '../../../lambdas/core/entities.ts';
import type { PostbackCatalog } from '../../../lambdas/core/ports.ts';

interface FakePostbacks extends PostbackCatalog {
  readonly rows: Map<string, Postback>;
}

/** Postbacks in memory. */
export function fakePostbacks(...postbacks: readonly Postback[]): FakePostbacks {
  const rows = new Map(postbacks.map((postback) => [postback.id, postback]));
  return {
    rows,
    postback: async (id) => rows.get(id) ?? null,

    async disable({ id, version }, reason, now) {
      const row = rows.get(id);
      if (row?.version !== version || row.status !== 'active') return false;
      const disabled = { status: 'disabled', disabledAt: now, disabledReason: reason } as const;
      rows.set(id, { ...row, ...disabled, version: version + 1, updatedAt: now });
      return true;
    },
  };
}
