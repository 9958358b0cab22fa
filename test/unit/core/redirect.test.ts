import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { verifyClickId } from '../../../lambdas/core/click-id.ts';
import { mintClickId } from '../../../lambdas/core/click-id.ts';
import type { ClickRequest } from '../../../lambdas/core/click-request.ts';
import { conversionCounterKey } from '../../../lambdas/core/counters.ts';
import type { Campaign, Click } from '../../../lambdas/core/entities.ts';
import { redirect } from '../../../lambdas/core/redirect.ts';
import type { RedirectDeps } from '../../../lambdas/core/redirect.ts';
import { DESTINATION_MACROS, encodeValue } from '../../../lambdas/core/macros.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ClickClaims } from '../../../lambdas/core/ports.ts';
import { aCampaign, aCap, aPublisher, someSettings } from '../../support/entities.ts';
import { FakeCatalogReader } from '../../support/fakes/catalog-reader.ts';
import { FakeClickRecorder } from '../../support/fakes/click-recorder.ts';
import { FakeConversionCounts } from '../../support/fakes/conversion-counts.ts';

const NOW = Date.UTC(2026, 10, 22, 23, 4, 5, 678);
const RING = [{ key: createSecretKey(new Uint8Array(32).fill(1)), createdAt: 0 }];

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';

let now: number;
let catalog: FakeCatalogReader;
let conversionCounts: FakeConversionCounts;
let recorder: FakeClickRecorder;
let deps: RedirectDeps;

beforeEach(() => {
  now = NOW;
  conversionCounts = new FakeConversionCounts();
  recorder = new FakeClickRecorder();
  catalog = new FakeCatalogReader();
  catalog.ring = RING;
  catalog.campaigns.set('summer', aCampaign());
  catalog.publishers.set('tia', aPublisher());
  deps = {
    catalog,
    conversionCounts,
    recorder,
    locate: (_, sourceIp) => ({ address: sourceIp, country: 'AT' }),
    now: () => now,
    random: (length) => new Uint8Array(length).fill(9),
    network: 'abc',
    cacheMilliseconds: 30_000,
  };
});

const visit = (request: Partial<ClickRequest> = {}) =>
  redirect(
    {
      method: 'GET',
      campaignId: 'summer',
      publisherId: 'tia',
      query: '',
      headers: { 'user-agent': CHROME },
      cookies: [],
      sourceIp: '203.0.113.77',
      https: true,
      ...request,
    },
    deps,
  );

/** The one click that was recorded. */
function recordedClick(): Click {
  const [only, ...more] = recorder.recorded;
  if (only === undefined || more.length > 0) throw new Error(`${recorder.recorded.length} clicks`);
  return only.click;
}

/** Where a visit goes with this destination. */
async function locationOf(destinationUrl: string, request: Partial<ClickRequest> = {}): Promise<string> {
  catalog.campaigns.set('summer', aCampaign({ destinationUrl }));
  const outcome = await visit(request);
  if (outcome.kind !== 'redirect') throw new Error(`no redirect: ${outcome.kind}`);
  return outcome.location;
}

