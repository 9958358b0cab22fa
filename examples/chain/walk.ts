import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

import type { Api, ConversionSeen } from './api.ts';
import { ADVERTISER_OF, MEMBERS } from './members.ts';
import type { Member } from './members.ts';

/** What the walk needs of a running chain. */
interface Walkable {
  readonly networks: Readonly<Record<Member, { readonly url: string; readonly api: Api }>>;
  readonly shop: { readonly url: string };
  readonly link: string;
}

/** One redirect, as the visitor's browser sees it. */
export interface ClickHop {
  readonly network: Member;
  readonly status: number;
  readonly ms: number;
  readonly location: string | null;
  /** The click ID of the hop before; at Tia's the walk's own value. */
  readonly received: string;
  /** As read from the location; null: none. */
  readonly minted: string | null;
  /** `p1` and `source` as the network stored them with the click that it minted. */
  readonly stored: { readonly p1: string | null; readonly source: string | null } | null;
}

/** One postback, from the hop that was told the sale to the one that sent the click. */
export interface ConversionHop {
  readonly from: Member | 'xyz';
  readonly to: Member;
  /** As the receiver logged it, without the token; null: it was not seen. */
  readonly url: string | null;
  readonly status: number | null;
  readonly code: string | null;
  readonly ms: number | null;
  /** The conversion at the receiver; null: not seen. */
  readonly conversion: ConversionSeen | null;
}

export interface Walk {
  readonly source: string;
  readonly clicks: readonly ClickHop[];
  /** The click ID in which the shop believes, and its page's status. */
  readonly shop: { readonly status: number; readonly clickId: string | null; readonly orderId: string | null };
  readonly conversions: readonly ConversionHop[];
  /** From the order to the last conversion seen. */
  readonly backMs: number;
  /** What was not seen or does not match, in words; empty: every hop was seen. */
  readonly missing: readonly string[];
}

/** Like a browser: a request that names no browser is a bot's. */
const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x64; rv:140.0) Gecko/20100101 Firefox/140.0' };
const POLL_MS = 100;

const orderSchema = z.object({
  id: z.string(),
  click_id: z.string().nullable(),
  postback_url: z.string().nullable(),
  state: z.string(),
  reports: z.array(z.object({ duration_ms: z.number(), status: z.number().nullable(), body: z.string() })),
});
type OrderSeen = z.infer<typeof orderSchema>;

/**
 * Follows Tia's link by hand to the shop, buys there, and waits until the conversion is back at every hop.
 *
 * @param visitor - goes out as `p1` and `source` of Tia's link; any text
 * @param patienceMs - how long the conversion may take in all
 */
export async function walk(
  chain: Walkable,
  visitor: { readonly p1: string; readonly source: string },
  patienceMs: number,
): Promise<Walk> {
  const { clicks, landing } = await followLink(chain, visitor);
  const { shop, order, orderedAt } = await buy(chain.shop.url, landing);
  const until = orderedAt + patienceMs;
  // From the shop to Tia: each network has the click that it minted, and tells the one before.
  const back = [...MEMBERS].reverse();
  const conversions: ConversionHop[] = [];
  for (const [i, to] of back.entries()) {
    const click = clicks.find(({ network }) => network === to);
    const from = back[i - 1] ?? 'xyz';
    const above = conversions.at(-1)?.conversion ?? null;
    conversions.push(await seeConversion(chain, from, to, click?.minted ?? null, order, above, orderedAt, until));
  }
  const backMs = Date.now() - orderedAt;
  const seen = { source: visitor.source, clicks, shop, conversions, backMs };
  return { ...seen, missing: findMissing(seen) };
}

async function followLink(chain: Walkable, visitor: { p1: string; source: string }) {
  const clicks: ClickHop[] = [];
  const query = `p1=${encodeURIComponent(visitor.p1)}&source=${encodeURIComponent(visitor.source)}`;
  let next: string | null = `${chain.link}&${query}`;
  for (const network of MEMBERS) {
    if (next === null) break;
    const received: string = new URL(next).searchParams.get('p1') ?? '';
    const started = performance.now();
    const answer: Response = await fetch(next, { redirect: 'manual', headers: BROWSER });
    await answer.arrayBuffer();
    const ms = performance.now() - started;
    const location: string | null = answer.headers.get('location');
    const parameters = location !== null && URL.canParse(location) ? new URL(location).searchParams : null;
    const minted = parameters?.get(network === 'abc' ? 'cid' : 'p1') ?? null;
    const click = minted === null ? null : await chain.networks[network].api.click(minted);
    const stored = click === null ? null : { p1: click.p1 ?? null, source: click.source ?? null };
    clicks.push({ network, status: answer.status, ms, location, received, minted, stored });
    next = parameters === null ? null : location;
  }
  return { clicks, landing: clicks.length === MEMBERS.length ? next : null };
}

