import { describe, expect, it } from 'vitest';
import { isPrefetch } from '../../../../lambdas/core/visitor/prefetch.ts';

describe('a request', () => {
  it.each([
    {},
    { 'sec-purpose': '' },
    { purpose: 'navigate' },
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'x-moz': 'page-load' },
    { referer: 'https://example.com/?purpose=prefetch' },
    { 'x-requested-with': 'com.facebook.katana' },
  ])('with %j is a visit', (headers) => {
    expect(isPrefetch(headers)).toBe(false);
  });

  it.each([
    { 'sec-purpose': 'prefetch' },
    { 'sec-purpose': 'prefetch;prerender' },
    { 'sec-purpose': 'prefetch;anonymous-client-ip' },
    { 'sec-purpose': 'prefetch;prerender;preview' },
    { purpose: 'prefetch' },
    { purpose: 'Prefetch' },
    { purpose: 'preview' },
    { 'x-purpose': 'preview' },
    { 'x-moz': 'prefetch' },
    { purpose: '', 'sec-purpose': 'prefetch' },
  ])('with %j is made ahead of a visit', (headers) => {
    expect(isPrefetch(headers)).toBe(true);
  });
});
