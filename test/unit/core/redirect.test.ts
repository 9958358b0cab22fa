import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { verifyClickId } from '../../../lambdas/core/click-id.ts';
import type { Campaign } from '../../../lambdas/core/entities.ts';
import { redirect } from '../../../lambdas/core/redirect.ts';
import type { ClickRequest, RedirectDeps } from '../../../lambdas/core/redirect.ts';
import { DESTINATION_MACROS } from '../../../lambdas/core/macros.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { aCampaign, aPublisher, someSettings } from '../../support/entities.ts';
import { FakeCatalogReader } from '../../support/fakes/catalog-reader.ts';

const NOW = Date.UTC(2026, 10, 22, 23, 4, 5, 678);
const RING = [{ key: createSecretKey(new Uint8Array(32).fill(1)), createdAt: 0 }];

let catalog: FakeCatalogReader;
let deps: RedirectDeps;

beforeEach(() => {
  catalog = new FakeCatalogReader();
  catalog.ring = RING;
  catalog.campaigns.set('summer', aCampaign());
  catalog.publishers.set('tia', aPublisher());
  deps = {
    catalog,
    now: () => NOW,
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
      userAgent: 'Mozilla/5.0',
      referer: '',
      acceptLanguage: '',
      cookies: [],
      sourceIp: '203.0.113.77',
      https: true,
      ...request,
    },
    deps,
  );

/** Where a visit goes with this destination. */
async function locationOf(destinationUrl: string, request: Partial<ClickRequest> = {}): Promise<string> {
  catalog.campaigns.set('summer', aCampaign({ destinationUrl }));
  const outcome = await visit(request);
  if (outcome.kind !== 'redirect') throw new Error(`no redirect: ${outcome.kind}`);
  return outcome.location;
}

describe('a visit that leads nowhere', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'get', ''])('is not allowed with %s', async (method) => {
    expect(await visit({ method })).toEqual({ kind: 'methodNotAllowed' });
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
    expect(outcome).toEqual({ kind: 'notFound', code: 'MALFORMED_REQUEST', click: null });
  });

  it('is malformed, not an error, while storage is down', async () => {
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
    expect(await visit(request)).toEqual({ kind: 'notFound', code, click: null });
  });

  it.each([
    ['CAMPAIGN_PAUSED', 'paused', 'active'],
    ['CAMPAIGN_PAUSED', 'archived', 'active'],
    ['CAMPAIGN_PAUSED', 'paused', 'paused'],
    ['PUBLISHER_BLOCKED', 'active', 'paused'],
    ['PUBLISHER_BLOCKED', 'active', 'archived'],
  ] as const)('is %s with a %s campaign and an %s publisher, and is recorded', async (code, campaign, publisher) => {
    catalog.campaigns.set('summer', aCampaign({ status: campaign }));
    catalog.publishers.set('tia', aPublisher({ status: publisher }));
    expect(await visit()).toMatchObject({ kind: 'notFound', code, click: { code, payable: false } });
    expect(await visit({ method: 'HEAD' })).toEqual({ kind: 'notFound', code, click: null });
  });

  it.each([
    ['the campaign’s fallback first', 'https://c.example/', 'https://n.example/', 'https://c.example/'],
    ['the network’s then', null, 'https://n.example/', 'https://n.example/'],
  ])('goes to %s', async (_, campaignFallback, networkFallback, location) => {
    catalog.campaigns.set('summer', aCampaign({ status: 'paused', fallbackUrl: campaignFallback }));
    catalog.stored = someSettings({ fallbackUrl: networkFallback });
    expect(await visit()).toMatchObject({ kind: 'redirect', code: 'CAMPAIGN_PAUSED', location, cookie: null });
  });

  it('goes to the network’s fallback where the campaign is unknown or the request malformed', async () => {
    catalog.stored = someSettings({ fallbackUrl: 'https://n.example/ü' });
    for (const campaignId of ['nope', '%zz']) {
      expect(await visit({ campaignId })).toMatchObject({ kind: 'redirect', location: 'https://n.example/%C3%BC' });
    }
  });
});

describe('a visit', () => {
  it('goes to the destination and leaves a click and a cookie', async () => {
    const outcome = await visit({ query: 'p1=abc', acceptLanguage: 'de-AT,en;q=0.5', userAgent: 'U'.repeat(7_900) });
    if (outcome.kind !== 'redirect' || outcome.click === null) throw new Error('no click');
    const { click } = outcome;
    expect(verifyClickId(click.id, RING)).toEqual({ id: click.id, time: NOW });
    expect(outcome).toMatchObject({ code: 'OK', location: `https://shop.example/landing?cid=${click.id}` });
    expect(outcome.cookie).toBe(`fb_abc=summer=${click.id}; Max-Age=15552000; Path=/; HttpOnly; SameSite=None; Secure`);
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
      country: null,
      device: null,
      os: null,
      browser: null,
      language: 'de',
      ip: '203.0.113.0',
      userAgent: 'U'.repeat(256),
    });
  });

  it.each([
    ['in the query', { campaignId: undefined, publisherId: undefined, query: 'campaign_id=summer&pub_id=tia' }],
    ['in the path, over the query', { query: 'campaign_id=nope&pub_id=nope' }],
    ['in the path, with escapes', { campaignId: 's%75mmer', publisherId: '%74ia' }],
  ])('finds its ids %s', async (_, request) => {
    expect(await visit(request)).toMatchObject({ code: 'OK', click: { campaignId: 'summer', publisherId: 'tia' } });
  });

  it('with HEAD goes the same way and leaves neither click nor cookie', async () => {
    const outcome = await visit({ method: 'HEAD' });
    expect(outcome).toMatchObject({ kind: 'redirect', code: 'PREFETCH', click: null, cookie: null });
    expect(outcome).toHaveProperty('location', expect.stringMatching(/^https:\/\/shop\.example\/landing\?cid=.{32}$/));
  });

  it('without user agent and address is a click without them', async () => {
    expect(await visit({ userAgent: '', sourceIp: '' })).toMatchObject({ click: { userAgent: null, ip: null } });
  });

  it('is remembered as long as the network keeps clicks', async () => {
    catalog.stored = someSettings({ clickRetentionDays: 7 });
    expect(await visit()).toMatchObject({ click: { expiresAt: Math.floor(NOW / 1_000) + 7 * 86_400 } });
  });
});

describe('the destination', () => {
  it.each([
    ['{campaign_id}-{campaign_name}-{pub_id}-{advertiser_id}', 'summer-Summer%20sale-tia-xyz'],
    ['{publisher_id}-{aff_id}-{camp_id}-{campaign_title}-{adv_id}', 'tia-tia-summer-Summer%20sale-xyz'],
    ['{p1}-{p2}-{source}-{creative}-{creative_name}-{gaid}', 'a%26b--s-c-c-g'],
    ['{country}{device}{os}{browser}-{language}', '-de'],
    ['{ip}', '203.0.113.77'],
    ['{user_agent}-{referer}', 'Mozilla%2F5.0-https%3A%2F%2Fblog.example%2F%3Fa%3D1'],
    ['{timestamp}-{datetime}', '1795388645-2026-11-22T23%3A04%3A05.678Z'],
    ['{random}', 'gbsjbgmbgsajbgmb'.length],
  ] as const)('expands %s', async (template, expected) => {
    const location = await locationOf(`https://shop.example/?x=${template}`, {
      query: 'p1=a%26b&source=s&creative=c&google_aid=g',
      acceptLanguage: 'de',
      referer: 'https://blog.example/?a=1',
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
        const location = await locationOf(destinationUrl, { query, userAgent, referer });
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
