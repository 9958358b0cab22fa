import type { BrowserContext, Page, Response } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startBrowser } from '../support/browser.ts';
import type { TestBrowser } from '../support/browser.ts';
import { create, createWorld, list } from '../support/deployment.ts';
import type { World } from '../support/deployment.ts';
import { startFailingNetwork } from '../support/failing-network.ts';
import type { FaultPlan } from '../support/fault-proxy.ts';
import type { FailingNetwork } from '../support/failing-network.ts';
import { startPublisher, TLS_CERTIFICATE, TLS_KEY } from '../support/publisher.ts';
import type { Publisher } from '../support/publisher.ts';
import { integrationSnippets, startShopSite } from '../support/shop-site.ts';
import type { Policy, ShopSite } from '../support/shop-site.ts';

/** A way in: which snippets of docs/integration/ a shop pastes into which page, and where these report. */
interface Way {
  readonly landing: readonly string[];
  readonly thankYou: readonly string[];
  readonly route: '/tag/convert' | '/pixel.gif' | '/pixel.html';
  /** The browser has to send the network's cookie from the shop's page. */
  readonly byCookie: boolean;
}

const tag = (landing: string[], thankYou: string[]): Way => ({
  landing,
  thankYou,
  route: '/tag/convert',
  byCookie: false,
});
const TAG = tag(['tag-landing'], ['tag-thank-you']);
const PASTED_TAG = tag(['tag-paste-in'], ['tag-paste-in']);
const MANAGED_TAG = tag(['tag-manager-landing'], ['tag-manager-landing', 'tag-manager-conversion']);
const PIXEL: Way = { landing: [], thankYou: ['pixel-click-id'], route: '/pixel.gif', byCookie: false };
const COOKIE_PIXEL: Way = { landing: [], thankYou: ['pixel-cookie'], route: '/pixel.gif', byCookie: true };
const IFRAME: Way = { landing: [], thankYou: ['pixel-iframe'], route: '/pixel.html', byCookie: true };

const TAG_TEXT = '<!-- the text of https://track.example/tag.txt -->';

let publisher: Publisher;
let site: ShopSite;
let network: FailingNetwork;
let browsers: Readonly<Record<'allowed' | 'blocked', TestBrowser>>;
let visitor: BrowserContext;
let tagText: string;
const snippets = integrationSnippets();
const cleanUps: (() => Promise<unknown>)[] = [];

const holdPolls: FaultPlan = (target) => (target.endsWith('.ReceiveMessage') ? 'reject' : 'ok');

beforeAll(async () => {
  const started = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const it = await starting;
    cleanUps.push(() => it.stop());
    return it;
  };
  [publisher, site, network] = await Promise.all([
    started(startPublisher()),
    started(startShopSite()),
    // No poll waits until the queue is set.
    started(startFailingNetwork({ tls: { cert: TLS_CERTIFICATE, key: TLS_KEY } }, holdPolls)),
  ]);
  await network.comesAgainAfter(/PixelSpool(?!.*Dead)/, 1);
  network.sqs.plan = () => 'ok';
  const hosts = {
    'track.example': Number(new URL(network.local.url).port),
    'blog.example': site.port,
    '*.shop.example': site.port,
  };
  const [allowed, blocked] = await Promise.all([
    started(startBrowser({ hosts, thirdPartyCookies: 'allowed' })),
    started(startBrowser({ hosts, thirdPartyCookies: 'blocked' })),
  ]);
  browsers = { allowed, blocked };
  const page = await (await visit()).newPage();
  tagText = (await (await page.goto('https://track.example/tag.txt'))?.text()) ?? '';
}, 60_000);
afterAll(() => Promise.all(cleanUps.map((cleanUp) => cleanUp())));
afterEach(async () => {
  network.dynamoDb.plan = () => 'ok';
  network.sqs.plan = () => 'ok';
  await visitor.close();
});

