import { changeConversion } from '../../core/change-conversion.ts';
import type { RefusedPatch } from '../../core/change-conversion.ts';
import { ENTITY_ID } from '../../core/ids.ts';
import { answerOutcome } from '../../core/postback-answer.ts';
import { normalizeTxnId } from '../../core/postback-request.ts';
import { receiveBatch } from '../../core/receive-batch.ts';
import { auditConversion } from '../audit.ts';
import { isOwn, ownFilters, sideOf } from '../bound.ts';
import { requireMatch } from '../entities.ts';
import { showConversion, showConversionTo, showWholeConversion, showWholeConversionTo } from '../facts.ts';
import { etag, ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listFacts } from '../lists.ts';
import { invalidField, notFound } from '../problems.ts';
import type { Answer, Problem } from '../problems.ts';
import { conversionPatch } from '../schemas/conversion.ts';
import { readReports } from '../schemas/report.ts';
import { validate } from '../validation.ts';
import { CLICK_ID, clickIdOf, SORTABLE_ID, TEXT } from './facts.ts';

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
  (found, request) => {
    const side = sideOf(request);
    return side === null ? showConversion(found) : showConversionTo(side, found);
  },
  {
    normalize: { click_id: clickIdOf, txn_id: normalizeTxnId },
    bound: (filters, request) => ownFilters(filters, request, { publisher: ['advertiser_id'], advertiser: ['p1'] }),
  },
);

/** The conversion that the path names, as the caller may see it. */
export async function readConversion(request: ApiRequest, deps: Deps): Promise<Answer> {
  const id = request.params['id'] ?? '';
  const found = SORTABLE_ID.test(id) ? await deps.facts.conversion(id) : null;
  if (found === null || !isOwn(request, found.conversion)) throw notFound('conversion');
  const side = sideOf(request);
  // Its version counts changes of which a side is not told; it changes nothing, so it needs none.
  if (side !== null) return ok(showWholeConversionTo(side, found.conversion, found.history));
  return ok(showWholeConversion(found.conversion, found.history), etag(found.conversion.version));
}

/** Amounts and statuses are absolute: a repeat finds them as it wants them, and writes nothing. */
async function patch(request: ApiRequest, deps: Deps): Promise<Answer> {
  const id = request.params['id'] ?? '';
  if (!SORTABLE_ID.test(id)) throw notFound('conversion');
  const wanted = validate(conversionPatch, request.body);
  const { by, repeatable } = request;
  const expect = (version: number) => requireMatch(request, version);
  const changed = await changeConversion(
    id,
    wanted,
    { by, expect, strictly: !repeatable },
    { ...deps.conversions, audit: auditConversion(request) },
  );
  if (changed.kind === 'missing') throw notFound('conversion');
  if (changed.kind === 'refused') throw refusal(changed);
  return request.remember(await readConversion(request, deps));
}

/** An answer that asks to try some again is not kept: what the others did stays done. */
async function report(request: ApiRequest, deps: Deps): Promise<Answer> {
  const { secret, advertiserId, route, remember } = request;
  // Who reports decides nothing: histories tell him from an operator.
  const by = request.by.replace(/^key:/, 'batch:');
  const calls = readReports(request);
  const outcomes = await receiveBatch(calls, { by, secret, advertiserId }, route, deps.conversions);
  const results = outcomes.map((outcome, index) => {
    const { status, body } = answerOutcome(outcome, null);
    // What publishers earn is none of an advertiser's business; JSON leaves out what is undefined.
    return { index, http_status: status, ...body, ...(advertiserId !== null && { payout: undefined }) };
  });
  const failed = outcomes.some(({ code }) => code === 'TEMPORARILY_UNAVAILABLE');
  return failed ? ok({ results }) : remember(ok({ results }));
}

function refusal({ code }: RefusedPatch): Problem {
  switch (code) {
    case 'INVALID_AMOUNT':
      return invalidField('/sale_amount', code, "must have no more decimals than the sale's currency");
    case 'NO_EXCHANGE_RATE':
      return invalidField(
        '',
        code,
        "the network has no exchange rate for the sale's currency: set one, or give payout and revenue",
      );
  }
}

export const conversionHandlers = {
  'POST /v1/conversions': report,
  'GET /v1/conversions': conversions,
  'GET /v1/conversions/:id': readConversion,
  'PATCH /v1/conversions/:id': patch,
} satisfies Record<string, Handle>;
