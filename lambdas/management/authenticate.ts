import { SECRET } from '../core/ids.ts';
import { StorageUnavailable } from '../core/ports.ts';
import { hashToken } from '../core/senders.ts';
import type { Caller, Deps } from './http.ts';
import { Problem } from './problems.ts';

const SCHEME = /^Bearer +([^ ]+)$/i;
/** How exactly `last_used_at` is kept: a write an hour, not one a request. */
const USE_NOTED_EVERY = 3_600_000;

/** Who calls, read each time so that a revoked key dies at once. Throws a 401. */
export async function authenticate(
  authorization: string | undefined,
  deps: Deps,
): Promise<{ caller: Caller; secret: string }> {
  const secret = SCHEME.exec(authorization ?? '')?.[1];
  if (secret === undefined || !SECRET.test(secret)) throw unauthorized('An API key is required: Authorization: Bearer');
  const caller = await deps.catalog.get('api_key_hash', hashToken(secret));
  const now = deps.now();
  if (caller === null || (caller.expires_at !== null && caller.expires_at <= now)) {
    throw unauthorized('The API key is unknown, revoked or expired');
  }
  if (now - (caller.last_used_at ?? 0) >= USE_NOTED_EVERY) await noteUse(caller, now, deps);
  return { caller, secret };
}

async function noteUse(caller: Caller, now: number, deps: Deps): Promise<void> {
  try {
    await deps.catalog.touchKey(caller, now);
  } catch (error) {
    // Not worth failing a request for: the next one notes it.
    if (!(error instanceof StorageUnavailable)) throw error;
  }
}

function unauthorized(detail: string): Problem {
  return new Problem(401, 'UNAUTHORIZED', detail, { headers: { 'www-authenticate': 'Bearer' } });
}
