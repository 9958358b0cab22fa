import { describe, expect, it } from 'vitest';
import { checkDestinationUrl, checkPostbackUrl, parseHostPattern } from '../../../lambdas/core/url-rules.ts';

const strict = { allowLoopback: false, ownHosts: ['track.own.example', 'own.example:8443', '[2606:4700::1]'] };
const local = { allowLoopback: true, ownHosts: ['127.0.0.1:4000', 'localhost:4001'] };

/** Wrong for postbacks and destinations alike, loopback allowed or not. */
const REFUSED_EVERYWHERE: readonly (readonly [name: string, url: string])[] = [
  ['nothing', ''],
  ['no scheme', 'pub.example/p'],
  ['no slashes', 'http:pub.example/p'],
  ['three slashes', 'http:///pub.example/p'],
  ['protocol-relative', '//pub.example/p'],
  ['protocol-relative, evil', '//evil.example'],
  ['file', 'file:///etc/passwd'],
  ['gopher', 'gopher://x.example:6379/_FLUSHALL'],
  ['ftp', 'ftp://x.example/'],
  ['javascript', 'javascript:alert(1)'],
  ['data', 'data:text/html,x'],
  ['userinfo', 'https://user:pass@pub.example/'],
  ['user only', 'https://user@pub.example/'],
  ['empty userinfo', 'https://@pub.example/'],
  ['userinfo confusion', 'https://pub.example@127.0.0.1/'],
  ['port 99999', 'http://pub.example:99999/'],
  ['port is no number', 'http://pub.example:x/'],
  ['line break', 'https://shop.example/\r\nX: y'],
  ['tab in the host', 'https://shop\t.example/'],
  ['leading space', ' https://shop.example/'],
  ['space in the path', 'https://shop.example/a b'],
  ['NUL', 'https://shop.example/\0'],
  ['C1 control character', 'https://shop.example/\u0085'],
  ['backslash', 'https://shop.example\\@127.0.0.1/'],
  ['macro as the host', 'https://{p1}/'],
  ['macro in the host', 'https://{p1}.example/'],
  ['macro in the port', 'https://pub.example:{p1}/'],
  ['macro at the end of the host', 'https://pub.example{p1}'],
  ['macro in the scheme', '{p1}://pub.example/'],
  ['macro that is a scheme', 'http{p1}://pub.example/'],
  ['unknown macro', 'https://pub.example/p?x={security_token}'],
  ['macro of revenue', 'https://pub.example/p?x={revenue}'],
  ['unbalanced macro', 'https://pub.example/p?x={click_id'],
  ['closing brace alone', 'https://pub.example/p?x=click_id}'],
  ['nested macro', 'https://pub.example/p?x={{click_id}}'],
  ['too long', `https://pub.example/${'a'.repeat(2_048)}`],
  ['single label', 'http://intranet/'],
  ['single label with dot', 'http://intranet./'],
  ['empty label', 'http://a..example/'],
  ['.internal', 'http://db.internal/'],
  ['.internal with dot', 'http://db.internal./'],
  ['.local', 'http://printer.local/'],
  ['.localhost', 'http://a.localhost/'],
  ['.localhost with dot', 'http://A.LocalHost./'],
  ['unspecified', 'http://0.0.0.0/'],
  ['zero', 'http://0/'],
  ['unspecified v6', 'http://[::]/'],
  ['mapped loopback', 'http://[::ffff:127.0.0.1]/'],
  ['NAT64', 'http://[64:ff9b::a9fe:a9fe]/'],
  ['local NAT64', 'http://[64:ff9b:1::a9fe:a9fe]/'],
  ['6to4', 'http://[2002:a9fe:a9fe::1]/'],
  ['Teredo', 'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/'],
  ['unique local', 'http://[fd12:3456::1]/'],
  ['link-local v6', 'http://[fe80::1]/'],
  ['zone id', 'http://[fe80::1%25eth0]/'],
  ['zone id, unescaped', 'http://[fe80::1%eth0]/'],
  ['metadata service', 'http://169.254.169.254/latest/meta-data/iam/'],
  ['metadata service in decimal', 'http://2852039166/'],
  ['metadata service in hex', 'http://0xa9fea9fe/'],
  ['metadata service in octal', 'http://0251.0376.0251.0376/'],
  ['10/8', 'http://10.0.0.1/'],
  ['10/8, short', 'http://10.1/'],
  ['172.16/12', 'http://172.31.255.255/'],
  ['192.168/16', 'http://192.168.0.1./'],
  ['carrier-grade NAT', 'http://100.64.0.1/'],
  ['documentation', 'http://203.0.113.1/'],
  ['benchmark', 'http://198.18.0.1/'],
  ['multicast', 'http://224.0.0.1/'],
  ['class E', 'http://240.0.0.1/'],
  ['broadcast', 'http://255.255.255.255/'],
  ['five parts', 'http://1.2.3.4.5/'],
];

