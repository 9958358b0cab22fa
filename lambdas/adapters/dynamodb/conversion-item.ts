import type { Conversion } from '../../core/conversion.ts';
import { toMicros } from '../../core/money.ts';
import type { Micros } from '../../core/money.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';

/** The key of a conversion in Conversions. */
export function conversionKey(id: string): Item {
  return toItem({ pk: `conversion#${id}`, sk: 'conversion' });
}

/** A conversion as the item that lists and readers see; attribute names are those of the wire. */
export function toConversionItem(conversion: Conversion): Item {
  const createdAt = new Date(conversion.createdAt).toISOString();
  return {
    ...toItem({
      ...(toWire(conversion) as Record<string, unknown>),
      month: createdAt.slice(0, 7),
      listed_at: `${createdAt}#${conversion.id}`,
    }),
    ...conversionKey(conversion.id),
  };
}

/** What {@link toConversionItem} wrote. */
export function fromConversionItem(item: Item): Conversion {
  const stored = withoutAttributes(item, ['pk', 'sk', 'month', 'listed_at']);
  const conversion = fromWire(fromItem(stored)) as StoredConversion;
  // Rows from before there were caps do not say.
  const { countedIn = [] } = conversion;
  return { ...conversion, ...readMoney(conversion), countedIn };
}

type StoredConversion = Omit<Conversion, MoneyField | 'countedIn'> &
  Record<MoneyField, bigint | number | null> &
  Partial<Pick<Conversion, 'countedIn'>>;

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
