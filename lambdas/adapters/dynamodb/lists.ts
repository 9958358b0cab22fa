import { QueryCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { mapAtOnce } from '../../core/at-once.ts';
import type { HistoryRow } from '../../core/conversion.ts';
import { testTxnIndexHash, txnIndexHash } from '../../core/dedupe-keys.ts';
import { parseDeliveryId } from '../../core/delivery.ts';
import type { Attempt, Delivery } from '../../core/delivery.ts';
import type { Hit } from '../../core/hit.ts';
import { newSortableId } from '../../core/ids.ts';
import type {
  DeliveryWithAttempts,
  FactReader,
  ListPage,
  ListPosition,
  ListQuery,
} from '../../core/management-ports.ts';
import { fromWire } from '../../core/wire.ts';
import { INDEX } from '../../runtime/environment.ts';
import { fromAuditItem, subjectOf } from './audit.ts';
import { fromClickItem } from './click-item.ts';
import { conversionKey, fromConversionItem, txnPartition } from './conversion-item.ts';
import { deliveryKey, fromAttemptItem, fromDeliveryItem } from './delivery-item.ts';
import { storageCall } from './errors.ts';
import { ADJUSTMENTS, fromAdjustmentItem } from './adjustments.ts';
import { createHitStore } from './hits.ts';
import { fromItem, toItem } from './items.ts';
import type { Item } from './items.ts';
import { readItem, readPartition } from './reads.ts';

interface Tables {
  readonly clicks: string;
  readonly conversions: string;
  readonly deliveries: string;
  readonly hits: string;
  readonly audit: string;
}

/** Nothing was recorded before the first release: a list without `from` need not look further back. */
const FIRST_MONTH = '2026-01';
const HOUR = 3_600_000;
/** Hits expire after 30 days; the hour in which that falls is looked at too. */
const HITS_KEPT = 30 * 24 * HOUR + HOUR;
/**
 * What one page may cost in queries; then it ends early and names where to go on. Much while nothing is found, because
 * empty partitions cost little and an empty page helps nobody; less when there is something to show.
 */
const MAX_COST = 800;
const MAX_COST_WHEN_FOUND = 64;
/** A query that a filter left with more to read is large. */
const COST_OF_MORE = 16;
const MAX_AT_ONCE = 24;
/** Items that one query reads where a filter drops some of them. */
const FILTERED_READ = 500;
/** Of more conversions with the same transaction id a list reads an index, as if it had no row of its own. */
const FEW_OF_TXN = 100;

/** Reads what happened, for the management API. */
export function createFactReader(client: DynamoDBClient, tables: Tables): FactReader {
  const attemptsOf = async ({ subjectId, number }: Delivery): Promise<Attempt[]> => {
    const prefix = `attempt#${deliveryKey(subjectId, number).sk.slice('delivery#'.length)}#`;
    return (await readPartition(client, tables.deliveries, { pk: subjectId, prefix })).map(fromAttemptItem);
  };

  /** Conversions of a transaction, real ones and tests; null: there are many. */
  const conversionItemsOfTxn = async (txnId: string, advertiserId: string | undefined): Promise<Item[] | null> => {
    const prefix = advertiserId === undefined ? '' : `${advertiserId}#`;
    const range = { prefix, limit: FEW_OF_TXN + 1 };
    const partitions = [txnIndexHash(txnId), testTxnIndexHash(txnId)].map(txnPartition);
    const rows = await Promise.all(partitions.map((pk) => readPartition(client, tables.conversions, { pk, ...range })));
    const ids = rows.flat().map((row) => textOf(row, 'conversion_id'));
    if (ids.length > FEW_OF_TXN) return null;
    const items = await mapAtOnce(ids, MAX_AT_ONCE, (id) => readItem(client, tables.conversions, conversionKey(id)));
    return items.filter((item) => item !== null);
  };

  const hits = createHitStore(client, tables.hits);

  return {
    async click(id) {
      const item = await readItem(client, tables.clicks, toItem({ id }));
      return item === null ? null : fromClickItem(item);
    },

    async conversionIdsOfClick(clickId) {
      const list: List = {
        table: tables.conversions,
        index: INDEX.conversions.byClick,
        partition: 'click_id',
        sort: 'listed_at',
      };
      const { items } = await readPage(client, list, [clickId], {
        filters: {},
        low: LOWEST,
        high: HIGHEST,
        limit: 1_000,
        position: null,
      });
      return items.map((item) => fromConversionItem(item).id);
    },

    async conversion(id) {
      const item = await readItem(client, tables.conversions, conversionKey(id));
      if (item === null) return null;
      const history = await readPartition(client, tables.conversions, {
        pk: `conversion#${id}`,
        prefix: 'history#',
      });
      return { conversion: fromConversionItem(item), history: history.map(fromRow<HistoryRow>) };
    },

    async delivery(id) {
      const parts = parseDeliveryId(id);
      if (parts === null) return null;
      const item = await readItem(client, tables.deliveries, toItem(deliveryKey(parts.subjectId, parts.number)));
      if (item === null) return null;
      const delivery = fromDeliveryItem(item);
      return { delivery, attempts: await attemptsOf(delivery) };
    },

    hit: (id) => hits.hit(id),

    async conversions(query) {
      const { click_id, campaign_id, publisher_id, advertiser_id, p1, ...others } = query.filters;
      const filters = { ...others, click_id, campaign_id, publisher_id, advertiser_id, 'values.p1': p1 };
      if (others.txn_id !== undefined && click_id === undefined) {
        const few = await conversionItemsOfTxn(others.txn_id, advertiser_id);
        if (few !== null) {
          const page = pageOf(few, 'listed_at', { ...query, filters, ...timeBounds(query) });
          return { ...page, items: page.items.map(fromConversionItem) };
        }
      }
      // The key that holds the fewest: a click has a handful, an advertiser may have everything.
      const [index, partition, value] = (
        [
          [INDEX.conversions.byClick, 'click_id', click_id],
          [INDEX.conversions.byCampaign, 'campaign_id', campaign_id],
          [INDEX.conversions.byPublisher, 'publisher_id', publisher_id],
          [INDEX.conversions.byAdvertiser, 'advertiser_id', advertiser_id],
        ] as const
      ).find(([, , value]) => value !== undefined) ?? [INDEX.conversions.byMonth, 'month', undefined];
      const list: List = { table: tables.conversions, index, partition, sort: 'listed_at' };
      const partitions = value === undefined ? months(query) : [value];
      const page = await readPage(client, list, partitions, {
        filters: without(filters, partition),
        ...timeBounds(query),
        limit: query.limit,
        position: query.position,
      });
      return { ...page, items: page.items.map(fromConversionItem) };
    },

    async deliveries(query) {
      const { conversion_id, publisher_id, postback_id, state, audience } = query.filters;
      const filters = { conversion_id, publisher_id, postback_id, state };
      const { limit, position } = query;
      // Older rows do not say it, and are the publisher's.
      const except: Read['except'] =
        audience === undefined ? {} : { audience: audience === 'publisher' ? 'network' : 'publisher' };
      let page: ListPage<Item>;
      if (conversion_id !== undefined) {
        const list: List = { table: tables.deliveries, index: undefined, partition: 'pk', sort: 'sk' };
        page = await readPage(client, list, [conversion_id], {
          filters: without(filters, 'conversion_id'),
          except,
          low: 'delivery#',
          high: 'delivery#~',
          limit,
          position,
        });
      } else if (publisher_id !== undefined) {
        const index = INDEX.deliveries.byPublisher;
        const list: List = { table: tables.deliveries, index, partition: 'publisher_id', sort: 'listed_at' };
        page = await readPage(client, list, [publisher_id], {
          filters: without(filters, 'publisher_id'),
          except,
          ...timeBounds(query),
          limit,
          position,
        });
      } else {
        const index = INDEX.deliveries.byMonth;
        const list: List = { table: tables.deliveries, index, partition: 'month', sort: 'listed_at' };
        page = await readPage(client, list, months(query), { filters, except, ...timeBounds(query), limit, position });
      }
      const items = await mapAtOnce(page.items, MAX_AT_ONCE, async (item): Promise<DeliveryWithAttempts> => {
        const delivery = fromDeliveryItem(item);
        return { delivery, attempts: await attemptsOf(delivery) };
      });
      return { ...page, items };
    },

    async adjustments(query) {
      const { publisher_id, campaign_id, advertiser_id } = query.filters;
      const [index, partition, value] = (
        [
          [INDEX.conversions.byPublisher, 'publisher_id', publisher_id],
          [INDEX.conversions.byCampaign, 'campaign_id', campaign_id],
          [INDEX.conversions.byAdvertiser, 'advertiser_id', advertiser_id],
        ] as const
      ).find(([, , value]) => value !== undefined) ?? [INDEX.conversions.byMonth, 'month', ''];
      const keys = Object.entries(query.filters).map(([name, value]) => [name, `${ADJUSTMENTS}${value}`]);
      const list: List = { table: tables.conversions, index, partition, sort: 'listed_at' };
      const page = await readPage(client, list, [`${ADJUSTMENTS}${value ?? ''}`], {
        filters: without(Object.fromEntries(keys) as Read['filters'], partition),
        ...timeBounds(query),
        limit: query.limit,
        position: query.position,
      });
      return { ...page, items: page.items.map(fromAdjustmentItem) };
    },

    async audit(query) {
      const { except_kind, ...filters } = query.filters;
      const { kind, subject_id } = filters;
      const isOfSubject = kind !== undefined && subject_id !== undefined;
      const list: List = isOfSubject
        ? { table: tables.audit, index: INDEX.audit.bySubject, partition: 'subject', sort: 'sk' }
        : { table: tables.audit, index: undefined, partition: 'pk', sort: 'sk' };
      const page = await readPage(client, list, isOfSubject ? [subjectOf(kind, subject_id)] : months(query), {
        filters: isOfSubject ? { ...filters, kind: undefined, subject_id: undefined } : filters,
        ...(except_kind !== undefined && { except: { kind: except_kind } }),
        ...timeBounds(query),
        limit: query.limit,
        position: query.position,
      });
      return { ...page, items: page.items.map(fromAuditItem) };
    },

    async hits(query) {
      const low = query.from === null ? LOWEST : newSortableId(query.from, zeros);
      const high = query.to === null ? HIGHEST : newSortableId(query.to, zeros);
      const list: List = { table: tables.hits, index: undefined, partition: 'pk', sort: 'sk' };
      const page = await readPage(client, list, hours(query), {
        filters: query.filters,
        low,
        high,
        limit: query.limit,
        position: query.position,
      });
      return { ...page, items: page.items.map(fromRow<Hit>) };
    },
  };
}

/** Where a list is read: a table or index, its partition key and its sort key. */
interface List {
  readonly table: string;
  readonly index: string | undefined;
  readonly partition: string;
  readonly sort: string;
}

interface Read {
  /** Attribute (or `map.member`) -> the value that it must have. */
  readonly filters: Readonly<Partial<Record<string, string>>>;
  /** Attribute -> a value that it must not have. */
  readonly except?: Readonly<Record<string, string>>;
  /** Bounds of the sort key; `high` is never the key of an item. */
  readonly low: string;
  readonly high: string;
  readonly limit: number;
  readonly position: ListPosition | null;
}

/** Below and above every sort key. */
const LOWEST = '!';
const HIGHEST = '~';

/**
 * Reads one page, newest first, across partitions in the given order. Empty partitions cost a query each, so ever more
 * are asked at once while nothing is found.
 */
async function readPage(
  client: DynamoDBClient,
  list: List,
  partitions: readonly string[],
  read: Read,
): Promise<ListPage<Item>> {
  const found: { item: Item; position: ListPosition }[] = [];
  const { position } = read;
  // Partitions of time sort as text, newest first; where there is only one, it is the position's own.
  let left = position === null ? partitions : partitions.filter((partition) => partition <= position.partition);
  let before = position !== null && left[0] === position.partition ? position.before : null;
  let atOnce = 1;
  let cost = 0;
  while (left.length > 0 && found.length <= read.limit) {
    const [first] = left;
    if (cost >= (found.length === 0 ? MAX_COST : MAX_COST_WHEN_FOUND) && first !== undefined) {
      return { items: found.map(({ item }) => item), next: { partition: first, before } };
    }
    const asked = left.slice(0, atOnce);
    const pages = await Promise.all(
      asked.map((partition, i) => queryOnce(client, list, partition, i === 0 ? before : null, read)),
    );
    cost += pages.reduce((sum, { more }) => sum + (more === null ? 1 : COST_OF_MORE), 0);
    left = left.slice(atOnce);
    before = null;
    atOnce = Math.min(atOnce * 2, MAX_AT_ONCE);
    for (const [i, page] of pages.entries()) {
      const partition = asked[i] ?? '';
      for (const item of page.items) found.push({ item, position: { partition, before: textOf(item, list.sort) } });
      if (page.more === null) continue;
      // This partition goes on; those asked along with it come after it.
      left = [...asked.slice(i), ...left];
      before = page.more;
      atOnce = 1;
      break;
    }
  }
  const items = found.slice(0, read.limit);
  return {
    items: items.map(({ item }) => item),
    next: found.length > read.limit ? (items.at(-1)?.position ?? null) : null,
  };
}

/** One page, newest first, of items that are all there; it goes on as that of an index by month would. */
function pageOf(all: readonly Item[], sort: string, { filters, low, high, limit, position }: Read): ListPage<Item> {
  const end = position?.before ?? high;
  const found = all
    .filter((item) => textOf(item, sort) >= low && textOf(item, sort) < end && holds(item, filters))
    .sort((a, b) => (textOf(a, sort) < textOf(b, sort) ? 1 : -1));
  const items = found.slice(0, limit);
  const last = found.length > limit ? items.at(-1) : undefined;
  return { items, next: last === undefined ? null : { partition: textOf(last, 'month'), before: textOf(last, sort) } };
}

function holds(item: Item, filters: Read['filters']): boolean {
  return Object.entries(filters).every(([path, value]) => {
    const [name = '', member] = path.split('.');
    const attribute = member === undefined ? item[name] : item[name]?.M?.[member];
    return value === undefined || attribute?.S === value;
  });
}

async function queryOnce(
  client: DynamoDBClient,
  list: List,
  partition: string,
  before: string | null,
  read: Read,
): Promise<{ items: Item[]; more: string | null }> {
  const filters = Object.entries(read.filters).filter(([, value]) => value !== undefined);
  const names: Record<string, string> = { '#partition': list.partition, '#sort': list.sort };
  const values: Record<string, unknown> = { ':partition': partition, ':low': read.low, ':high': before ?? read.high };
  const conditions = filters.map(([path, value], i) => {
    values[`:value${i}`] = value;
    const parts = path.split('.').map((part, j) => {
      names[`#name${i}_${j}`] = part;
      return `#name${i}_${j}`;
    });
    return `${parts.join('.')} = :value${i}`;
  });
  for (const [name, value] of Object.entries(read.except ?? {})) {
    names[`#${name}`] = name;
    values[`:${name}`] = value;
    conditions.push(`NOT #${name} = :${name}`);
  }
  const command = new QueryCommand({
    TableName: list.table,
    IndexName: list.index,
    KeyConditionExpression: '#partition = :partition AND #sort BETWEEN :low AND :high',
    FilterExpression: conditions.length === 0 ? undefined : conditions.join(' AND '),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: toItem(values),
    ScanIndexForward: false,
    // One more tells whether a next page exists; another one because BETWEEN includes the last item of the page before.
    Limit: conditions.length === 0 ? read.limit + 2 : FILTERED_READ,
  });
  const page = await storageCall(() => client.send(command));
  const items = (page.Items ?? []).filter((item) => textOf(item, list.sort) !== before);
  return { items, more: page.LastEvaluatedKey === undefined ? null : textOf(page.LastEvaluatedKey, list.sort) };
}

function textOf(item: Item, name: string): string {
  const value = item[name]?.S;
  if (value === undefined) throw new TypeError(`item without "${name}"`);
  return value;
}

/** A row that is the wire form of its type. The key comes along; callers name the fields that they show. */
function fromRow<T>(item: Item): T {
  return fromWire(fromItem(item)) as T;
}

function without(filters: Read['filters'], name: string): Read['filters'] {
  return { ...filters, [name]: undefined };
}

function timeBounds({ from, to }: ListQuery<string>): { low: string; high: string } {
  return {
    low: from === null ? LOWEST : new Date(from).toISOString(),
    // Every `listed_at` of that very millisecond is longer and sorts above.
    high: to === null ? HIGHEST : new Date(to).toISOString(),
  };
}

/** Facts are dated by other functions, whose clocks may be ahead of ours. */
const CLOCK_SKEW = 60_000;
const zeros = (length: number) => new Uint8Array(length);

const monthOf = (time: number) => new Date(time).toISOString().slice(0, 7);
const hourOf = (time: number) => new Date(time).toISOString().slice(0, 13);

/** Months that a list covers, newest first. */
function months({ from, to, now }: ListQuery<string>): string[] {
  const last = from === null ? FIRST_MONTH : monthOf(Math.max(from, Date.parse(FIRST_MONTH)));
  const found: string[] = [];
  let month = monthOf(Math.min(to ?? Infinity, now + CLOCK_SKEW));
  while (month >= last) {
    found.push(month);
    month = monthOf(Date.parse(month) - 1);
  }
  return found;
}

/** Hours that a list of hits covers, newest first. */
function hours({ from, to, now }: ListQuery<string>): string[] {
  const startOfHour = (time: number) => Math.floor(time / HOUR) * HOUR;
  const last = startOfHour(Math.max(from ?? 0, now - HITS_KEPT));
  const found: string[] = [];
  for (let hour = startOfHour(Math.min(to ?? Infinity, now + CLOCK_SKEW)); hour >= last; hour -= HOUR) {
    found.push(hourOf(hour));
  }
  return found;
}
