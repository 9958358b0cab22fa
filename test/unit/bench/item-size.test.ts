import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { itemSize, readUnits, writeUnits } from '../../../bench/item-size.ts';

describe('the size of an item', () => {
  it.each<[string, Record<string, AttributeValue>, number]>([
    ['nothing is nothing', {}, 0],
    ['name and text count', { id: { S: 'abc' } }, 5],
    ['text counts in bytes of UTF-8', { n: { S: 'Zoë €' } }, 9],
    ['two digits are a byte, and a number one more', { t: { N: '1764000000123' } }, 9],
    ['leading and trailing zeros are none', { t: { N: '1764000000000' } }, 4],
    ['zero is one byte', { t: { N: '0' } }, 2],
    ['a sign is one more', { t: { N: '-12' } }, 4],
    ['truth is one byte', { y: { BOOL: true } }, 2],
    ['nothing known is one byte', { y: { NULL: true } }, 2],
    ['binary counts decoded', { k: { B: Buffer.alloc(32).toString('base64') as unknown as Uint8Array } }, 33],
    ['a list takes three and one an element', { l: { L: [{ S: 'ab' }, { S: 'c' }] } }, 9],
    ['a map takes three and one an element', { m: { M: { a: { S: 'b' } } } }, 7],
  ])('%s', (_, item, bytes) => {
    expect(itemSize(item)).toBe(bytes);
  });
});

describe('units', () => {
  it.each([
    [0, 1],
    [1_024, 1],
    [1_025, 2],
  ])('of a write of %i bytes are %i', (bytes, units) => {
    expect(writeUnits(bytes)).toBe(units);
  });

  it.each([
    [0, 1],
    [4_096, 1],
    [4_097, 2],
  ])('of a consistent read of %i bytes are %i', (bytes, units) => {
    expect(readUnits(bytes)).toBe(units);
  });
});
