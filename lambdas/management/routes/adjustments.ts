import { bookAdjustment } from '../../core/adjustment.ts';
import type { Adjustment } from '../../core/adjustment.ts';
import { auditCreation } from '../../core/audit.ts';
import { ENTITY_ID } from '../../core/ids.ts';
import { authorOf } from '../audit.ts';
import { showAdjustment } from '../facts.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listFacts } from '../lists.ts';
import { notFound, Problem, validationFailed } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { newAdjustment } from '../schemas/adjustment.ts';
import { validate } from '../validation.ts';
import { SORTABLE_ID } from './facts.ts';

const adjustments = listFacts(
  { campaign_id: ENTITY_ID, publisher_id: ENTITY_ID, advertiser_id: ENTITY_ID },
  (query, deps) => deps.facts.adjustments(query),
  showAdjustment,
);

async function adjustment({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const id = params['id'] ?? '';
  const found = SORTABLE_ID.test(id) ? await deps.adjustments.adjustment(id) : null;
  if (found === null) throw notFound('adjustment');
  return ok(showAdjustment(found));
}

/** Its id follows from the Idempotency-Key, so that a repeat books nothing, also after a crash before the answer was kept. */
async function book(request: ApiRequest, deps: Deps): Promise<Answer> {
  const { body, by, newId, remember } = request;
  const given = validate(newAdjustment, body);
  const order = {
    publisherId: given.publisher_id,
    campaignId: given.campaign_id,
    goal: given.goal,
    payout: given.payout,
    revenue: given.revenue,
    currency: given.currency,
    at: given.at,
    reason: given.reason,
  };
  const { adjustments: ledger, conversions, now } = deps;
  const audit = (booked: Adjustment) =>
    auditCreation({ kind: 'adjustment', id: booked.id, version: 1 }, authorOf(request), showAdjustment(booked));
  const booked = await bookAdjustment(order, { id: newId(), by }, { ledger, catalog: conversions.catalog, now, audit });
  switch (booked.kind) {
    case 'booked':
      return remember({ status: 201, body: showAdjustment(booked.adjustment) });
    case 'other':
      throw new Problem(422, 'IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another adjustment');
    case 'wrong':
      throw validationFailed(booked.errors.map(({ field, ...error }) => ({ pointer: `/${field}`, ...error })));
  }
}

export const adjustmentHandlers = {
  'POST /v1/adjustments': book,
  'GET /v1/adjustments': adjustments,
  'GET /v1/adjustments/:id': adjustment,
} satisfies Record<string, Handle>;
