import type { AuditEntry } from '../../../lambdas/core/audit.ts';
import type { Postback } from '../../../lambdas/core/entities.ts';
import type {
  CatalogChange,
  CatalogKind,
  CatalogKinds,
  IdempotencyRecord,
  ManagementCatalog,
  StoredKey,
} from '../../../lambdas/core/management-ports.ts';
import type { Wire } from '../../../lambdas/core/wire.ts';

type Row = Readonly<Record<string, unknown>>;

/** Catalog and audit trail in memory; passes the contract suite of the real ones. A commit is atomic: nothing awaits inside. */
export class FakeManagementCatalog implements ManagementCatalog {
  readonly rows = new Map<string, Row>();
  /** In the order in which they were written. */
  readonly audit: AuditEntry[] = [];

  async get<K extends CatalogKind>(kind: K, id: string): Promise<CatalogKinds[K] | null> {
    return (this.rows.get(nameOf(kind, id)) as CatalogKinds[K] | undefined) ?? null;
  }

  async list<K extends CatalogKind>(kind: K, after: string | null, limit: number) {
    return this.#partition(kind, after).slice(0, limit) as unknown as readonly CatalogKinds[K][];
  }

  async postbacksOf(owner: string) {
    return this.#partition(`postback_of#${owner}`, null) as unknown as readonly Wire<Postback>[];
  }

  async idempotencyRecord(keyId: string, hash: string) {
    return (this.rows.get(nameOf(`idempotency#${keyId}`, hash)) as IdempotencyRecord | undefined) ?? null;
  }

  async commit(changes: readonly CatalogChange[], audit: readonly AuditEntry[] = []) {
    const lost = changes.findIndex((change) => !this.#holds(change));
    if (lost >= 0) return lost;
    for (const change of changes) {
      if ('value' in change) this.rows.set(nameOf(change.pk, change.sk), { ...change.value });
      else if (change.op === 'delete') this.rows.delete(nameOf(change.pk, change.sk));
    }
    this.audit.push(...audit);
    return null;
  }

  async touchKey({ id, hash }: StoredKey, at: number) {
    for (const name of [nameOf('api_key', id), nameOf('api_key_hash', hash)]) {
      const row = this.rows.get(name);
      if (row !== undefined) this.rows.set(name, { ...row, last_used_at: at });
    }
  }

  async cursorKey() {
    return new Uint8Array(32);
  }

  #partition(pk: string, after: string | null): Row[] {
    const prefix = nameOf(pk, '');
    return [...this.rows]
      .filter(([name]) => name.startsWith(prefix) && name > nameOf(pk, after ?? ''))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, row]) => row);
  }

  #holds(change: CatalogChange): boolean {
    const row = this.rows.get(nameOf(change.pk, change.sk));
    switch (change.op) {
      case 'create':
        return row === undefined || (change.now !== undefined && Number(row['ttl']) < change.now);
      case 'replace':
        return row !== undefined && row['version'] === change.version;
      case 'require':
        if (change.version !== undefined) return row?.['version'] === change.version;
        return row !== undefined && row['status'] !== 'archived';
      case 'put':
      case 'delete':
        return true;
    }
  }
}

const nameOf = (pk: string, sk: string): string => `${pk}\n${sk}`;
