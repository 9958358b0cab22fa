import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ENTITY_ID,
  newEntityId,
  newSortableId,
  readTime,
  SECRET,
  timeOfSortableId,
  writeTime,
} from '../../../lambdas/core/ids.ts';

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('ids', () => {
  it.each(['', 'a b', 'a/b', 'a.b', 'ä', 'a\n', 'a'.repeat(65)])('refuses %j as an id', (id) => {
    expect(ENTITY_ID.test(id)).toBe(false);
  });

  it.each(['', 'short', 'a'.repeat(15), 'a'.repeat(129), `${'a'.repeat(16)}\n`, `${'a'.repeat(16)} `])(
    'refuses %j as a secret',
    (secret) => {
      expect(SECRET.test(secret)).toBe(false);
    },
  );

  it.each(['', 'a'.repeat(23), 'a'.repeat(25), 'A'.repeat(24), '1'.repeat(24), `${'a'.repeat(23)}\u212a`])(
    'finds no time in %j, which is none of our sortable ids',
    (id) => {
      expect(timeOfSortableId(id)).toBeNull();
    },
  );

  it('writes and reads every time of 48 bits', () => {
    fc.assert(
      fc.property(time, (at) => {
        const written = new Uint8Array(6);
        writeTime(written, at);
        expect(readTime(written)).toBe(at);
      }),
    );
  });

  it('makes sortable ids that carry their time and sort by it', () => {
    fc.assert(
      fc.property(time, time, bytes(9), bytes(9), (a, b, randomA, randomB) => {
        const [x, y] = [newSortableId(a, () => randomA), newSortableId(b, () => randomB)];
        expect(timeOfSortableId(x)).toBe(a);
        if (a !== b) expect(x < y).toBe(a < b);
      }),
    );
  });

  it('makes ids of 16 characters from 80 random bits', () => {
    fc.assert(
      fc.property(bytes(10), (random) => {
        expect(newEntityId(() => random)).toMatch(/^[a-z2-7]{16}$/);
      }),
    );
  });
});
