import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Browser, json, Page, TAG } from '../../support/tag-page.ts';
import type { Answer } from '../../support/tag-page.ts';

const CLICK = 'abcdefghijklmnopqrstuvwxyz234567';
const LATER = '765432zyxwvutsrqponmlkjihgfedcba';
const LANDING = `https://www.shop.example/?click_id=${CLICK}`;
const DAY = 86_400;
const STUB = 'window.flowback = window.flowback || function () { (flowback.q = flowback.q || []).push(arguments); };';
const OUTAGES: readonly Answer[] = ['no network', json(429, 'SLOW_DOWN'), json(500, 'E'), json(503, 'E')];

/** The click ID that a page would report. */
async function clickOf(page: Page): Promise<unknown> {
  page.run(`flowback('convert', {})`);
  await page.pass(0);
  return page.sent.at(-1)?.body['click_id'];
}

describe('the click ID', () => {
  it.each([
    ['a click ID of nobody', ''],
    ['an unexpanded macro', '{click_id}'],
    ['one that is too short', CLICK.slice(1)],
    ['one that is too long', `${CLICK}a`],
    ['digits that it cannot have', CLICK.replace('2', '1')],
    ['a cookie with attributes', `${CLICK}; Domain=example`],
    ['an element', '<script>alert(1)</script>'],
    ['escapes', '%00%ff%'],
  ])('is not kept if it is %s', async (_, value) => {
    const browser = new Browser();
    const page = new Page({ browser, url: `https://www.shop.example/?click_id=${value}` });

    expect(await clickOf(page)).toBeUndefined();
    expect(browser.accepted).toEqual([]);
  });

  it.each([
    ['the query', `https://www.shop.example/?a=1&click_id=${CLICK}&b=2`],
    ['the query, in capitals', `https://www.shop.example/?click_id=${CLICK.toUpperCase()}`],
    ['the fragment', `https://www.shop.example/#click_id=${CLICK}`],
    ['the query of a fragment', `https://www.shop.example/?a=1#/sale?click_id=${CLICK}`],
    ['the first of several that is one', `https://www.shop.example/?click_id={id}&click_id=${CLICK}&click_id=${LATER}`],
  ])('is taken from %s', async (_, url) => {
    expect(String(await clickOf(new Page({ url }))).toLowerCase()).toBe(CLICK);
  });

  it('is taken from the parameter that the element names, and from no other', async () => {
    const url = `https://www.shop.example/?click_id=${LATER}&cid=${CLICK}&xcid=${LATER}`;

    expect(await clickOf(new Page({ url, script: { clickId: 'cid' } }))).toBe(CLICK);
  });

  it.each([
    ['www.shop.example', 'shop.example'],
    ['a.b.shop.co.uk', 'shop.co.uk'],
    ['shop.example', 'shop.example'],
    ['localhost', 'localhost'],
    ['127.0.0.1', '127.0.0.1'],
  ])('is kept in a cookie, on %s for %s', (host, domain) => {
    const browser = new Browser();
    new Page({ browser, url: `https://${host}/?click_id=${CLICK}` });

    const value = `${CLICK}.${browser.now}`;
    expect(browser.accepted).toEqual([
      `flowback=${value}; Domain=${domain}; Path=/; Max-Age=7776000; SameSite=Lax; Secure`,
    ]);
    expect(browser.storageOf(`https://${host}`).get('flowback')).toBe(value);
  });

  it('is kept without Secure on a page without HTTPS', () => {
    const browser = new Browser();
    new Page({ browser, url: `http://localhost/?click_id=${CLICK}` });

    expect(browser.accepted.join()).not.toContain('Secure');
  });

  it('is known on another host of the shop', async () => {
    const browser = new Browser();
    new Page({ browser, url: LANDING });

    expect(await clickOf(new Page({ browser, url: 'https://pay.shop.example/thanks' }))).toBe(CLICK);
  });

  it('is the newest, wherever it is kept', async () => {
    const browser = new Browser();
    new Page({ browser, url: LANDING });
    browser.now += 1;
    new Page({ browser, url: `https://pay.shop.example/?click_id=${LATER}` });

    expect(await clickOf(new Page({ browser, url: 'https://www.shop.example/thanks' }))).toBe(LATER);
  });

  it('is forgotten after 90 days', async () => {
    const browser = new Browser();
    new Page({ browser, url: LANDING });

    browser.now += 90 * DAY * 1_000 - 1;
    expect(await clickOf(new Page({ browser }))).toBe(CLICK);
    browser.now += 1;
    expect(await clickOf(new Page({ browser }))).toBeUndefined();
  });

  it.each(['forbidden', 'full'] as const)('lives as long as the page where storage is %s', async (storage) => {
    expect(await clickOf(new Page({ url: LANDING, storage }))).toBe(CLICK);
  });

  it('can be set by hand', async () => {
    const page = new Page({ url: LANDING });

    page.run(`flowback('click', '${LATER}'); flowback('click', 'none'); flowback('click')`);

    expect(await clickOf(page)).toBe(LATER);
  });

  it('is not taken from what others keep', async () => {
    const browser = new Browser();
    browser.setCookie('www.shop.example', `other=flowback=${CLICK}.9999999999999`);
    browser.setCookie('www.shop.example', 'flowback=%00garbage');
    browser.storageOf('https://www.shop.example').set('flowback', '{"a":1}');

    expect(await clickOf(new Page({ browser }))).toBeUndefined();
  });
});

