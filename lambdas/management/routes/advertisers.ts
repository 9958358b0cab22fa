import type * as z from 'zod';
import { auditOf, commitNew, entityHandlers, newEntity, parseNew, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import type { ApiRequest, Deps } from '../http.ts';
import { byField, listCatalog } from '../lists.ts';
import { Problem } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { advertiserSchema, newAdvertiserSchema } from '../schemas/party.ts';
import { makeToken, senderOfAdvertiser, senders } from './senders.ts';

const advertisers: Resource<'advertiser', z.infer<typeof advertiserSchema>> = {
  kind: 'advertiser',
  schema: advertiserSchema,
  readOnly: [],
  cached: false,
  complete: async (parsed) => parsed,
  show: ({ name, status, metadata }) => ({ name, status, metadata }),
  related: () => [],
};

/** Creates an advertiser and, in the same transaction, the sender with its id and that sender's first token. */
async function create(request: ApiRequest, deps: Deps): Promise<Answer> {
  const context = { request, deps };
  const { id, parsed } = parseNew(newAdvertiserSchema, request.body, deps);
  const { security_token, ...document } = parsed;
  const advertiser = await newEntity(advertisers, document, id, context);
  const token = makeToken({ security_token, expires_at: null }, id, context);
  const sender = senderOfAdvertiser(advertiser, token.stored);
  return commitNew(advertisers, advertiser, context, {
    steps: [
      {
        change: { op: 'create', pk: 'sender', sk: id, value: sender },
        otherwise: new Problem(409, 'ID_TAKEN', 'There is a sender with this id already'),
      },
      token.step,
    ],
    audit: auditOf(senders, request, null, sender),
    shown: {
      security_token: token.secret,
      // The placeholders are for the advertiser to fill in; the token is handed over apart from it.
      postback_url: `${deps.trackingUrl}/postback/${id}?click_id={click_id}&txn_id={txn_id}&sale_amount={sale_amount}`,
    },
  });
}

const { get, patch, archive } = entityHandlers(advertisers);

export const advertiserHandlers = {
  'POST /v1/advertisers': create,
  'GET /v1/advertisers': listCatalog('advertiser', (advertiser) => showEntity(advertisers, advertiser), {
    status: byField('status', /^(active|archived)$/),
  }),
  'GET /v1/advertisers/:id': get,
  'PATCH /v1/advertisers/:id': patch,
  'DELETE /v1/advertisers/:id': archive,
};
