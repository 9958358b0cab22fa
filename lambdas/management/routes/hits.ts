import { ENTITY_ID } from '../../core/ids.ts';
import { answerOutcome } from '../../core/postback-answer.ts';
import { retryHit } from '../../core/retry-hit.ts';
import { showHit } from '../facts.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listFacts } from '../lists.ts';
import { notFound, Problem, validationFailed } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { hitRetry } from '../schemas/conversion.ts';
import { validate } from '../validation.ts';

const hits = listFacts(
  { sender_id: ENTITY_ID, advertiser_id: ENTITY_ID, code: /^[A-Z_]{1,64}$/ },
  (query, deps) => deps.facts.hits(query),
  showHit,
);

async function hit({ params }: ApiRequest, deps: Deps): Promise<Answer> {
  const found = await deps.facts.hit(params['id'] ?? '');
  if (found === null) throw notFound('hit');
  return ok(showHit(found));
}

/** Answers the hit as it is now, with what `/postback` would have answered; the conversion's status has a name of its own. */
async function retry({ params, body = {}, by, remember }: ApiRequest, deps: Deps): Promise<Answer> {
  const { sender_id, pub_id: publisherId, ...given } = validate(hitRetry, body);
  const campaignId = given['campaign_id'];
  const attribution = publisherId && campaignId ? { campaignId, publisherId } : null;
  const corrected = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? null]));
  const retried = await retryHit(
    params['id'] ?? '',
    { corrected, senderId: sender_id ?? null, attribution, by },
    deps.conversions,
  );
  switch (retried.kind) {
    case 'missing':
      throw notFound('hit');
    case 'not_rejected':
      throw new Problem(409, 'NOT_REJECTED', `The call was not refused: its code is ${retried.hit.code}`);
    case 'wrong':
      throw validationFailed(retried.errors.map(({ field, ...error }) => ({ pointer: `/${field}`, ...error })));
    case 'done': {
      const { status, ...answer } = answerOutcome(retried.outcome, null).body;
      return remember(ok({ ...answer, conversion_status: status, ...showHit(retried.hit) }));
    }
  }
}

export const hitHandlers = {
  'GET /v1/hits': hits,
  'GET /v1/hits/:id': hit,
  'POST /v1/hits/:id/retry': retry,
} satisfies Record<string, Handle>;
