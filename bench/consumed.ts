import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { itemSize, writeUnits } from './item-size.ts';

/** What calls of DynamoDB and SQS came to. */
export interface Consumed {
  /** By operation and table, `GetItem Catalog`; a transaction and a message are of none. */
  readonly calls: Readonly<Record<string, number>>;
  /** Rows that transactions wrote or checked. */
  readonly rows: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Write units of indexes, beside those of their tables. */
  readonly indexUnits: number;
}

export const NOTHING: Consumed = { calls: {}, rows: 0, readUnits: 0, writeUnits: 0, indexUnits: 0 };

interface Capacity {
  readonly CapacityUnits: number;
}

/** As DynamoDB reports what a call of one table consumed, where it was asked for `INDEXES`. */
export interface ReportedCapacity {
  readonly Table: Capacity;
  readonly GlobalSecondaryIndexes?: Readonly<Record<string, Capacity>>;
}

/**
 * What a call of one table is billed: what DynamoDB Local reports, but that a query which finds nothing is billed as if
 * it had found a little.
 */
export function consumedByCall(
  operation: string,
  { table, consistent }: { readonly table: string; readonly consistent: boolean },
  { Table, GlobalSecondaryIndexes = {} }: ReportedCapacity,
): Consumed {
  const call = { ...NOTHING, calls: { [`${operation} ${table}`]: 1 } };
  const indexUnits = sum(Object.values(GlobalSecondaryIndexes).map(({ CapacityUnits }) => CapacityUnits));
  if (!/^(GetItem|Query)$/.test(operation)) return { ...call, writeUnits: Table.CapacityUnits, indexUnits };
  return { ...call, readUnits: Math.max(Table.CapacityUnits + indexUnits, consistent ? 1 : 0.5) };
}

export type Item = Readonly<Record<string, AttributeValue>>;

export interface TableIndex {
  readonly keys: readonly string[];
  /** Attributes that it holds; null: all. */
  readonly projected: readonly string[] | null;
}

/** One row of a transaction; null: it is not there. */
export interface RowChange {
  readonly before: Item | null;
  readonly after: Item | null;
  readonly indexes: readonly TableIndex[];
}

/**
 * What a transaction is billed, from its rows: DynamoDB Local 3.3 rounds their sizes together and doubles their indexes.
 * AWS bills each row by the larger of its images, twice, a row that is only checked too; an index by what changes in it,
 * once. https://github.com/nubo-db/dynoxide/pull/188 and issue 176 there hold what was measured on AWS.
 */
export function consumedByTransaction(rows: readonly RowChange[]): Consumed {
  return {
    calls: { TransactWriteItems: 1 },
    rows: rows.length,
    readUnits: 0,
    writeUnits: sum(rows.map(({ before, after }) => 2 * unitsOfLarger(before, after))),
    indexUnits: sum(
      rows.flatMap(({ before, after, indexes }) =>
        indexes.map((index) => indexUnits(index, viewOf(index, before), viewOf(index, after))),
      ),
    ),
  };
}

/** What an index holds of an item; null: nothing, because an attribute of its key is missing. */
function viewOf({ keys, projected }: TableIndex, item: Item | null): Item | null {
  if (item === null || !keys.every((key) => key in item)) return null;
  return projected === null
    ? item
    : Object.fromEntries(Object.entries(item).filter(([name]) => projected.includes(name)));
}

function indexUnits({ keys }: TableIndex, before: Item | null, after: Item | null): number {
  const differ = (name: string) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]);
  if (before !== null && after !== null && keys.some(differ)) {
    return unitsOfLarger(before, null) + unitsOfLarger(null, after);
  }
  const names = Object.keys({ ...before, ...after });
  return names.some(differ) ? unitsOfLarger(before, after) : 0;
}

function unitsOfLarger(before: Item | null, after: Item | null): number {
  return writeUnits(Math.max(itemSize(before ?? {}), itemSize(after ?? {})));
}

export function addConsumed(a: Consumed, b: Consumed): Consumed {
  const calls = { ...a.calls };
  for (const [name, count] of Object.entries(b.calls)) calls[name] = (calls[name] ?? 0) + count;
  return {
    calls,
    rows: a.rows + b.rows,
    readUnits: a.readUnits + b.readUnits,
    writeUnits: a.writeUnits + b.writeUnits,
    indexUnits: a.indexUnits + b.indexUnits,
  };
}

/** The number of calls whose name begins with `operation`; all without it. */
export function countCalls({ calls }: Consumed, operation = ''): number {
  return sum(Object.entries(calls).map(([name, count]) => (name.startsWith(operation) ? count : 0)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
