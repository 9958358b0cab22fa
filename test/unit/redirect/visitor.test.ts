import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createVisitorPlace } from '../../../lambdas/redirect/visitor.ts';

const SECRET = 'the-secret-of-the-distribution';
const distributionSecretSha256 = createHash('sha256').update(SECRET).digest('hex');
const SOURCE = '198.51.100.7';

/** The database knows one address. */
const countryOf = (address: string) => (address === SOURCE ? 'SE' : null);
const locate = createVisitorPlace({ distributionSecretSha256, countryOf });

const cloudFront = { 'cloudfront-viewer-address': '203.0.113.9:46532', 'cloudfront-viewer-country': 'JP' };
const trusted = { ...cloudFront, 'x-flowback-distribution': SECRET };

describe('where a visitor is', () => {
  it.each([
    ['no secret', cloudFront],
    ['an empty secret', { ...cloudFront, 'x-flowback-distribution': '' }],
    ['another secret', { ...cloudFront, 'x-flowback-distribution': `${SECRET}x` }],
    ['the hash of the secret', { ...cloudFront, 'x-flowback-distribution': distributionSecretSha256 }],
    ['headers of other proxies', { 'x-forwarded-for': '1.2.3.4', 'true-client-ip': '9.9.9.9', 'x-real-ip': '9.9.9.9' }],
    ['a spoofed X-Forwarded-For', { 'x-forwarded-for': '<script>, 999.999.1.1, ::::', forwarded: 'for=9.9.9.9' }],
  ])('is where API Gateway was called from, with %s', (_, headers) => {
    expect(locate(headers, SOURCE)).toEqual({ address: SOURCE, country: 'SE' });
  });

  it.each([
    ['is none', undefined],
    ['is configured badly', 'secret'],
  ])('is never taken from headers where the hash of the secret %s', (_, hash) => {
    const locateAlone = createVisitorPlace({ distributionSecretSha256: hash, countryOf });

    expect(locateAlone(trusted, SOURCE)).toEqual({ address: SOURCE, country: 'SE' });
    expect(locateAlone({ ...trusted, 'x-flowback-distribution': '' }, SOURCE)).toEqual({
      address: SOURCE,
      country: 'SE',
    });
  });

  it('is what CloudFront says, beside the secret', () => {
    expect(locate(trusted, SOURCE)).toEqual({ address: '203.0.113.9', country: 'JP' });
    expect(locate({ ...trusted, 'x-forwarded-for': '1.2.3.4' }, SOURCE)).toEqual({
      address: '203.0.113.9',
      country: 'JP',
    });
  });

  it.each([
    ['203.0.113.9:46532', '203.0.113.9'],
    ['2001:db8::1:46532', '2001:db8::1'],
    ['[2001:db8::1]:46532', '2001:db8::1'],
    ['2001:db8:85a3:8d3:1319:8a2e:370:7348:443', '2001:db8:85a3:8d3:1319:8a2e:370:7348'],
    ['::ffff:203.0.113.9:80', '::ffff:203.0.113.9'],
  ])('reads the address %j as %s', (text, address) => {
    expect(locate({ ...trusted, 'cloudfront-viewer-address': text }, SOURCE).address).toBe(address);
  });

  it.each([
    '',
    ':',
    '46532',
    '203.0.113.9',
    '203.0.113.9:',
    '999.0.0.1:80',
    'localhost:80',
    '[]:80',
    '1.2.3.4:80, 5.6.7.8:80',
  ])('reads no address from %j', (text) => {
    expect(locate({ ...trusted, 'cloudfront-viewer-address': text }, SOURCE).address).toBe(SOURCE);
  });

  it.each([undefined, '', 'XX', 'T1', 'jp', 'JPN'])(
    'is looked up where CloudFront says the country is %j',
    (country) => {
      const headers = { ...trusted, 'cloudfront-viewer-country': country, 'cloudfront-viewer-address': `${SOURCE}:80` };

      expect(locate(headers, '192.0.2.1')).toEqual({ address: SOURCE, country: 'SE' });
    },
  );
});
