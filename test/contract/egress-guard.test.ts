import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import * as z from 'zod';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createPostbackCaller } from '../../lambdas/adapters/http/postback-caller.ts';
import { createResolve } from '../../lambdas/adapters/http/resolve.ts';
import type { Resolve } from '../../lambdas/adapters/http/resolve.ts';
import { compileTemplate, expandTemplate, POSTBACK_MACROS } from '../../lambdas/core/macros.ts';
import { checkPostbackUrl } from '../../lambdas/core/url-rules.ts';
import { startNameServer } from '../support/name-server.ts';
import type { DnsAnswer, NameServer } from '../support/name-server.ts';
import { startPublisher } from '../support/publisher.ts';
import type { Publisher } from '../support/publisher.ts';

/** What must not be reached: a service of this machine that answers whoever connects to it. */
let internal: Publisher;
let nameServer: NameServer;

beforeAll(async () => {
  nameServer = await startNameServer();
});
beforeEach(async () => {
  internal = await startPublisher();
});
afterEach(() => internal.stop());
afterAll(() => nameServer.stop());

/** Of an attacker: every name is this machine. */
const toThisMachine: Resolve = () => Promise.resolve(['127.0.0.1', '::1', '0.0.0.0', '::ffff:127.0.0.1']);

function call(url: string, { allowLoopback = false, resolve = toThisMachine } = {}) {
  const caller = createPostbackCaller({ allowLoopback, resolve, connectTimeout: 500, deadline: 1_000 });
  return caller.call({ method: 'GET', url, headers: {}, body: null });
}

/** The URL with the internal service's port, so that a guard that fails is seen to. */
function atInternalPort(url: string): string {
  if (!URL.canParse(url)) return url;
  const there = new URL(url);
  there.port = String(there.protocol === 'https:' ? internal.tlsPort : internal.port);
  return there.href;
}

const check = (url: string) => checkPostbackUrl(url, { allowLoopback: false, ownHosts: [] });

it.each(['127.0.0.1', 'localhost', '0.0.0.0', '2130706433'])('would be reached without a guard: %s', async (host) => {
  const [response] = (await once(http.get(`http://${host}:${internal.port}/`), 'response')) as [http.IncomingMessage];
  response.resume();

  expect(response.statusCode).toBe(200);
  expect(internal.connections).toBe(1);
});

describe('hostile configuration', () => {
  const fixture = readFileSync(new URL('../fixtures/hostile-inputs.json', import.meta.url), 'utf8');
  const inputs = z
    .array(
      z.object({
        name: z.string(),
        request: z.object({ path: z.string(), body: z.string().nullable() }),
        expect: z.object({ saved: z.boolean().optional() }),
      }),
    )
    .parse(JSON.parse(fixture))
    .filter(({ request }) => request.path.startsWith('/v1/postbacks'))
    .map(({ name, request, expect: { saved } }) => {
      const { url } = z.object({ url: z.string() }).parse(JSON.parse(request.body ?? ''));
      return [name, url, saved === true] as const;
    });

  it('has its cases', () => expect(inputs.length).toBeGreaterThanOrEqual(35));

  it.each(inputs)('is refused when it is saved, and when it is called all the same: %s', async (_, url, saved) => {
    expect(check(url) === null).toBe(saved);
    for (const called of [url, atInternalPort(url)]) {
      expect(await call(called)).toMatchObject({ status: null, error: 'blocked_address' });
    }
    expect(internal.connections).toBe(0);
  });
});

