import { describe, expect, it } from 'vitest';

import { TokenBucket } from '../../../../local/http-api/throttle.ts';

describe('TokenBucket', () => {
  it('lets a burst through, then the rate', () => {
    const bucket = new TokenBucket(10, 3, 0);
    const taken = [0, 0, 0, 0, 99, 100, 100, 10_000, 10_000, 10_000, 10_000].map((now) => bucket.take(now));
    expect(taken).toEqual([true, true, true, false, false, true, false, true, true, true, false]);
  });
});
