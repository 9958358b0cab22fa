import type { Role } from '../../core/entities.ts';
import { ACCESS } from '../access.ts';
import type { RouteName } from '../access.ts';
import { membersOf } from './json-schema.ts';
import type { Operation } from './operations.ts';
import { PROBLEMS } from './problem-codes.ts';
import type { ProblemCode, RefusalStatus } from './problem-codes.ts';
import { REQUESTS } from './requests.ts';

const EVERYBODY: readonly Role[] = ['admin', 'manager', 'analyst', 'publisher', 'advertiser'];

/** With which codes a route can refuse, by status. An open route refuses nobody. */
export function refusalsOf(route: RouteName, operation: Operation): ReadonlyMap<RefusalStatus, readonly ProblemCode[]> {
  const roles = ACCESS[route];
  const found = new Map<RefusalStatus, ProblemCode[]>();
  if (roles === null) return found;
  const { query = [], body, ifMatch, conflicts, answer } = operation;
  const writes = !route.startsWith('GET ');
  const isList = answer?.list === true;
  const takesCursor = body !== undefined && 'cursor' in membersOf(REQUESTS[body.schema]);
  const namesSide = query.some(({ name }) => name === 'publisher_id' || name === 'advertiser_id');
  const can: Readonly<Partial<Record<ProblemCode, boolean>>> = {
    MALFORMED_REQUEST: body !== undefined,
    INVALID_PARAMETER: writes || isList || query.length > 0,
    INVALID_CURSOR: isList || takesCursor,
    UNAUTHORIZED: true,
    FORBIDDEN: roles.length < EVERYBODY.length || namesSide,
    NOT_FOUND: route.includes(':'),
    ...Object.fromEntries(conflicts.map((code) => [code, true])),
    CONCURRENT_CHANGE: writes,
    PRECONDITION_FAILED: ifMatch,
    BODY_TOO_LARGE: body !== undefined,
    UNSUPPORTED_MEDIA_TYPE: body !== undefined,
    VALIDATION_FAILED: body !== undefined,
    IDEMPOTENCY_KEY_REUSED: writes,
    TEMPORARILY_UNAVAILABLE: true,
  };
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    if (can[code] !== true) continue;
    const [status] = PROBLEMS[code];
    found.set(status, [...(found.get(status) ?? []), code]);
  }
  return found;
}