/** Opens the landing page, buys, and reads the order as the thank-you page has it. */
async function buy(shopUrl: string, landing: string | null) {
  const nothing = { shop: { status: 0, clickId: null, orderId: null }, order: null, orderedAt: Date.now() };
  if (landing === null || new URL(landing).origin !== shopUrl) return nothing;
  const page = await fetch(landing, { redirect: 'manual', headers: BROWSER });
  await page.text();
  const cookie = page.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
  const orderedAt = Date.now();
  const bought = await fetch(`${shopUrl}/buy`, { method: 'POST', redirect: 'manual', headers: { ...BROWSER, cookie } });
  await bought.arrayBuffer();
  const location = bought.headers.get('location');
  if (location === null) return { ...nothing, shop: { status: page.status, clickId: null, orderId: null }, orderedAt };
  const headers = { ...BROWSER, accept: 'application/json' };
  const read = async () => orderSchema.parse(await (await fetch(new URL(location, shopUrl), { headers })).json());
  const { id, click_id: clickId } = await read();
  return { shop: { status: page.status, clickId, orderId: id }, order: read, orderedAt };
}

async function seeConversion(
  chain: Walkable,
  from: Member | 'xyz',
  to: Member,
  clickId: string | null,
  order: (() => Promise<OrderSeen>) | null,
  above: ConversionSeen | null,
  orderedAt: number,
  until: number,
): Promise<ConversionHop> {
  const unseen = { from, to, url: null, status: null, code: null, ms: null, conversion: null };
  if (clickId === null || order === null || (from !== 'xyz' && above === null)) return unseen;
  const { api, url } = chain.networks[to];
  // Arrival first: after that the sender's record of the call is a matter of milliseconds.
  const conversion = await poll(async () => (await api.conversionsOf(clickId))[0] ?? null, until);
  const hit = await poll(async () => {
    const hits = await api.hitsOf(ADVERTISER_OF[to], new Date(orderedAt - 60_000));
    return hits.find((each) => each.click_id === clickId) ?? null;
  }, until);
  const call = await poll(async () => {
    if (from === 'xyz' || above === null) {
      const { state, reports } = await order();
      const report = reports.at(-1);
      return state === 'reported' && report !== undefined ? { ...report, ms: report.duration_ms } : null;
    }
    const delivery = (await chain.networks[from].api.deliveriesOf(above.id))[0];
    const attempt = delivery?.attempts.at(-1);
    return delivery?.state === 'delivered' && attempt !== undefined
      ? { status: attempt.status ?? null, body: attempt.body ?? '', ms: attempt.duration_ms ?? null }
      : null;
  }, until);
  return {
    from,
    to,
    url:
      hit === null
        ? null
        : `${url}${pathOf(hit.route, ADVERTISER_OF[to])}?${(hit.query ?? '').replaceAll('%5Bredacted%5D', '***')}`,
    status: call?.status ?? null,
    code: codeIn(call?.body),
    ms: call?.ms ?? null,
    conversion,
  };
}

/** Asks again until there is something, or `until` has passed; null then. */
async function poll<T>(read: () => Promise<T | null>, until: number): Promise<T | null> {
  for (;;) {
    const found = await read();
    if (found !== null || Date.now() >= until) return found;
    await sleep(POLL_MS);
  }
}

/** A hit names its route, `ANY /postback/{sender_id}` or the path itself. */
function pathOf(route: string, senderId: string): string {
  return route.slice(route.indexOf('/')).replace('{sender_id}', senderId);
}

const answerSchema = z.object({ code: z.string() });

function codeIn(body: string | undefined): string | null {
  try {
    return answerSchema.parse(JSON.parse(body ?? '')).code;
  } catch {
    return null;
  }
}

function findMissing({ source, clicks, shop, conversions }: Omit<Walk, 'missing'>): string[] {
  const missing: string[] = [];
  const expect = (holds: boolean, otherwise: string) => {
    if (!holds) missing.push(otherwise);
  };
  for (const network of MEMBERS) {
    const hop = clicks.find((each) => each.network === network);
    if (hop === undefined || hop.minted === null) {
      expect(false, `the click at ${network}`);
      continue;
    }
    expect(hop.status === 302, `a 302 from ${network}: it answered ${hop.status}`);
    expect(hop.stored !== null, `the stored click at ${network}`);
    expect(hop.stored?.p1 === hop.received, `the ID that ${network} received: it stored another`);
    expect(hop.stored?.source === source, `the source at ${network}: it stored another`);
  }
  clicks.forEach((hop, i) => {
    const before = clicks[i - 1];
    if (before !== undefined) expect(hop.received === before.minted, `the ID of ${before.network} at ${hop.network}`);
  });
  const last = clicks.at(-1);
  expect(shop.status === 200, 'the landing page of the shop');
  expect(shop.clickId !== null && shop.clickId === last?.minted, 'the click ID of abc at the shop');
  expect(shop.orderId !== null, 'the order');

  let paid: string | null = null;
  for (const { from, to, url, status, code, conversion } of conversions) {
    const hop = clicks.find((each) => each.network === to);
    if (conversion === null) {
      expect(false, `the conversion at ${to}`);
    } else {
      expect(conversion.click_id === hop?.minted, `the click ID that ${to} minted in its conversion`);
      expect(conversion.p1 === hop?.received, `the p1 of the click in the conversion at ${to}`);
      expect(conversion.txn_id === shop.orderId, `the order number at ${to}`);
      expect(paid === null || conversion.revenue === paid, `the payout of ${from} as revenue at ${to}`);
      expect(conversion.status === 'approved', `approval at ${to}: the conversion is ${conversion.status}`);
    }
    paid = conversion?.payout ?? null;
    expect(url !== null, `the call of ${from} in the hits of ${to}`);
    expect(status === 200 && code === 'OK', `a 200 OK from ${to} to ${from}`);
  }
  return missing;
}
