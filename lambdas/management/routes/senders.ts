import type * as z from 'zod';
import { ENTITY_ID, newEntityId } from '../../core/ids.ts';
import type { CatalogKinds } from '../../core/management-ports.ts';
import { hashToken } from '../../core/senders.ts';
import { entityHandlers, requireEntity, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import { etag, isoTime } from '../http.ts';
import type { ApiRequest, Deps, Step } from '../http.ts';
import { byStatus, listCatalog } from '../lists.ts';
import { invalidField, notFound, Problem } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { newTokenSchema, senderSchema } from '../schemas/sender.ts';
import { newSecret } from '../secrets.ts';
import { validate } from '../validation.ts';

type StoredSender = CatalogKinds['sender'];
type StoredToken = StoredSender['tokens'][number];

/** Expired ones count until they are deleted. */
const MAX_TOKENS = 20;

export const senders: Resource<'sender', z.infer<typeof senderSchema>> = {
  kind: 'sender',
  schema: senderSchema,
  readOnly: ['tokens'],
  cached: false,
  complete: async (parsed, before) => ({ ...parsed, tokens: before?.tokens ?? [] }),
  show: ({ tokens, name, status, ...sender }) => ({
    name,
    status,
    advertiser_ids: sender.advertiser_ids,
    token_required: sender.token_required,
    parameters: sender.parameters,
    status_map: sender.status_map,
    ip_allow_list: sender.ip_allow_list,
    response_mode: sender.response_mode,
    decimals: sender.decimals,
    tokens: tokens.map(showToken),
  }),
  related: (next, before) => {
    const had = new Set(before === null || before.advertiser_ids === 'all' ? [] : before.advertiser_ids);
    const ids = next.advertiser_ids === 'all' ? [] : next.advertiser_ids;
    return ids.flatMap((id, i) => (had.has(id) ? [] : [requireEntity('advertiser', id, `/advertiser_ids/${i}`)]));
  },
};

const { create, get, patch, archive, edit } = entityHandlers(senders);

/** The sender that comes with an advertiser: its id, its conversions only. */
export function senderOfAdvertiser(advertiser: CatalogKinds['advertiser'], token: StoredToken): StoredSender {
  return {
    ...senderSchema.parse({ name: advertiser.name, advertiser_ids: [advertiser.id] }),
    id: advertiser.id,
    tokens: [token],
    version: 1,
    created_at: advertiser.created_at,
    updated_at: advertiser.updated_at,
  };
}

interface NewToken {
  /** Shown once, stored nowhere. */
  readonly secret: string;
  readonly stored: StoredToken;
  readonly step: Step;
}

/** A token of a sender, given or generated, with the step that refuses one in use anywhere. */
export function makeToken(
  given: { readonly security_token?: string | undefined; readonly expires_at: number | null },
  senderId: string,
  { request, deps }: { readonly request: ApiRequest; readonly deps: Deps },
): NewToken {
  const { security_token: secret = newSecret(deps.random), expires_at } = given;
  const hash = hashToken(secret);
  const id = newEntityId(deps.random);
  return {
    secret,
    stored: { id, hash, expires_at, created_at: request.now },
    step: {
      change: { op: 'create', pk: 'sender_token', sk: hash, value: { sender_id: senderId, token_id: id, expires_at } },
      otherwise: new Problem(409, 'TOKEN_IN_USE', 'This security token is in use already'),
    },
  };
}

async function addToken(request: ApiRequest, deps: Deps): Promise<Answer> {
  const context = { request, deps };
  const given = validate(newTokenSchema, request.body ?? {});
  if (given.expires_at !== null && given.expires_at <= request.now) {
    throw invalidField('/expires_at', 'IN_THE_PAST', 'must be in the future');
  }
  const token = makeToken(given, request.params['id'] ?? '', context);
  return edit(
    async (sender) => {
      if (sender.status === 'archived') throw new Problem(409, 'ARCHIVED', 'The sender is archived');
      if (sender.tokens.length >= MAX_TOKENS) {
        throw new Problem(409, 'TOO_MANY', `A sender has at most ${MAX_TOKENS} tokens; delete one first`);
      }
      return changed(sender, [...sender.tokens, token.stored], request);
    },
    (sender) => ({
      status: 201,
      headers: etag(sender.version),
      body: { ...showToken(token.stored), security_token: token.secret },
    }),
    context,
    { steps: () => [token.step], action: 'token_added' },
  );
}

/** Takes a token away. The next call with it is refused. */
function deleteToken(request: ApiRequest, deps: Deps): Promise<Answer> {
  const id = request.params['token_id'];
  return edit(
    async (sender) => {
      if (!sender.tokens.some((token) => token.id === id)) throw notFound('token');
      const left = sender.tokens.filter((token) => token.id !== id);
      return changed(sender, left, request);
    },
    () => ({ status: 204 }),
    { request, deps },
    {
      steps: (before) =>
        before.tokens
          .filter((token) => token.id === id)
          .map((token) => ({ change: { op: 'delete', pk: 'sender_token', sk: token.hash } })),
      action: 'token_deleted',
    },
  );
}

function changed<S extends StoredSender>(sender: S, tokens: readonly StoredToken[], { now }: ApiRequest): S {
  return { ...sender, tokens, version: sender.version + 1, updated_at: now };
}

function showToken({ id, created_at, expires_at }: StoredToken) {
  return { id, created_at: isoTime(created_at), expires_at: isoTime(expires_at) };
}

export const senderHandlers = {
  'POST /v1/senders': create,
  'GET /v1/senders': listCatalog('sender', (sender) => showEntity(senders, sender), {
    status: byStatus,
    advertiser_id: {
      values: ENTITY_ID,
      has: ({ advertiser_ids: ids }, id) => ids === 'all' || ids.includes(id),
    },
  }),
  'GET /v1/senders/:id': get,
  'PATCH /v1/senders/:id': patch,
  'DELETE /v1/senders/:id': archive,
  'POST /v1/senders/:id/tokens': addToken,
  'DELETE /v1/senders/:id/tokens/:token_id': deleteToken,
};
