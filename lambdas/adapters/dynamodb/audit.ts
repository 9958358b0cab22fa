import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { AuditChange, AuditEntry } from '../../core/audit.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';

/** The partition of the index by subject. */
export const subjectOf = (kind: string, id: string): string => `${kind}#${id}`;

/** The row of the audit trail, as part of the transaction of what it tells of. */
export function putAudit(table: string | undefined, entry: AuditEntry): TransactWriteItem {
  return { Put: { TableName: table, Item: toAuditItem(entry), ConditionExpression: 'attribute_not_exists(pk)' } };
}

function toAuditItem({ changes, ...entry }: AuditEntry): Item {
  const time = new Date(entry.at).toISOString();
  return toItem({
    ...(toWire(entry) as Record<string, unknown>),
    pk: time.slice(0, 7),
    sk: `${time}#${entry.id}`,
    subject: subjectOf(entry.kind, entry.subjectId),
    // As text: names in it are data, and it may be nested more deeply than items may.
    changes: JSON.stringify(changes),
  });
}

/** What {@link putAudit} wrote. */
export function fromAuditItem(item: Item): AuditEntry {
  const { changes, ...stored } = withoutAttributes(item, ['pk', 'sk', 'subject']);
  const entry = fromWire(fromItem(stored)) as Omit<AuditEntry, 'changes'>;
  return { ...entry, changes: JSON.parse(changes?.S ?? '[]') as readonly AuditChange[] };
}
