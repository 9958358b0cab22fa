import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startBrowserWorld } from '../support/browser-world.ts';
import type { BrowserWorld, ThirdPartyCookies, Way } from '../support/browser-world.ts';
import { docBlocks } from '../support/integration-docs.ts';
import type { Policy } from '../support/shop-site.ts';

const TAG: Way = { landing: ['tag-landing'], thankYou: ['tag-thank-you'], route: '/tag/convert' };
const PASTED_TAG: Way = { landing: ['tag-paste-in'], thankYou: ['tag-paste-in'], route: '/tag/convert' };
const MANAGED_TAG: Way = {
  landing: ['tag-manager-landing'],
  thankYou: ['tag-manager-landing', 'tag-manager-conversion'],
  route: '/tag/convert',
};
const PIXEL: Way = { landing: [], thankYou: ['pixel-click-id'], route: '/pixel.gif' };
const COOKIE_PIXEL: Way = { landing: [], thankYou: ['pixel-cookie'], route: '/pixel.gif' };
const IFRAME: Way = { landing: [], thankYou: ['pixel-iframe'], route: '/pixel.html' };

let world: BrowserWorld;

beforeAll(async () => {
  world = await startBrowserWorld();
}, 120_000);
afterAll(() => world.stop());
afterEach(() => world.reset());

/** Also where the machine is slow. */
const soon = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

/** What the console of a page shows from now on. */
function listenTo(page: Page): readonly string[] {
  const lines: string[] = [];
  page.on('console', (message) => lines.push(message.text()));
  return lines;
}

test.each<[string, ThirdPartyCookies, Way]>([
  ['the tag', 'allowed', TAG],
  ['the tag', 'blocked', TAG],
  ['the tag in a tag manager', 'blocked', MANAGED_TAG],
  ['a pixel with the click ID', 'allowed', PIXEL],
  ['a pixel with the click ID', 'blocked', PIXEL],
  ['a pixel that needs the cookie', 'allowed', COOKIE_PIXEL],
  ['an iframe that needs the cookie', 'allowed', IFRAME],
])(
  '%s, third-party cookies %s, makes a pending conversion, which is told once the advertiser approves it',
  async (_, cookies, way) => {
    const shop = await world.openShop(way);
    const page = await world.newPage(cookies);
    const clickId = await shop.arrive(page);
    expect((await shop.buy(page)).status()).toBe(200);
    const sale = {
      click_id: clickId,
      txn_id: shop.order,
      goal: 'sale',
      sale_amount: '49.90',
      currency: 'USD',
      p1: 'tia-1',
    };
    await soon(shop.conversions).toMatchObject([{ ...sale, status: 'pending', code: 'OK', payout: '2.50' }]);
    expect(shop.heard()).toEqual([]);

    const [conversion] = await shop.conversions();
    expect(await shop.approve(clickId)).toMatchObject({ code: 'STATUS_CHANGED', conversion_id: conversion?.['id'] });
    expect(await shop.conversions()).toMatchObject([{ ...sale, status: 'approved', payout: '2.50' }]);
    const news = { p1: 'tia-1', txn_id: shop.order, status: 'approved', payout: '2.50' };
    await soon(shop.heard).toEqual([news]);
    await soon(shop.deliveries).toMatchObject([{ state: 'delivered', event: 'created' }]);
  },
);

test('every snippet of HTML in docs/integration is on a page of these shops', () => {
  const ways = [TAG, PASTED_TAG, MANAGED_TAG, PIXEL, COOKIE_PIXEL, IFRAME];
  const loaded = ways.flatMap(({ landing, thankYou }) => [...landing, ...thankYou]).map((name) => `html ${name}`);
  expect(docBlocks('html').filter(({ info }) => !loaded.includes(info))).toEqual([]);
});

test.each([
  ['a pixel', COOKIE_PIXEL],
  ['an iframe', IFRAME],
])('%s that needs the cookie ends as NO_CLICK where third-party cookies are blocked', async (_, way) => {
  const shop = await world.openShop(way);
  const page = await world.newPage('blocked');
  await shop.arrive(page);
  expect((await shop.buy(page)).status()).toBe(200);
  await soon(shop.codes).toEqual(['NO_CLICK']);
  expect(await shop.conversions()).toEqual([]);
});

test.each<[string, Policy, Way]>([
  ['the shop’s and the network’s files alone', 'hosts', TAG],
  ['scripts with the page’s nonce alone, as the pasted tag', 'nonce', PASTED_TAG],
])('the tag works where the Content-Security-Policy allows %s', async (_, policy, way) => {
  const shop = await world.openShop(way, { policy });
  const page = await world.newPage();
  const said = listenTo(page);
  await shop.arrive(page);
  expect((await shop.buy(page)).status()).toBe(200);
  expect(await shop.conversions()).toMatchObject([{ txn_id: shop.order }]);
  // The browser tells there what the policy forbids.
  expect(said).toEqual([]);
});

