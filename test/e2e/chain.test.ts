import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startChain } from '../../examples/chain/chain.ts';
import type { Chain } from '../../examples/chain/chain.ts';
import { formatWalk } from '../../examples/chain/report.ts';
import { walk } from '../../examples/chain/walk.ts';
import type { Walk } from '../../examples/chain/walk.ts';
import { manage } from '../support/deployment.ts';

let chain: Chain;
beforeAll(async () => {
  chain = await startChain(0, undefined, new AbortController().signal);
}, 120_000);
afterAll(() => chain.stop());

/** Everything that breaks naive URL building: separators, spaces, plus, percent, macros, markup, other scripts. */
const VISITOR = { p1: 'a b+c&p1=d/ü#{payout}%7Bclick_id%7D', source: 'news & "<b>" 100%+ ☕ {source}' };

describe('one purchase through the chain', () => {
  let walked: Walk;
  beforeAll(async () => {
    walked = await walk(chain, VISITOR, 30_000);
  });

  test('is seen at every hop', () => {
    expect(walked.missing, formatWalk(walked)).toEqual([]);
    expect(formatWalk(walked)).toContain('Every hop was seen');
  });

  test('each hop receives as p1 what the hop before has minted, and sends the visitor on with its own', () => {
    const [tia, n123, abc] = walked.clicks;
    expect(tia?.received).toBe(VISITOR.p1);
    expect(n123?.received).toBe(tia?.minted);
    expect(abc?.received).toBe(n123?.minted);
    expect(walked.shop.clickId).toBe(abc?.minted);
    const minted = walked.clicks.map((hop) => hop.minted);
    expect(new Set(minted).size).toBe(3);
    for (const id of minted) expect(id).toMatch(/^[a-z2-7]{32}$/);
  });

  test('a value with special characters is encoded once at each hop and arrives unchanged', () => {
    for (const hop of walked.clicks) expect(hop.stored?.source).toBe(VISITOR.source);
    const encoded = 'source=news%20%26%20%22%3Cb%3E%22%20100%25%2B%20%E2%98%95%20%7Bsource%7D';
    for (const { network, location } of walked.clicks) if (network !== 'abc') expect(location).toContain(encoded);
  });

  test('each conversion names the click of its own network, and the order of the shop', () => {
    const back = [...walked.clicks].reverse();
    expect(walked.conversions.map(({ to, conversion }) => [to, conversion?.click_id, conversion?.p1])).toEqual(
      back.map(({ network, minted, received }) => [network, minted, received]),
    );
    for (const { conversion } of walked.conversions) expect(conversion?.txn_id).toBe(walked.shop.orderId);
  });

  test('what one network pays is what the next one earns', () => {
    const money = walked.conversions.map(({ to, conversion }) => [to, conversion?.revenue, conversion?.payout]);
    expect(money).toEqual([
      ['abc', '10.00', '8.00'],
      ['123', '8.00', '6.00'],
      ['tia', '6.00', '0.00'],
    ]);
  });

  test('the postbacks carry the macros of click and conversion, and no receiver logs the token', () => {
    const [fromShop, from123, fromAbc] = [walked.conversions[0], walked.conversions[2], walked.conversions[1]].map(
      (hop) => new URL(hop?.url ?? 'http://none').searchParams,
    );
    expect(fromShop?.get('sale_amount')).toBe('40.00');
    for (const [query, paid] of [
      [fromAbc, '8.00'],
      [from123, '6.00'],
    ] as const) {
      expect(Object.fromEntries(query ?? [])).toMatchObject({
        goal: 'sale',
        txn_id: walked.shop.orderId,
        sale_amount: paid,
        currency: 'USD',
        sub1: VISITOR.source,
      });
    }
    for (const query of [fromShop, fromAbc, from123]) {
      expect(query?.get('security_token') ?? '').not.toMatch(/[A-Za-z0-9_-]{16}/);
    }
  });
});

test('a postback that never comes is named as missing', async () => {
  const change = async (status: string) => {
    expect((await manage(chain.networks['123'], 'PATCH', 'postbacks/tia', { status })).status).toBe(200);
  };
  await change('paused');
  try {
    const { missing } = await walk(chain, VISITOR, 1_500);
    expect(missing).toContain('the conversion at tia');
  } finally {
    await change('active');
  }
});