const LOOPBACK: readonly (readonly [name: string, url: string])[] = [
  ['loopback', 'http://127.0.0.1/'],
  ['any of 127/8', 'http://127.8.9.10/'],
  ['Lambda runtime API', 'http://127.0.0.1:9001/2018-06-01/runtime/invocation/next'],
  ['decimal', 'http://2130706433/'],
  ['hex', 'http://0x7f000001/'],
  ['octal', 'http://0177.0.0.1/'],
  ['short', 'http://127.1/'],
  ['full-width digits', 'http://\uff11\uff12\uff17.0.0.1/'],
  ['escaped', 'http://%31%32%37.0.0.1/'],
  ['v6', 'http://[::1]/'],
  ['v6, long', 'http://[0:0:0:0:0:0:0:1]:9001/'],
  ['localhost', 'http://localhost/'],
  ['localhost with a port', 'http://localhost:5000/p'],
  ['localhost with dot', 'http://LOCALHOST./'],
  ['localhost with a soft hyphen', 'http://local\u00adhost/'],
];

const FINE: readonly (readonly [name: string, url: string])[] = [
  ['plain', 'https://pub.example/p'],
  ['http', 'http://pub.example'],
  ['upper-case scheme', 'HTTPS://pub.example/'],
  ['root dot', 'https://pub.example./p'],
  ['port 8443', 'https://pub.example:8443/p'],
  ['port 8080', 'http://pub.example:8080/p'],
  ['port 80 over https', 'https://pub.example:80/p'],
  ['port 443', 'https://pub.example:443/p'],
  ['punycode', 'https://xn--bcher-kva.example/p'],
  ['IDN', 'https://b\u00fccher.example/p'],
  ['underscore', 'https://my_track.pub.example/p'],
  ['a name that begins like a private one', 'https://local.example/internal'],
  ['a name that ends like localhost', 'https://mylocalhost.example/'],
  ['public address', 'http://8.8.8.8/p'],
  ['public v6', 'http://[2606:4700:4700::1111]/p'],
  ['macros in path, query, fragment', 'https://pub.example/{campaign_id}?cid={p1}&s={source}#{click_id}'],
  ['macro right after the host', 'https://pub.example?cid={p1}'],
  ['alias of a macro', 'https://pub.example/p?a={aff_id}'],
  ['escaped braces', 'https://pub.example/p?next=https%3A%2F%2Fx.example%2F%3Fa%3D%7Bfoo%7D'],
  ['@ in the path', 'https://pub.example/@tia?x={p1}'],
];

describe.each([
  ['strict', strict],
  ['with loopback', local],
])('%s', (_, rules) => {
  it.each(REFUSED_EVERYWHERE)('refuses %s: %s', (_name, url) => {
    expect(checkPostbackUrl(url, rules)).toEqual(expect.any(String));
    expect(checkDestinationUrl(url, rules)).toEqual(expect.any(String));
  });

  it.each(FINE)('accepts %s: %s', (_name, url) => {
    expect(checkPostbackUrl(url, rules)).toBeNull();
    expect(checkDestinationUrl(url, rules)).toBeNull();
  });
});

it('counts a URL’s length as it is sent, percent-encoded', () => {
  const url = (letters: number) => `https://shop.example/${'あ'.repeat(letters)}`;
  expect([checkDestinationUrl(url(225), strict), checkPostbackUrl(url(225), strict)]).toEqual([null, null]);
  expect(checkDestinationUrl(url(226), strict)).toMatch(/2048/);
  expect(checkPostbackUrl(url(226), strict)).toMatch(/2048/);
});

it.each(LOOPBACK)('accepts loopback only where it is allowed, on any port: %s', (_name, url) => {
  expect(checkPostbackUrl(url, strict)).toEqual(expect.any(String));
  expect(checkDestinationUrl(url, strict)).toEqual(expect.any(String));
  expect(checkPostbackUrl(url, local)).toBeNull();
  expect(checkDestinationUrl(url, local)).toBeNull();
});

it.each([22, 25, 6379, 9001, 8081])('refuses port %i for a postback, not for a destination', (port) => {
  const url = `http://pub.example:${port}/`;
  expect(checkPostbackUrl(url, strict)).toMatch(/port/);
  expect(checkPostbackUrl(url, local)).toMatch(/port/);
  expect(checkDestinationUrl(url, strict)).toBeNull();
});