test('the tag says what it does where the page asks for it, and hands over the answer, which has no money in it', async () => {
  const shop = await world.openShop(TAG);
  const page = await world.newPage();
  const said = listenTo(page);
  await shop.arrive(page);
  await shop.buy(page);
  expect(said).toEqual([]);

  await shop.answerTo(page, () => page.goto(`${shop.thankYouUrl}?flowback_debug`));
  await soon(() => said).toContainEqual(expect.stringMatching(/^\[flowback\] .*200.*DUPLICATE_CONVERSION/));
  const call = `flowback('convert', { txn_id: 'another-order', sale_amount: 1.5 }, resolve)`;
  const answer = await page.evaluate<unknown>(`new Promise((resolve) => ${call})`);
  expect(answer).toMatchObject({ code: 'OK', result: 'accepted', status: 'pending' });
  expect(await shop.conversions()).toContainEqual(
    expect.objectContaining({ txn_id: 'another-order', sale_amount: '1.50' }),
  );
  expect(JSON.stringify(answer)).not.toMatch(/payout|revenue/);
});

test('the tag reports once where a page loads it three times, and adds one name to the page', async () => {
  const thankYou = ['tag-thank-you', 'tag-landing', 'tag-landing'];
  const shop = await world.openShop({ ...TAG, thankYou });
  const page = await world.newPage();
  const names = () => page.evaluate<string[]>('Object.getOwnPropertyNames(window)');
  // Of a page like the others, but without the tag.
  shop.serve('https://blog.example/', []);
  await page.goto('https://blog.example/');
  const before = new Set(await names());
  await shop.arrive(page);
  let posts = 0;
  page.on('request', (request) => (posts += request.method() === 'POST' ? 1 : 0));
  await shop.buy(page);
  await page.waitForLoadState('load');
  expect((await names()).filter((name) => !before.has(name))).toEqual(['flowback']);
  // The scripts that were loaded after the first have had their turn.
  expect(posts).toBe(1);
  expect(await shop.codes()).toEqual(['OK']);
});

test.each([
  ['the tag', TAG],
  ['a pixel', COOKIE_PIXEL],
])(
  '%s on a page that is reloaded, and shown by the back button, makes one conversion (invariant 4)',
  async (_, way) => {
    const shop = await world.openShop(way);
    const page = await world.newPage('allowed');
    await shop.arrive(page);
    await shop.buy(page);
    await shop.answerTo(page, () => page.reload());
    await page.goto('about:blank');
    await shop.answerTo(page, () => page.goBack());
    // Once at least: the browser may have kept the picture.
    await soon(async () => (await shop.codes()).slice(0, 2)).toEqual(['OK', 'DUPLICATE_CONVERSION']);
    expect(await shop.conversions()).toHaveLength(1);
  },
);

describe('while storage is down', () => {
  test.each([
    ['the tag', TAG, 202],
    ['a pixel', PIXEL, 200],
    ['an iframe', IFRAME, 200],
  ])(
    '%s is answered, and makes one conversion and one delivery afterwards (invariants 3, 4)',
    async (_, way, status) => {
      const shop = await world.openShop(way, { fireOn: ['pending', 'approved'] });
      const page = await world.newPage('allowed');
      const clickId = await shop.arrive(page);
      world.network.dynamoDb.plan = () => 'reject';
      const answer = await shop.buy(page);
      expect(answer.status()).toBe(status);
      if (way === TAG) expect(await answer.json()).toMatchObject({ code: 'QUEUED', result: 'parked' });
      world.network.dynamoDb.plan = () => 'ok';

      await soon(shop.heard).toMatchObject([{ status: 'pending', txn_id: shop.order }]);
      expect(await shop.conversions()).toMatchObject([{ click_id: clickId, status: 'pending' }]);
      expect(await shop.deliveries()).toHaveLength(1);
      await soon(shop.codes).toEqual(['OK']);
    },
  );

  test('and the queue is, too, the tag keeps a sale and reports it once from the next page (invariant 4)', async () => {
    const shop = await world.openShop(TAG, { fireOn: ['pending', 'approved'] });
    const page = await world.newPage();
    await shop.arrive(page);
    world.network.dynamoDb.plan = () => 'reject';
    world.network.sqs.plan = (target) => (target.endsWith('.SendMessage') ? 'reject' : 'ok');
    expect((await shop.buy(page)).status()).toBe(503);
    await page.close();
    await world.reset();

    const next = await world.newPage();
    const help = `${shop.thankYouUrl}help`;
    shop.serve(help, ['tag-landing']);
    expect((await shop.answerTo(next, () => next.goto(help))).status()).toBe(200);
    await soon(shop.heard).toMatchObject([{ status: 'pending', txn_id: shop.order }]);
    expect(await shop.conversions()).toHaveLength(1);
  });
});
