import { describe, expect, it } from 'vitest';
import { median, percentile, spread } from '../../../bench/statistics.ts';

describe('the median', () => {
  it.each([
    [[], NaN],
    [[3], 3],
    [[9, 1, 5], 5],
    [[10, 2, 4, 100], 7],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });
});

describe('a percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it.each([
    [0, 1],
    [0.5, 50],
    [0.99, 99],
    [1, 100],
  ])('at %d of one to a hundred is %d', (share, expected) => {
    expect(percentile(hundred, share)).toBe(expected);
  });

  it('of nothing is no number', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe('the spread', () => {
  it('is median, least and 90th percentile', () => {
    expect(spread([5, 1, 4, 2, 3, 6, 7, 8, 10, 9])).toEqual([5.5, 1, 9]);
  });
});
