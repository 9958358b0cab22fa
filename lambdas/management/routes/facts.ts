import { ENTITY_ID } from '../../core/ids.ts';
import { showClick, showConversion, showDelivery, showHistory, showHit } from '../facts.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listFacts } from '../lists.ts';
import { notFound } from '../problems.ts';
import type { Answer } from '../problems.ts';

const CLICK_ID = /^[a-z2-7]{32}$/;
const SORTABLE_ID = /^[a-z2-7]{24}$/;
/** Compared with what is stored, whatever it is. */
const TEXT = /^[^]{1,512}$/;

async function click({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const id = clickIdOf(params['id'] ?? '');
  const found = CLICK_ID.test(id) ? await deps.facts.click(id) : null;
  if (found === null) throw notFound('click');
  return ok(showClick(found, await deps.facts.conversionIdsOfClick(id)));
}

/** Click ids are accepted trimmed and in any case. */
function clickIdOf(text: string): string {
  return text.trim().toLowerCase();
}

async function conversion({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const id = params['id'] ?? '';
  const found = SORTABLE_ID.test(id) ? await deps.facts.conversion(id) : null;
  if (found === null) throw notFound('conversion');
  return ok({ ...showConversion(found.conversion), history: showHistory(found.history) });
}

async function delivery({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const found = await deps.facts.delivery(params['id'] ?? '');
  if (found === null) throw notFound('delivery');
  return ok(showDelivery(found));
}

async function hit({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const found = await deps.facts.hit(params['id'] ?? '');
  if (found === null) throw notFound('hit');
  return ok(showHit(found));
}

const conversions = listFacts(
  {
    campaign_id: ENTITY_ID,
    publisher_id: ENTITY_ID,
    advertiser_id: ENTITY_ID,
    goal: ENTITY_ID,
    status: /^(approved|pending|rejected)$/,
    click_id: CLICK_ID,
    txn_id: TEXT,
    p1: TEXT,
  },
  (query, deps) => deps.facts.conversions(query),
  showConversion,
  { click_id: clickIdOf, txn_id: (text) => text.trim().normalize('NFC') },
);

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

const hits = listFacts(
  { sender_id: ENTITY_ID, advertiser_id: ENTITY_ID, code: /^[A-Z_]{1,64}$/ },
  (query, deps) => deps.facts.hits(query),
  showHit,
);

export const factHandlers = {
  'GET /v1/clicks/:id': click,
  'GET /v1/conversions': conversions,
  'GET /v1/conversions/:id': conversion,
  'GET /v1/deliveries': deliveries,
  'GET /v1/deliveries/:id': delivery,
  'GET /v1/hits': hits,
  'GET /v1/hits/:id': hit,
} satisfies Record<string, Handle>;
