import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase32, encodeBase32 } from '../../../lambdas/core/base32.ts';

/** Arrays whose length is a multiple of five, up to 40 bytes. */
const fives = fc.integer({ min: 0, max: 8 }).chain((n) => fc.uint8Array({ minLength: n * 5, maxLength: n * 5 }));

describe('base32', () => {
  it.each([
    ['a character that is not of the alphabet', 'aaaaaaa1'],
    ['padding', 'aaaaaaa='],
    ['a space', 'aaaa aaa'],
    ['a character of another script that folds into ours', 'aaaaaaa\u212a'],
    ['a length that leaves bits over', 'aaaa'],
  ])('refuses %s', (_, text) => {
    expect(decodeBase32(text)).toBeNull();
  });

  it('refuses bytes that would leave bits over', () => {
    expect(() => encodeBase32(new Uint8Array(4))).toThrow(RangeError);
  });

  it('reads back what it wrote, in any case', () => {
    fc.assert(
      fc.property(fives, (bytes) => {
        const text = encodeBase32(bytes);
        expect(text).toMatch(/^[a-z2-7]*$/);
        expect(decodeBase32(text)).toEqual(bytes);
        expect(decodeBase32(text.toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it('sorts as the bytes do', () => {
    const ten = fc.uint8Array({ minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(ten, ten, (a, b) => {
        const [x, y] = [encodeBase32(a), encodeBase32(b)];
        expect(Math.sign(Buffer.compare(a, b))).toBe(x < y ? -1 : x > y ? 1 : 0);
      }),
    );
  });
});
