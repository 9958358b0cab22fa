import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCursor, writeCursor } from '../../../lambdas/management/cursor.ts';
import { Problem } from '../../../lambdas/management/problems.ts';

const key = new Uint8Array(32).fill(7);
const scope = { route: 'GET /v1/conversions', filters: { campaign_id: 'summer', from: 'null' } };
const random = (length: number) => Uint8Array.from({ length }, (_, i) => 11 * i);
const position = { partition: '2026-11', before: '2026-11-22T23:00:00.000Z#abc' };

test.each([
  ['another route', { ...scope, route: 'GET /v1/hits' }, key],
  ['another filter', { ...scope, filters: { ...scope.filters, campaign_id: 'winter' } }, key],
  ['a filter more', { ...scope, filters: { ...scope.filters, goal: 'sale' } }, key],
  ['no filters', { ...scope, filters: {} }, key],
  ['another key', scope, new Uint8Array(32)],
])('a cursor is refused under %s', (_, otherScope, otherKey) => {
  const cursor = writeCursor(position, scope, key, random);
  expect(() => readCursor(cursor, otherScope, otherKey)).toThrow(Problem);
});

test.each(['', 'x', '!!!', 'eyJwayI6IlRFTkFOVCNvdGhlciJ9', 'a'.repeat(500)])('"%s" is no cursor', (text) => {
  expect(() => readCursor(text, scope, key)).toThrow(Problem);
});

test('a cursor with any character changed, added or removed is refused', () => {
  const cursor = writeCursor(position, scope, key, random);
  fc.assert(
    fc.property(fc.nat(cursor.length - 1), fc.constantFrom('A', 'z', '-', '=', ' ', ''), (at, character) => {
      const changed = cursor.slice(0, at) + character + cursor.slice(at + 1);
      fc.pre(changed !== cursor);
      expect(() => readCursor(changed, scope, key)).toThrow(Problem);
      expect(() => readCursor(cursor + character + 'A', scope, key)).toThrow(Problem);
    }),
  );
});

test('a cursor gives its position back, whatever the order of the filters', () => {
  const reordered = { ...scope, filters: { from: 'null', campaign_id: 'summer' } };
  expect(readCursor(writeCursor(position, scope, key, random), reordered, key)).toEqual(position);
  const whole = { partition: 'c\u00e4mp', before: null };
  expect(readCursor(writeCursor(whole, scope, key, random), scope, key)).toEqual(whole);
});

test('a cursor does not tell where the list goes on', () => {
  const bytes = Buffer.from(writeCursor(position, scope, key, random), 'base64url').toString('latin1');
  for (const part of ['2026-11', '23:00', 'abc', 'summer']) expect(bytes).not.toContain(part);
});
