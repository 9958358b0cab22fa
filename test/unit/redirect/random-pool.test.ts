import { describe, expect, it } from 'vitest';
import { createRandomPool } from '../../../lambdas/redirect/random-pool.ts';

describe('the pool of random bytes', () => {
  it('gives none away twice, also over its end, and leaves alone what it gave', () => {
    const random = createRandomPool();
    const given = Array.from({ length: 1_000 }, () => random(9));
    const seen = given.map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(new Set(seen).size).toBe(1_000);
    expect(given.every(({ length }) => length === 9)).toBe(true);
  });
});
