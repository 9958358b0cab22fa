import { auditChange, auditCreation } from '../core/audit.ts';
import type { AuditAction, AuditAuthor, AuditEntry, AuditSubject } from '../core/audit.ts';
import type { ConversionChange } from '../core/conversion-change.ts';
import { showConversionByItself } from './facts.ts';
import type { ApiRequest } from './http.ts';
import { isoTime } from './http.ts';

/** What the audit trail says of a change of what `before` and `after` show; nothing, if they show the same. */
export function audited(
  request: ApiRequest,
  subject: AuditSubject,
  before: object | null,
  after: object,
  action?: AuditAction,
): AuditEntry[] {
  if (before === null) return [auditCreation(subject, authorOf(request), { ...after })];
  const entry = auditChange(subject, authorOf(request), { ...before }, { ...after }, action);
  return entry === null ? [] : [entry];
}

/** What the audit trail says of an operator's change of a conversion; null: nothing. */
export function auditConversion(request: ApiRequest) {
  return ({ before, after }: ConversionChange): AuditEntry | null => {
    if (before === null) return null;
    const [entry = null] = audited(
      { ...request, now: after.updatedAt },
      { kind: 'conversion', id: after.id, version: after.version },
      showConversionByItself(before),
      showConversionByItself(after),
    );
    return entry;
  };
}

export function authorOf({ by, byName, requestId, now: at }: ApiRequest): AuditAuthor {
  return { at, by, byName, requestId };
}

export function showAudit({ id, at, by, byName, action, kind, subjectId, requestId, changes }: AuditEntry) {
  return {
    id,
    at: isoTime(at),
    by,
    by_name: byName,
    action,
    kind,
    subject_id: subjectId,
    request_id: requestId,
    changes,
  };
}
