import type { Click } from './entities.ts';
import type { Micros } from './money.ts';
import { ZERO } from './money.ts';
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
