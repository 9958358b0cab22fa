import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { click, create, createWorld, field, manage, openDeployment, report } from '../support/deployment.ts';
import type { Deployment, World } from '../support/deployment.ts';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x64; rv:140.0) Gecko/20100101 Firefox/140.0';
const FALLBACK = 'https://fallback.example/';

let deployment: Deployment;
beforeAll(async () => {
  deployment = await openDeployment();
});
afterAll(() => deployment.stop());

interface Visitor {
  readonly query?: string;
  readonly userAgent?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where a visitor of a link ends up, and with which cookie. */
async function visit(world: World, { query = '', userAgent = FIREFOX, headers = {} }: Visitor = {}) {
  const response = await fetch(`${deployment.url}/c/${world.campaign}/${world.publisher}?${query}`, {
    redirect: 'manual',
    headers: { 'user-agent': userAgent, ...headers },
  });
  const location = new URL(response.headers.get('location') ?? 'none:');
  const cookie = response.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
  return { location, cookie, clickId: location.searchParams.get('cid') ?? '' };
}

const codeOf = async (clickId: string) => field(await manage(deployment, 'GET', `clicks/${clickId}`), 'code');

describe('a visit', () => {
  test('goes to the expanded fallback, and is kept, where targeting refuses it', async () => {
    const world = await createWorld(deployment, {
      campaign: { targeting: { browsers: { deny: ['firefox'] } }, fallback_url: `${FALLBACK}?cid={click_id}&p={p1}` },
    });
    const { location, clickId, cookie } = await visit(world, { query: 'p1=a%20b' });
    expect(location.href).toBe(`${FALLBACK}?cid=${clickId}&p=a%20b`);
    expect(cookie).toBe('');
    expect(await codeOf(clickId)).toBe('TARGETING');
  });

  test('goes to a deep link only on a host that the campaign allows (invariant 11)', async () => {
    const world = await createWorld(deployment, { campaign: { deep_link_hosts: ['*.shop.example'] } });
    const url = (text: string) => ({ query: `url=${encodeURIComponent(text)}` });
    const { location, clickId } = await visit(world, url('https://de.shop.example/shoe?cid={click_id}'));
    expect(location.href).toBe(`https://de.shop.example/shoe?cid=${clickId}`);
    expect((await visit(world, url('https://evil.example/'))).location.host).toBe('shop.example');
  });

  test('counts once in the campaign’s window, by cookie or without, and a prefetch does not count', async () => {
    const world = await createWorld(deployment, { campaign: { duplicate_click_window_seconds: 3_600 } });
    const prefetch = await visit(world, { headers: { 'sec-purpose': 'prefetch' } });
    const first = await visit(world, { headers: { cookie: prefetch.cookie } });
    const withCookie = await visit(world, { headers: { cookie: first.cookie } });
    const without = await visit(world);
    const another = await visit(world, { userAgent: `${FIREFOX}.1` });
    const clicks = [prefetch, first, withCookie, without, another];
    expect(await Promise.all(clicks.map(({ clickId }) => codeOf(clickId)))).toEqual([
      'PREFETCH',
      'OK',
      'DUPLICATE_CLICK',
      'DUPLICATE_CLICK',
      'OK',
    ]);
  });

  test('goes to the fallback once a conversion cap is full (invariant 6)', async () => {
    const cap = { metric: 'conversions', period: 'total', limit: '1' };
    const world = await createWorld(deployment, { campaign: { caps: [cap], fallback_url: FALLBACK } });
    expect(await report(deployment, world, await click(deployment, world))).toMatchObject({ body: { code: 'OK' } });
    // A publisher whose counters no environment has read before.
    const publisher = `${world.publisher}-2`;
    await create(deployment, 'publishers', { id: publisher, name: 'Another publisher' });
    await expect.poll(async () => (await visit({ ...world, publisher })).location.href).toBe(FALLBACK);
  });
});

test('an impression is a pixel whatever is asked for', async () => {
  const world = await createWorld(deployment);
  for (const query of [`campaign_id=${world.campaign}&pub_id=${world.publisher}`, 'campaign_id=nope', '']) {
    const response = await fetch(`${deployment.url}/impression?${query}`, { headers: { 'user-agent': FIREFOX } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/gif');
    expect(await response.arrayBuffer()).toHaveProperty('byteLength', 43);
  }
});
