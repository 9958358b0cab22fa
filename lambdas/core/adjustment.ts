import type { AuditEntry } from './audit.ts';
import type { AdjustmentLedger } from './management-ports.ts';
import { ZERO } from './money.ts';
import type { Micros } from './money.ts';
import { DAY_MS } from './periods.ts';
import type { Clock, ConversionCatalog } from './ports.ts';

/**
 * Money without a click or conversion, as a bonus or a correction: a row of the ledger like theirs, only ever added. There
 * is no other row to look up whose money it is, so it says so itself.
 */
export interface Adjustment {
  readonly id: string;
  readonly publisherId: string;
  readonly campaignId: string;
  readonly advertiserId: string;
  /** Null: of none in particular. */
  readonly goal: string | null;
  /** Either may be negative. */
  readonly payout: Micros;
  readonly revenue: Micros;
  /** The campaign's. */
  readonly currency: string;
  /** When it is booked, in milliseconds: it counts for the periods that this lies in. */
  readonly at: number;
  readonly reason: string;
  readonly createdAt: number;
  /** `key:<id>`. */
  readonly createdBy: string;
}

/** What an operator wants to be booked. */
export interface AdjustmentOrder extends Pick<
  Adjustment,
  'publisherId' | 'campaignId' | 'goal' | 'payout' | 'revenue' | 'reason'
> {
  /** Null: the campaign's. */
  readonly currency: string | null;
  /** Null: now. */
  readonly at: number | null;
}

interface WrongOrder {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

type Booked =
  | { readonly kind: 'booked'; readonly adjustment: Adjustment }
  /** The id is that of another order. */
  | { readonly kind: 'other' }
  | { readonly kind: 'wrong'; readonly errors: readonly WrongOrder[] };

interface AdjustmentDeps {
  readonly ledger: AdjustmentLedger;
  readonly catalog: Pick<ConversionCatalog, 'campaign' | 'publisher'>;
  readonly now: Clock;
  /** What the audit trail says of one that is booked. */
  readonly audit: (adjustment: Adjustment) => AuditEntry;
}

/** How far back an adjustment may be booked. */
const OLDEST_MS = 2 * 366 * DAY_MS;

/**
 * Books an adjustment under an id, once: a repeat answers what was booked, whatever became of campaign and publisher since.
 * They may have ended: money is owed for the past, too.
 *
 * @throws StorageUnavailable - it may have been booked or not; a repeat with the same id finds out
 */
export async function bookAdjustment(
  order: AdjustmentOrder,
  { id, by }: { readonly id: string; readonly by: string },
  { ledger, catalog, now, audit }: AdjustmentDeps,
): Promise<Booked> {
  let booked = await ledger.adjustment(id);
  if (booked === null) {
    const { publisherId, campaignId, goal, payout, revenue, currency, at, reason } = order;
    const [campaign, publisher] = await Promise.all([catalog.campaign(campaignId), catalog.publisher(publisherId)]);
    const createdAt = now();
    const errors: WrongOrder[] = wrongTime(at, createdAt);
    if (payout === ZERO && revenue === ZERO) {
      errors.push({ field: 'payout', code: 'INVALID_AMOUNT', message: 'payout or revenue must be other than zero' });
    }
    if (publisher === null) errors.push(missing('publisher_id', `there is no publisher "${publisherId}"`));
    if (campaign === null) errors.push(missing('campaign_id', `there is no campaign "${campaignId}"`));
    else if (goal !== null && !campaign.goals.some((known) => known.id === goal)) {
      errors.push(missing('goal', `campaign "${campaignId}" has no such goal`));
    }
    if (campaign !== null && currency !== null && currency !== campaign.currency) {
      const message = `must be the campaign's: ${campaign.currency}`;
      errors.push({ field: 'currency', code: 'INVALID_CURRENCY', message });
    }
    if (campaign === null || errors.length > 0) return { kind: 'wrong', errors };
    const adjustment: Adjustment = {
      id,
      publisherId,
      campaignId,
      advertiserId: campaign.advertiserId,
      goal,
      payout,
      revenue,
      currency: campaign.currency,
      at: at ?? createdAt,
      reason,
      createdAt,
      createdBy: by,
    };
    booked = await ledger.add(adjustment, audit(adjustment));
  }
  return isOf(order, booked) ? { kind: 'booked', adjustment: booked } : { kind: 'other' };
}

/** Whether an adjustment is what was ordered; what the order leaves open is as it was then. */
function isOf({ currency, at, ...order }: AdjustmentOrder, adjustment: Adjustment): boolean {
  return (
    order.publisherId === adjustment.publisherId &&
    order.campaignId === adjustment.campaignId &&
    order.goal === adjustment.goal &&
    order.payout === adjustment.payout &&
    order.revenue === adjustment.revenue &&
    order.reason === adjustment.reason &&
    (currency === null || currency === adjustment.currency) &&
    (at === null || at === adjustment.at)
  );
}

function wrongTime(at: number | null, now: number): WrongOrder[] {
  if (at !== null && at > now) return [{ field: 'at', code: 'IN_THE_FUTURE', message: 'must not be in the future' }];
  if (at === null || at >= now - OLDEST_MS) return [];
  return [{ field: 'at', code: 'TOO_OLD', message: 'must not be more than two years ago' }];
}

function missing(field: string, message: string): WrongOrder {
  return { field, code: 'NOT_FOUND', message };
}
