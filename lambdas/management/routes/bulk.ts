import type * as z from 'zod';
import { changeInBulk } from '../../core/bulk-change.ts';
import type { BulkItem, BulkOrder, BulkOutcome, BulkResult } from '../../core/bulk-change.ts';
import type { Conversion } from '../../core/conversion.ts';
import { moneyText } from '../../core/delivery-values.ts';
import { BULK_REASONS } from '../../core/reasons.ts';
import { auditConversion } from '../audit.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { invalidField } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { bulkChange } from '../schemas/bulk.ts';
import { validate } from '../validation.ts';

/** How long a call works, in milliseconds: what it has begun by then must end before the function does. */
const WORKING = 20_000;
const SHOWN_UNMATCHED = 100;

/**
 * An answer is kept for its Idempotency-Key once all is done; until then a repeat goes on. Nothing is written for a dry run,
 * not even that.
 */
async function change(request: ApiRequest, deps: Deps): Promise<Answer> {
  const given = validate(bulkChange, request.body);
  const { advertiser_id: advertiserId } = given;
  if (advertiserId !== null && (await deps.catalog.get('advertiser', advertiserId)) === null) {
    throw invalidField('/advertiser_id', 'NOT_FOUND', `there is no advertiser "${advertiserId}"`);
  }
  const { conversions, facts } = deps;
  const outcome = await changeInBulk(orderOf(given, request), request.now + WORKING, {
    ...conversions,
    facts,
    audit: auditConversion(request),
  });
  const answer = ok(show(given.unmatched, outcome));
  return outcome.complete && !given.dry_run ? request.remember(answer) : answer;
}

type Given = z.infer<typeof bulkChange>;

function orderOf({ match, items, unmatched, advertiser_id, from, to, dry_run }: Given, { by }: ApiRequest): BulkOrder {
  const isWhole = unmatched !== 'keep' && advertiser_id !== null && from !== null && to !== null;
  const status = unmatched === 'approve' ? 'approved' : 'rejected';
  return {
    match,
    items: items.map((item): BulkItem => {
      const { id, txn_id, click_id, goal, campaign_id, ...patch } = item;
      return { key: { id, txn_id, click_id }[match] ?? '', goal, campaignId: campaign_id, patch };
    }),
    advertiserId: advertiser_id,
    unmatched: isWhole ? { advertiserId: advertiser_id, status, from, to } : null,
    dryRun: dry_run,
    by,
  };
}

function show(unmatched: Given['unmatched'], outcome: BulkOutcome) {
  const changed = outcome.unmatched.filter(({ decided }) => decided !== null);
  const refused = outcome.unmatched.filter(({ decided }) => decided === null);
  return {
    results: outcome.results.map((result, index) => ({ index, ...showResult(result) })),
    unmatched: {
      ...(unmatched !== 'keep' && { [unmatched === 'approve' ? 'approved' : 'rejected']: changed.length }),
      conversion_ids: changed.slice(0, SHOWN_UNMATCHED).map(({ conversionId }) => conversionId),
      refused: refused.slice(0, SHOWN_UNMATCHED).map(showResult),
    },
    totals: Object.fromEntries(
      [...outcome.totals].map(([currency, { payout, revenue }]) => [
        currency,
        { payout: moneyText(payout, currency), revenue: moneyText(revenue, currency) },
      ]),
    ),
    complete: outcome.complete,
  };
}

function showResult({ conversionId, code, decided }: BulkResult) {
  return {
    conversion_id: conversionId,
    code,
    ...(decided === null
      ? { message: BULK_REASONS[code] }
      : {
          currency: decided.after.currency,
          before: showStanding(decided.before),
          after: showStanding(decided.after),
        }),
  };
}

function showStanding({ status, payout, revenue, currency }: Conversion) {
  return { status, payout: moneyText(payout, currency), revenue: moneyText(revenue, currency) };
}

export const bulkHandlers = {
  'POST /v1/conversions/bulk': change,
} satisfies Record<string, Handle>;
