import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mintClickId, mintingKey, verifyClickId } from '../../../lambdas/core/click-id.ts';
import type { MacKey } from '../../../lambdas/core/click-id.ts';

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz';

const macKey = (fill: number, createdAt = 0): MacKey => ({
  key: createSecretKey(new Uint8Array(32).fill(fill)),
  createdAt,
});
const KEY = macKey(1);
const OTHER = macKey(2);

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const random9 = fc.uint8Array({ minLength: 9, maxLength: 9 });
const clickId = fc.tuple(time, random9).map(([at, random]) => mintClickId(at, () => random, KEY));

describe('a click id', () => {
  it.each([
    ['empty', ''],
    ['too short', 'a'.repeat(31)],
    ['too long', 'a'.repeat(33)],
    ['of another alphabet', '1'.repeat(32)],
    ['a UUID', '0b9d3ff0-7c1c-4a43-9a5b-1d3b6f0f3a11'],
    ['of the right shape but without a MAC', 'a'.repeat(32)],
  ])('is refused if it is %s', (_, text) => {
    expect(verifyClickId(text, [KEY])).toBeNull();
  });

  it('is refused by an empty ring and under a foreign key', () => {
    fc.assert(
      fc.property(clickId, (id) => {
        expect(verifyClickId(id, [])).toBeNull();
        expect(verifyClickId(id, [OTHER])).toBeNull();
      }),
    );
  });

  it('is refused with any character changed', () => {
    const change = fc.tuple(fc.nat(31), fc.integer({ min: 1, max: 31 }));
    fc.assert(
      fc.property(clickId, change, (id, [at, step]) => {
        const changed = ALPHABET.charAt((ALPHABET.indexOf(id.charAt(at)) + step) % 32);
        expect(verifyClickId(id.slice(0, at) + changed + id.slice(at + 1), [KEY])).toBeNull();
      }),
    );
  });

  it('is refused with any one of its 160 bits changed', () => {
    const id = mintClickId(1_764_000_000_000, () => new Uint8Array(9).fill(7), KEY);
    for (let bit = 0; bit < 160; bit++) {
      const at = Math.floor(bit / 5);
      const changed = ALPHABET.charAt(ALPHABET.indexOf(id.charAt(at)) ^ (1 << (bit % 5)));
      expect(verifyClickId(id.slice(0, at) + changed + id.slice(at + 1), [KEY]), `bit ${bit}`).toBeNull();
    }
  });

  it('is refused where a character of another script folds into the right one', () => {
    const kelvin = '\u212a';
    fc.assert(
      fc.property(clickId, (id) => {
        if (id.includes('k')) expect(verifyClickId(id.replace('k', kelvin), [KEY])).toBeNull();
      }),
    );
  });

  it('gives back its id and its time, trimmed and in any case, under any key of the ring', () => {
    fc.assert(
      fc.property(time, random9, (at, random) => {
        const id = mintClickId(at, () => random, KEY);
        expect(id).toMatch(/^[a-z2-7]{32}$/);
        for (const text of [id, ` ${id}\n`, id.toUpperCase()]) {
          expect(verifyClickId(text, [OTHER, KEY])).toEqual({ id, time: at });
        }
      }),
    );
  });

  it('sorts by its time', () => {
    fc.assert(
      fc.property(time, time, random9, random9, (a, b, randomA, randomB) => {
        fc.pre(a !== b);
        const [x, y] = [mintClickId(a, () => randomA, KEY), mintClickId(b, () => randomB, KEY)];
        expect(x < y).toBe(a < b);
      }),
    );
  });
});

describe('the key that mints', () => {
  const old = macKey(1, 0);
  const middle = macKey(2, 1_000);
  const young = macKey(3, 2_000);

  it.each([
    ['none of an empty ring', [], 5_000, null],
    ['a network’s only key at once, however young', [young], 2_000, young],
    ['the old one while the new one is younger than a cache lifetime', [old, young], 2_029, old],
    ['the new one once every environment has read it', [old, young], 2_030, young],
    ['the newest that is old enough', [old, middle, young], 2_000, middle],
  ] as const)('is %s', (_, ring, now, expected) => {
    expect(mintingKey(ring, now, 30)).toBe(expected);
  });
});
