import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';

import { startShop } from '../../examples/chain/shop.ts';
import type { Shop } from '../../examples/chain/shop.ts';

const TOKEN = 'token-of-the-shop-0001';
const running: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

/** A network that answers each postback with the next of `statuses`, the last one for ever. */
async function startReceiver(...statuses: number[]) {
  const urls: string[] = [];
  const server = createServer((request, response) => {
    urls.push(request.url ?? '');
    const status = statuses[Math.min(urls.length, statuses.length) - 1] ?? 200;
    response.writeHead(status).end('{"code":"<b>OK</b>"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  running.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/postback/xyz`, urls };
}

async function openShop(postbackUrl: string): Promise<Shop> {
  const shop = await startShop(0, postbackUrl, TOKEN);
  running.push(() => shop.stop());
  return shop;
}

/** Visits with a click ID, buys, and answers the address of the thank-you page. */
async function buy(shop: Shop, clickId: string): Promise<string> {
  const landing = await fetch(`${shop.url}/?cid=${encodeURIComponent(clickId)}`);
  const cookie = landing.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
  const bought = await fetch(`${shop.url}/buy`, { method: 'POST', redirect: 'manual', headers: { cookie } });
  expect(bought.status).toBe(303);
  return `${shop.url}${bought.headers.get('location') ?? ''}`;
}

test('a purchase is reported with the click ID that came with the visit, and the page shows the answer', async () => {
  const receiver = await startReceiver(200);
  const page = await (await fetch(await buy(await openShop(receiver.url), 'abc+/%&'))).text();
  expect(receiver.urls).toHaveLength(1);
  const sent = new URL(receiver.urls[0] ?? '', receiver.url).searchParams;
  expect(sent.get('click_id')).toBe('abc+/%&');
  expect(sent.get('security_token')).toBe(TOKEN);
  expect(page).toContain('&#60;b&#62;OK');
  expect(page).not.toContain(TOKEN);
});

test('a network that is down for a moment gets the same order again', async () => {
  const receiver = await startReceiver(503, 200);
  const orderUrl = await buy(await openShop(receiver.url), 'abc');
  await expect
    .poll(async () => (await fetch(orderUrl, { headers: { accept: 'application/json' } })).json(), { timeout: 5_000 })
    .toMatchObject({ state: 'reported', reports: [{ status: 503 }, { status: 200 }] });
  expect(new Set(receiver.urls).size).toBe(1);
});

test('a refusal is final and shown', async () => {
  const receiver = await startReceiver(422);
  const orderUrl = await buy(await openShop(receiver.url), 'abc');
  const order: unknown = await (await fetch(orderUrl, { headers: { accept: 'application/json' } })).json();
  expect(order).toMatchObject({ state: 'failed', reports: [{ status: 422 }] });
});

test('a purchase without a click is reported to nobody', async () => {
  const receiver = await startReceiver(200);
  const shop = await openShop(receiver.url);
  const bought = await fetch(`${shop.url}/buy`, { method: 'POST' });
  expect(await bought.text()).toContain('reported to nobody');
  expect(receiver.urls).toEqual([]);
});

test.each([
  ['markup in the click ID', '/?cid=%3Cscript%3Ealert(1)%3C%2Fscript%3E', 200],
  ['an attribute breakout', '/?cid=%22onload=%22x', 200],
  ['an unknown page', '/%3Cscript%3E', 404],
  ['an unknown order', '/orders/XYZ-0', 404],
  ['GET on the button', '/buy', 405],
])('%s is printed harmlessly', async (_, path, status) => {
  const shop = await openShop('http://127.0.0.1:1/postback/xyz');
  const answer = await fetch(shop.url + path);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  const html = await answer.text();
  expect(html).not.toContain('<script');
  expect(html).not.toContain('"onload');
});

test('a foreign page cannot press the button', async () => {
  const shop = await openShop('http://127.0.0.1:1/postback/xyz');
  const headers = { 'sec-fetch-site': 'cross-site' };
  expect((await fetch(`${shop.url}/buy`, { method: 'POST', redirect: 'manual', headers })).status).toBe(403);
});

test('a taken port is one clear line', async () => {
  const shop = await openShop('http://127.0.0.1:1/postback/xyz');
  const port = Number(new URL(shop.url).port);
  await expect(startShop(port, 'http://127.0.0.1:1', TOKEN)).rejects.toThrow(`port ${port} of the shop is taken`);
});