describe('a visit that leads nowhere', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'get', ''])('is not allowed with %s', async (method) => {
    expect(await visit({ method })).toEqual({ kind: 'methodNotAllowed', code: 'METHOD_NOT_ALLOWED', recorded: false });
    expect(catalog.reads).toEqual([]);
  });

  it.each([
    ['no campaign', undefined, 'tia', 'pub_id=x'],
    ['no publisher', undefined, undefined, 'campaign_id=summer'],
    ['an empty publisher', undefined, undefined, 'campaign_id=summer&pub_id='],
    ['an id that is empty the first time', undefined, undefined, 'campaign_id=summer&pub_id=&pub_id=tia'],
    ['a slash in an id', 'summer%2Ftia', 'tia', ''],
    ['a look-alike id', '%D0%B0dmin', 'tia', ''],
    ['a broken escape in an id', '%zz', 'tia', ''],
    ['an id that is too long', 's'.repeat(65), 'tia', ''],
  ])('is malformed with %s', async (_, campaignId, publisherId, query) => {
    const outcome = await visit({ campaignId, publisherId, query });
    expect(outcome).toEqual({ kind: 'notFound', code: 'MALFORMED_REQUEST', recorded: false });
  });

  it('is malformed, not an error, while storage is down (invariant 1)', async () => {
    catalog.down = true;
    expect(await visit({ campaignId: '%zz' })).toMatchObject({ kind: 'notFound', code: 'MALFORMED_REQUEST' });
  });

  it('is an error while storage is down: nobody knows whether the link exists', async () => {
    catalog.down = true;
    await expect(visit()).rejects.toThrow(StorageUnavailable);
  });

  it('is an error before there is a MAC key', async () => {
    catalog.ring = [];
    await expect(visit()).rejects.toThrow(StorageUnavailable);
  });

  it.each([
    ['CAMPAIGN_NOT_FOUND', { campaignId: 'nope' }],
    ['CAMPAIGN_NOT_FOUND', { campaignId: 'nope', publisherId: 'nope' }],
    ['PUBLISHER_NOT_FOUND', { publisherId: 'nope' }],
    ['CAMPAIGN_NOT_FOUND', { campaignId: '__proto__' }],
  ] as const)('is %s and leaves nothing behind: %j', async (code, request) => {
    expect(await visit(request)).toEqual({ kind: 'notFound', code, recorded: false });
    expect(recorder.recorded).toEqual([]);
  });

  it('is recorded with its code if the link exists, without claims and cookie', async () => {
    const clickPayout = { model: 'fixed', amount: '0.05' } as const;
    catalog.campaigns.set('summer', aCampaign({ status: 'paused', clickPayout, duplicateClickWindowSeconds: 60 }));
    expect(await visit()).toEqual({ kind: 'notFound', code: 'CAMPAIGN_PAUSED', recorded: true });
    expect(recorder.recorded).toMatchObject([
      { click: { code: 'CAMPAIGN_PAUSED', payable: false, payout: null }, claims: null },
    ]);
  });

  it('with HEAD goes the same way and leaves nothing', async () => {
    catalog.campaigns.set('summer', aCampaign({ status: 'paused' }));
    expect(await visit({ method: 'HEAD' })).toEqual({ kind: 'notFound', code: 'CAMPAIGN_PAUSED', recorded: false });
    expect(recorder.recorded).toEqual([]);
  });
});

