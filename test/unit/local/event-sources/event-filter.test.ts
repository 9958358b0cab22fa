import { describe, expect, it } from 'vitest';

import { readFilter } from '../../../../local/event-sources/event-filter.ts';
import type { Json } from '../../../../local/json.ts';
import { Properties } from '../../../../local/json.ts';

const read = (...patterns: string[]) =>
  readFilter(new Properties('Mapping.FilterCriteria', { Filters: patterns.map((Pattern) => ({ Pattern })) }));
const passes = (pattern: Json, event: Json) => read(JSON.stringify(pattern))(event);

const PAID = { eventName: 'INSERT', dynamodb: { NewImage: { po: { N: '5000' }, c: { S: 'summer' } } } };

describe('a filter that cannot be read', () => {
  it.each([
    ['{', 'is no JSON'],
    ['"text"', 'does not know the filter rule "text"'],
    ['[]', 'does not know the filter rule []'],
    ['{"a":"b"}', 'Mapping.FilterCriteria.Filters[0].Pattern.a: the local run does not know the filter rule "b"'],
    ['{"a":[]}', 'does not know'],
    ['{"a":[["b"]]}', 'does not know'],
    ['{"a":[{}]}', 'does not know'],
    ['{"a":[{"prefix":"x","suffix":"y"}]}', 'does not know'],
    ['{"a":[{"cidr":"10.0.0.0/8"}]}', 'does not know the filter rule {"cidr":"10.0.0.0/8"}'],
    ['{"a":[{"exists":"yes"}]}', 'does not know'],
    ['{"a":[{"prefix":{"equals-ignore-case":"x"}}]}', 'does not know'],
    ['{"a":[{"anything-but":{"prefix":"x"}}]}', 'does not know'],
    ['{"a":[{"numeric":[">"]}]}', 'does not know'],
    ['{"a":[{"numeric":["!",1]}]}', 'does not know'],
    ['{"a":[{"numeric":[">","1"]}]}', 'does not know'],
    ['{"$or":[{"a":["x"]},{"b":["y"]}]}', 'does not know the filter rule {"$or"'],
  ])('%s ends the start', (pattern, message) => {
    expect(() => read(pattern)).toThrow(message);
  });
});

describe('a filter', () => {
  it('lets everything through if there is none', () => {
    expect(readFilter(undefined)({})).toBe(true);
    expect(read()({})).toBe(true);
  });

  it('lets through what one of the patterns matches', () => {
    const filter = read('{"a":[1]}', '{"b":[2]}');
    const events: Json[] = [{ a: 1 }, { b: 2 }, { a: 1, b: 3 }, { a: 2, b: 1 }, {}];
    expect(events.map((event) => filter(event))).toEqual([true, true, true, false, false]);
  });

  it.each<[string, Json, Json, boolean]>([
    ['the same text', { a: ['x'] }, { a: 'x' }, true],
    ['another text', { a: ['x'] }, { a: 'X' }, false],
    ['one of several values', { a: ['x', 7, true, null] }, { a: null }, true],
    ['a number and its text', { a: [7] }, { a: '7' }, false],
    ['a missing field', { a: ['x', null, { 'anything-but': ['y'] }] }, {}, false],
    ['one element of a list', { a: ['x'] }, { a: ['w', 'x'] }, true],
    ['an object', { a: ['x'] }, { a: { x: 1 } }, false],
    ['all of several fields', { a: ['x'], b: ['y'] }, { a: 'x', b: 'y' }, true],
    ['one of several fields', { a: ['x'], b: ['y'] }, { a: 'x', b: 'z' }, false],
    ['a field inside', { a: { b: { c: ['x'] } } }, { a: { b: { c: 'x' } } }, true],
    ['a field inside of what is no object', { a: { b: ['x'] } }, { a: 'x' }, false],
    ['exists, of a value', { a: [{ exists: true }] }, { a: '' }, true],
    ['exists, of nothing', { a: [{ exists: true }] }, {}, false],
    ['exists, of an object', { a: [{ exists: true }] }, { a: { b: 1 } }, false],
    ['exists not, of nothing', { a: { b: [{ exists: false }] } }, {}, true],
    ['exists not, of a value', { a: [{ exists: false }] }, { a: 1 }, false],
    ['prefix', { a: [{ prefix: 'ab' }] }, { a: 'abc' }, true],
    ['another prefix', { a: [{ prefix: 'b' }] }, { a: 'abc' }, false],
    ['prefix of a number', { a: [{ prefix: '1' }] }, { a: 12 }, false],
    ['suffix', { a: [{ suffix: 'bc' }] }, { a: 'abc' }, true],
    ['any case', { a: [{ 'equals-ignore-case': 'Ab' }] }, { a: 'aB' }, true],
    ['anything but', { a: [{ 'anything-but': ['x', 1] }] }, { a: 'y' }, true],
    ['anything but, one of them', { a: [{ 'anything-but': ['x', 1] }] }, { a: 1 }, false],
    ['anything but one value', { a: [{ 'anything-but': 'x' }] }, { a: 'x' }, false],
    ['numeric, inside', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, true],
    ['numeric, outside', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 0 }, false],
    ['numeric, equal', { a: [{ numeric: ['=', 3] }] }, { a: 3 }, true],
    ['numeric, of a text', { a: [{ numeric: ['<', 3] }] }, { a: '2' }, false],
    ['a rule or a value', { a: ['x', { prefix: 'y' }] }, { a: 'yz' }, true],
    [
      'a new click that pays',
      { eventName: ['INSERT'], dynamodb: { NewImage: { po: { N: [{ exists: true }] } } } },
      PAID,
      true,
    ],
    [
      'a new click that does not',
      { eventName: ['INSERT'], dynamodb: { NewImage: { po: { N: [{ exists: true }] } } } },
      { eventName: 'INSERT', dynamodb: { NewImage: { c: { S: 'summer' } } } },
      false,
    ],
    [
      'a row that went',
      { dynamodb: { NewImage: { po: { N: [{ exists: true }] } } } },
      { eventName: 'REMOVE', dynamodb: { Keys: { id: { S: 'a' } } } },
      false,
    ],
  ])('decides on %s', (_, pattern, event, expected) => {
    expect(passes(pattern, event)).toBe(expected);
  });
});
