import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { Problem } from '../../../lambdas/management/problems.ts';
import { parseJson, refuse, validate } from '../../../lambdas/management/validation.ts';

const schema = z.strictObject({
  name: z.string(),
  list: z.array(z.strictObject({ 'a/b~c': z.string() })).optional(),
  ours: z
    .string()
    .superRefine((_, ctx) => refuse(ctx, ['deep', 0], 'OUR_CODE', 'ours'))
    .optional(),
});

function errorsOf(input: unknown) {
  try {
    validate(schema, input);
  } catch (error) {
    if (error instanceof Problem) return error.errors?.map(({ pointer, code }) => [pointer, code]);
    throw error;
  }
  return [];
}

test.each([
  ['a missing field', {}, [['/name', 'REQUIRED']]],
  ['a field of the wrong type', { name: 7 }, [['/name', 'INVALID_TYPE']]],
  ['null', { name: null }, [['/name', 'INVALID_TYPE']]],
  ['a name with / and ~ in it', { name: 'x', list: [{ 'a/b~c': 7 }] }, [['/list/0/a~1b~0c', 'INVALID_TYPE']]],
  ['a code of ours', { name: 'x', ours: 'x' }, [['/ours/deep/0', 'OUR_CODE']]],
  [
    'two unknown fields',
    { name: 'x', a: 1, b: 2 },
    [
      ['/a', 'UNKNOWN_FIELD'],
      ['/b', 'UNKNOWN_FIELD'],
    ],
  ],
  ['no object', [], [['', 'INVALID_TYPE']]],
  ['nothing', undefined, [['', 'REQUIRED']]],
  [
    'several at once',
    { a: 1 },
    [
      ['/name', 'REQUIRED'],
      ['/a', 'UNKNOWN_FIELD'],
    ],
  ],
])('%s is named with its pointer and a code', (_, input, expected) => {
  expect(errorsOf(input)).toEqual(expected);
});

test('of very many wrong fields a hundred are named: an answer has to stay one that can be sent', () => {
  const unknown = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`f${i}`, 1]));
  for (const input of [
    { name: 'x', ...unknown },
    { name: 'x', list: Array(50_000).fill(1) },
  ]) {
    expect(errorsOf(input)).toHaveLength(100);
  }
});

describe('a JSON body', () => {
  test.each(['', '{', '{"a":}', "{'a':1}", 'NaN', '{"a":1}x', '\u0000'])('%j is malformed', (text) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ status: 400, code: 'MALFORMED_REQUEST' }) as Error);
  });

  test('may be 16 levels deep and no more, however long', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(parseJson(nested(16))).toBeInstanceOf(Array);
    for (const levels of [17, 50_000]) {
      expect(() => parseJson(nested(levels))).toThrow(expect.objectContaining({ status: 400 }) as Error);
    }
  });
});
