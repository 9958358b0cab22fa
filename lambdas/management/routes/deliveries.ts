import { ENTITY_ID } from '../../core/ids.ts';
import type { DeliveryFilter, DeliveryWithAttempts } from '../../core/management-ports.ts';
import { replayDelivery } from '../../core/replay.ts';
import type { Replay, ReplayDeps } from '../../core/replay.ts';
import { ownFilters } from '../bound.ts';
import { showDelivery } from '../facts.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listFacts } from '../lists.ts';
import { notFound, Problem } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { nothing } from '../schemas/common.ts';
import { validate } from '../validation.ts';
import { SORTABLE_ID } from './facts.ts';

const deliveries = listFacts<DeliveryFilter, DeliveryWithAttempts>(
  {
    conversion_id: SORTABLE_ID,
    postback_id: ENTITY_ID,
    publisher_id: ENTITY_ID,
    state: /^(waiting|sending|delivered|exhausted|cancelled)$/,
  },
  (query, deps) => deps.facts.deliveries(query),
  showDelivery,
  {
    bound(filters, request) {
      const own = ownFilters(filters, request, { publisher: [], advertiser: [] });
      return request.publisherId === null ? own : { ...own, audience: 'publisher' };
    },
  },
);

async function delivery(request: ApiRequest, deps: Deps): Promise<Answer> {
  return ok(await read(request, deps));
}

async function read({ params, publisherId }: ApiRequest, deps: Deps) {
  const found = await deps.facts.delivery(params['id'] ?? '');
  if (found === null || !maySee(publisherId, found)) throw notFound('delivery');
  return showDelivery(found);
}

/** Publishers hear nothing of what the network's own postbacks are told of them. */
function maySee(publisherId: string | null, { delivery }: DeliveryWithAttempts): boolean {
  return publisherId === null || (delivery.publisherId === publisherId && delivery.audience === 'publisher');
}

async function replay(request: ApiRequest, deps: Deps): Promise<Answer> {
  validate(nothing, request.body ?? {});
  const replayed = await replayDelivery(request.params['id'] ?? '', replayDeps(deps));
  if (replayed.kind === 'missing') throw notFound('delivery');
  if (replayed.kind === 'refused') throw new Problem(409, 'NOT_REPLAYABLE', REFUSALS[replayed.because]);
  return request.remember({ status: 202, body: await read(request, deps) });
}

const REFUSALS: Readonly<Record<Extract<Replay, { kind: 'refused' }>['because'], string>> = {
  cancelled: 'The delivery was cancelled: newer news took its place, or its conversion was rejected',
  rejected: 'The conversion was rejected since: its news is not true any more',
  archived: 'The postback is archived',
};

/** What replays need of what the API has. */
export function replayDeps({ catalog, replays, conversions, now }: Deps): ReplayDeps {
  const { store, hints, hintLost } = conversions;
  return {
    replays,
    store,
    hints,
    hintLost,
    now,
    postbackStatus: async (id) => (await catalog.get('postback', id))?.status ?? null,
  };
}

export const deliveryHandlers = {
  'GET /v1/deliveries': deliveries,
  'GET /v1/deliveries/:id': delivery,
  'POST /v1/deliveries/:id/replay': replay,
} satisfies Record<string, Handle>;
