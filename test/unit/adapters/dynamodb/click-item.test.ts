import { describe, expect, it } from 'vitest';
import { fromClickItem, toClickItem } from '../../../../lambdas/adapters/dynamodb/click-item.ts';
import { CLICK_VALUES } from '../../../../lambdas/core/entities.ts';
import { aClick } from '../../../support/entities.ts';

describe('a click as an item', () => {
  const item = toClickItem(aClick());

  it.each([
    ['no id', { id: undefined }],
    ['an id that is no text', { id: { N: '1' } }],
    ['an unknown code', { r: { S: 'toString' } }],
    ['no time', { t: undefined }],
    ['a time that is no number', { t: { N: 'x' } }],
    ['no TTL', { e: undefined }],
  ])('is refused with %s', (_, change) => {
    expect(() => fromClickItem({ ...item, ...change } as never)).toThrow(TypeError);
  });

  it('has a name of its own for every value', () => {
    const click = aClick({ values: Object.fromEntries(CLICK_VALUES.map((name) => [name, name])) });
    expect(Object.keys(toClickItem(click))).toHaveLength(Object.keys(item).length + CLICK_VALUES.length);
    expect(fromClickItem(toClickItem(click))).toEqual(click);
  });

  it('costs one write unit, 1 KB, with what a tracking link usually carries', () => {
    const click = aClick({
      campaignId: 'c'.repeat(16),
      publisherId: 'p'.repeat(16),
      advertiserId: 'a'.repeat(16),
      values: {
        p1: '3'.repeat(36),
        p2: 'newsletter-2026-11',
        source: 'blog.example/summer',
        gaid: '3'.repeat(36),
        gclid: 'g'.repeat(100),
      },
      country: 'AT',
      device: 'phone',
      os: 'android',
      browser: 'chrome',
      language: 'de',
      ip: '2001:db8:abcd::',
      userAgent: 'U'.repeat(256),
    });
    const size = Object.entries(toClickItem(click))
      .map(([name, value]) => name.length + Buffer.byteLength(String(Object.values(value)[0])))
      .reduce((sum, bytes) => sum + bytes);
    expect(size).toBeLessThan(1_024);
  });
});