describe('own hosts', () => {
  it.each([
    ['the host', 'https://track.own.example/postback', strict],
    ['in capitals, with the root dot', 'https://TRACK.own.example./postback', strict],
    ['with its own port said', 'https://track.own.example:443/postback', strict],
    ['over plain http', 'http://track.own.example/postback', strict],
    ['with another port', 'https://own.example:8443/', strict],
    ['an address', 'http://[2606:4700:0::1]/', strict],
    ['on this machine', 'http://127.0.0.1:4000/postback', local],
    ['by name on this machine', 'http://localhost:4001/', local],
  ])('are refused for a postback: %s', (_name, url, rules) => {
    expect(checkPostbackUrl(url, rules)).toMatch(/this network/);
    expect(checkDestinationUrl(url, rules)).toBeNull();
  });

  it.each([
    ['a neighbour on another port', 'http://127.0.0.1:4010/postback', local],
    ['another port of the same host', 'https://own.example/', strict],
  ])('are compared with their port: %s', (_name, url, rules) => {
    expect(checkPostbackUrl(url, rules)).toBeNull();
  });
});

it.each([
  ['{ip}', '{referer}'],
  ['{timestamp}', '{pub_hash}'],
])('accepts what only a redirect knows in destinations alone: %s%s', (...macros) => {
  const url = `https://pub.example/?x=${macros.join('')}`;
  expect(checkDestinationUrl(url, strict)).toBeNull();
  expect(checkPostbackUrl(url, strict)).toMatch(/unknown macro/);
});

it.each(['{payout}', '{status}', '{conversion_id}', '{sub15}', '{coupon}'])(
  'accepts what only a conversion knows in postbacks alone: %s',
  (macro) => {
    const url = `https://pub.example/?x=${macro}`;
    expect(checkPostbackUrl(url, strict)).toBeNull();
    expect(checkDestinationUrl(url, strict)).toMatch(/unknown macro/);
  },
);

describe('a host of deep links', () => {
  it.each([
    ['nothing', ''],
    ['an asterisk alone', '*'],
    ['an asterisk and a dot', '*.'],
    ['all of a top-level domain', '*.example'],
    ['an asterisk within', 'shop.*.example'],
    ['an asterisk as part of a label', '*shop.example'],
    ['two asterisks', '*.*.shop.example'],
    ['a leading dot', '.shop.example'],
    ['a scheme', 'https://shop.example'],
    ['a path', 'shop.example/'],
    ['a query', 'shop.example?'],
    ['a fragment', 'shop.example#'],
    ['a user', 'me@shop.example'],
    ['a macro', '{p1}.example'],
    ['a space', 'shop .example'],
    ['a tab', 'shop.exam\tple'],
    ['a backslash', 'shop.example\\x'],
    ['an escape', 'shop.example%2f'],
    ['a port that is none', 'shop.example:99999'],
    ['a port that browsers leave out', 'shop.example:443'],
    ['the same with a zero in front', 'shop.example:080'],
    ['one label', 'intranet'],
    ['a private name', 'db.internal'],
    ['a private address', '10.0.0.1'],
    ['a private address in short form', '10.1'],
    ['a loopback address', '127.0.0.1:4030'],
    ['localhost', 'localhost'],
    ['subdomains of an address', '*.8.8.8.8'],
    ['more characters than a host has', `${'a.'.repeat(140)}example`],
  ])('is not %s (invariant 11)', (_, text) => {
    expect(parseHostPattern(text, strict)).toEqual({ problem: expect.any(String) as string });
  });

  it.each([
    ['shop.example', 'shop.example'],
    ['SHOP.Example.', 'shop.example'],
    ['shop.example:8443', 'shop.example:8443'],
    ['*.shop.example', '*.shop.example'],
    ['*.Shop.example:08443', '*.shop.example:8443'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['8.8.8.8', '8.8.8.8'],
    ['[2606:4700:0::1]:8443', '[2606:4700::1]:8443'],
  ])('is kept as a URL has it: %s', (text, host) => {
    expect(parseHostPattern(text, strict)).toEqual({ host });
  });

  it.each(['localhost:4030', '127.0.0.1', '[::1]:4030'])('may be loopback on one machine: %s', (host) => {
    expect(parseHostPattern(host, local)).toEqual({ host });
  });

  it('is never a subdomain of loopback', () => {
    expect(parseHostPattern('*.localhost', local)).toHaveProperty('problem');
    expect(parseHostPattern('*.127.0.0.1', local)).toHaveProperty('problem');
  });
});
