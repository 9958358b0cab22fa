import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, decodePart, decodePercent, firstValues, parseParameters } from '../../../lambdas/core/parameters.ts';

describe('a query string', () => {
  it.each([
    ['nothing', '', []],
    ['separators alone', '&&', []],
    ['a name alone', 'p1', [['p1', '']]],
    ['a value alone', '=x', [['', 'x']]],
    ['a value with an equals sign', 'p1=a=b', [['p1', 'a=b']]],
    ['a semicolon, which separates nothing', 'p1=a;sub2=b', [['p1', 'a;sub2=b']]],
    [
      'brackets, which mean nothing',
      'p1[]=a&p1[__proto__]=x',
      [
        ['p1[]', 'a'],
        ['p1[__proto__]', 'x'],
      ],
    ],
    ['an encoded separator', 'p1=a%26payout%3D999', [['p1', 'a&payout=999']]],
    ['encoded names', '%70%31=a', [['p1', 'a']]],
    ['a plus and an encoded one', 'p1=a+b%20c%2Bd', [['p1', 'a b c+d']]],
    [
      'broken escapes',
      'p1=100%&p2=%zz%4',
      [
        ['p1', '100%'],
        ['p2', '%zz%4'],
      ],
    ],
    ['a broken escape beside a good one', 'p1=%zz%20x+y', [['p1', '%zz x y']]],
    ['invalid UTF-8', 'p1=%ff%fe%c0%af', [['p1', '\ufffd\ufffd\ufffd\ufffd']]],
    ['UTF-8 of a surrogate', 'p1=%ED%A0%80', [['p1', '\ufffd\ufffd\ufffd']]],
    ['UTF-8 whose low bytes are CR and LF', 'p1=%E5%98%8A%E5%98%8D', [['p1', '\u560a\u560d']]],
    ['a byte order mark', 'p1=%EF%BB%BFx', [['p1', '\ufeffx']]],
    ['a zero byte', 'p1=a%00b', [['p1', 'a\0b']]],
  ])('with %s', (_, raw, expected) => {
    expect(parseParameters(raw)).toEqual(expected);
  });

  it('never throws, and never leaves half a character behind', () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom('%', '%2', '%ff', '%C3', '%E2%82', '+', '&', '='));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        for (const [name, value] of parseParameters(pieces.join(''))) {
          expect(name.isWellFormed()).toBe(true);
          expect(value.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it('gives back whatever was encoded into it', () => {
    const text = fc.string({ unit: 'binary' }).map((value) => value.toWellFormed());
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
        const raw = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
        expect(parseParameters(raw)).toEqual(pairs);
        expect(parseParameters(new URLSearchParams(pairs).toString())).toEqual(pairs);
      }),
    );
  });

  it('reads a plus as a space, in a path as a plus', () => {
    expect(decodePart('a+b%2B')).toBe('a b+');
    expect(decodePercent('a+b%2B')).toBe('a+b+');
  });
});

describe('the first value of a parameter', () => {
  it.each([
    ['counts', 'p1=a&p1=b', 'a'],
    ['is missing where it is empty', 'p1=&p1=b', undefined],
    ['is missing where there is none', 'p2=a', undefined],
  ])('%s', (_, raw, expected) => {
    expect(firstValues(parseParameters(raw)).get('p1')).toBe(expected);
  });

  it('is found under names that objects have of their own', () => {
    const values = firstValues(parseParameters('__proto__=1&constructor=2&toString=3'));
    expect([...values]).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
    ]);
    expect(firstValues(parseParameters('a=1')).get('__proto__')).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty('1');
  });
});

describe('cut', () => {
  it.each([
    ['', 3, ''],
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc'],
    ['ab💸', 3, 'ab'],
    ['ab💸', 4, 'ab💸'],
  ])('cuts %j at %i', (text, length, expected) => {
    expect(cut(text, length)).toBe(expected);
  });

  it('keeps well-formed text well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, length) => {
        const result = cut(text, length);
        expect(result.length).toBeLessThanOrEqual(length);
        expect(text.startsWith(result)).toBe(true);
        expect(result.isWellFormed()).toBe(true);
      }),
    );
  });
});
