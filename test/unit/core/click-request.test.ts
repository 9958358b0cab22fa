import { describe, expect, it } from 'vitest';
import { clickValues, preferredLanguage } from '../../../lambdas/core/click-request.ts';
import { firstValues, parseParameters } from '../../../lambdas/core/parameters.ts';

const valuesOf = (query: string) => clickValues(firstValues(parseParameters(query)));

describe('the values of a tracking link', () => {
  it.each([
    ['an unknown parameter', 'sub1=a&P1=b&p11=c&p0=d', {}],
    ['an empty value', 'p1=&source=', {}],
    ['all-zero device ids', 'gaid=00000000-0000-0000-0000-000000000000&idfa=0000&android_id=0', {}],
    ['the second of a repeated parameter', 'p1=a&p1=b', { p1: 'a' }],
    ['an alias where its main name is given', 'creative_name=b&creative=a', { creative: 'a' }],
  ])('leave out %s', (_, query, expected) => {
    expect(valuesOf(query)).toEqual(expected);
  });

  it.each([
    ['the publisher’s own', 'p1=a&p10=b&source=c', { p1: 'a', p10: 'b', source: 'c' }],
    ['aliases', 'creative_name=a&google_aid=b', { creative: 'a', gaid: 'b' }],
    ['an alias where the main name is all zero', 'gaid=0000-0000&google_aid=b', { gaid: 'b' }],
    ['zeros where they are no device id', 'p1=0000', { p1: '0000' }],
    [
      'platforms’ click ids',
      'gclid=a&fbclid=b&ttclid=c&msclkid=d',
      { gclid: 'a', fbclid: 'b', ttclid: 'c', msclkid: 'd' },
    ],
    ['an unexpanded macro, which is text', 'p1=%7Bp1%7D', { p1: '{p1}' }],
  ])('have %s', (_, query, expected) => {
    expect(valuesOf(query)).toEqual(expected);
  });

  it('are cut at 512 characters', () => {
    expect(valuesOf(`p1=${'A'.repeat(9_000)}&fbclid=${'B'.repeat(513)}`)).toEqual({
      p1: 'A'.repeat(512),
      fbclid: 'B'.repeat(512),
    });
  });

  it('keep consent strings whole: half of one is none', () => {
    const consent = 'C'.repeat(2_000);
    expect(valuesOf(`gdpr=1&gdpr_consent=${consent}`)).toEqual({ gdpr: '1', gdpr_consent: consent });
  });
});

describe('the visitor’s language', () => {
  it.each([
    ['', null],
    ['*', null],
    ['de;q=0', null],
    ['<script>', null],
    ['en', 'en'],
    ['DE-at,de;q=0.9,en;q=0.8', 'de'],
    ['en;q=0.5, fr-FR;q=0.9', 'fr'],
    ['*;q=1, pt-BR;q=0.1', 'pt'],
    ['zh-Hant-TW', 'zh'],
  ])('of %j is %j', (header, expected) => {
    expect(preferredLanguage(header)).toBe(expected);
  });
});
