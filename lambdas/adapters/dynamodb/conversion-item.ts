import type { Conversion } from '../../core/conversion.ts';
import { dueShard } from '../../core/due-shard.ts';
import { toMicros } from '../../core/money.ts';
import type { Micros } from '../../core/money.ts';
import type { TxnIndexRow } from '../../core/ports.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';

/** The key of a conversion in Conversions. */
export function conversionKey(id: string): Item {
  return toItem({ pk: `conversion#${id}`, sk: 'conversion' });
}

/** What the shards of held conversions begin with, in the index of due times. */
export const HOLD_SHARD = 'hold#';

/** A conversion as the item that lists and readers see; attribute names are those of the wire. */
export function toConversionItem(conversion: Conversion): Item {
  const createdAt = new Date(conversion.createdAt).toISOString();
  const { id, clickId, holdUntil } = conversion;
  return {
    ...toItem({
      ...(toWire(conversion) as Record<string, unknown>),
      month: createdAt.slice(0, 7),
      listed_at: `${createdAt}#${id}`,
      // Keys of indexes: they are text and number, or absent.
      click_id: clickId ?? undefined,
      ...(holdUntil !== null && { due_shard: `${HOLD_SHARD}${dueShard(id)}`, due_at: holdUntil }),
    }),
    ...conversionKey(conversion.id),
  };
}

/** Where the conversions of a transaction are named, by advertiser; `hash`: txnIndexHash or testTxnIndexHash. */
export function txnPartition(hash: string): string {
  return `txn#${hash}`;
}

export function toTxnItem(hash: string, row: TxnIndexRow): Item {
  const sk = `${row.advertiserId}#${row.conversionId}`;
  return toItem({ ...(toWire(row) as Record<string, unknown>), pk: txnPartition(hash), sk });
}

/** What {@link toConversionItem} wrote. */
export function fromConversionItem(item: Item): Conversion {
  const stored = withoutAttributes(item, ['pk', 'sk', 'month', 'listed_at', 'due_shard', 'due_at']);
  const conversion = fromWire(fromItem(stored)) as StoredConversion;
  return { ...LATER_FIELDS, ...conversion, ...readMoney(conversion) };
}

/** What older rows do not say, and the click that one of a coupon does not have. */
const LATER_FIELDS = {
  clickId: null,
  countedIn: [],
  cap: null,
  holdUntil: null,
  reportedBy: 'sender',
} as const satisfies Partial<Conversion>;

type StoredConversion = Omit<Conversion, MoneyField | keyof typeof LATER_FIELDS> &
  Record<MoneyField, bigint | number | null> &
  Partial<Pick<Conversion, keyof typeof LATER_FIELDS>>;

type MoneyField = 'saleAmount' | 'payout' | 'revenue' | 'wouldBePayout' | 'wouldBeRevenue';

/** Small amounts come back from storage as numbers, large ones as bigints. */
function readMoney(stored: Record<MoneyField, bigint | number | null>): Pick<Conversion, MoneyField> {
  const optional = (value: bigint | number | null): Micros | null => (value === null ? null : toMicros(value));
  return {
    saleAmount: optional(stored.saleAmount),
    payout: toMicros(stored.payout ?? 0),
    revenue: toMicros(stored.revenue ?? 0),
    wouldBePayout: optional(stored.wouldBePayout),
    wouldBeRevenue: optional(stored.wouldBeRevenue),
  };
}
