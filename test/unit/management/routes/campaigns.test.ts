import { expect, test } from 'vitest';
import { termsPartition, termsSortKey } from '../../../../lambdas/core/campaign-terms.ts';
import type { Campaign, CampaignTerms } from '../../../../lambdas/core/entities.ts';
import { fromWire, toWire } from '../../../../lambdas/core/wire.ts';
import type { ApiRequest, Deps } from '../../../../lambdas/management/http.ts';
import { campaignHandlers } from '../../../../lambdas/management/routes/campaigns.ts';
import { aCampaign } from '../../../support/entities.ts';

const CREATED = 1_764_000_000_000;

/** A stored campaign, with what is patched in memory. */
function given(stored: Campaign) {
  const rows = new Map<string, unknown>([[`campaign ${stored.id}`, toWire(stored)]]);
  const rowOf = <T>(pk: string, sk: string) => fromWire(rows.get(`${pk} ${sk}`)) as T;
  let now = CREATED;
  const deps = {
    catalog: { get: async (kind: string, id: string) => rows.get(`${kind} ${id}`) ?? null },
    now: () => now,
    cacheSeconds: 30,
  } as unknown as Deps;
  const handlers = campaignHandlers(deps);
  return {
    campaign: () => rowOf<Campaign>('campaign', stored.id),
    kept: (since: number) => rowOf<CampaignTerms | undefined>(termsPartition(stored.id), termsSortKey(since)),
    patch: (body: object, at: number) => {
      now = at;
      const commit: ApiRequest['commit'] = async (steps, _audit, answer) => {
        for (const { change } of steps) if ('value' in change) rows.set(`${change.pk} ${change.sk}`, change.value);
        return answer;
      };
      const request = { params: { id: stored.id }, body, ifMatch: null, now, commit };
      return handlers['PATCH /v1/campaigns/:id'](request as unknown as ApiRequest, deps);
    },
  };
}

test('each version of the terms begins after the one before, also within a millisecond and when a clock goes back', async () => {
  const { campaign, kept, patch } = given(aCampaign({ createdAt: CREATED, termsSince: CREATED }));
  const paying = (amount: string) => ({ overrides: [{ payout: { model: 'fixed', amount } }] });
  const patches: [amount: string, at: number, since: number][] = [
    ['1', CREATED, CREATED + 1],
    ['2', CREATED, CREATED + 2],
    ['2', CREATED + 500, CREATED + 2],
    ['3', CREATED - 1_000, CREATED + 3],
    ['4', CREATED + 1_000, CREATED + 1_000],
  ];
  for (const [amount, at, since] of patches) {
    await patch(paying(amount), at);
    expect(campaign().termsSince).toBe(since);
  }
  const begun = [CREATED, CREATED + 1, CREATED + 2, CREATED + 3];
  expect(begun.map((since) => kept(since)?.termsSince)).toEqual(begun);
  expect(begun.map((since) => kept(since)?.overrides[0]?.payout ?? null)).toEqual([
    null,
    ...['1', '2', '3'].map((amount) => ({ model: 'fixed', amount })),
  ]);
  expect(kept(CREATED + 1_000)).toBeUndefined();
});
