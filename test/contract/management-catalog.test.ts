import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdjustmentLedger } from '../../lambdas/adapters/dynamodb/adjustments.ts';
import { createConversionStore } from '../../lambdas/adapters/dynamodb/conversions.ts';
import { createFactReader } from '../../lambdas/adapters/dynamodb/lists.ts';
import { createManagementCatalog } from '../../lambdas/adapters/dynamodb/management-catalog.ts';
import { auditChange, auditCreation } from '../../lambdas/core/audit.ts';
import type { AuditEntry, AuditKind } from '../../lambdas/core/audit.ts';
import type { AuditFilter, ListPosition, ListQuery } from '../../lambdas/core/management-ports.ts';
import { toMicros, ZERO } from '../../lambdas/core/money.ts';
import { aConversion } from '../support/conversions.ts';
import { NOON } from '../support/deliveries.ts';
import { FakeManagementCatalog } from '../support/fakes/management-catalog.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';
import { managementCatalogContract } from './management-catalog.contract.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const DAY = 86_400_000;
const list = (filters: ListQuery<AuditFilter>['filters'], query: Partial<ListQuery<AuditFilter>> = {}) =>
  createFactReader(storage.client, storage.tables).audit({
    ...{ filters, from: null, to: null, limit: 200, position: null, now: NOON + DAY },
    ...query,
  });

managementCatalogContract('memory', () => {
  const catalog = new FakeManagementCatalog();
  return { catalog, auditOf: async (id) => catalog.audit.filter(({ subjectId }) => subjectId === id) };
});

managementCatalogContract('DynamoDB', () => ({
  catalog: createManagementCatalog(storage.client, storage.tables),
  auditOf: async (id) => (await list({ kind: 'publisher', subject_id: id })).items,
}));

const author = (at: number, by = 'key:k1') => ({ at, by, byName: null, requestId: 'request-1' });

describe('the audit trail', () => {
  // Three months, so that a list goes over their borders; a kind and an id that others share one of.
  const own = `key:${randomUUID()}`;
  const entry = (kind: AuditKind, id: string, version: number, days: number): AuditEntry =>
    auditCreation({ kind, id, version }, author(NOON - days * DAY, own), {});
  const entries = [
    entry('campaign', 'summer', 3, 0),
    entry('key', 'summer', 1, 1),
    entry('publisher', 'summer', 1, 2),
    entry('campaign', 'summer', 2, 30),
    entry('campaign', 'winter', 1, 60),
    entry('campaign', 'summer', 1, 61),
  ];
  const idsOf = (items: readonly AuditEntry[]) => items.map(({ id }) => id);

  beforeAll(async () => {
    const catalog = createManagementCatalog(storage.client, storage.tables);
    for (const each of entries) await catalog.commit([], [each]);
  });

  it.each<[filters: ListQuery<AuditFilter>['filters'], query: Partial<ListQuery<AuditFilter>>, found: number[]]>([
    [{}, {}, [0, 1, 2, 3, 4, 5]],
    [{ kind: 'campaign' }, {}, [0, 3, 4, 5]],
    [{ kind: 'campaign', subject_id: 'summer' }, {}, [0, 3, 5]],
    [{ kind: 'campaign', subject_id: 'none' }, {}, []],
    [{ except_kind: 'key' }, {}, [0, 2, 3, 4, 5]],
    [{ action: 'created' }, { from: NOON - 30 * DAY, to: NOON }, [1, 2, 3]],
    [{ action: 'changed' }, {}, []],
    [{ kind: 'campaign', subject_id: 'summer' }, { from: NOON - 60 * DAY }, [0, 3]],
  ])('lists %j, %j newest first, on pages of any size', async (filters, query, found) => {
    for (const limit of [2, 200]) {
      const items: AuditEntry[] = [];
      let position: ListPosition | null = null;
      do {
        const page = await list({ by: own, ...filters }, { ...query, limit, position });
        items.push(...page.items);
        position = page.next;
      } while (position !== null);
      expect(idsOf(items)).toEqual(idsOf(found.flatMap((i) => entries[i] ?? [])));
    }
  });

  it('has what an operator changed of a conversion with the change, or neither', async () => {
    const store = createConversionStore(storage.client, storage.tables);
    const conversion = aConversion({ id: 'a'.repeat(24), version: 1 });
    const { id: conversionId, status, code } = conversion;
    const write = (version: number, expectedVersion: number | null) => ({
      ...{
        keys: [],
        conversion: { ...conversion, version },
        expectedVersion,
        ledger: null,
        counters: [],
        deliveries: [],
      },
      history: { conversionId, number: version, at: NOON, status, code, by: 'key:k1', reason: null },
    });
    const audit = auditChange(
      { kind: 'conversion', id: conversionId, version: 2 },
      author(NOON),
      { status: 'pending' },
      { status },
    );
    const said = async () => (await list({ kind: 'conversion', subject_id: conversionId })).items;

    expect(await store.commit({ ...write(1, null), audit: null })).toEqual({ committed: true });
    expect(await said()).toEqual([]);
    expect(await store.commit({ ...write(2, 1), audit })).toEqual({ committed: true });
    expect(await store.commit({ ...write(2, 1), audit })).toEqual({ committed: false, lost: 'version' });
    expect(await said()).toEqual([audit]);
  });

  it('has an adjustment once, however often it is booked (invariant 4)', async () => {
    const ledger = createAdjustmentLedger(storage.client, storage.tables);
    const adjustment = {
      ...{ id: 'b'.repeat(24), publisherId: 'tia', campaignId: 'summer', advertiserId: 'xyz', goal: null },
      ...{ payout: toMicros(1n), revenue: ZERO, currency: 'USD', at: NOON, reason: 'bonus', createdAt: NOON },
      createdBy: 'key:k1',
    };
    const subject = { kind: 'adjustment', id: adjustment.id, version: 1 } as const;
    const saying = (at: number) => auditCreation(subject, author(at), { reason: 'bonus' });

    const booked = await Promise.all([0, 1, 2].map((i) => ledger.add(adjustment, saying(NOON + i))));

    expect(booked).toEqual([adjustment, adjustment, adjustment]);
    expect((await list({ kind: 'adjustment', subject_id: adjustment.id })).items).toHaveLength(1);
  });
});
