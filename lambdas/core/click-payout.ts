import { clickPayoutValues } from './delivery-values.ts';
import type { Click } from './entities.ts';
import { matchPostbacks } from './match-postbacks.ts';
import type { Micros } from './money.ts';
import { ZERO } from './money.ts';
import { announceNew, newDelivery } from './new-delivery.ts';
import type { NewDeliveryDeps } from './new-delivery.ts';
import type { ClickLedger, Clock, ConversionCatalog } from './ports.ts';
import { CLICK_REASONS } from './reasons.ts';
import type { ClickCode } from './reasons.ts';

/**
 * What the network owes a publisher for a click: a row of the ledger like those of conversions, only ever added. There
 * is no other row to look up whose money it is, so it says so itself.
 */
export interface ClickLedgerRow {
  readonly clickId: string;
  readonly number: 1;
  /** When it was booked, not when the click was: a closed month never changes, however late a spooled click is stored. */
  readonly at: number;
  readonly payout: Micros;
  readonly revenue: Micros;
  readonly currency: string;
  readonly code: ClickCode;
  readonly campaignId: string;
  readonly publisherId: string;
  readonly advertiserId: string;
}

export type ClickPayoutCatalog = Pick<ConversionCatalog, 'campaign' | 'settings' | 'postbacksOf'>;

export interface ClickPayoutDeps extends NewDeliveryDeps {
  readonly catalog: ClickPayoutCatalog;
  readonly ledger: ClickLedger;
  readonly now: Clock;
}

/**
 * Books a click that pays, and has it told to the postbacks that fire on paid clicks; each once, however often the click is
 * handed over. Throws StorageUnavailable: to be handed over again.
 */
export async function payClick(click: Click, deps: ClickPayoutDeps): Promise<void> {
  const { catalog, ledger } = deps;
  const now = deps.now();
  const row = clickLedgerRow(click, now);
  if (row === null || click.payout === null) return;
  const { id: subjectId, campaignId, publisherId, payout } = click;

  const postbacks = await catalog.postbacksOf(publisherId);
  const { hearing, leftOut } = matchPostbacks(postbacks, { campaignId, goal: null, fires: 'click_payout' });
  const values = hearing.length === 0 ? {} : await valuesOf(click, payout, catalog);
  const news = { subjectId, publisherId, event: 'click_payout', values } as const;
  const deliveries = hearing.map((postback, index) => newDelivery({ ...news, number: index + 1 }, postback, now));

  if (await ledger.add(row, deliveries)) await announceNew(subjectId, deliveries, leftOut, deps);
}

async function valuesOf(click: Click, payout: NonNullable<Click['payout']>, catalog: ClickPayoutCatalog) {
  const [campaign, settings] = await Promise.all([catalog.campaign(click.campaignId), catalog.settings()]);
  return clickPayoutValues(click, payout, { name: campaign?.name ?? '' }, settings);
}

/** The one ledger row of a click; null: nobody is paid for it. */
export function clickLedgerRow(click: Click, now: number): ClickLedgerRow | null {
  const { payout, payable, code } = click;
  if (payout === null || payout.amount <= ZERO || !payable || !CLICK_REASONS[code].payable) return null;
  return {
    clickId: click.id,
    number: 1,
    at: now,
    payout: payout.amount,
    revenue: ZERO,
    currency: payout.currency,
    code,
    campaignId: click.campaignId,
    publisherId: click.publisherId,
    advertiserId: click.advertiserId,
  };
}
