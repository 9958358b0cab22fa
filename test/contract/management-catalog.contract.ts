import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditCreation } from '../../lambdas/core/audit.ts';
import type { AuditEntry } from '../../lambdas/core/audit.ts';
import type { CatalogChange, ManagementCatalog } from '../../lambdas/core/management-ports.ts';
import { NOON } from '../support/deliveries.ts';

interface Subject {
  readonly catalog: ManagementCatalog;
  /** What the audit trail says of a publisher. */
  readonly auditOf: (id: string) => Promise<readonly AuditEntry[]>;
}

/** What every {@link ManagementCatalog} does with a commit. */
export function managementCatalogContract(name: string, create: () => Subject): void {
  const put = (sk: string, value: object): CatalogChange => ({ op: 'put', pk: 'publisher', sk, value });
  const requires = (sk: string, version?: number): CatalogChange => ({
    ...{ op: 'require', pk: 'publisher', sk },
    ...(version !== undefined && { version }),
  });
  const saying = (id: string): AuditEntry => {
    const author = { at: NOON, by: 'key:k1', byName: 'Ärger 💥', requestId: 'request-1' };
    return auditCreation({ kind: 'publisher', id, version: 1 }, author, {
      metadata: { '': '', a_b: [1, null, { cD: '0.1' }], values: 10_000_000_000_000_000 },
    });
  };

  describe(`${name} as the catalog of the management API`, () => {
    it('writes what was changed and what the audit trail says of it', async () => {
      const { catalog, auditOf } = create();
      const id = randomUUID();

      expect(await catalog.commit([put(id, { id, version: 1 })], [saying(id)])).toBeNull();

      expect(await catalog.get('publisher', id)).toEqual({ id, version: 1 });
      expect(await auditOf(id)).toEqual([saying(id)]);
    });

    const [archived, unsaid, none] = [randomUUID(), randomUUID(), randomUUID()];
    it.each<[what: string, change: CatalogChange]>([
      ['what is to be made exists', { op: 'create', pk: 'publisher', sk: archived, value: {} }],
      ['it has another version', { op: 'replace', pk: 'publisher', sk: archived, value: {}, version: 2 }],
      ['what is to be replaced does not exist', { op: 'replace', pk: 'publisher', sk: none, value: {}, version: 1 }],
      ['what is required is archived', requires(archived)],
      ['what is required does not exist', requires(none)],
      ['what is required has another version', requires(unsaid, 2)],
      ['what is required in a version does not exist', requires(none, 1)],
    ])('writes neither if %s', async (_, change) => {
      const { catalog, auditOf } = create();
      const id = randomUUID();
      await catalog.commit([put(archived, { status: 'archived', version: 1 }), put(unsaid, { version: 1 })]);

      expect(await catalog.commit([put(id, {}), change], [saying(id)])).toBe(1);

      expect(await catalog.get('publisher', id)).toBeNull();
      expect(await auditOf(id)).toEqual([]);
    });

    it.each<[what: string, change: CatalogChange]>([
      ['is there without a status', requires(unsaid)],
      ['has that version, whatever its status', requires(archived, 1)],
    ])('takes for there what %s', async (_, change) => {
      const { catalog } = create();
      await catalog.commit([put(archived, { status: 'archived', version: 1 }), put(unsaid, { version: 1 })]);

      expect(await catalog.commit([change])).toBeNull();
    });
  });
}