describe('the fallback', () => {
  const paused = (fallbackUrl: string | null) => aCampaign({ status: 'paused', fallbackUrl });

  it.each([
    ['the campaign’s first', 'https://c.example/', 'https://n.example/', 'https://c.example/'],
    ['the network’s then', null, 'https://n.example/', 'https://n.example/'],
  ])('is %s', async (_, campaignFallback, networkFallback, location) => {
    catalog.campaigns.set('summer', paused(campaignFallback));
    catalog.stored = someSettings({ fallbackUrl: networkFallback });
    expect(await visit()).toMatchObject({ kind: 'redirect', code: 'CAMPAIGN_PAUSED', location, cookie: null });
  });

  it('is expanded as a destination, with the click that was refused', async () => {
    catalog.campaigns.set('summer', paused('https://c.example/{pub_id}?c={click_id}&p={p1}&n={campaign_name}'));
    const outcome = await visit({ query: 'p1=a b' });
    const { id } = recordedClick();
    expect(outcome).toHaveProperty('location', `https://c.example/tia?c=${id}&p=a%20b&n=Summer%20sale`);
  });

  it('of the network is expanded with what the request says where there is no click', async () => {
    catalog.stored = someSettings({
      fallbackUrl: 'https://n.example/ü/{campaign_id}/{pub_id}?c={click_id}&s={source}&ip={ip}&co={country}&a={adv_id}',
    });
    expect(await visit({ campaignId: 'nope', query: 'source=s' })).toHaveProperty(
      'location',
      'https://n.example/%C3%BC/nope/tia?c=&s=s&ip=203.0.113.77&co=AT&a=',
    );
    expect(await visit({ campaignId: '%zz' })).toHaveProperty(
      'location',
      'https://n.example/%C3%BC//tia?c=&s=&ip=203.0.113.77&co=AT&a=',
    );
  });

  it('of the campaign is where visitors of an unknown publisher go', async () => {
    catalog.campaigns.set('summer', aCampaign({ fallbackUrl: 'https://c.example/?a={adv_id}' }));
    const outcome = await visit({ publisherId: 'nope' });
    expect(outcome).toMatchObject({ code: 'PUBLISHER_NOT_FOUND', location: 'https://c.example/?a=xyz' });
  });

  it('is where a click goes that a click cap refused, without a cookie', async () => {
    catalog.campaigns.set('summer', aCampaign({ fallbackUrl: 'https://c.example/' }));
    recorder.verdict = (click) => ({ click: { ...click, code: 'CAP_REACHED', payable: false }, countedAt: null });
    const outcome = await visit();
    expect(outcome).toEqual({
      kind: 'redirect',
      code: 'CAP_REACHED',
      location: 'https://c.example/',
      cookie: null,
      recorded: true,
    });
  });

  it('is where visitors go once a conversion cap is seen to be full', async () => {
    catalog.campaigns.set(
      'summer',
      aCampaign({ caps: [aCap({ metric: 'conversions', period: 'total', limit: '3' })] }),
    );
    conversionCounts.save(conversionCounterKey('summer', null, null), new Map([['nt', 2n]]));
    expect(await visit()).toMatchObject({ code: 'OK' });
    conversionCounts.save(conversionCounterKey('summer', null, null), new Map([['nt', 3n]]));
    expect(await visit()).toMatchObject({ kind: 'notFound', code: 'CAP_REACHED' });
  });

  it.each([
    ['there are none', []],
    ['they count clicks', [aCap({ metric: 'clicks' })]],
    ['they are another publisher’s', [aCap({ metric: 'conversions', scope: 'publisher', publisherId: 'mia' })]],
    ['they are another goal’s', [aCap({ metric: 'payout', goal: 'lead' })]],
  ])('asks for no conversion caps where %s', async (_, caps) => {
    catalog.campaigns.set('summer', aCampaign({ caps }));
    await visit();
    expect(conversionCounts.reads).toBe(0);
  });
});

