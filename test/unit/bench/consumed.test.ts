import { describe, expect, it } from 'vitest';
import { addConsumed, consumedBy, countCalls, NOTHING } from '../../../bench/consumed.ts';

const capacity = (table: number, ...indexes: readonly number[]) => ({
  Table: { CapacityUnits: table },
  ...(indexes.length > 0 && {
    GlobalSecondaryIndexes: Object.fromEntries(indexes.map((units, index) => [`i${index}`, { CapacityUnits: units }])),
  }),
});

describe('what a call is billed', () => {
  it.each([
    ['of a call that failed', { TableName: 'Hits' }, {}],
    ['of a condition check', { TransactItems: [{ ConditionCheck: {} }] }, { ConsumedCapacity: [capacity(2)] }],
  ])('is not told %s', (_, request, response) => {
    expect(() => consumedBy('TransactWriteItems', request, response)).toThrow();
  });

  it.each([
    ['a read', 'GetItem', true, 2, 2],
    ['a read of nothing', 'GetItem', true, 0, 1],
    ['a query of nothing', 'Query', true, 0, 1],
    ['an eventually consistent query of nothing', 'Query', false, 0, 0.5],
    ['an eventually consistent query', 'Query', false, 1.5, 1.5],
  ])('is of %s (%s, consistent: %s, reported %d) %d read units', (_, operation, ConsistentRead, units, expected) => {
    const consumed = consumedBy(
      operation,
      { TableName: 'Catalog', ConsistentRead },
      { ConsumedCapacity: capacity(units) },
    );
    expect(consumed).toEqual({ ...NOTHING, calls: { [`${operation} Catalog`]: 1 }, readUnits: expected });
  });

  it('is of a put its table and its indexes', () => {
    expect(consumedBy('PutItem', { TableName: 'Hits' }, { ConsumedCapacity: capacity(2, 2, 2) })).toEqual({
      ...NOTHING,
      calls: { 'PutItem Hits': 1 },
      writeUnits: 2,
      indexUnits: 4,
    });
  });

  it('is of a transaction twice the tables and once the indexes, which are reported twice', () => {
    const request = { TransactItems: [{ Put: {} }, { Update: {} }, { Put: {} }] };
    const response = { ConsumedCapacity: [capacity(8, 4, 4), capacity(2)] };
    expect(consumedBy('TransactWriteItems', request, response)).toEqual({
      ...NOTHING,
      calls: { TransactWriteItems: 1 },
      rows: 3,
      writeUnits: 10,
      indexUnits: 4,
    });
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