const LOOPBACK_V4 = [
  ...['127.1', '127.0.1', '127.0.0.1.', '127.255.255.254', '127.65535', '127.16777215', '127.000.000.001'],
  ...['2130706433', '2130706433.', '0x7f000001', '0X7F000001', '0x7f.1', '0x7f.0x0.0x0.0x1', '0x0000007f.1'],
  ...['017700000001', '0177.1', '0177.0.0.01', '00000177.0.0.1', '0177.0x0.0.1', '127.0.0.0x1'],
  ...['%31%32%37.0.0.1', '127%2e0%2e0%2e1', '%30x7f.1', '127.0.0.1%2e', '127.0.\u00ad0.1', '127.0.0.\u200b1'],
  ...[
    '１２７.0.0.1',
    '１２７．０．０．１',
    '127。0。0。1',
    '127｡0｡0｡1',
    '①②⑦.⓪.⓪.①',
    '𝟭𝟮𝟳.𝟬.𝟬.𝟭',
    '¹²⁷.⁰.⁰.¹',
    '０x７f.1',
  ],
];
const OTHER_V4 = [
  ...['0', '0.', '00', '0x0', '0.0', '0.0.0.0', '0.1.2.3', '4294967295', '0xffffffff', '037777777777', '10.1'],
  ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '169.16689662'],
  ...['0xa9.0xfe.0xa9.0xfe', '0251.254.0xa9.254', '169.254.169.254.', '169.254.170.2', '⑯⑨.②⑤④.⑯⑨.②⑤④'],
  ...['10.0.0.1', '172.16.0.1', '192.168.1', '3232235777', '100.100.100.200', '192.0.0.192', '198.19.0.1', '224.1'],
];
const V6 = [
  ...['::1', '0:0:0:0:0:0:0:1', '0000:0000:0000:0000:0000:0000:0000:0001', '::0001', '::', '0::0', '::2'],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:127.0.0.1', '::FFFF:7F00:0001', '::ffff:0.0.0.0'],
  ...['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::ffff:8.8.8.8', '::127.0.0.1', '::7f00:1', '::ffff:0:127.0.0.1'],
  ...['64:ff9b::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::169.254.169.254', '64:ff9b::8.8.8.8', '64:ff9b:1::7f00:1'],
  ...['2002:7f00:1::', '2002:7f00:0001::1', '2002:a9fe:a9fe::', '2002:808:808::1', '2001:0:7f00:1::', '2001::1'],
  ...['2001:0:a9fe:a9fe::', '2001:10::1', '2001:20::1', '2001:2::1', '2001:db8::1', '3fff::1', '5f00::1', '100::1'],
  ...['fe80::1', 'fe80::1%25lo', 'fe80::1%lo', '::1%25lo', '::1%lo', 'fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1'],
  ...['v1.fe80::a', '127.0.0.1', '::127.1', '::ffff:127.1', '[::1]', '::1]x[', ''],
];
const NAMES = [
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
    'ｌｏｃａｌｈｏｓｔ',
    'local\u00adhost',
    '%6cocalhost',
    'localhoſt',
  ],
  ...['a.localhost', 'A.LocalHost.', 'ip6-localhost', 'intranet', 'metadata.google.internal', 'db.internal.'],
  ...['printer.local', 'localhost..', '.localhost', '-1', '127.0.0.256', '1.2.3.4.5', '4294967296', '0x100000000'],
];
const URLS = [
  ...['http:127.0.0.1', 'http:/127.0.0.1', 'http:///127.0.0.1/', '//127.0.0.1/', ' http://127.0.0.1/'],
  ...[
    'http://\t127.0.0.1/',
    'http://127.0.\n0.1/',
    'http://127.0.0.1\\@pub.example/',
    'http://pub.example\\@127.0.0.1/',
  ],
  ...[
    'http://pub.example@127.0.0.1/',
    'http://pub.example:80@127.0.0.1/',
    'http://a:b@c@127.0.0.1/',
    'http://@127.0.0.1/',
  ],
  ...['http://127.0.0.1@pub.example/', 'http://pub.example%40127.0.0.1/', 'http://pub.example／@127.0.0.1/'],
  ...['ws://127.0.0.1/', 'wss://127.0.0.1/', 'ftp://127.0.0.1/', 'dict://127.0.0.1/', 'unix:/var/run/docker.sock'],
  ...['http+unix://%2Fvar%2Frun%2Fdocker.sock/', 'file:///proc/self/environ', 'data:,x', 'blob:http://127.0.0.1/x'],
];

describe('other spellings', () => {
  const hosts = [...LOOPBACK_V4, ...OTHER_V4, ...V6.map((address) => `[${address}]`), ...NAMES];
  const urls = [...hosts.flatMap((host) => [`http://${host}/`]), ...URLS];

  it('are many', () => expect(new Set(urls).size).toBeGreaterThan(150));

  it.each(urls)('are refused when they are saved, and when they are called all the same: %s', async (url) => {
    expect(check(url)).toEqual(expect.any(String));
    for (const called of [url, atInternalPort(url), atInternalPort(url.replace(/^http:/, 'https:'))]) {
      expect(await call(called)).toMatchObject({ status: null, error: 'blocked_address' });
    }
    expect(internal.connections).toBe(0);
  });
});

