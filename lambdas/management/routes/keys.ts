import type { AuditEntry } from '../../core/audit.ts';
import { ENTITY_ID } from '../../core/ids.ts';
import type { StoredKey } from '../../core/management-ports.ts';
import { isObject } from '../../core/merge-patch.ts';
import { hashToken } from '../../core/senders.ts';
import { audited } from '../audit.ts';
import { merged, parseNew, requireEntity, requireMatch, untilUnopposed } from '../entities.ts';
import { ConcurrentChange, etag, isoTime, ok } from '../http.ts';
import type { ApiRequest, Deps, Step } from '../http.ts';
import { byField, listCatalog } from '../lists.ts';
import { invalidField, notFound, Problem } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { KEY_READ_ONLY, keySchema, newKeySchema } from '../schemas/key.ts';
import { newSecret } from '../secrets.ts';
import { validate } from '../validation.ts';

function showKey(key: StoredKey) {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    ...(key.publisher_id !== null && { publisher_id: key.publisher_id }),
    ...(key.advertiser_id !== null && { advertiser_id: key.advertiser_id }),
    expires_at: isoTime(key.expires_at),
    last_used_at: isoTime(key.last_used_at ?? null),
    status: key.status ?? 'active',
    created_at: isoTime(key.created_at),
  };
}

async function create(request: ApiRequest, deps: Deps): Promise<Answer> {
  const { id, parsed } = parseNew(newKeySchema, request.body, deps);
  if (parsed.expires_at !== null) requireFuture(parsed.expires_at, request);
  const secret = `fb_${newSecret(deps.random)}`;
  const hash = hashToken(secret);
  const { now } = request;
  const key: StoredKey = { ...parsed, id, hash, status: 'active', version: 1, created_at: now, updated_at: now };
  const steps: Step[] = [
    {
      change: { op: 'create', pk: 'api_key', sk: id, value: key },
      otherwise: new Problem(409, 'ID_TAKEN', 'There is a key with this id already'),
    },
    { change: { op: 'put', pk: 'api_key_hash', sk: hash, value: key } },
  ];
  if (key.publisher_id !== null) steps.push(requireEntity('publisher', key.publisher_id, '/publisher_id'));
  if (key.advertiser_id !== null) steps.push(requireEntity('advertiser', key.advertiser_id, '/advertiser_id'));
  return request.commit(steps, auditOf(request, null, key), {
    status: 201,
    headers: etag(1),
    body: { ...showKey(key), key: secret },
  });
}

function auditOf(request: ApiRequest, before: StoredKey | null, after: StoredKey): AuditEntry[] {
  const { id, version } = after;
  return audited(request, { kind: 'key', id, version }, before && showKey(before), showKey(after));
}

function requireFuture(expiresAt: number, { now }: ApiRequest): void {
  if (expiresAt <= now) throw invalidField('/expires_at', 'IN_THE_PAST', 'must be in the future');
}

async function read(id: string | undefined, deps: Deps): Promise<StoredKey> {
  const key = id !== undefined && ENTITY_ID.test(id) ? await deps.catalog.get('api_key', id) : null;
  if (key === null) throw notFound('key');
  return key;
}

async function get({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const key = await read(params['id'], deps);
  return ok(showKey(key), etag(key.version));
}

/** What a key may do stays as it is: those who gave it away know what they gave. */
function patch(request: ApiRequest, deps: Deps): Promise<Answer> {
  return untilUnopposed(async () => {
    const key = await read(request.params['id'], deps);
    requireMatch(request, key.version);
    if (isRevoked(key)) throw new Problem(409, 'ARCHIVED', 'The key is revoked');
    const shown = showKey(key);
    // It moves with each use, so a document that is sent back may have an older one.
    const given = isObject(request.body) ? { ...request.body, last_used_at: shown.last_used_at } : request.body;
    const { name, expires_at } = validate(keySchema, merged(shown, KEY_READ_ONLY, given));
    if (expires_at !== null && expires_at !== key.expires_at) requireFuture(expires_at, request);
    const next: StoredKey = { ...key, name, expires_at, version: key.version + 1, updated_at: request.now };
    const steps: Step[] = [
      replace(key, next),
      { change: { op: 'put', pk: 'api_key_hash', sk: key.hash, value: next } },
      ...(await keepAnAdmin(key, next, deps)),
    ];
    return request.commit(steps, auditOf(request, key, next), ok(showKey(next), etag(next.version)));
  });
}

/** Revokes: the next request with the key is refused. The key stays in the list; revoking twice is fine. */
function revoke(request: ApiRequest, deps: Deps): Promise<Answer> {
  return untilUnopposed(async () => {
    const key = await read(request.params['id'], deps);
    requireMatch(request, key.version);
    if (isRevoked(key)) return { status: 204 };
    const next: StoredKey = { ...key, status: 'archived', version: key.version + 1, updated_at: request.now };
    const steps: Step[] = [
      replace(key, next),
      { change: { op: 'delete', pk: 'api_key_hash', sk: key.hash } },
      ...(await keepAnAdmin(key, next, deps)),
    ];
    return request.commit(steps, auditOf(request, key, next), { status: 204 });
  });
}

function replace(before: StoredKey, value: StoredKey): Step {
  return {
    change: { op: 'replace', pk: 'api_key', sk: value.id, value, version: before.version },
    otherwise: new ConcurrentChange(),
  };
}

function isRevoked({ status }: StoredKey): boolean {
  return status === 'archived';
}

/** Whether it can make keys for as long as the network lives. */
function isLastingAdmin(key: StoredKey): boolean {
  return key.role === 'admin' && key.expires_at === null && !isRevoked(key);
}

/** More keys than most networks have. */
const PAGE = 200;

/**
 * The step that demands, where a key stops to be a lasting admin's, that another one stays as it was read: two that end each
 * other at once must not both succeed.
 */
async function keepAnAdmin(key: StoredKey, next: StoredKey, { catalog }: Deps): Promise<Step[]> {
  if (!isLastingAdmin(key) || isLastingAdmin(next)) return [];
  let after: string | null = null;
  for (;;) {
    const page: readonly StoredKey[] = await catalog.list('api_key', after, PAGE);
    const other = page.find((candidate) => candidate.id !== key.id && isLastingAdmin(candidate));
    if (other !== undefined) {
      const change = { op: 'require', pk: 'api_key', sk: other.id, version: other.version } as const;
      return [{ change, otherwise: new ConcurrentChange() }];
    }
    if (page.length < PAGE) {
      throw new Problem(409, 'LAST_ADMIN_KEY', 'It is the only admin key that never expires: make another one first');
    }
    after = page.at(-1)?.id ?? null;
  }
}

export const keyHandlers = {
  'POST /v1/keys': create,
  'GET /v1/keys': listCatalog('api_key', showKey, {
    status: { values: /^(active|archived)$/, has: ({ status = 'active' }, value) => status === value },
    role: byField('role', /^(admin|manager|analyst|publisher|advertiser)$/),
    publisher_id: byField('publisher_id'),
    advertiser_id: byField('advertiser_id'),
  }),
  'GET /v1/keys/:id': get,
  'PATCH /v1/keys/:id': patch,
  'DELETE /v1/keys/:id': revoke,
};
