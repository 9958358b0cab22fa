import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileDeepLink } from '../../../lambdas/core/deep-link.ts';
import { expandLocation } from '../../../lambdas/core/location.ts';

const HOSTS = new Set([
  'shop.example',
  '*.shop.example',
  'other.example:8443',
  '127.0.0.1:4000',
  'xn--bcher-kva.example',
]);
const VALUES: Readonly<Record<string, string>> = { click_id: 'abc', p1: '//evil.example', pub_id: 'tia' };

/** Where a deep link leads; null: to the normal destination. */
function locationOf(url: string, hosts: ReadonlySet<string> = HOSTS): string | null {
  const template = compileDeepLink(url, hosts);
  return template && expandLocation(template, (macro) => VALUES[macro]);
}

describe('a deep link (invariant 11)', () => {
  it.each([
    ['a host that is not allowed', 'https://evil.example/'],
    ['one that only ends alike', 'https://evilshop.example/'],
    ['one that only begins alike', 'https://shop.example.evil.example/'],
    ['the root’s dot', 'https://shop.example./'],
    ['nobody’s subdomain', 'https://.shop.example/'],
    ['another port', 'https://shop.example:8443/'],
    ['no port where one is asked', 'https://other.example/'],
    ['a user name', 'https://shop.example@evil.example/'],
    ['a user name, the host allowed', 'https://me:secret@shop.example/'],
    ['an escaped at sign', 'https://shop.example%40evil.example/'],
    ['another scheme', 'ftp://shop.example/'],
    ['a script', 'javascript://shop.example/%0aalert(1)'],
    ['no scheme', '//shop.example/'],
    ['no host', 'https:///shop.example'],
    ['one slash', 'https:/shop.example/'],
    ['a backslash in its authority', 'https://evil.example\\@shop.example/'],
    ['a backslash in its path', 'https://shop.example/\\evil.example'],
    ['a tab in its scheme', 'java\tscript://shop.example/'],
    ['a line end', 'https://shop.example/\r\nSet-Cookie: a=1'],
    ['a space before it', ' https://shop.example/'],
    ['a soft line end', 'https://shop.example/\u2028'],
    ['a zero byte', 'https://shop.example/\u0000'],
    ['a macro in its host', 'https://{p1}.shop.example/'],
    ['a macro behind its host', 'https://shop.example{p1}/'],
    ['a macro as its port', 'https://shop.example:{p1}/'],
    ['a port that is none', 'https://shop.example:99999/'],
    ['another script’s look-alike', 'https://shоp.example/'],
    ['too many characters', `https://shop.example/${'a'.repeat(2_028)}`],
    ['too many characters once they are escaped', `https://shop.example/${'ü'.repeat(400)}`],
    ['nothing', ''],
  ])('leads to the normal destination with %s', (_, url) => {
    expect(locationOf(url)).toBeNull();
  });

  it('leads nowhere else in a campaign without hosts', () => {
    expect(locationOf('https://shop.example/', new Set())).toBeNull();
  });

  it.each([
    ['https://shop.example', 'https://shop.example'],
    ['HTTPS://SHOP.example:443/A?b#c', 'https://shop.example/A?b#c'],
    ['http://shop.example:80/', 'http://shop.example/'],
    ['https://shop%2Eexample/', 'https://shop.example/'],
    ['https://a.b.shop.example/', 'https://a.b.shop.example/'],
    ['https://other.example:8443/', 'https://other.example:8443/'],
    ['http://2130706433:4000/', 'http://127.0.0.1:4000/'],
    ['https://bücher.example/ü?q=ä#ß', 'https://xn--bcher-kva.example/%C3%BC?q=%C3%A4#%C3%9F'],
    ['https://shop.example//evil.example/..', 'https://shop.example//evil.example/..'],
    ['https://shop.example?next=https://evil.example/', 'https://shop.example?next=https://evil.example/'],
    ['https://shop.example/\ud800', 'https://shop.example/%EF%BF%BD'],
  ])('%s leads to %s', (url, location) => {
    expect(locationOf(url)).toBe(location);
  });

  it.each([
    ['/{click_id}?c={click_id}#{click_id}', '/abc?c=abc#abc'],
    ['/{p1}', '/%2F%2Fevil.example'],
    ['/?a={aff_id}&x={missing}', '/?a=tia&x={missing}'],
    ['/?s={source}', '/?s='],
    ['/{}{{click_id}}{P1}}{', '/{}{abc}{P1}}{'],
    ['/%7Bclick_id%7D', '/%7Bclick_id%7D'],
  ])('has the known macros of %s expanded', (rest, expected) => {
    expect(locationOf(`https://shop.example${rest}`)).toBe(`https://shop.example${expected}`);
  });

  it('is a clean header on a host that is allowed, for every parser of URLs, whatever is sent', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom(
        'https://',
        'http://',
        'shop.example',
        'evil.example',
        '@',
        ':',
        '/',
        '\\',
        '?',
        '#',
        '%40',
        '%2f',
      ),
      fc.constantFrom(
        'a.shop.example',
        '{p1}',
        '{click_id}',
        '.',
        '//',
        ':443',
        ':8443',
        '\t',
        '[::1]',
        '0x7f.1',
        '。',
      ),
    );
    const url = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      fc.array(piece, { maxLength: 6 }).map((pieces) => `https://shop.example${pieces.join('')}`),
      fc.array(piece, { maxLength: 6 }).map((pieces) => `https://${pieces.join('')}shop.example/`),
    );
    fc.assert(
      fc.property(url, (text) => {
        const location = locationOf(text);
        if (location === null) return;
        expect(location).toMatch(/^[\x21-\x7e]+$/);
        // As a naive parser reads it, and as browsers do.
        const host = /^https?:\/\/([^/?#\\@]+)(?=[/?#]|$)/.exec(location)?.[1] ?? '';
        expect(new URL(location).host).toBe(host);
        expect(host === 'shop.example' || host.endsWith('.shop.example') || HOSTS.has(host)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
