import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { StartError, codeOf } from '../../local/errors.ts';
import { landingPage, notFoundPage, orderPage, STYLE_HASH } from './shop-pages.ts';

/** The advertiser's shop. It remembers nothing after a restart. */
export interface Shop {
  readonly url: string;
  stop(): Promise<void>;
}

const PRODUCT = { name: 'Trail lantern', price: '40.00', currency: 'USD' } as const;

/** One call of the advertiser postback, or the reason why there was no answer. */
export interface Report {
  readonly at: string;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly body: string;
}

/** An order, as the shop shows it, in HTML or as JSON. */
export interface Order {
  readonly id: string;
  readonly click_id: string | null;
  readonly amount: string;
  readonly currency: string;
  /** The postback's URL without its token; null: nobody sent this customer. */
  readonly postback_url: string | null;
  readonly state: 'unreported' | 'reporting' | 'reported' | 'failed';
  readonly reports: readonly Report[];
}

/** Seconds before each call: a network that is down for a moment misses no sale. */
const RETRY_SECONDS = [0, 1, 2, 5, 10, 30, 60];
/** The answer to the customer waits this long for the first call, so that the page can show what came of it. */
const SHOW_WITHIN_MS = 2_000;
const MOST_ORDERS = 1_000;
/** What the shop takes for a click ID: anything short and printable; the network decides whether it is one. */
const CLICK_ID = /^[\x21-\x7e]{1,200}$/;

/**
 * Starts the shop.
 *
 * @param port - 0: any free one
 * @param postbackUrl - where sales are reported
 * @throws StartError if the port is taken
 */
export async function startShop(port: number, postbackUrl: string, securityToken: string): Promise<Shop> {
  const orders = new Map<string, Order>();
  const stopped = new AbortController();

  const placeOrder = (clickId: string | null): { order: Order; firstReport: Promise<void> } => {
    const id = `XYZ-${randomBytes(5).toString('hex').toUpperCase()}`;
    const query = { click_id: clickId ?? '', txn_id: id, sale_amount: PRODUCT.price, currency: PRODUCT.currency };
    const shown = `${postbackUrl}?${new URLSearchParams(query).toString()}&security_token=`;
    const order: Order = {
      id,
      click_id: clickId,
      amount: PRODUCT.price,
      currency: PRODUCT.currency,
      postback_url: clickId === null ? null : `${shown}***`,
      state: clickId === null ? 'unreported' : 'reporting',
      reports: [],
    };
    const oldest = orders.size < MOST_ORDERS ? undefined : orders.keys().next().value;
    if (oldest !== undefined) orders.delete(oldest);
    orders.set(id, order);
    if (clickId === null) return { order, firstReport: Promise.resolve() };
    return {
      order,
      firstReport: new Promise((resolve) => void reportUntilTaken(order, shown + securityToken, resolve)),
    };
  };

  const reportUntilTaken = async (order: Order, url: string, firstDone: () => void): Promise<void> => {
    const reports: Report[] = [];
    for (const seconds of RETRY_SECONDS) {
      try {
        await sleep(seconds * 1_000, undefined, { signal: stopped.signal });
      } catch {
        return;
      }
      const report = await callPostback(url, stopped.signal);
      reports.push(report);
      // The same txn_id each time: however often it is reported, it is one sale.
      const again = report.status === null || report.status === 429 || report.status >= 500;
      const last = reports.length === RETRY_SECONDS.length;
      const taken = report.status !== null && report.status < 300;
      const state = taken ? 'reported' : again && !last ? 'reporting' : 'failed';
      orders.set(order.id, { ...order, state, reports: [...reports] });
      firstDone();
      if (state !== 'reporting') return;
    }
  };

  const server = createServer((request, response) => {
    handle(request, response, orders, placeOrder).catch(() => {
      if (response.headersSent) response.destroy();
      else sendHtml(response, 500, notFoundPage());
    });
  });
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const what = codeOf(error) === 'EADDRINUSE' ? 'is taken' : `cannot be opened (${codeOf(error) ?? 'error'})`;
    throw new StartError(`port ${port} of the shop ${what}`);
  }
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    stop: async () => {
      stopped.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function callPostback(url: string, stopped: AbortSignal): Promise<Report> {
  const started = Date.now();
  const at = new Date(started).toISOString();
  const timeout = AbortSignal.timeout(10_000);
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.any([timeout, stopped]) });
    const body = (await answer.text()).slice(0, 2_000);
    return { at, duration_ms: Date.now() - started, status: answer.status, body };
  } catch {
    const body = timeout.aborted ? 'no answer within 10 s' : 'no connection';
    return { at, duration_ms: Date.now() - started, status: null, body };
  }
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  orders: ReadonlyMap<string, Order>,
  placeOrder: (clickId: string | null) => { order: Order; firstReport: Promise<void> },
): Promise<void> {
  const url = new URL(`http://shop${request.url?.startsWith('/') === true ? request.url : '/'}`);
  const reading = request.method === 'GET' || request.method === 'HEAD';

  if (url.pathname === '/') {
    if (!reading) return refuseMethod(response, 'GET, HEAD');
    const arrived = asClickId(url.searchParams.get('cid'));
    // Kept in the shop's own cookie, so that the customer may look around before buying. The last click counts.
    if (arrived !== null) {
      response.setHeader(
        'set-cookie',
        `cid=${encodeURIComponent(arrived)}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax`,
      );
    }
    return sendHtml(response, 200, landingPage(PRODUCT, arrived ?? clickIdOfCookie(request)));
  }
  if (url.pathname === '/buy') {
    if (request.method !== 'POST') return refuseMethod(response, 'POST');
    // A page of somebody else's must not be able to buy in the customer's name.
    const site = request.headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return sendHtml(response, 403, notFoundPage());
    // The form has no fields: the button says all.
    request.resume();
    const { order, firstReport } = placeOrder(clickIdOfCookie(request));
    await Promise.race([firstReport, sleep(SHOW_WITHIN_MS, undefined, { ref: false })]);
    // See Other: reloading the page that follows buys nothing again.
    response.writeHead(303, { location: `/orders/${order.id}`, 'cache-control': 'no-store' }).end();
    return;
  }
  const order = orders.get(/^\/orders\/([A-Z0-9-]{1,32})$/.exec(url.pathname)?.[1] ?? '');
  if (order === undefined) return sendHtml(response, 404, notFoundPage());
  if (!reading) return refuseMethod(response, 'GET, HEAD');
  if (request.headers.accept === 'application/json') {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(order));
    return;
  }
  return sendHtml(response, 200, orderPage(PRODUCT, order));
}

function sendHtml(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; style-src '${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  response.end(html);
}

function refuseMethod(response: ServerResponse, allow: string): void {
  response.setHeader('allow', allow);
  sendHtml(response, 405, notFoundPage());
}

function asClickId(text: string | null): string | null {
  return text !== null && CLICK_ID.test(text) ? text : null;
}

function clickIdOfCookie(request: IncomingMessage): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value = ''] = pair.trim().split('=', 2);
    if (name !== 'cid') continue;
    try {
      return asClickId(decodeURIComponent(value));
    } catch {
      return null;
    }
  }
  return null;
}