describe('a conversion', () => {
  it('is sent as text, which needs no preflight, and without cookies', async () => {
    const page = new Page({ url: LANDING });

    const answers = page.convert(`{ goal: 'sale', txn_id: 'ORDER-1', sale_amount: '49.90', currency: 'USD' }`);
    await page.pass(0);

    expect(page.sent).toEqual([
      {
        url: 'https://track.example/tag/convert',
        body: { goal: 'sale', txn_id: 'ORDER-1', sale_amount: '49.90', currency: 'USD', click_id: CLICK },
        options: { method: 'POST', credentials: 'omit', keepalive: true },
      },
    ]);
    expect(answers).toEqual([{ code: 'OK' }]);
  });

  it.each([
    ['numbers, which become text', '{ sale_amount: 49.9, txn_id: 17n }', { sale_amount: '49.9', txn_id: '17' }],
    ['what is missing', '{ txn_id: undefined, goal: null, sub1: "" }', { goal: null, sub1: '' }],
    ['a click ID of its own', `{ click_id: '${LATER}' }`, { click_id: LATER }],
    ['an empty click ID, for which the kept one stands', `{ click_id: '' }`, { click_id: CLICK }],
    ['hostile text', '{ sub1: "</script>\\u2028\\0\\"" }', { sub1: '</script>\u2028\0"' }],
    ['nothing', 'undefined', {}],
    ['null', 'null', {}],
  ])('may hold %s', async (_, conversion, expected) => {
    const page = new Page({ url: LANDING });

    page.convert(conversion);
    await page.pass(0);

    expect(page.sent.map(({ body }) => body)).toEqual([{ click_id: CLICK, ...expected }]);
  });

  it.each([
    ['a circle', 'const a = {}; a.a = a; flowback("convert", a)'],
    ['a getter that throws', 'flowback("convert", { get goal() { throw new Error("no") } })'],
    ['a symbol for a command', 'flowback(Symbol("a"))'],
    ['nothing at all', 'flowback()'],
    ['an unknown command', 'flowback("purchase", {})'],
    ['a callback that is none', 'flowback("convert", {}, "done")'],
    ['a callback that throws', 'flowback("convert", {}, () => { throw new Error("no") })'],
    ['a click ID that throws', 'flowback("click", { toString() { throw new Error("no") } })'],
  ])('that fails throws nothing into the page: %s', async (_, script) => {
    const page = new Page();

    page.run(script);
    await page.pass(60);
  });

  it.each([
    ['the origin of the script', { src: 'https://track.example:8443/tag.js?v=2' }, 'https://track.example:8443'],
    ['data-url', { url: 'https://track.example/' }, 'https://track.example'],
    ['data-url before the script', { src: 'https://cdn.example/t.js', url: 'https://t.example' }, 'https://t.example'],
  ])('goes to %s', async (_, script, origin) => {
    const page = new Page({ script });

    page.convert('{}');
    await page.pass(0);

    expect(page.sent[0]?.url).toBe(`${origin}/tag/convert`);
  });
});

