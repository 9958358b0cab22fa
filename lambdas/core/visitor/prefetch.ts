import type { Headers } from './headers.ts';

const PREFETCH = /\b(?:prefetch|prerender|preview)\b/i;

/**
 * Whether a browser or app fetched the page ahead, and nobody may ever look at it. `Sec-Purpose` is today's header, `Purpose`
 * that of older Chromium and Safari, `X-Moz` that of older Firefox, `X-Purpose: preview` Safari's and Facebook's.
 */
export function isPrefetch(headers: Headers): boolean {
  const { purpose } = headers;
  const names = [headers['sec-purpose'], purpose, headers['x-purpose'], headers['x-moz']];
  return names.some((value) => value !== undefined && PREFETCH.test(value));
}
