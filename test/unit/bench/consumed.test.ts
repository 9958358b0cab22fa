import { describe, expect, it } from 'vitest';
import { addConsumed, consumedByCall, consumedByTransaction, countCalls, NOTHING } from '../../../bench/consumed.ts';
import type { Item } from '../../../bench/consumed.ts';

const capacity = (table: number, ...indexes: readonly number[]) => ({
  Table: { CapacityUnits: table },
  ...(indexes.length > 0 && {
    GlobalSecondaryIndexes: Object.fromEntries(indexes.map((units, index) => [`i${index}`, { CapacityUnits: units }])),
  }),
});

describe('what a call is billed', () => {
  it.each([
    ['a read', 'GetItem', true, 2, 2],
    ['a read of nothing', 'GetItem', true, 0, 1],
    ['a query of nothing', 'Query', true, 0, 1],
    ['an eventually consistent query of nothing', 'Query', false, 0, 0.5],
    ['an eventually consistent query', 'Query', false, 1.5, 1.5],
  ])('is of %s (%s, consistent: %s, reported %d) %d read units', (_, operation, consistent, units, expected) => {
    expect(consumedByCall(operation, { table: 'Catalog', consistent }, capacity(units))).toEqual({
      ...NOTHING,
      calls: { [`${operation} Catalog`]: 1 },
      readUnits: expected,
    });
  });

  it('is of a put its table and its indexes', () => {
    expect(consumedByCall('PutItem', { table: 'Hits', consistent: false }, capacity(2, 2, 2))).toEqual({
      ...NOTHING,
      calls: { 'PutItem Hits': 1 },
      writeUnits: 2,
      indexUnits: 4,
    });
  });
});

describe('what a row of a transaction is billed', () => {
  const byMonth = { keys: ['month', 'at'], projected: null };
  const byClick = { keys: ['click'], projected: ['pk', 'click', 'status'] };
  /** A row of two write units. */
  const row = (overrides: Item = {}): Item => ({
    pk: { S: 'a' },
    month: { S: '2026-11' },
    at: { N: '1' },
    click: { S: 'c1' },
    filling: { S: 'x'.repeat(1_500) },
    ...overrides,
  });
  const small: Item = { pk: { S: 'a' } };
  const indexed: Item = { ...small, month: { S: '2026-11' }, at: { N: '1' } };

  it.each<[what: string, before: Item | null, after: Item | null, writeUnits: number, indexUnits: number]>([
    ['of one that is only checked: its size', row(), row(), 4, 0],
    ['of one that is checked and not there: one unit, twice', null, null, 2, 0],
    ['of a small one without attributes of an index: one unit, twice', null, small, 2, 0],
    ['of one with only one of the attributes of an index: nothing there', null, { ...small, at: { N: '1' } }, 2, 0],
    ['of a small one in an index: one unit there, once', null, indexed, 2, 1],
    ['of a larger one: what each index holds of it', null, row(), 4, 2 + 1],
    ['of a removal: what there was', row(), null, 4, 2 + 1],
    ['of one that shrinks: the larger image', row(), indexed, 4, 2 + 1],
    ['of an attribute that an index does not hold: only the others', row(), row({ other: { S: 'y' } }), 4, 2],
    ['of an attribute that all hold', row(), row({ status: { S: 'approved' } }), 4, 2 + 1],
    ['of a key of an index: a removal and an insertion', row(), row({ click: { S: 'c2' } }), 4, 2 + 2],
  ])('is, %s', (_, before, after, writeUnits, indexUnits) => {
    const consumed = consumedByTransaction([{ before, after, indexes: [byMonth, byClick] }]);
    expect(consumed).toEqual({ calls: { TransactWriteItems: 1 }, rows: 1, readUnits: 0, writeUnits, indexUnits });
  });

  it('is rounded up for each row', () => {
    const put = { before: null, after: small, indexes: [] };
    expect(consumedByTransaction([put, put, put])).toMatchObject({ rows: 3, writeUnits: 6 });
  });
});

describe('what calls consumed', () => {
  const one = { calls: { 'GetItem Clicks': 1, SendMessage: 1 }, rows: 1, readUnits: 1, writeUnits: 2, indexUnits: 3 };
  const other = {
    calls: { 'GetItem Clicks': 2, 'GetItem Catalog': 1 },
    rows: 0,
    readUnits: 5,
    writeUnits: 0,
    indexUnits: 0,
  };

  it('is added up by call', () => {
    expect(addConsumed(NOTHING, one)).toEqual(one);
    expect(addConsumed(one, other)).toEqual({
      calls: { 'GetItem Clicks': 3, 'GetItem Catalog': 1, SendMessage: 1 },
      rows: 1,
      readUnits: 6,
      writeUnits: 2,
      indexUnits: 3,
    });
  });

  it.each([
    ['GetItem', 3],
    ['Query', 0],
    [undefined, 3],
  ])('has of %s %d calls', (operation, count) => {
    expect(countCalls(other, operation)).toBe(count);
  });
});