describe('names that resolve to this machine', () => {
  it.each([
    'pub.example',
    '127.0.0.1.pub.example',
    'pub.example#@127.0.0.1',
    'pub.example?@127.0.0.1',
    'xn--bcher-kva.example',
  ])('are refused when they are called: %s', async (host) => {
    expect(check(`http://${host}`)).toBeNull();
    expect(await call(atInternalPort(`http://${host}`))).toMatchObject({ status: null, error: 'blocked_address' });
    expect(internal.connections).toBe(0);
  });

  // Where loopback is allowed, 127.0.0.1 stands for a public address. 0.0.0.0 leads to the same service and never is.
  const byName = () => {
    const options = { allowLoopback: true, resolve: createResolve([nameServer.address]) };
    return call(`http://pub.example:${internal.port}/`, options);
  };
  const answerInTurn = (...answers: DnsAnswer[]) => {
    nameServer.answer = () => answers.shift() ?? 'noSuchName';
  };

  it('are refused as soon as they do: each call asks once, and connects to what it was told', async () => {
    answerInTurn(['127.0.0.1'], ['0.0.0.0'], ['127.0.0.1'], ['10.0.0.1', '0.0.0.0', '169.254.169.254']);
    const answers = [await byName(), await byName(), await byName(), await byName()];

    expect(answers.map(({ status, error }) => status ?? error)).toEqual([
      200,
      'blocked_address',
      200,
      'blocked_address',
    ]);
    expect(internal.connections).toBe(2);
    expect(nameServer.questions).toEqual(Array(4).fill('A pub.example'));
  });

  it('are called only where they do not: what else is in the answer is left out', async () => {
    answerInTurn(['0.0.0.0', '127.0.0.1', '169.254.169.254']);

    expect(await byName()).toMatchObject({ status: 200 });
    expect(internal.calls[0]?.headers.host).toBe(`pub.example:${internal.port}`);
    expect(internal.connections).toBe(1);
  });

  it('are not fallen back to when the address that may be called does not answer', async () => {
    const resolve: Resolve = () => Promise.resolve(['::1', '0.0.0.0', '::ffff:127.0.0.1', '::1']);
    const answer = await call(`http://pub.example:${internal.port}/`, { allowLoopback: true, resolve });

    expect(answer).toMatchObject({ status: null, error: 'connection_refused' });
    expect(internal.connections).toBe(0);
  });

  it.each([
    ['no text of an address', ['', 'x', '127.1', '0x7f000001', 'localhost', '[::1]', '::1%lo']],
    ['all of them', ['127.0.0.1', '::1', '10.0.0.1', '::ffff:127.0.0.1', '64:ff9b::7f00:1']],
  ])('are refused whatever a resolver says: %s', async (_, addresses) => {
    const resolve: Resolve = () => Promise.resolve(addresses);

    expect(await call(`http://pub.example:${internal.port}/`, { resolve })).toMatchObject({ error: 'blocked_address' });
    expect(internal.connections).toBe(0);
  });
});

it.each([301, 302, 303, 307, 308, 300, 305, 201])('an answer %i does not lead anywhere', async (status) => {
  const publisher = await startPublisher(() => ({
    status,
    headers: { Location: internal.url, Refresh: `0; url=${internal.url}`, 'Alt-Svc': `http/1.1="${internal.url}"` },
  }));

  expect(await call(publisher.url, { allowLoopback: true })).toMatchObject({ status, error: null });
  expect(publisher.connections).toBe(1);
  expect(internal.connections).toBe(0);
  await publisher.stop();
});

it.each([
  ['\r\nX-Injected: 1'],
  [' HTTP/1.1\r\nHost: evil.example\r\n\r\nGET /evil'],
  ['%0d%0aX-Injected: 1'],
  ['\u560d\u560aX-Injected: 1'],
  ['@evil.example/'],
  ['/../../evil'],
  ['\\evil.example'],
  ['#?&='],
  ['\0\ud800'],
])('a value of a macro stays a value: %j', async (value) => {
  const template = compileTemplate(`${internal.url}/in/{p1}?a={p1}&b={p1}#{p1}`, POSTBACK_MACROS);

  await call(
    expandTemplate(template, () => value),
    { allowLoopback: true },
  );

  const encoded = encodeURIComponent(value.toWellFormed());
  expect(internal.calls).toMatchObject([{ target: `/in/${encoded}?a=${encoded}&b=${encoded}` }]);
  expect(Object.keys(internal.calls[0]?.headers ?? {})).toEqual(['accept', 'accept-encoding', 'host', 'connection']);
});
