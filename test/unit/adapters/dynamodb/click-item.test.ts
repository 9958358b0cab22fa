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
    expect(() => fromClickItem({ ...item, ...change })).toThrow(TypeError);
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
    const item = toClickItem(click);
    expect(item['ua']?.S).toHaveLength(256);
    expect(sizeOf(item)).toBeLessThan(1_024);
  });

  it.each([
    ['all of it while there is room', 600, 256],
    // 872 bytes of id, ids, code, flag, two numbers and the consent, 2 of the name.
    ['what is left of the write unit', 800, 1_024 - 872 - 2],
    ['nothing if there is nothing left', 1_400, undefined],
  ])('keeps of a user agent %s', (_, length, kept) => {
    const click = aClick({ values: { gdpr_consent: 'C'.repeat(length) }, userAgent: 'U'.repeat(256) });
    const item = toClickItem(click);
    expect(item['ua']?.S?.length).toBe(kept);
    expect(item['gt']?.S).toHaveLength(length);
  });

  it('cuts a user agent by its bytes, and no character in half', () => {
    const click = aClick({ values: { gdpr_consent: 'C'.repeat(800) }, userAgent: '\u{1f600}'.repeat(64) });
    // Four bytes each, of the 150 that are left.
    expect(toClickItem(click)['ua']?.S).toBe('\u{1f600}'.repeat(37));
  });
});

/** Numbers as if they were text, which is more than they take. */
function sizeOf(item: ReturnType<typeof toClickItem>): number {
  return Object.entries(item)
    .map(([name, value]) => name.length + Buffer.byteLength(String(Object.values(value)[0])))
    .reduce((sum, bytes) => sum + bytes);
}
