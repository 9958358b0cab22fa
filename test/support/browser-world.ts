import type { Page, Response } from 'playwright-core';
import { expect } from 'vitest';
import { startBrowser } from './browser.ts';
import { create, createWorld, list, manage } from './deployment.ts';
import { startFailingNetwork } from './failing-network.ts';
import type { FailingNetwork } from './failing-network.ts';
import type { FaultPlan } from './fault-proxy.ts';
import { docBlocks } from './integration-docs.ts';
import { startPublisher, TLS_CERTIFICATE, TLS_KEY } from './publisher.ts';
import { startShopSite } from './shop-site.ts';
import type { Policy } from './shop-site.ts';

/** A way in: which snippets of docs/integration/ a shop pastes into which page, and where these report. */
export interface Way {
  readonly landing: readonly string[];
  readonly thankYou: readonly string[];
  readonly route: '/tag/convert' | '/pixel.gif' | '/pixel.html';
}

export type ThirdPartyCookies = 'allowed' | 'blocked';

interface ShopTerms {
  /** @default 'any' */
  readonly policy?: Policy;
  /** Statuses that its publisher hears of. @default ['approved'] */
  readonly fireOn?: readonly string[];
}

/**
 * A shop at `https://www.shop-1.example`, whose thank-you page is at `https://pay.shop-1.example`, and the publisher's page at
 * `https://blog.example/shop-1` that leads there through the network, `https://track.example`.
 */
export interface Shop {
  readonly campaign: string;
  /** The `txn_id` of what is bought. */
  readonly order: string;
  readonly thankYouUrl: string;
  /** Puts snippets on a page of the shop. */
  serve(url: string, snippets: readonly string[]): void;
  /** Follows the tracking link on the publisher's page; answers the click ID that the landing page got. */
  arrive(page: Page): Promise<string>;
  /** Buys on the landing page, and waits for the network's answer to the thank-you page. */
  buy(page: Page): Promise<Response>;
  /** The network's next answer to a report, once something is done. */
  answerTo(page: Page, action: () => Promise<unknown>): Promise<Response>;
  /** The advertiser's own word on the order, sent by its server; answers the body. */
  approve(clickId: string): Promise<unknown>;
  /** Codes of what reached the network of the order, the oldest first. */
  readonly codes: () => Promise<unknown[]>;
  readonly conversions: () => Promise<Record<string, unknown>[]>;
  readonly deliveries: () => Promise<Record<string, unknown>[]>;
  /** What the publisher was told. */
  readonly heard: () => Readonly<Record<string, string>>[];
}

