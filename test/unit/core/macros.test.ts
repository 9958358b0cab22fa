import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileTemplate,
  DESTINATION_MACROS,
  encodeValue,
  expandTemplate,
  POSTBACK_MACROS,
  TemplateError,
} from '../../../lambdas/core/macros.ts';

const expand = (template: string, values: Record<string, string>, known = DESTINATION_MACROS) =>
  expandTemplate(compileTemplate(template, known), (macro) =>
    Object.hasOwn(values, macro) ? values[macro] : undefined,
  );

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('{p2}', '{click_id}{payout}', '%7Bp2%7D', 'a&b=c', '/../', '\r\nSet-Cookie: a=1', '@evil.example'),
);

describe('a template', () => {
  it.each([
    ['an unknown macro', 'https://x.example/?a={nope}'],
    ['a macro of postbacks', 'https://x.example/?a={payout}'],
    ['the network’s revenue', 'https://x.example/?a={revenue}'],
    ['a name that objects have of their own', 'https://x.example/?a={__proto__}'],
    ['an empty macro', 'https://x.example/?a={}'],
    ['upper case', 'https://x.example/?a={P1}'],
    ['spaces in a macro', 'https://x.example/?a={ p1 }'],
    ['doubled braces', 'https://x.example/?a={{p1}}'],
    ['an open brace', 'https://x.example/?a={p1'],
    ['a closing brace', 'https://x.example/?a=p1}'],
    ['braces in the wrong order', 'https://x.example/?a=}p1{'],
  ])('is refused with %s', (_, template) => {
    expect(() => compileTemplate(template, DESTINATION_MACROS)).toThrow(TemplateError);
  });

  it.each([
    ['publisher_id', 'pub_id'],
    ['aff_id', 'pub_id'],
    ['camp_id', 'campaign_id'],
    ['campaign_title', 'campaign_name'],
    ['creative_name', 'creative'],
    ['adv_id', 'advertiser_id'],
  ])('takes {%s} for {%s}', (alias, name) => {
    expect(compileTemplate(`{${alias}}`, DESTINATION_MACROS).macros).toEqual([name]);
  });

  it('has every macro of the contract', () => {
    const names =
      'click_id campaign_id campaign_name pub_id advertiser_id p1 p10 source creative app_name gaid idfa android_id country ' +
      'device os browser language ip user_agent referer timestamp datetime random gclid fbclid ttclid msclkid gdpr ' +
      'gdpr_consent us_privacy gpp gpp_sid pub_hash source_hash';
    for (const name of names.split(' ')) expect(DESTINATION_MACROS).toContain(name);
    for (const name of ['ip', 'user_agent', 'referer', 'pub_hash', 'revenue'])
      expect(POSTBACK_MACROS).not.toContain(name);
  });
});

describe('expansion', () => {
  it.each([
    ['a missing value is nothing', 'x?a={p1}&b={p2}', { p2: 'y' }, 'x?a=&b=y'],
    [
      'encoded braces pass untouched',
      'x?u=%7Bclick_id%7D&a={p1}',
      { p1: 'y', click_id: 'no' },
      'x?u=%7Bclick_id%7D&a=y',
    ],
    ['a macro may stand anywhere and twice', '{p1}/{p1}#{p2}', { p1: 'a', p2: 'b' }, 'a/a#b'],
    ['a space is %20', '{p1}', { p1: 'a b' }, 'a%20b'],
    ['a separator stays in its value', 'x?a={p1}', { p1: 'a&payout=999' }, 'x?a=a%26payout%3D999'],
    ['an encoded value is encoded again', '{p1}', { p1: '%20' }, '%2520'],
    ['line ends are encoded', '{p1}', { p1: 'x\r\nSet-Cookie: a=1' }, 'x%0D%0ASet-Cookie%3A%20a%3D1'],
    ['half a character becomes U+FFFD', '{p1}', { p1: '\ud800' }, '%EF%BF%BD'],
    ['a macro in a value is text', 'x?a={p1}', { p1: '{p2}', p2: 'no' }, 'x?a=%7Bp2%7D'],
  ])('%s', (_, template, values, expected) => {
    expect(expand(template, values)).toBe(expected);
  });

  it('encodes every value once, and is never expanded again', () => {
    fc.assert(
      fc.property(anyText, anyText, (p1, p2) => {
        const url = expand('https://x.example/a?p1={p1}&p2={p2}#f', { p1, p2 });
        const parsed = new URL(url);
        expect(parsed.searchParams.get('p1')).toBe(p1.toWellFormed());
        expect(parsed.searchParams.get('p2')).toBe(p2.toWellFormed());
        expect([...parsed.searchParams.keys()]).toEqual(['p1', 'p2']);
        expect(parsed.hash).toBe('#f');
      }),
    );
  });

  it('never changes the host, wherever after it the macro stands', () => {
    const places = ['/{p1}', '/a/{p1}/b', '?{p1}', '?a={p1}', '#{p1}', '/{p1}{p1}'];
    fc.assert(
      fc.property(anyText, fc.constantFrom(...places), (p1, place) => {
        const url = new URL(expand(`https://shop.example:8443${place}`, { p1 }));
        expect(url.origin).toBe('https://shop.example:8443');
        expect(url.username + url.password).toBe('');
      }),
    );
  });

  it('leaves RFC 3986’s unreserved characters and nothing else', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoded = encodeValue(text);
        expect(encoded).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        expect(decodeURIComponent(encoded)).toBe(text.toWellFormed());
      }),
    );
  });
});
