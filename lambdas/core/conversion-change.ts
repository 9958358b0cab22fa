import type { Conversion, LedgerRow } from './conversion.ts';
import type { CounterUpdate } from './counters.ts';
import { deliveryValues } from './delivery-values.ts';
import type { Delivery } from './delivery.ts';
import type { Postback } from './entities.ts';
import { subtractMicros, ZERO } from './money.ts';
import type { Micros } from './money.ts';
import type { Place } from './place.ts';
import { planDeliveries } from './plan-deliveries.ts';
import type { ConversionWrite, KeyChange } from './ports.ts';
import type { ConversionCode } from './reasons.ts';

/** One change of a conversion, decided and not committed yet. Whoever decides it says nothing of what follows from it. */
export interface ConversionChange {
  /** Null: it is new. */
  readonly before: Conversion | null;
  /** Its version is the next one. */
  readonly after: Conversion;
  /** Why, for history and ledger. */
  readonly code: ConversionCode;
  /** Who: see `HistoryRow`. */
  readonly by: string;
  /** What an operator gave as the reason. */
  readonly reason: string | null;
  readonly keys: readonly KeyChange[];
  readonly counters: readonly CounterUpdate[];
}

/** Who hears of a change and what they heard before; empty where it is not announced. */
interface Audience {
  readonly postbacks: readonly Postback[];
  readonly deliveries: readonly Delivery[];
}

/** Whether publishers hear of it: what they know is its status and what they get. */
export function isAnnounced({ before, after }: ConversionChange): boolean {
  return before === null || before.status !== after.status || before.payout !== after.payout;
}

/** Everything that one change writes, in one transaction: history, the difference of approved money, deliveries. */
export function writeOf(
  change: ConversionChange,
  { campaign, settings }: Place,
  { postbacks, deliveries }: Audience,
  now: number,
): ConversionWrite {
  const { before, after, code, by, reason, keys, counters } = change;
  const planned = isAnnounced(change)
    ? planDeliveries(after, deliveries, postbacks, (event) => deliveryValues(after, campaign, settings, event), now)
    : [];
  const { id: conversionId, version: number, status } = after;
  return {
    keys,
    conversion: { ...after, deliveries: after.deliveries + postbacks.length },
    expectedVersion: before?.version ?? null,
    counters,
    deliveries: planned,
    history: { conversionId, number, at: now, status, code, by, reason },
    ledger: ledgerRow(change, now),
  };
}

/** The difference of approved money, or null if there is none. */
function ledgerRow({ before, after, code }: ConversionChange, at: number): LedgerRow | null {
  const { payout, revenue } = approvedDifference(before, after);
  if (payout === ZERO && revenue === ZERO) return null;
  return { conversionId: after.id, number: after.version, at, payout, revenue, currency: after.currency, code };
}

/** By how much a change changes what is paid; only what is approved is. */
export function approvedDifference(before: Conversion | null, after: Conversion) {
  const difference = (field: 'payout' | 'revenue'): Micros => subtractMicros(paid(after, field), paid(before, field));
  return { payout: difference('payout'), revenue: difference('revenue') };
}

/** A test has amounts as a real one has, and pays none of them. */
function paid(conversion: Conversion | null, field: 'payout' | 'revenue'): Micros {
  return conversion?.status === 'approved' && !conversion.test ? conversion[field] : ZERO;
}