/** A network over HTTPS that can be made to fail, shops, a publisher, and somebody who surfs. */
export interface BrowserWorld {
  readonly network: FailingNetwork;
  openShop(way: Way, terms?: ShopTerms): Promise<Shop>;
  newPage(thirdPartyCookies?: ThirdPartyCookies): Promise<Page>;
  /** Lets nothing fail, and the browsers forget whom they knew. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

const TAG_TEXT = '<!-- the text of https://track.example/tag.txt -->';
const holdPolls: FaultPlan = (target) => (target.endsWith('.ReceiveMessage') ? 'reject' : 'ok');
const CALL = /<script>\s*flowback\('convert'.*?<\/script>/s;

export async function startBrowserWorld(): Promise<BrowserWorld> {
  const cleanUps: (() => Promise<void>)[] = [];
  const stop = async () => {
    await Promise.all(cleanUps.splice(0).map((cleanUp) => cleanUp()));
  };
  const started = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const it = await starting;
    cleanUps.push(() => it.stop());
    return it;
  };
  try {
    const [publisher, site, network] = await Promise.all([
      started(startPublisher()),
      started(startShopSite()),
      started(startFailingNetwork({ tls: { cert: TLS_CERTIFICATE, key: TLS_KEY } }, holdPolls)),
    ]);
    // What storage did not take is tried again after a second, by polls that begin from now on.
    await network.comesAgainAfter(/PixelSpool(?!.*Dead)/, 1);
    network.sqs.plan = () => 'ok';
    const hosts = { 'track.example': Number(new URL(network.local.url).port), '*.example': site.port };
    const [allowed, blocked] = await Promise.all([
      started(startBrowser({ hosts, thirdPartyCookies: 'allowed' })),
      started(startBrowser({ hosts, thirdPartyCookies: 'blocked' })),
    ]);
    const page = await blocked.context.newPage();
    const tagText = (await (await page.goto('https://track.example/tag.txt'))?.text()) ?? '';
    // More at once than there are environments: the first call of one may take so long that it is queued.
    const calls = "Array.from({ length: 24 }, () => fetch('/tag/convert', { method: 'POST', body: '{}' }))";
    await page.evaluate(`Promise.all(${calls}).then(() => null)`);
    await page.close();
    let shops = 0;

    return {
      network,
      stop,
      newPage: (cookies = 'blocked') => ({ allowed, blocked })[cookies].context.newPage(),
      async reset() {
        network.dynamoDb.plan = () => 'ok';
        network.sqs.plan = () => 'ok';
        await Promise.all([allowed.forget(), blocked.forget()]);
      },
      async openShop(way, { policy = 'any', fireOn = ['approved'] } = {}) {
        const name = `shop-${++shops}`;
        const landingUrl = `https://www.${name}.example/`;
        const world = await createWorld(network.local, { destinationUrl: `${landingUrl}?click_id={click_id}` });
        const { campaign } = world;
        const order = `order-of-${campaign}`;
        const postback = `${publisher.url}/${name}?p1={p1}&txn_id={txn_id}&status={status}&payout={payout}`;
        await create(network.local, 'postbacks', { publisher_id: world.publisher, url: postback, fire_on: fireOn });

        const paste = (snippet: string, clickId: string) =>
          htmlOf(snippet)
            .replaceAll('CAMPAIGN', campaign)
            .replaceAll('CLICK_ID', clickId)
            .replaceAll('ORDER-1', order)
            .replace(TAG_TEXT, () => tagText);
        const link = `https://track.example/c/${campaign}/${world.publisher}?p1=tia-1`;
        site.serve(`https://blog.example/${name}`, `<a href="${link}">The best shoes</a>`);
        const thankYouUrl = `https://pay.${name}.example/`;
        // Both are the same text but for the call, which is for the thank-you page.
        const landing = way.landing.map((snippet) => paste(snippet, '').replace(CALL, ''));
        site.serve(landingUrl, `${landing.join('')}<a href="${thankYouUrl}">Buy</a>`, policy);

        const clickIdOf = (page: Page) => new URL(page.url()).searchParams.get('click_id') ?? '';
        const shop: Shop = {
          ...{ campaign, order, thankYouUrl },
          serve(url, snippets) {
            site.serve(url, snippets.map((snippet) => paste(snippet, '')).join(''), policy);
          },
          async arrive(page) {
            await page.goto(`https://blog.example/${name}`);
            await Promise.all([page.waitForURL(`${landingUrl}**`), page.click('a')]);
            const clickId = clickIdOf(page);
            // On a slow machine it goes through the spool.
            const stored = async () => (await manage(network.local, 'GET', `clicks/${clickId}`)).status === 200;
            await expect.poll(stored, { timeout: 15_000 }).toBe(true);
            return clickId;
          },
          buy(page) {
            const thanks = way.thankYou.map((snippet) => paste(snippet, clickIdOf(page)));
            site.serve(thankYouUrl, thanks.join(''), policy);
            return shop.answerTo(page, () => page.click('text=Buy'));
          },
          async answerTo(page, action) {
            const isAnswer = (response: Response) => response.url().startsWith(`https://track.example${way.route}`);
            const [response] = await Promise.all([page.waitForResponse(isAnswer), action()]);
            return response;
          },
          async approve(clickId) {
            const sale = { click_id: clickId, txn_id: order, status: 'approved' };
            const query = new URLSearchParams({ ...sale, security_token: world.token });
            const answer = await blocked.context.request.get(`${network.local.url}/postback?${query.toString()}`);
            return (await answer.json()) as unknown;
          },
          async codes() {
            const hits = await list(network.local, 'hits?limit=200');
            const own = hits.filter((hit) => JSON.stringify(hit).includes(order));
            return own.map(({ code }) => code).reverse();
          },
          conversions: () => list(network.local, `conversions?campaign_id=${campaign}`),
          deliveries: () => list(network.local, `deliveries?publisher_id=${world.publisher}`),
          heard: () => publisher.calls.filter(({ path }) => path === `/${name}`).map(({ query }) => query),
        };
        return shop;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The block of docs/integration/ that is called so. */
function htmlOf(snippet: string): string {
  const [block] = docBlocks(`html ${snippet}`);
  if (block === undefined) throw new Error(`docs/integration/ has no block "html ${snippet}"`);
  return block.text;
}
