import { AUDIT_ACTIONS, AUDIT_KINDS } from '../../core/audit.ts';
import { ENTITY_ID } from '../../core/ids.ts';
import type { AuditFilter } from '../../core/management-ports.ts';
import { showAudit } from '../audit.ts';
import type { ApiRequest, Handle } from '../http.ts';
import { listFacts } from '../lists.ts';
import type { Filters } from '../lists.ts';
import { invalidParameter, Problem } from '../problems.ts';

const oneOf = (words: readonly string[]) => new RegExp(`^(${words.join('|')})$`);

/** Who may not read keys does not read what became of them either. */
function visible(filters: Filters<AuditFilter>, { role }: ApiRequest): Filters<AuditFilter> {
  const { kind, subject_id } = filters;
  if (subject_id !== undefined && kind === undefined) throw invalidParameter('kind', 'is required with subject_id');
  if (role === 'admin') return filters;
  if (kind === 'key') throw new Problem(403, 'FORBIDDEN', `A key with the role "${role}" may not read changes of keys`);
  return kind === undefined ? { ...filters, except_kind: 'key' } : filters;
}

export const auditHandlers = {
  'GET /v1/audit': listFacts<AuditFilter, Parameters<typeof showAudit>[0]>(
    {
      kind: oneOf(AUDIT_KINDS),
      subject_id: ENTITY_ID,
      by: /^(bootstrap|key:[A-Za-z0-9_-]{1,64})$/,
      action: oneOf(AUDIT_ACTIONS),
    },
    (query, deps) => deps.facts.audit(query),
    showAudit,
    { bound: visible },
  ),
} satisfies Record<string, Handle>;