async function visit(thirdPartyCookies: 'allowed' | 'blocked' = 'blocked'): Promise<BrowserContext> {
  visitor = await browsers[thirdPartyCookies].newVisitor();
  return visitor;
}

interface Shop {
  readonly way: Way;
  readonly world: World;
  readonly order: string;
  readonly policy: Policy;
  readonly thankYouUrl: string;
}

/** A campaign whose advertiser reports in this way; its publisher hears of conversions as soon as they have a status of `fireOn`. */
async function openShop(way: Way, terms: { policy?: Policy; fireOn?: string[] } = {}): Promise<Shop> {
  const { policy = 'any', fireOn = ['approved'] } = terms;
  const destinationUrl = 'https://www.shop.example/{campaign_id}?click_id={click_id}';
  const world = await createWorld(network.local, { destinationUrl });
  const { campaign, publisher: publisher_id } = world;
  const url = `${publisher.url}/${campaign}?p1={p1}&txn_id={txn_id}&status={status}&payout={payout}`;
  await create(network.local, 'postbacks', { publisher_id, url, fire_on: fireOn });

  const shop: Shop = {
    ...{ way, world, policy },
    order: `order-${campaign}`,
    thankYouUrl: `https://pay.shop.example/${campaign}`,
  };
  const link = `https://track.example/c/${campaign}/${publisher_id}?p1=tia-1`;
  site.serve(`https://blog.example/${campaign}`, `<a href="${link}">These are the best</a>`);
  const [landing = ''] = way.landing.map((name) =>
    pasted(name, shop, '').replace(/<script>\s*flowback\('convert'.*?<\/script>/s, ''),
  );
  site.serve(`https://www.shop.example/${campaign}`, `${landing}<a href="${shop.thankYouUrl}">Buy</a>`, policy);
  return shop;
}

/** A snippet with what stands for a shop's own values replaced. */
function pasted(name: string, { world, order }: Shop, clickId: string): string {
  const snippet = snippets.get(name);
  if (snippet === undefined) throw new Error(`docs/integration/ has no snippet ${name}`);
  return snippet
    .replaceAll('CAMPAIGN', world.campaign)
    .replaceAll('CLICK_ID', clickId)
    .replaceAll('ORDER-1', order)
    .replace(TAG_TEXT, () => tagText);
}

/** Comes to a shop by the tracking link on a publisher's page. */
async function arrive({ world }: Shop): Promise<Page> {
  const page = await visitor.newPage();
  await page.goto(`https://blog.example/${world.campaign}`);
  await Promise.all([page.waitForURL('https://www.shop.example/**'), page.click('a')]);
  return page;
}

/** Buys, and waits for the network's answer to the thank-you page. */
async function buy(shop: Shop, page: Page): Promise<Response> {
  const body = shop.way.thankYou.map((name) => pasted(name, shop, clickIdOf(page))).join('');
  site.serve(shop.thankYouUrl, body, shop.policy);
  return reporting(shop, page, () => page.click('text=Buy'));
}

async function reporting({ way }: Shop, page: Page, action: () => Promise<unknown>): Promise<Response> {
  const isReport = (response: Response) => response.url().startsWith(`https://track.example${way.route}`);
  const [response] = await Promise.all([page.waitForResponse(isReport), action()]);
  return response;
}

/** Also where the machine is slow. */
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

const clickIdOf = (landing: Page): string => new URL(landing.url()).searchParams.get('click_id') ?? '';
const conversionsOf = ({ world }: Shop) => list(network.local, `conversions?campaign_id=${world.campaign}`);
const deliveriesOf = ({ world }: Shop) => list(network.local, `deliveries?publisher_id=${world.publisher}`);
const heardOf = ({ world }: Shop) =>
  publisher.calls.filter(({ path }) => path === `/${world.campaign}`).map(({ query }) => query);

/** Codes of what reached the network, the oldest first. */
async function codesOf({ order }: Shop): Promise<unknown[]> {
  const hits = await list(network.local, 'hits?limit=200');
  return hits
    .filter((hit) => JSON.stringify(hit).includes(order))
    .map(({ code }) => code)
    .reverse();
}

/** The advertiser's own word on the order, from its server. */
async function approve({ world, order }: Shop, clickId: string): Promise<unknown> {
  const sale = { click_id: clickId, txn_id: order, status: 'approved' };
  const query = new URLSearchParams({ ...sale, security_token: world.token });
  return (await visitor.request.get(`${network.local.url}/postback?${query.toString()}`)).json();
}

describe.each(['allowed', 'blocked'] as const)('with third-party cookies %s', (cookies) => {
  test.each([
    ['the tag', TAG],
    ['the pasted tag', PASTED_TAG],
    ['the tag in a tag manager', MANAGED_TAG],
    ['a pixel with the click ID', PIXEL],
    ['a pixel that needs the cookie', COOKIE_PIXEL],
    ['an iframe that needs the cookie', IFRAME],
  ])('%s of the docs reports as documented', async (_, way) => {
    const shop = await openShop(way);
    await visit(cookies);
    const page = await arrive(shop);
    const clickId = clickIdOf(page);
    expect((await buy(shop, page)).status()).toBe(200);

    const reached = !way.byCookie || cookies === 'allowed';
    await soon(() => codesOf(shop)).toEqual([reached ? 'OK' : 'NO_CLICK']);
    const pending = { click_id: clickId, txn_id: shop.order, goal: 'sale', sale_amount: '49.90', status: 'pending' };
    const conversions = await conversionsOf(shop);
    expect(conversions).toMatchObject(reached ? [{ ...pending, p1: 'tia-1', payout: '2.50' }] : []);
    expect(heardOf(shop)).toEqual([]);
    if (!reached) return;

    // The advertiser's word on the same order makes it payable: one conversion, told once.
    expect(await approve(shop, clickId)).toMatchObject({
      code: 'STATUS_CHANGED',
      conversion_id: conversions[0]?.['id'],
    });
    expect(await conversionsOf(shop)).toMatchObject([{ ...pending, status: 'approved' }]);
    const news = { p1: 'tia-1', txn_id: shop.order, status: 'approved', payout: '2.50' };
    await soon(() => heardOf(shop)).toEqual([news]);
    await soon(() => deliveriesOf(shop)).toMatchObject([{ state: 'delivered' }]);
  });
});

describe('the tag', () => {
  test.each<[string, Policy, Way]>([
    ['own files and the network’s alone', 'hosts', TAG],
    ['scripts with a nonce alone', 'nonce', TAG],
    ['scripts with a nonce alone, pasted', 'nonce', PASTED_TAG],
  ])('works where the Content-Security-Policy allows %s', async (_, policy, way) => {
    const shop = await openShop(way, { policy });
    await visit();
    const said: string[] = [];
    visitor.on('console', (message) => said.push(message.text()));
    expect((await buy(shop, await arrive(shop))).status()).toBe(200);
    expect(await conversionsOf(shop)).toMatchObject([{ txn_id: shop.order }]);
    // The browser tells there what the policy forbade.
    expect(said).toEqual([]);
  });

  test('says what it does where the page asks it to, and hands the answer over without any money in it', async () => {
    const shop = await openShop(TAG);
    await visit();
    const said: string[] = [];
    visitor.on('console', (message) => said.push(message.text()));
    const page = await arrive(shop);
    await buy(shop, page);
    expect(said).toEqual([]);

    await reporting(shop, page, () => page.goto(`${shop.thankYouUrl}?flowback_debug`));
    await soon(() => said).toContainEqual(expect.stringMatching(/^\[flowback\] .*200.*DUPLICATE_CONVERSION/));
    const answer: unknown = await page.evaluate(
      `new Promise((resolve) => flowback('convert', { txn_id: 'another-order', sale_amount: 1.5 }, resolve))`,
    );
    const [conversion] = await conversionsOf(shop);
    expect(answer).toMatchObject({
      code: 'OK',
      result: 'accepted',
      conversion_id: conversion?.['id'],
      status: 'pending',
    });
    expect(answer).not.toHaveProperty('payout');
    expect(answer).not.toHaveProperty('revenue');
  });

  test('reports once where it is loaded twice, and adds one name to the page', async () => {
    const shop = await openShop(tag(['tag-landing'], ['tag-thank-you', 'tag-landing', 'tag-landing']));
    await visit();
    const globals = async (page: Page) => new Set(await page.evaluate(() => Object.getOwnPropertyNames(globalThis)));
    const page = await visitor.newPage();
    await page.goto(`https://blog.example/${shop.world.campaign}`);
    const before = await globals(page);
    await Promise.all([page.waitForURL('https://www.shop.example/**'), page.click('a')]);
    let sent = 0;
    page.on('request', (request) => (sent += request.method() === 'POST' ? 1 : 0));
    await buy(shop, page);
    await page.waitForLoadState('networkidle');
    expect(sent).toBe(1);
    expect([...(await globals(page))].filter((name) => !before.has(name))).toEqual(['flowback']);
  });
});

test.each([
  ['the tag', TAG],
  ['a pixel', COOKIE_PIXEL],
])('%s on a page that is loaded again, by the back button too, makes one conversion (invariant 4)', async (_, way) => {
  const shop = await openShop(way);
  await visit('allowed');
  const page = await arrive(shop);
  await buy(shop, page);
  await reporting(shop, page, () => page.reload());
  await page.goBack();
  await reporting(shop, page, () => page.goForward());
  // Once at least: the browser may have kept the picture.
  await soon(async () => (await codesOf(shop)).slice(0, 2)).toEqual(['OK', 'DUPLICATE_CONVERSION']);
  expect(await conversionsOf(shop)).toHaveLength(1);
});

describe('while storage is down', () => {
  test.each([
    ['the tag', TAG, 202],
    ['a pixel', PIXEL, 200],
    ['an iframe', IFRAME, 200],
  ])(
    '%s is answered, and makes one conversion and one delivery when it is back (invariants 3 and 4)',
    async (_, way, status) => {
      const shop = await openShop(way, { fireOn: ['pending', 'approved'] });
      await visit('allowed');
      const page = await arrive(shop);
      const clickId = clickIdOf(page);
      network.dynamoDb.plan = () => 'reject';
      const answer = await buy(shop, page);
      expect(answer.status()).toBe(status);
      if (way === TAG) expect(await answer.json()).toMatchObject({ code: 'QUEUED', result: 'parked' });
      network.dynamoDb.plan = () => 'ok';

      await soon(() => heardOf(shop)).toMatchObject([{ status: 'pending', txn_id: shop.order }]);
      expect(await conversionsOf(shop)).toMatchObject([{ click_id: clickId, status: 'pending' }]);
      expect(await deliveriesOf(shop)).toHaveLength(1);
      expect(await codesOf(shop)).toEqual(['OK']);
    },
  );

  test('and the queue too, the tag keeps a sale and reports it once from the next page (invariant 4)', async () => {
    const shop = await openShop(TAG, { fireOn: ['pending', 'approved'] });
    await visit();
    const page = await arrive(shop);
    network.dynamoDb.plan = () => 'reject';
    network.sqs.plan = (target) => (target.endsWith('.SendMessage') ? 'reject' : 'ok');
    expect((await buy(shop, page)).status()).toBe(503);
    await page.close();
    network.dynamoDb.plan = () => 'ok';
    network.sqs.plan = () => 'ok';

    const next = await visitor.newPage();
    site.serve(`https://pay.shop.example/${shop.world.campaign}/help`, pasted('tag-landing', shop, ''));
    await reporting(shop, next, () => next.goto(`https://pay.shop.example/${shop.world.campaign}/help`));
    await soon(() => heardOf(shop)).toMatchObject([{ status: 'pending', txn_id: shop.order }]);
    expect(await conversionsOf(shop)).toHaveLength(1);
  });
});