describe('a conversion without a final answer', () => {
  it.each([
    [200, 'OK'],
    [202, 'CLICK_PENDING'],
    [400, 'MALFORMED_REQUEST'],
    [404, 'NOT_FOUND'],
    [409, 'CONFLICTING_CONVERSION'],
    [422, 'NO_CLICK'],
  ])('is none that was answered %d %s', async (status, code) => {
    const browser = new Browser();
    const page = new Page({ browser, answers: [json(status, code)] });

    const answers = page.convert('{}');
    await page.pass(60);
    page.leave();
    const next = new Page({ browser });
    await next.pass(60);

    expect(answers).toEqual([{ code }]);
    expect([page.sent.length, page.beacons.length, next.sent.length]).toEqual([1, 0, 0]);
  });

  it.each<[string, Answer]>([
    ['no network', 'no network'],
    ['429', json(429, 'SLOW_DOWN')],
    ['500', json(500, 'TEMPORARILY_UNAVAILABLE')],
    ['503', json(503, 'TEMPORARILY_UNAVAILABLE')],
    ['the page of somebody in between', { status: 200, body: '<html>' }],
  ])('is tried again after 1, 5 and 30 seconds: %s', async (_, answer) => {
    const page = new Page({ answers: [answer] });
    const sent: number[] = [];

    const answers = page.convert('{}');
    for (const seconds of [0, 0.9, 0.1, 4.9, 0.1, 29.9]) {
      await page.pass(seconds);
      sent.push(page.sent.length);
    }
    expect(sent).toEqual([1, 1, 2, 2, 3, 3]);
    expect(answers).toEqual([]);
    await page.pass(3_600);

    expect(page.sent).toHaveLength(4);
    expect(answers).toEqual([expect.objectContaining({ result: 'retry', code: 'TEMPORARILY_UNAVAILABLE' })]);
  });

  it('ends with the answer that comes at last', async () => {
    const browser = new Browser();
    const page = new Page({ browser, answers: [...OUTAGES.slice(0, 3), json(200, 'OK')] });

    const answers = page.convert('{}');
    await page.pass(60);
    page.leave();

    expect(answers).toEqual([{ code: 'OK' }]);
    expect(page.beacons).toEqual([]);
    expect(browser.storageOf('https://www.shop.example').get('flowback.pending')).toBe('{}');
  });

  it('is sent as a beacon when the page is left', async () => {
    const page = new Page({ answers: ['no network'] });

    page.convert(`{ txn_id: 'ORDER-1' }`);
    await page.pass(2);
    page.leave();

    expect(page.beacons).toEqual([{ url: 'https://track.example/tag/convert', body: { txn_id: 'ORDER-1' } }]);
  });

  it('is sent as a beacon also where storage is forbidden', () => {
    const page = new Page({ answers: ['no network'], storage: 'forbidden' });

    page.convert(`{ txn_id: 'ORDER-1' }`);
    page.leave();

    expect(page.beacons).toHaveLength(1);
  });

  it('keeps no page from being left where there are no beacons', () => {
    const page = new Page({ answers: ['no network'], before: 'navigator = {}' });

    page.convert('{}');
    page.leave();
  });

  it('is sent again by the next page, until it is answered', async () => {
    const browser = new Browser();
    const first = new Page({ browser, url: LANDING, answers: ['no network'] });
    first.convert(`{ txn_id: 'ORDER-1' }`);
    await first.pass(60);

    const second = new Page({ browser });
    await second.pass(60);
    const third = new Page({ browser });
    await third.pass(60);

    expect(second.sent.map(({ body }) => body)).toEqual([{ txn_id: 'ORDER-1', click_id: CLICK }]);
    expect(third.sent).toEqual([]);
  });

  it('is sent once by a page that reports it again', async () => {
    const browser = new Browser();
    const before = `${STUB} flowback('convert', { txn_id: 'ORDER-1' })`;
    new Page({ browser, before, answers: ['no network'] });

    const reloaded = new Page({ browser, before });
    await reloaded.pass(60);

    expect(reloaded.sent).toHaveLength(1);
  });

  it('is given up after seven days, however often it was sent in between', async () => {
    const browser = new Browser();
    const first = new Page({ browser, answers: ['no network'] });
    first.convert('{}');
    browser.now += 7 * DAY * 1_000 - 1;
    const last = new Page({ browser, answers: ['no network'] });
    await last.pass(0);
    browser.now += 1;
    const later = new Page({ browser });
    await later.pass(0);

    expect([last.sent.length, later.sent.length]).toEqual([1, 0]);
  });

  it('is one of the twenty newest', async () => {
    const browser = new Browser();
    const first = new Page({ browser, answers: ['no network'] });
    for (let order = 1; order <= 21; order++) first.convert(`{ txn_id: 'ORDER-${order}' }`);

    const next = new Page({ browser });
    await next.pass(0);

    const orders = Array.from({ length: 20 }, (_, index) => `ORDER-${index + 2}`);
    expect(next.sent.map(({ body }) => body['txn_id'])).toEqual(orders);
  });

  it.each(['', 'null', '17', '"text"', '[1,2]', '{"a":null,"b":{},"c":"x"}', '{'])(
    'is nothing that others left in storage: %s',
    async (garbage) => {
      const browser = new Browser();
      browser.storageOf('https://www.shop.example').set('flowback.pending', garbage);

      const page = new Page({ browser });
      await page.pass(60);

      expect(page.sent).toEqual([]);
    },
  );
});