describe('a visit', () => {
  it('goes to the destination and leaves a click and a cookie', async () => {
    const outcome = await visit({
      query: 'p1=abc',
      headers: { 'accept-language': 'de-AT,en;q=0.5', 'user-agent': `${CHROME}${'U'.repeat(7_800)}` },
    });
    const click = recordedClick();
    expect(verifyClickId(click.id, RING)).toEqual({ id: click.id, time: NOW });
    expect(outcome).toEqual({
      kind: 'redirect',
      code: 'OK',
      location: `https://shop.example/landing?cid=${click.id}`,
      cookie: `fb_abc=summer=${click.id}; Max-Age=15552000; Path=/; HttpOnly; SameSite=None; Secure`,
      recorded: true,
    });
    expect(click).toEqual({
      id: click.id,
      campaignId: 'summer',
      publisherId: 'tia',
      advertiserId: 'xyz',
      code: 'OK',
      payable: true,
      createdAt: NOW,
      expiresAt: Math.floor(NOW / 1_000) + 180 * 86_400,
      values: { p1: 'abc' },
      country: 'AT',
      device: 'desktop',
      os: 'windows',
      browser: 'chrome',
      language: 'de',
      ip: '203.0.113.0',
      userAgent: `${CHROME}${'U'.repeat(256 - CHROME.length)}`,
      payout: null,
    });
  });

  it.each([
    ['in the query', { campaignId: undefined, publisherId: undefined, query: 'campaign_id=summer&pub_id=tia' }],
    ['in the path, over the query', { query: 'campaign_id=nope&pub_id=nope' }],
    ['in the path, with escapes', { campaignId: 's%75mmer', publisherId: '%74ia' }],
  ])('finds its ids %s', async (_, request) => {
    expect(await visit(request)).toMatchObject({ code: 'OK' });
    expect(recordedClick()).toMatchObject({ campaignId: 'summer', publisherId: 'tia' });
  });

  it('with HEAD goes the same way and leaves neither click nor cookie', async () => {
    const outcome = await visit({ method: 'HEAD' });
    expect(outcome).toMatchObject({ kind: 'redirect', code: 'PREFETCH', cookie: null, recorded: false });
    expect(outcome).toHaveProperty('location', expect.stringMatching(/^https:\/\/shop\.example\/landing\?cid=.{32}$/));
    expect(recorder.recorded).toEqual([]);
  });

  it.each([
    ['PREFETCH', { 'sec-purpose': 'prefetch;prerender', 'user-agent': CHROME }],
    ['BOT', { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' }],
    ['BOT', {}],
    ['BOT', { 'user-agent': CHROME, 'sec-fetch-dest': 'iframe' }],
  ] as const)('of which nobody is the visitor is %s and goes to the destination: %j', async (code, headers) => {
    expect(await visit({ headers })).toMatchObject({ kind: 'redirect', code, recorded: true });
    expect(recordedClick()).toMatchObject({ code, payable: false });
  });

  it('without user agent and address is a click without them', async () => {
    await visit({ headers: {}, sourceIp: '' });
    expect(recordedClick()).toMatchObject({ userAgent: null, ip: null, device: null, os: null, browser: null });
  });

  it('is remembered as long as the network keeps clicks', async () => {
    catalog.stored = someSettings({ clickRetentionDays: 7 });
    await visit();
    expect(recordedClick().expiresAt).toBe(Math.floor(NOW / 1_000) + 7 * 86_400);
  });

  it('is worth the campaign’s click payout, in micro-units, if it counts (invariant 5)', async () => {
    catalog.campaigns.set('summer', aCampaign({ clickPayout: { model: 'fixed', amount: '0.015' }, currency: 'EUR' }));
    await visit();
    await visit({ headers: {} });
    expect(recorder.recorded.map(({ click }) => [click.code, click.payout])).toEqual([
      ['OK', { amount: 15_000n, currency: 'EUR' }],
      ['BOT', null],
    ]);
  });
});

describe('what a click claims', () => {
  const claimsOf = async (campaign: Partial<Campaign>, request: Partial<ClickRequest> = {}): Promise<ClickClaims> => {
    catalog.campaigns.set('summer', aCampaign(campaign));
    await visit(request);
    const claims = recorder.recorded.at(-1)?.claims;
    if (!claims) throw new Error('no claims');
    return claims;
  };
  const WINDOW = { duplicateClickWindowSeconds: 3_600 };

  it.each([
    ['neither window nor click caps', {}],
    ['caps of another publisher only', { caps: [aCap({ metric: 'clicks', scope: 'publisher', publisherId: 'mia' })] }],
    ['caps of conversions only', { caps: [aCap({ metric: 'conversions' })] }],
  ] as const)('is nothing with %s: storage is asked once', async (_, campaign) => {
    catalog.campaigns.set('summer', aCampaign(campaign));
    await visit();
    expect(recorder.recorded).toMatchObject([{ claims: null }]);
  });

  it('is nothing where it does not count', async () => {
    catalog.campaigns.set('summer', aCampaign({ ...WINDOW, caps: [aCap({ metric: 'clicks' })] }));
    await visit({ headers: {} });
    expect(recorder.recorded).toMatchObject([{ click: { code: 'BOT' }, claims: null }]);
  });

  it('are the slots of the campaign’s click caps', async () => {
    const { visit: visitClaim, slots } = await claimsOf({
      caps: [aCap({ metric: 'clicks', period: 'total', limit: '5' })],
    });
    expect(visitClaim).toBeNull();
    expect(slots).toEqual([
      { key: { pk: 'clicks#summer', sk: '*' }, adds: [{ attribute: 'nt', amount: 1n, limit: 5n }] },
    ]);
  });

  it('is a visit that has nothing of the visitor in it (invariant 12)', async () => {
    const { visit: claim, slots } = await claimsOf(WINDOW);
    expect(slots).toEqual([]);
    expect(claim).toEqual({
      key: expect.stringMatching(/^[a-z2-7]{16}$/) as string,
      keyBefore: null,
      windowSeconds: 3_600,
    });
  });

  it('is the same visit for the same visitor, whatever the publisher', async () => {
    catalog.publishers.set('mia', aPublisher({ id: 'mia' }));
    const keyOf = async (request: Partial<ClickRequest>) => (await claimsOf(WINDOW, request)).visit?.key;
    const key = await keyOf({});
    expect(await keyOf({ publisherId: 'mia', query: 'p1=x' })).toBe(key);
    expect(await keyOf({ sourceIp: '203.0.113.78' })).not.toBe(key);
    expect(await keyOf({ headers: { 'user-agent': CHROME.replace('141', '142') } })).not.toBe(key);
    now += 86_400_000;
    expect(await keyOf({})).not.toBe(key);
  });

  it.each([
    ['just reaches over', 3_600, Date.UTC(2026, 10, 23, 0, 59, 59, 998), true],
    ['begins at', 3_600, Date.UTC(2026, 10, 23, 0, 59, 59, 999), false],
    ['is a day long and just reaches over', 86_400, Date.UTC(2026, 10, 23, 23, 59, 59, 998), true],
  ])('looks at yesterday’s visits where the window %s midnight UTC', async (_, seconds, at, reaches) => {
    now = Date.UTC(2026, 10, 22, 12);
    const yesterday = await claimsOf({ duplicateClickWindowSeconds: seconds });
    now = at;
    const today = await claimsOf({ duplicateClickWindowSeconds: seconds });
    expect(today.visit?.keyBefore).toBe(reaches ? yesterday.visit?.key : null);
    expect(today.visit?.key).not.toBe(yesterday.visit?.key);
  });
});

describe('the visitor’s cookie', () => {
  const WINDOW = 3_600;
  const clickAt = (time: number) => mintClickId(time, (length) => new Uint8Array(length).fill(7), RING[0] ?? never());
  const never = (): never => {
    throw new Error('never');
  };
  const secondsOf = (time: number) => Math.floor(time / 1_000).toString(36);
  const mark = (outcome: Awaited<ReturnType<typeof visit>>) =>
    outcome.kind === 'redirect' ? /^fb_abc=summer=([^;&]*)/.exec(outcome.cookie ?? '')?.[1] : undefined;

  beforeEach(() => {
    catalog.campaigns.set('summer', aCampaign({ duplicateClickWindowSeconds: WINDOW }));
  });

  it.each([
    ['was made by another network', 'a'.repeat(32)],
    ['is out of the window', clickAt(NOW - WINDOW * 1_000)],
    ['did not count, nor any before', `${clickAt(NOW - 1_000)}.0`],
    [
      'did not count, and the one that did is out of the window',
      `${clickAt(NOW - 1_000)}.${secondsOf(NOW - WINDOW * 1_000)}`,
    ],
    ['is cut', clickAt(NOW - 1_000).slice(1)],
  ])('leaves it to the visit’s marker where its click %s', async (_, value) => {
    expect(await visit({ cookies: [`fb_abc=summer=${value}`] })).toMatchObject({ code: 'OK' });
    expect(recorder.recorded).toMatchObject([{ claims: { visit: { windowSeconds: WINDOW } } }]);
  });

  it.each([
    ['its click counted within the window', clickAt(NOW - WINDOW * 1_000 + 1), NOW - WINDOW * 1_000 + 1],
    ['an older one did', `${clickAt(NOW - 1_000)}.${secondsOf(NOW - 9_000)}`, NOW - 9_000],
    ['it claims one after its own click', `${clickAt(NOW - 1_000)}.zzzzzzz`, NOW - 1_000],
  ])('makes a click a duplicate, without asking storage, where %s', async (_, value, countedAt) => {
    const outcome = await visit({ cookies: [`fb_abc=summer=${value}`] });
    const { id } = recordedClick();
    expect(outcome).toMatchObject({ kind: 'redirect', code: 'DUPLICATE_CLICK' });
    expect(recorder.recorded).toMatchObject([{ click: { payable: false }, claims: null }]);
    expect(mark(outcome)).toBe(`${id}.${secondsOf(countedAt)}`);
  });

  it('is not asked about another campaign’s click', async () => {
    expect(await visit({ cookies: [`fb_abc=winter=${clickAt(NOW - 1_000)}`] })).toMatchObject({ code: 'OK' });
  });

  it('remembers the click that counted when the marker says that this one does not', async () => {
    recorder.verdict = (click) => ({ click: { ...click, code: 'DUPLICATE_CLICK' }, countedAt: NOW - 5_000 });
    expect(mark(await visit())).toBe(`${recordedClick().id}.${secondsOf(NOW - 5_000)}`);
  });

  it('does not let the window slide', async () => {
    const first = await visit();
    let cookie = first.kind === 'redirect' ? (first.cookie ?? '') : '';
    const codes: string[] = [];
    for (let i = 0; i < 4; i++) {
      now += (WINDOW * 1_000) / 3;
      const outcome = await visit({ cookies: [cookie.split(';', 1)[0] ?? ''] });
      codes.push(outcome.code);
      cookie = outcome.kind === 'redirect' ? (outcome.cookie ?? '') : '';
    }
    expect(codes).toEqual(['DUPLICATE_CLICK', 'DUPLICATE_CLICK', 'OK', 'DUPLICATE_CLICK']);
  });

  it.each([
    ['no click before', '', '0'],
    ['a click before that counted', `&summer=${clickAt(NOW - 9_000)}`, secondsOf(NOW - 9_000)],
  ])('of a page that is fetched ahead does not make the tap after it a duplicate: %s', async (_, before, counted) => {
    const headers = { 'user-agent': CHROME, purpose: 'prefetch' };
    const outcome = await visit({ headers, cookies: [`fb_abc=winter=${'a'.repeat(32)}${before}`] });
    expect(outcome).toMatchObject({ code: 'PREFETCH' });
    expect(mark(outcome)).toBe(`${recordedClick().id}.${counted}`);
  });

  it('needs no such time in a campaign without a window', async () => {
    catalog.campaigns.set('summer', aCampaign());
    expect(mark(await visit({ headers: {} }))).toBe(recordedClick().id);
  });
});

describe('a deep link', () => {
  const deepLink = async (url: string, deepLinkHosts: readonly string[]) => {
    catalog.campaigns.set('summer', aCampaign({ destinationUrl: 'https://shop.example/', deepLinkHosts }));
    const outcome = await visit({ query: `p1=a&url=${encodeURIComponent(url)}` });
    return outcome.kind === 'redirect' ? outcome.location : null;
  };

  it('leads elsewhere only where the campaign says so (invariant 11)', async () => {
    expect(await deepLink('https://evil.example/', ['shop.example'])).toBe('https://shop.example/');
    expect(await deepLink('https://shop.example/a', [])).toBe('https://shop.example/');
  });

  it('is expanded as a destination, and what is no macro stays text', async () => {
    const location = await deepLink('https://shop.example/{p1}?c={click_id}&x={their_own}#{p1}', ['shop.example']);
    expect(location).toBe(`https://shop.example/a?c=${recordedClick().id}&x={their_own}#a`);
  });
});

describe('the destination', () => {
  it.each([
    ['{campaign_id}-{campaign_name}-{pub_id}-{advertiser_id}', 'summer-Summer%20sale-tia-xyz'],
    ['{publisher_id}-{aff_id}-{camp_id}-{campaign_title}-{adv_id}', 'tia-tia-summer-Summer%20sale-xyz'],
    ['{p1}-{p2}-{source}-{creative}-{creative_name}-{gaid}', 'a%26b--s-c-c-g'],
    ['{country}-{device}-{os}-{browser}-{language}', 'AT-desktop-windows-chrome-de'],
    ['{ip}', '203.0.113.77'],
    ['{user_agent}-{referer}', `${encodeValue(CHROME)}-https%3A%2F%2Fblog.example%2F%3Fa%3D1`],
    ['{timestamp}-{datetime}', '1795388645-2026-11-22T23%3A04%3A05.678Z'],
    ['{random}', 'gbsjbgmbgsajbgmb'.length],
  ] as const)('expands %s', async (template, expected) => {
    const location = await locationOf(`https://shop.example/?x=${template}`, {
      query: 'p1=a%26b&source=s&creative=c&google_aid=g',
      headers: { 'user-agent': CHROME, 'accept-language': 'de', referer: 'https://blog.example/?a=1' },
    });
    const value = location.slice('https://shop.example/?x='.length);
    if (typeof expected === 'number') expect(value).toMatch(/^[a-z2-7]{16}$/);
    else expect(value).toBe(expected);
  });

  it('knows every macro that may be saved', async () => {
    const all = [...DESTINATION_MACROS].map((macro) => `{${macro}}`).join('');
    expect(await locationOf(`https://shop.example/?x=${all}`)).not.toContain('{');
  });

  it('hides publisher and source behind keyed hashes that stay the same', async () => {
    const template = 'https://shop.example/{pub_hash}/{source_hash}';
    const hash = /^https:\/\/shop\.example\/([a-z2-7]{16})\/([a-z2-7]{16})$/;
    const one = hash.exec(await locationOf(template, { query: 'source=s' }));
    const again = hash.exec(await locationOf(template, { query: 'source=s' }));
    catalog.publishers.set('mia', aPublisher({ id: 'mia' }));
    const other = hash.exec(await locationOf(template, { query: 'source=s', publisherId: 'mia' }));
    expect(one?.slice(1)).toEqual(again?.slice(1));
    expect(one?.[1]).not.toBe(other?.[1]);
    expect(one?.[2]).not.toBe(other?.[2]);
    expect(await locationOf(template)).toBe(`https://shop.example/${one?.[1] ?? ''}/`);
  });

  it.each([
    ['https://shop.example', 'https://shop.example'],
    ['https://SHOP.example:443/a', 'https://shop.example/a'],
    ['http://127.0.0.1:4010/click?a={p1}', 'http://127.0.0.1:4010/click?a='],
    ['https://bücher.example/ü?q=ä b#ß', 'https://xn--bcher-kva.example/%C3%BC?q=%C3%A4%20b#%C3%9F'],
    ['https://shop.example/?cb=%7Bclick_id%7D', 'https://shop.example/?cb=%7Bclick_id%7D'],
  ])('%s is sent as %s', async (destinationUrl, location) => {
    expect(await locationOf(destinationUrl)).toBe(location);
  });

  it.each(['https://{p1}.example/', 'https://shop.example{p1}', 'https://shop.example:{p1}/', '{p1}://shop.example/'])(
    'never has a macro in its authority: %s',
    async (destinationUrl) => {
      await expect(locationOf(destinationUrl, { query: 'p1=evil' })).rejects.toThrow();
    },
  );

  it.each(['url', 'redirect', 'next', 'u', 'r', 'deeplink'])('does not come from the parameter %s', async (name) => {
    const location = await locationOf('https://shop.example/', { query: `${name}=https%3A%2F%2Fevil.example%2F` });
    expect(location).toBe('https://shop.example/');
  });

  it('is a clean header on the campaign’s host whatever is sent', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\r\nSet-Cookie: a=1', '//evil.example', '@evil.example', '{payout}', '../../', '\u560a\u560d'),
    );
    const destinationUrl = 'https://shop.example/{p1}/a?b={p1}&ua={user_agent}&r={referer}&s={source}#{p1}';
    await fc.assert(
      fc.asyncProperty(text, text, text, async (p1, userAgent, referer) => {
        const query = `p1=${encodeURIComponent(p1.toWellFormed())}&source=${p1.toWellFormed()}`;
        const location = await locationOf(destinationUrl, { query, headers: { 'user-agent': userAgent, referer } });
        expect(location).toMatch(/^[\x21-\x7e]+$/);
        expect(new URL(location).host).toBe('shop.example');
        expect([...new URL(location).searchParams.keys()]).toEqual(['b', 'ua', 'r', 's']);
      }),
    );
  });

  it('leaves long values out where it would be too long for a header, and keeps the click id', async () => {
    const template = `https://shop.example/?c={click_id}&x=${'{p1}'.repeat(30)}&y={p2}`;
    const location = await locationOf(template, { query: `p1=${'%20'.repeat(512)}&p2=ok` });
    expect(location).toMatch(/^https:\/\/shop\.example\/\?c=[a-z2-7]{32}&x=&y=ok$/);
  });

  it('is compiled once for each campaign that the cache holds', async () => {
    let reads = 0;
    const campaign: Campaign = new Proxy(aCampaign(), {
      get(target, name, receiver): unknown {
        if (name === 'destinationUrl') reads++;
        return Reflect.get(target, name, receiver);
      },
    });
    catalog.campaigns.set('summer', campaign);
    await visit();
    await visit();
    expect(reads).toBe(1);
  });
});
