import { ENTITY_ID } from '../../core/ids.ts';
import type { StoredKey } from '../../core/management-ports.ts';
import { hashToken } from '../../core/senders.ts';
import { parseNew, requireEntity, requireMatch } from '../entities.ts';
import { ConcurrentChange, etag, isoTime, ok } from '../http.ts';
import type { ApiRequest, Deps, Step } from '../http.ts';
import { listCatalog } from '../lists.ts';
import { invalidField, notFound, Problem } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { newKeySchema } from '../schemas/key.ts';
import { newSecret } from '../secrets.ts';

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
  if (parsed.expires_at !== null && parsed.expires_at <= request.now) {
    throw invalidField('/expires_at', 'IN_THE_PAST', 'must be in the future');
  }
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
  return request.commit(steps, { status: 201, headers: etag(1), body: { ...showKey(key), key: secret } });
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

/** Revokes: the next request with the key is refused. The key stays in the list; revoking twice is fine. */
async function revoke(request: ApiRequest, deps: Deps): Promise<Answer> {
  const key = await read(request.params['id'], deps);
  requireMatch(request, key.version);
  if (key.status === 'archived') return { status: 204 };
  const value: StoredKey = { ...key, status: 'archived', version: key.version + 1, updated_at: request.now };
  return request.commit(
    [
      {
        change: { op: 'replace', pk: 'api_key', sk: key.id, value, version: key.version },
        otherwise: new ConcurrentChange(),
      },
      { change: { op: 'delete', pk: 'api_key_hash', sk: key.hash } },
    ],
    { status: 204 },
  );
}

export const keyHandlers = {
  'POST /v1/keys': create,
  'GET /v1/keys': listCatalog('api_key', showKey),
  'GET /v1/keys/:id': get,
  'DELETE /v1/keys/:id': revoke,
};