describe('the tag', () => {
  it('is smaller than two kilobytes as it is sent', () => {
    expect(gzipSync(TAG, { level: 9 }).length).toBeLessThan(2_048);
  });

  it('can stand in an element of a page, and needs nothing that a strict policy forbids', () => {
    expect(TAG).toMatch(/^[\n -~]*$/);
    expect(TAG).not.toMatch(/<\/script|<!--|\beval\b|Function\(|innerHTML|createElement|document\.write|\.style\b/i);
  });

  it('adds no global but flowback', async () => {
    const script = 'Object.getOwnPropertyNames(globalThis)';
    const page = new Page({ url: LANDING });
    page.run(`flowback('convert', {})`);
    await page.pass(60);
    page.leave();

    const without = new Page({ script: null }).run(script) as string[];
    const added = (page.run(script) as string[]).filter((name) => !without.includes(name));
    expect(added).toEqual(['flowback']);
  });

  it('works off what was called before it was there, in order', async () => {
    const page = new Page({
      before: `${STUB} flowback('click', '${CLICK}'); flowback('convert', { txn_id: 'A' }); flowback('convert', { txn_id: 'B' })`,
    });
    await page.pass(0);

    expect(page.sent.map(({ body }) => body)).toEqual([
      { txn_id: 'A', click_id: CLICK },
      { txn_id: 'B', click_id: CLICK },
    ]);
  });

  it.each([
    ['a queue that is none', 'window.flowback = function () {}; flowback.q = 17'],
    ['garbage in the queue', `${STUB} flowback.q = [null, 17, {}, ['convert', { txn_id: 'A' }]]`],
    ['an element of that name', 'window.flowback = { tagName: "DIV" }'],
  ])('stands %s', async (_, before) => {
    const page = new Page({ before, url: LANDING });

    page.convert(`{ txn_id: 'A' }`);
    await page.pass(0);

    expect(page.sent.at(-1)?.body).toEqual({ txn_id: 'A', click_id: CLICK });
  });

  it('waits with clicks and conversions of a page that is loaded ahead until somebody sees it', async () => {
    const browser = new Browser();
    const before = `${STUB} flowback('convert', { txn_id: 'A' })`;
    const page = new Page({ browser, url: LANDING, before, prerendered: true });
    page.convert(`{ txn_id: 'B' }`);
    page.run(`flowback('convert', { get goal() { throw new Error('no') } })`);
    await page.pass(60);
    page.leave();
    expect([page.sent, page.beacons, browser.accepted, [...browser.storageOf('https://www.shop.example')]]).toEqual([
      [],
      [],
      [],
      [],
    ]);

    page.show();
    await page.pass(0);

    expect(page.sent.map(({ body }) => body)).toEqual([
      { txn_id: 'A', click_id: CLICK },
      { txn_id: 'B', click_id: CLICK },
    ]);
  });

  it('does nothing when it is loaded a second time', async () => {
    const page = new Page({ url: LANDING, answers: ['no network'] });
    page.run('first = flowback');
    page.convert('{}');

    page.run(TAG);
    await page.pass(0);
    page.leave();

    expect(page.run('first === flowback')).toBe(true);
    expect([page.sent.length, page.beacons.length]).toEqual([1, 1]);
  });

  it('leaves the page as it is where it cannot know its network', () => {
    const page = new Page({ script: null, before: STUB, url: 'https://www.shop.example/?flowback_debug' });

    page.run(`flowback('convert', {})`);

    expect(page.run('flowback.q.length')).toBe(1);
    expect(page.lines.at(-1)).toMatch(/knows no network: its script element needs src or data-url/);
  });

  it('says nothing unless it is asked to', async () => {
    const page = new Page({ url: `${LANDING}&flowback_debugger=1`, answers: ['no network'] });
    page.convert('{}');
    await page.pass(60);
    page.leave();

    expect(page.lines).toEqual([]);
  });

  it('says what it does, with flowback_debug in the address', async () => {
    const page = new Page({
      url: `${LANDING}&flowback_debug`,
      answers: ['no network', json(503, 'E'), json(200, 'OK')],
    });

    page.run(`flowback('convert', { txn_id: 'A' }, () => { throw new Error('no') }); flowback('purchase')`);
    page.leave();
    await page.pass(60);

    const body = `{"txn_id":"A","click_id":"${CLICK}"}`;
    expect(page.lines).toEqual([
      `[flowback] keeps the click ${CLICK}`,
      `[flowback] sends ${body}`,
      '[flowback] knows no "purchase"',
      `[flowback] sends a beacon: true ${body}`,
      '[flowback] TypeError: Failed to fetch',
      '[flowback] tries again in 1 s',
      `[flowback] sends ${body}`,
      '[flowback] is answered 503 {"code":"E"}',
      '[flowback] tries again in 5 s',
      `[flowback] sends ${body}`,
      '[flowback] is answered 200 {"code":"OK"}',
      '[flowback] Error: no',
    ]);
  });
});
