import { ENTITY_ID } from '../../core/ids.ts';
import { showClick, showDelivery } from '../facts.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listFacts } from '../lists.ts';
import { notFound } from '../problems.ts';
import type { Answer } from '../problems.ts';

export const CLICK_ID = /^[a-z2-7]{32}$/;
export const SORTABLE_ID = /^[a-z2-7]{24}$/;
/** Compared with what is stored, whatever it is. */
export const TEXT = /^[^]{1,512}$/;

async function click({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const id = clickIdOf(params['id'] ?? '');
  const found = CLICK_ID.test(id) ? await deps.facts.click(id) : null;
  if (found === null) throw notFound('click');
  return ok(showClick(found, await deps.facts.conversionIdsOfClick(id)));
}

/** Click ids are accepted trimmed and in any case. */
export function clickIdOf(text: string): string {
  return text.trim().toLowerCase();
}

async function delivery({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const found = await deps.facts.delivery(params['id'] ?? '');
  if (found === null) throw notFound('delivery');
  return ok(showDelivery(found));
}

const deliveries = listFacts(
  {
    conversion_id: SORTABLE_ID,
    postback_id: ENTITY_ID,
    publisher_id: ENTITY_ID,
    state: /^(waiting|sending|delivered|exhausted|cancelled)$/,
  },
  (query, deps) => deps.facts.deliveries(query),
  showDelivery,
);

export const factHandlers = {
  'GET /v1/clicks/:id': click,
  'GET /v1/deliveries': deliveries,
  'GET /v1/deliveries/:id': delivery,
} satisfies Record<string, Handle>;
