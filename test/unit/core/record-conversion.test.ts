import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { conversionCounterKey } from '../../../lambdas/core/counters.ts';
import { deliveryId } from '../../../lambdas/core/delivery.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { Campaign, Cap, Goal, Sender } from '../../../lambdas/core/entities.ts';
import { MAX_OF_TXN } from '../../../lambdas/core/locate-conversion.ts';
import { MAX_POSTBACKS } from '../../../lambdas/core/match-postbacks.ts';
import { receivePostback } from '../../../lambdas/core/receive-postback.ts';
import { runParked } from '../../../lambdas/core/run-parked.ts';
import { aCall, aNetwork, aSender, TOKEN } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCampaign, aCap, aGoal, someSettings } from '../../support/entities.ts';

const DAY = 24 * 60 * 60 * 1_000;
const percent = (value: string) => ({ model: 'percent', percent: value }) as const;
const PERCENT_GOAL: Partial<Goal> = { payout: percent('10'), revenue: percent('20') };

const withCampaign = (overrides: Partial<Campaign>) => (network: Network) =>
  void network.catalog.campaigns.set('summer', aCampaign(overrides));
const withGoal = (overrides: Partial<Goal>) => withCampaign({ goals: [aGoal(overrides)] });

const only = (network: Network) => {
  const [conversion, ...more] = network.store.conversions.values();
  expect(more).toEqual([]);
  if (conversion === undefined) throw new Error('no conversion');
  return conversion;
};

/** What must hold whatever happened: money is the sum of the ledger, every version has its history. */
const expectConsistent = ({ store }: Network) => {
  for (const conversion of store.conversions.values()) {
    const rows = store.ledger.filter(({ conversionId }) => conversionId === conversion.id);
    const paid = conversion.status === 'approved';
    expect(rows.reduce((sum, row) => sum + row.payout, 0n)).toBe(paid ? conversion.payout : 0n);
    expect(rows.reduce((sum, row) => sum + row.revenue, 0n)).toBe(paid ? conversion.revenue : 0n);
    expect(store.history.filter(({ conversionId }) => conversionId === conversion.id)).toHaveLength(conversion.version);
    const deliveries = [...store.deliveries.values()].filter(({ subjectId }) => subjectId === conversion.id);
    expect(deliveries).toHaveLength(conversion.deliveries);
  }
};

interface Step {
  readonly call: Record<string, string>;
  readonly code: string;
  readonly status?: string;
  readonly payout?: string;
  readonly warned?: boolean;
}

/** Calls one after the other, all for one click. */
const run = async (steps: readonly Step[], prepare: (network: Network) => void = () => undefined) => {
  const network = aNetwork();
  prepare(network);
  const click_id = await network.click();
  for (const { call, code, status, payout, warned } of steps) {
    const { status: http, body } = await network.call({ click_id, ...call });
    expect(body, JSON.stringify(call)).toMatchObject({ code, ...(status && { status }), ...(payout && { payout }) });
    expect(body['result'] === 'accepted' ? 200 : http).toBe(http);
    if (warned !== undefined) expect((body['warnings'] as string[]).length > 0, JSON.stringify(call)).toBe(warned);
    expectConsistent(network);
  }
  return network;
};

describe('who may report', () => {
  const withSender = (overrides: Partial<Sender>) => (network: Network) =>
    void network.catalog.senders.set('xyz', aSender(overrides));
  const expiredTokens = aSender().tokens.map((token) => ({ ...token, expiresAt: NOON }));

  it.each<[string, Record<string, string>, ((network: Network) => void)?]>([
    ['another token', { security_token: `${TOKEN}x` }],
    ['a token with a space', { security_token: ` ${TOKEN}` }],
    ['no token', { security_token: '' }],
    ["a click that is none of the sender's advertisers'", {}, withSender({ advertiserIds: ['other'] })],
    ['the token of a sender that is paused', {}, withSender({ status: 'paused' })],
    ['a token that expired just now', {}, withSender({ tokens: expiredTokens })],
  ])('is not who comes with %s', async (_, call, prepare) => {
    const network = aNetwork();
    prepare?.(network);
    const click_id = await network.click();
    expect((await network.call({ click_id, ...call })).body).toMatchObject({ code: 'INVALID_SECURITY_TOKEN' });
    expect(network.store.conversions.size).toBe(0);
  });

  it('answers the same to every click without a valid token', async () => {
    const network = aNetwork();
    const ids = [
      await network.click(),
      network.mint(),
      network.mint(0),
      await network.click({ advertiserId: 'other' }),
    ];
    const answers = await Promise.all(ids.map((click_id) => network.call({ click_id, security_token: 'wrong' })));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401 });
  });

  it('needs no token under its own path where the sender says so, and a click then', async () => {
    const network = aNetwork();
    network.catalog.senders.set('xyz', aSender({ tokenRequired: false }));
    const click_id = await network.click();
    const own = { senderId: 'xyz', route: '/postback/{sender_id}' };
    const noToken = { security_token: '' };
    expect((await network.call({ ...noToken, click_id })).body).toMatchObject({ code: 'INVALID_SECURITY_TOKEN' });
    expect((await network.call({ ...noToken, txn_id: 'T' }, own)).body).toMatchObject({ code: 'MISSING_PARAMETER' });
    expect((await network.call({ security_token: 'wrong', click_id }, own)).status).toBe(401);
    expect((await network.call({ ...noToken, click_id }, own)).body).toMatchObject({ code: 'OK' });
  });

  it('refuses the token of one sender under the path of another', async () => {
    const network = aNetwork();
    network.catalog.senders.set('abc', aSender({ id: 'abc', advertiserIds: 'all', tokens: [] }));
    const answer = await network.call({ click_id: await network.click() }, { senderId: 'abc' });
    expect(answer.body).toMatchObject({ code: 'INVALID_SECURITY_TOKEN' });
  });

  it('takes the token from the Authorization header', async () => {
    const network = aNetwork();
    const authorization = `Bearer ${TOKEN}`;
    const answer = await network.call({ click_id: await network.click(), security_token: '' }, { authorization });
    expect(answer.body).toMatchObject({ code: 'OK' });
  });

  it("reads a sender's own names, the token's only under its path", async () => {
    const network = aNetwork();
    const parameters = { click_id: ['subid'], txn_id: ['order_id'], security_token: ['secret'] };
    network.catalog.senders.set('xyz', aSender({ parameters }));
    const subid = await network.click();
    const mapped = { subid, order_id: 'O1', secret: TOKEN, security_token: '' };
    expect((await network.call(mapped)).status).toBe(400);
    expect((await network.call(mapped, { senderId: 'xyz' })).body).toMatchObject({ code: 'OK' });
    expect(only(network)).toMatchObject({ txnId: 'O1', clickId: subid });
    const hits = JSON.stringify([...network.hits.rows.values()]);
    expect(hits).not.toContain(TOKEN);
    // A click id under a name that nobody knows stays, so that an operator can correct the call.
    expect(hits.split(`"${subid}"]`)).toHaveLength(3);
  });

  it('shows no token in its hit, whatever name it was given', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    const misnamed = { click_id, key: TOKEN, security_token: '' };
    expect((await network.call(misnamed)).status).toBe(401);
    expect((await network.call(misnamed, { senderId: 'xyz' })).status).toBe(401);
    network.catalog.senders.set('xyz', aSender({ tokenRequired: false }));
    expect((await network.call(misnamed, { senderId: 'xyz' })).body).toMatchObject({ code: 'OK' });
    expect(JSON.stringify([...network.hits.rows.values()])).not.toContain(TOKEN);
  });
});

describe('a new conversion', () => {
  it('pays the publisher and tells it, all in one', async () => {
    const network = aNetwork();
    const answer = await network.call({ click_id: await network.click(), txn_id: 'T1', sub1: 'secret' });
    const conversion = only(network);
    expect(answer).toEqual({
      status: 200,
      retryAfterSeconds: null,
      body: {
        result: 'accepted',
        code: 'OK',
        message: 'Recorded',
        warnings: [],
        conversion_id: conversion.id,
        status: 'approved',
        goal: 'sale',
        payout: '2.50',
        revenue: '4.00',
        currency: 'USD',
      },
    });
    expect(network.store.ledger).toMatchObject([{ payout: 2_500_000n, revenue: 4_000_000n, currency: 'USD' }]);
    const [delivery] = network.store.deliveries.values();
    expect(delivery).toMatchObject({
      id: deliveryId(conversion.id, 1),
      event: 'created',
      state: 'waiting',
      publisherId: 'tia',
      nextAttemptAt: conversion.createdAt,
      dueAt: conversion.createdAt + 60_000,
      values: { p1: 'tia-1', payout: '2.50', txn_id: 'T1', status: 'approved', event: 'created', goal_name: 'Sale' },
    });
    expect(delivery?.values).not.toHaveProperty('sub1');
    expect(delivery?.values).not.toHaveProperty('revenue');
    expect(network.hints.sent).toEqual([{ deliveryId: delivery?.id, postbackId: 'pb1', delaySeconds: 0 }]);
  });

  it('is recorded, paid and answered although hint and hit are lost', async () => {
    const network = aNetwork();
    network.hints.down = true;
    network.hits.down = true;
    const { body } = await network.call({ click_id: await network.click() });
    expect(body).toMatchObject({ code: 'OK' });
    expect(network.lost).toEqual([`hint ${deliveryId(String(body['conversion_id']), 1)}`, 'hit OK']);
    expectConsistent(network);
  });

  it('is not refused before its hit is stored', async () => {
    const network = aNetwork();
    network.hits.down = true;
    await expect(network.call({ click_id: await network.click(), goal: 'nothing' })).rejects.toThrow('down');
  });

  it.each([
    ['pending', 'pending', '2.50', 0],
    ['lead', 'pending', '2.50', 0],
    ['sale', 'approved', '2.50', 1],
  ])('with status=%s is %s with payout %s', async (status, expected, payout, rows) => {
    const network = await run([{ call: { status }, code: 'OK', status: expected, payout }]);
    expect(network.store.ledger).toHaveLength(rows);
  });

  it.each([
    [{ attributionWindowDays: 0 }, { code: 'CLICK_EXPIRED', status: 'rejected' }, '1.00'],
    [{ currency: 'EUR' }, { code: 'NO_EXCHANGE_RATE', status: 'pending' }, null],
  ])('of %o is kept unpaid as %o', async (terms, expected, wouldBe) => {
    const prepare = withCampaign({ goals: [aGoal(PERCENT_GOAL)], ...terms });
    const network = await run(
      [{ call: { sale_amount: '10', currency: 'USD' }, code: expected.code, status: expected.status, payout: '0.00' }],
      prepare,
    );
    expect(only(network).wouldBePayout).toBe(wouldBe === null ? null : 1_000_000n);
    expect(network.store.ledger).toEqual([]);
    expect(network.store.deliveries.size).toBe(0);
  });

  it('is priced with the exchange rates of the settings', async () => {
    const prepare = (network: Network) => {
      withCampaign({ currency: 'GBP', goals: [aGoal(PERCENT_GOAL)] })(network);
      network.catalog.stored = someSettings({ exchangeRates: { EUR: '1.10', GBP: '1.25' } });
    };
    const call = { sale_amount: '100', currency: 'eur' };
    const network = await run([{ call, code: 'OK', payout: '8.80' }], prepare);
    expect(only(network)).toMatchObject({ rate: '0.88', currency: 'GBP', saleCurrency: 'EUR' });
    expect([...network.store.deliveries.values()][0]?.values).toMatchObject({ payout: '8.80', payout_usd: '11.00' });
  });

  it('ignores a payout that the caller wishes for, with a warning', async () => {
    const network = await run([{ call: { payout: '9999' }, code: 'OK', payout: '2.50', warned: true }]);
    expect(network.store.ledger).toMatchObject([{ payout: 2_500_000n }]);
  });

  it('exposes what the campaign says', async () => {
    const network = aNetwork();
    withCampaign({ expose: ['sub1', 'sale_amount'] })(network);
    await network.call({ click_id: await network.click(), sub1: 'a', sub2: 'b', amount: '7' });
    const [delivery] = network.store.deliveries.values();
    expect(delivery?.values).toMatchObject({ sub1: 'a', sale_amount: '7.00' });
    expect(delivery?.values).not.toHaveProperty('sub2');
  });
});

describe('a conversion under caps (invariant 6)', () => {
  const capped = (overrides: Partial<Cap>, goal: Partial<Goal> = {}) =>
    withCampaign({ caps: [aCap({ limit: '1', ...overrides })], goals: [aGoal(goal)] });
  const total = ({ store }: Network, attribute: string) =>
    store.counts(conversionCounterKey('summer', null, null)).get(attribute) ?? 0n;
  const FIRST = { call: { txn_id: 'T1' }, code: 'OK' };
  const SECOND = { call: { txn_id: 'T2' }, code: 'OVER_CAP', status: 'rejected', payout: '0.00' };

  it('is recorded beyond the limit, unpaid and with what it would be worth', async () => {
    const network = await run([FIRST, SECOND], capped({}));
    const over = [...network.store.conversions.values()].at(-1);
    expect(over).toMatchObject({ wouldBePayout: 2_500_000n, wouldBeRevenue: 4_000_000n, countedIn: [] });
    expect(network.store.ledger).toHaveLength(1);
    expect(network.store.deliveries.size).toBe(1);
    expect(total(network, 'nt')).toBe(1n);
    expect(total(network, 'pt')).toBe(2_500_000n);
  });

  it.each<[string, readonly Step[], Partial<Cap>, Partial<Goal>?]>([
    [
      'is pending where the cap says so, and only an operator approves it',
      [
        FIRST,
        { ...SECOND, status: 'pending' },
        { call: { txn_id: 'T2', status: 'approved' }, code: 'DUPLICATE_CONVERSION', status: 'pending', warned: true },
      ],
      { onReached: 'pending' },
    ],
    ['takes its slot while it is pending', [{ ...FIRST, call: { txn_id: 'T1', status: 'pending' } }, SECOND], {}],
    [
      'does not free its slot when it is rejected',
      [FIRST, { call: { txn_id: 'T1', status: 'rejected' }, code: 'STATUS_CHANGED' }, SECOND],
      {},
    ],
    [
      'takes no slot if it was rejected before it came',
      [
        { call: { txn_id: 'T0', status: 'rejected' }, code: 'STATUS_REMEMBERED' },
        { call: { txn_id: 'T0' }, code: 'OK', status: 'rejected' },
        FIRST,
        { call: { txn_id: 'T3', status: 'rejected' }, code: 'STATUS_REMEMBERED' },
        { call: { txn_id: 'T3' }, code: 'OK', status: 'rejected' },
      ],
      {},
    ],
    [
      'is a duplicate when it is repeated, whatever the caps say',
      [
        FIRST,
        SECOND,
        { call: { txn_id: 'T1' }, code: 'DUPLICATE_CONVERSION', status: 'approved', payout: '2.50' },
        { call: { txn_id: 'T2' }, code: 'DUPLICATE_CONVERSION', status: 'rejected' },
      ],
      {},
    ],
    [
      'counts a changed amount without asking, and what was freed',
      [
        { call: { txn_id: 'T1', amount: '100' }, code: 'OK', payout: '10.00' },
        { call: { txn_id: 'T1', amount: '900', action: 'change' }, code: 'AMOUNT_CHANGED', payout: '90.00' },
        { call: { txn_id: 'T2', amount: '0.01' }, code: 'OVER_CAP' },
        { call: { txn_id: 'T1', amount: '400', action: 'change' }, code: 'AMOUNT_CHANGED', payout: '40.00' },
        { call: { txn_id: 'T3', amount: '100.01' }, code: 'OVER_CAP' },
        { call: { txn_id: 'T4', amount: '100' }, code: 'OK', payout: '10.00' },
        { call: { txn_id: 'T5', amount: '0.01' }, code: 'OVER_CAP' },
      ],
      { metric: 'payout', limit: '50' },
      PERCENT_GOAL,
    ],
    [
      'counts no changed amount of one that took no room',
      [
        { call: { txn_id: 'T1', amount: '501' }, code: 'OVER_CAP' },
        { call: { txn_id: 'T1', amount: '1', action: 'change' }, code: 'DUPLICATE_CONVERSION', warned: true },
        { call: { txn_id: 'T2', amount: '500' }, code: 'OK', payout: '50.00' },
      ],
      { metric: 'payout', limit: '50' },
      PERCENT_GOAL,
    ],
  ])('%s', async (_, steps, cap, goal) => {
    await run(steps, capped(cap, goal));
  });

  it('has room again in the next period', async () => {
    const network = await run([FIRST, SECOND], capped({}));
    network.advance(DAY);
    const { body } = await network.call({ click_id: await network.click(), txn_id: 'T3' });
    expect(body).toMatchObject({ code: 'OK' });
    expect(total(network, 'nt')).toBe(2n);
  });

  it('finds its cap as full as its campaign was before the cap was saved', async () => {
    const network = await run([FIRST]);
    capped({ scope: 'each_publisher', goal: 'sale', period: 'month' })(network);
    const { body } = await network.call({ click_id: await network.click(), txn_id: 'T2' });
    expect(body).toMatchObject({ code: 'OVER_CAP' });
  });

  it('is over if it waited for its click until nobody could tell any more', async () => {
    const network = aNetwork();
    capped({ period: 'day' })(network);
    const click_id = network.mint();
    await network.call({ click_id });
    network.advance(4 * DAY);
    await network.click({ id: click_id });
    const [parked] = await network.store.dueParked(Infinity, 1);
    if (parked === undefined) throw new Error('nothing is parked');
    expect(await runParked(parked, network.deps)).toBe('OVER_CAP');
  });

  it('removes what is over from its counters, one of many', async () => {
    const network = aNetwork();
    const record = async (lastRandomBits: number) => {
      const random = (length: number) => randomBytes(length).fill(lastRandomBits, length - 1);
      await receivePostback(
        aCall({ query: new URLSearchParams({ security_token: TOKEN, click_id: await network.click() }).toString() }),
        { ...network.deps, random },
      );
    };
    const hours = () =>
      [...network.store.counts(conversionCounterKey('summer', null, null)).keys()].filter((name) =>
        name.startsWith('nh'),
      );
    await record(0);
    network.advance(4 * DAY);
    await record(0);
    expect(hours()).toHaveLength(2);
    // Base 32 of 6 is the letter that chooses.
    await record(6);
    expect(hours()).toHaveLength(1);
    expect(total(network, 'nt')).toBe(3n);
    network.store.pruneCounters = () => Promise.reject(new Error('down'));
    await record(6);
    expect(total(network, 'nt')).toBe(4n);
    expect(network.lost).toEqual(['counters summer']);
  });
});

describe('the same event', () => {
  const T1 = { txn_id: 'T1' };
  it.each<[string, readonly Step[], ((network: Network) => void)?]>([
    [
      'twice with a txn_id is one',
      [
        { call: T1, code: 'OK' },
        { call: T1, code: 'DUPLICATE_CONVERSION' },
      ],
    ],
    [
      'twice without one is one',
      [
        { call: {}, code: 'OK' },
        { call: {}, code: 'DUPLICATE_CONVERSION' },
      ],
    ],
    [
      'with another amount conflicts',
      [
        { call: { ...T1, sale_amount: '10' }, code: 'OK' },
        { call: { ...T1, sale_amount: '10.00' }, code: 'DUPLICATE_CONVERSION' },
        { call: T1, code: 'DUPLICATE_CONVERSION' },
        { call: { ...T1, sale_amount: '11' }, code: 'CONFLICTING_CONVERSION' },
        { call: { ...T1, sale_amount: '10', currency: 'EUR' }, code: 'CONFLICTING_CONVERSION' },
      ],
    ],
    [
      'without a txn_id duplicates any conversion of the click and goal',
      [
        { call: T1, code: 'OK' },
        { call: {}, code: 'DUPLICATE_CONVERSION' },
        { call: { txn_id: 'T2' }, code: 'OK' },
        { call: {}, code: 'DUPLICATE_CONVERSION' },
        { call: { action: 'change', status: 'rejected' }, code: 'CONFLICTING_CONVERSION' },
        { call: { txn_id: 'T2', action: 'change', status: 'rejected' }, code: 'STATUS_CHANGED' },
      ],
    ],
    [
      'is adopted by the first txn_id, once',
      [
        { call: {}, code: 'OK' },
        { call: T1, code: 'DUPLICATE_CONVERSION' },
        { call: T1, code: 'DUPLICATE_CONVERSION' },
        { call: { txn_id: 'T2' }, code: 'OK' },
      ],
    ],
    [
      'is not adopted in a conflict',
      [
        { call: { sale_amount: '10' }, code: 'OK' },
        { call: { ...T1, sale_amount: '11' }, code: 'CONFLICTING_CONVERSION' },
        { call: { txn_id: 'T2', sale_amount: '10' }, code: 'DUPLICATE_CONVERSION' },
        { call: { ...T1, sale_amount: '11' }, code: 'OK' },
      ],
    ],
    [
      'is adopted with its status',
      [
        { call: { status: 'pending' }, code: 'OK' },
        { call: { ...T1, status: 'approved' }, code: 'STATUS_CHANGED', status: 'approved', payout: '2.50' },
      ],
    ],
    [
      'of another goal is another',
      [
        { call: T1, code: 'OK' },
        { call: { ...T1, goal: 'LEAD' }, code: 'OK' },
      ],
      withCampaign({ goals: [aGoal(), aGoal({ id: 'l1', name: 'Lead', default: false })] }),
    ],
    [
      'of another goal is the same in the scope of the campaign',
      [
        { call: T1, code: 'OK' },
        { call: { ...T1, goal: 'l1' }, code: 'DUPLICATE_CONVERSION' },
      ],
      withCampaign({
        goals: [aGoal({ dedupeScope: 'campaign' }), aGoal({ id: 'l1', default: false, dedupeScope: 'campaign' })],
      }),
    ],
    [
      'with another txn_id is the same where the click counts',
      [
        { call: T1, code: 'OK' },
        { call: { txn_id: 'T2' }, code: 'DUPLICATE_CONVERSION' },
        { call: {}, code: 'DUPLICATE_CONVERSION' },
      ],
      withGoal({ dedupe: 'click' }),
    ],
    [
      'of a goal that is only recorded is none of a goal that is paid, nor of another word',
      [
        { call: { ...T1, goal: 'sale!' }, code: 'UNKNOWN_GOAL', payout: '0.00' },
        { call: { ...T1, goal: 'продажа' }, code: 'UNKNOWN_GOAL' },
        { call: { ...T1, goal: 'покупка' }, code: 'UNKNOWN_GOAL' },
        { call: { ...T1, goal: 'покупка' }, code: 'DUPLICATE_CONVERSION' },
        { call: { ...T1, goal: 'sale_' }, code: 'OK', payout: '2.50' },
      ],
      withCampaign({ unknownGoal: 'record', goals: [aGoal({ id: 'sale_' })] }),
    ],
    [
      'of a goal that is only recorded is one',
      [
        { call: { goal: 'x y' }, code: 'UNKNOWN_GOAL', status: 'rejected', payout: '0.00' },
        { call: { goal: 'x y' }, code: 'DUPLICATE_CONVERSION' },
      ],
      withCampaign({ unknownGoal: 'record' }),
    ],
  ])('%s', async (_, steps, prepare) => {
    await run(steps, prepare);
  });

  it('answers with the conversion of the first time', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    const [first, second] = [await network.call({ click_id }), await network.call({ click_id })];
    expect(second.body['conversion_id']).toBe(first.body['conversion_id']);
    expect(second).toMatchObject({ status: 200, body: { result: 'duplicate', payout: '2.50' } });
  });

  it('for another click conflicts', async () => {
    const network = aNetwork();
    await network.call({ click_id: await network.click(), txn_id: 'T1' });
    const { body } = await network.call({ click_id: await network.click(), txn_id: 'T1' });
    expect(body).toMatchObject({ code: 'CONFLICTING_CONVERSION' });
  });

  it('separates ids that only look like one key', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    for (const txn_id of ['a', 'A', 'a#', '#a', 'a:1', '1:a']) {
      expect((await network.call({ click_id, txn_id })).body).toMatchObject({ code: 'OK' });
    }
  });
});

describe('a change', () => {
  it.each<[string, readonly Step[], ((network: Network) => void)?]>([
    [
      'moves pending to approved and that to rejected, and never back',
      [
        { call: { status: 'pending' }, code: 'OK', status: 'pending' },
        { call: { status: 'pending' }, code: 'DUPLICATE_CONVERSION', warned: true },
        { call: {}, code: 'DUPLICATE_CONVERSION', warned: false },
        { call: { status: 'approved' }, code: 'STATUS_CHANGED', status: 'approved', payout: '2.50' },
        { call: { status: 'pending' }, code: 'DUPLICATE_CONVERSION', status: 'approved', warned: true },
        { call: { status: 'rejected' }, code: 'STATUS_CHANGED', status: 'rejected', payout: '0.00' },
        { call: { status: 'approved' }, code: 'DUPLICATE_CONVERSION', status: 'rejected', warned: true },
      ],
    ],
    [
      'of the amount writes the difference',
      [
        { call: { amount: '100' }, code: 'OK', payout: '10.00' },
        { call: { amount: '100', action: 'change' }, code: 'DUPLICATE_CONVERSION', warned: true },
        { call: { amount: '40', action: 'change' }, code: 'AMOUNT_CHANGED', payout: '4.00' },
        { call: { amount: '50', action: 'upsert' }, code: 'AMOUNT_CHANGED', payout: '5.00' },
        { call: { amount: '60', action: 'change', status: 'rejected' }, code: 'STATUS_CHANGED', payout: '0.00' },
        { call: { amount: '70', action: 'change' }, code: 'DUPLICATE_CONVERSION', warned: true },
      ],
      withGoal(PERCENT_GOAL),
    ],
    [
      'of the amount of a pending conversion writes no ledger row',
      [
        { call: { amount: '100', status: 'pending' }, code: 'OK', payout: '10.00' },
        { call: { amount: '50', action: 'change' }, code: 'AMOUNT_CHANGED', status: 'pending', payout: '5.00' },
        { call: { status: 'approved' }, code: 'STATUS_CHANGED', status: 'approved', payout: '5.00' },
      ],
      withGoal(PERCENT_GOAL),
    ],
    ['adds what is not there, if it may', [{ call: { action: 'upsert' }, code: 'OK' }]],
    [
      'does not approve what only an operator approves',
      [
        { call: { amount: '10', currency: 'EUR' }, code: 'NO_EXCHANGE_RATE', status: 'pending' },
        { call: { status: 'approved' }, code: 'DUPLICATE_CONVERSION', status: 'pending', warned: true },
        { call: { status: 'rejected' }, code: 'STATUS_CHANGED', status: 'rejected' },
      ],
      withGoal(PERCENT_GOAL),
    ],
  ])('%s', async (_, steps, prepare) => {
    await run(steps, prepare);
  });

  it('is priced by the terms in force when the conversion was received', async () => {
    const network = aNetwork();
    withGoal(PERCENT_GOAL)(network);
    const click_id = await network.click();
    await network.call({ click_id, amount: '100' });
    withGoal({ payout: percent('50'), revenue: percent('60') })(network);
    const { body } = await network.call({ click_id, amount: '200', action: 'change' });
    expect(body).toMatchObject({ code: 'AMOUNT_CHANGED', payout: '20.00', revenue: '40.00' });
  });

  it('does not touch what an operator decided', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    await network.call({ click_id });
    const conversion = only(network);
    network.store.conversions.set(conversion.id, { ...conversion, locked: true });
    const { body } = await network.call({ click_id, status: 'rejected' });
    expect(body).toMatchObject({ code: 'DUPLICATE_CONVERSION', status: 'approved' });
    expect(body['warnings']).toHaveLength(1);
  });

  it('ignores attribution window, click retention and a goal that is gone', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    await network.call({ click_id, txn_id: 'T1', goal: 'sale' });
    network.advance(400 * DAY);
    withCampaign({ goals: [aGoal({ id: 'other', name: 'Other' })] })(network);
    network.deps.clicks.click = async () => null;
    const other = await network.call({ click_id, txn_id: 'T2', goal: 'sale' });
    expect(other.body).toMatchObject({ code: 'CLICK_PURGED' });
    const { body } = await network.call({ click_id, txn_id: 'T1', goal: 'sale', status: 'rejected' });
    expect(body).toMatchObject({ code: 'STATUS_CHANGED' });
    expectConsistent(network);
  });

  it('that names the click of another publisher is told to the publisher of the conversion', async () => {
    const network = aNetwork();
    network.catalog.postbacks.length = 0;
    network.postback({ id: 'tias', fireOn: ['approved', 'rejected'] });
    network.postback({ id: 'others', publisherId: 'other', fireOn: ['approved', 'rejected'] });
    withCampaign({ goals: [aGoal({ dedupeScope: 'advertiser' })] })(network);
    network.catalog.campaigns.set(
      'winter',
      aCampaign({ id: 'winter', currency: 'EUR', goals: [aGoal({ dedupeScope: 'advertiser', name: 'W' })] }),
    );
    await network.call({ click_id: await network.click(), txn_id: 'T1', sale_amount: '10' });
    const click_id = await network.click({ publisherId: 'other', campaignId: 'winter' });
    const { body } = await network.call({ click_id, txn_id: 'T1', action: 'change', status: 'rejected', amount: '10' });
    expect(body).toMatchObject({ code: 'STATUS_CHANGED', currency: 'USD' });
    expect([...network.store.deliveries.values()]).toMatchObject([
      { postbackId: 'tias', state: 'cancelled' },
      { postbackId: 'tias', publisherId: 'tia', values: { status: 'rejected', goal_name: 'Sale' } },
    ]);
    expect(only(network)).toMatchObject({ saleCurrency: 'USD' });
    expectConsistent(network);
  });

  it('finds its conversion by txn_id alone, and by the goal if there are several', async () => {
    const network = aNetwork();
    withCampaign({ goals: [aGoal(), aGoal({ id: 'lead', name: 'Lead', default: false })] })(network);
    const click_id = await network.click();
    await network.call({ click_id, txn_id: 'T1' });
    expect((await network.call({ txn_id: 'T1' })).body).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
    await network.call({ click_id, txn_id: 'T1', goal: 'lead' });
    const call = { txn_id: 'T1', status: 'rejected' };
    expect((await network.call(call)).body).toMatchObject({ code: 'MISSING_PARAMETER' });
    expect((await network.call({ ...call, goal: 'Lead' })).body).toMatchObject({
      code: 'STATUS_CHANGED',
      goal: 'lead',
    });
    network.catalog.senders.set('xyz', aSender({ advertiserIds: ['other'] }));
    expect((await network.call({ ...call, goal: 'sale' })).body).toMatchObject({ code: 'CONVERSION_NOT_FOUND' });
    network.catalog.senders.set('xyz', aSender({ advertiserIds: 'all' }));
    expect((await network.call({ ...call, goal: 'sale' })).body).toMatchObject({ code: 'STATUS_CHANGED' });
    expectConsistent(network);
  });

  it('takes nothing for the only one of its goal where more share the txn_id than are read', async () => {
    const network = aNetwork();
    withCampaign({ goals: [aGoal(), aGoal({ id: 'lead', name: 'Lead', default: false })] })(network);
    const goals = ['sale', ...Array.from({ length: MAX_OF_TXN - 1 }, () => 'lead'), 'sale'];
    for (const [index, goal] of goals.entries()) {
      const campaign = aCampaign({
        id: `c${index}`,
        goals: [aGoal(), aGoal({ id: 'lead', name: 'L', default: false })],
      });
      network.catalog.campaigns.set(campaign.id, campaign);
      await network.call({ click_id: await network.click({ campaignId: campaign.id }), txn_id: '1', goal });
    }
    const { body } = await network.call({ txn_id: '1', goal: 'sale', status: 'rejected' });
    expect(body).toMatchObject({ code: 'MISSING_PARAMETER' });
  });
});

describe('a rejection before its conversion', () => {
  it.each<[string, readonly Step[]]>([
    [
      'with a txn_id',
      [
        { call: { txn_id: 'T1', status: 'rejected', action: 'change' }, code: 'STATUS_REMEMBERED' },
        { call: { txn_id: 'T1', status: 'rejected' }, code: 'STATUS_REMEMBERED' },
        { call: { txn_id: 'T1' }, code: 'OK', status: 'rejected', payout: '0.00' },
        { call: { txn_id: 'T1' }, code: 'DUPLICATE_CONVERSION', status: 'rejected' },
        { call: { txn_id: 'T2' }, code: 'OK', status: 'approved' },
      ],
    ],
    [
      'without one',
      [
        { call: { status: 'rejected' }, code: 'STATUS_REMEMBERED' },
        { call: { txn_id: 'T1' }, code: 'OK', status: 'rejected', payout: '0.00' },
        { call: { txn_id: 'T2' }, code: 'OK', status: 'approved' },
      ],
    ],
    [
      'that a later txn_id brings along',
      [
        { call: { txn_id: 'T1', status: 'rejected' }, code: 'STATUS_REMEMBERED' },
        { call: {}, code: 'OK', status: 'approved' },
        { call: { txn_id: 'T1' }, code: 'STATUS_CHANGED', status: 'rejected', payout: '0.00' },
      ],
    ],
  ])('%s rejects the sale that comes later', async (_, steps) => {
    await run(steps);
  });
});

describe('deliveries of a changed conversion', () => {
  const prepare = (network: Network) => {
    network.catalog.postbacks.length = 0;
    network.postback({ fireOn: ['pending', 'approved', 'rejected'] });
  };
  const rows = ({ store }: Network) => [...store.deliveries.values()].sort((a, b) => a.number - b.number);

  it('wait for the one before while it has not ended', async () => {
    const network = await run(
      [
        { call: { status: 'pending' }, code: 'OK' },
        { call: { status: 'approved' }, code: 'STATUS_CHANGED' },
      ],
      prepare,
    );
    expect(rows(network)).toMatchObject([
      { number: 1, event: 'created', successor: 2, values: { status: 'pending' } },
      { number: 2, event: 'status_changed', nextAttemptAt: null, dueAt: null, values: { status: 'approved' } },
    ]);
    expect(network.hints.sent).toHaveLength(1);
  });

  it('are cancelled by a rejection while they wait, which then is the first that the publisher hears', async () => {
    const network = await run(
      [
        { call: {}, code: 'OK' },
        { call: { status: 'rejected' }, code: 'STATUS_CHANGED' },
      ],
      prepare,
    );
    expect(rows(network)).toMatchObject([
      { number: 1, state: 'cancelled', nextAttemptAt: null, dueAt: null },
      { number: 2, event: 'created', values: { status: 'rejected', event: 'created', payout: '0.00' } },
    ]);
    expect(network.hints.sent).toHaveLength(2);
  });

  const changeFirst = ({ store }: Network, change: Partial<Delivery>) => {
    for (const [id, row] of store.deliveries) if (row.number === 1) store.deliveries.set(id, { ...row, ...change });
  };

  it('follow one that is being sent, which a rejection recalls, when the one between is cancelled', async () => {
    const network = aNetwork();
    prepare(network);
    const click_id = await network.click();
    await network.call({ click_id, status: 'pending' });
    changeFirst(network, { state: 'sending', attempts: 1, lease: 'l' });
    await network.call({ click_id, status: 'approved' });
    expect(rows(network)[0]).toMatchObject({ recalled: false, successor: 2 });
    await network.call({ click_id, status: 'rejected' });
    expect(rows(network)).toMatchObject([
      { number: 1, state: 'sending', recalled: true, successor: 3 },
      { number: 2, state: 'cancelled' },
      { number: 3, state: 'waiting', event: 'status_changed', nextAttemptAt: null },
    ]);
    expectConsistent(network);
  });

  it('are recalled by a rejection that their postback does not hear of', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    await network.call({ click_id });
    changeFirst(network, { state: 'sending', lease: 'l' });
    await network.call({ click_id, status: 'rejected' });
    expect(rows(network)).toMatchObject([{ state: 'sending', recalled: true, successor: null }]);
  });

  it.each<[string, Partial<Delivery>, Partial<Delivery>, Partial<Delivery>]>([
    ['begins to be sent', {}, { state: 'sending', lease: 'l' }, { state: 'sending', recalled: true }],
    ['waits again', { state: 'sending', lease: 'l' }, { state: 'waiting' }, { state: 'cancelled', recalled: false }],
    ['arrives', { state: 'sending', lease: 'l' }, { state: 'delivered' }, { state: 'delivered', recalled: false }],
  ])('are cancelled or recalled as one stands that %s while a rejection is written', async (_, read, found, then) => {
    const network = aNetwork();
    const click_id = await network.click();
    await network.call({ click_id });
    changeFirst(network, read);
    const commit = network.store.commit.bind(network.store);
    network.store.commit = async (write) => {
      network.store.commit = commit;
      changeFirst(network, found);
      return commit(write);
    };
    await network.call({ click_id, status: 'rejected' });
    expect(rows(network)).toMatchObject([then]);
    expectConsistent(network);
  });

  it('are made and wait while their postback is paused, and say whose it is', async () => {
    const network = aNetwork();
    network.catalog.postbacks.length = 0;
    network.postback({ id: 'own', status: 'paused' });
    network.postback({ id: 'all', publisherId: null, mode: 'add', status: 'disabled' });
    network.postback({ id: 'old', mode: 'add', status: 'archived' });
    await network.call({ click_id: await network.click() });
    expect(rows(network)).toMatchObject([
      { postbackId: 'own', audience: 'publisher', nextAttemptAt: NOON, stuckAt: null },
      { postbackId: 'all', audience: 'network', nextAttemptAt: NOON, stuckAt: null },
    ]);
  });

  it('are not made for more postbacks than a transaction holds, which is told', async () => {
    const network = aNetwork();
    for (let n = 0; n < MAX_POSTBACKS + 1; n++) network.postback({ id: `pb${n}`, mode: 'add' });
    await network.call({ click_id: await network.click() });
    expect(rows(network)).toHaveLength(MAX_POSTBACKS);
    expect(network.lost).toEqual([`postbacks ${only(network).id} 2`]);
  });

  it('take the place of those that wait behind another', async () => {
    const network = await run(
      [
        { call: { status: 'pending', amount: '10' }, code: 'OK' },
        { call: { amount: '20', action: 'change' }, code: 'AMOUNT_CHANGED' },
        { call: { amount: '30', action: 'change', status: 'approved' }, code: 'STATUS_CHANGED' },
      ],
      (given) => {
        withGoal(PERCENT_GOAL)(given);
        prepare(given);
      },
    );
    expect(rows(network)).toMatchObject([
      { number: 1, state: 'waiting', event: 'created', successor: 3 },
      { number: 2, state: 'cancelled', values: { payout: '2.00' } },
      { number: 3, state: 'waiting', event: 'status_changed', nextAttemptAt: null, values: { payout: '3.00' } },
    ]);
  });

  it('are never more than a transaction holds, however often the conversion changes while none arrives', async () => {
    const network = aNetwork();
    withGoal(PERCENT_GOAL)(network);
    network.catalog.postbacks.length = 0;
    for (let n = 0; n < MAX_POSTBACKS; n++) {
      network.postback({ id: `pb${n}`, mode: 'add', fireOn: ['pending', 'approved', 'rejected'] });
    }
    const sizes: number[] = [];
    const commit = network.store.commit.bind(network.store);
    network.store.commit = async (write) => {
      sizes.push(write.keys.length + 3 + write.counters.length + write.deliveries.length);
      return commit(write);
    };
    const click_id = await network.click();
    const statuses = ['pending', 'pending', 'pending', 'approved', 'approved', 'rejected'];
    for (const [index, status] of statuses.entries()) {
      const txn_id = index === statuses.length - 1 ? 'T1' : '';
      await network.call({ click_id, txn_id, status, amount: String(10 + index), action: 'upsert' });
    }
    expect(only(network)).toMatchObject({ status: 'rejected', txnId: 'T1', version: statuses.length });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
  });

  it('are decided again when one ends in between', async () => {
    const network = aNetwork();
    prepare(network);
    const click_id = await network.click();
    await network.call({ click_id, status: 'pending' });
    const [first] = rows(network);
    if (first === undefined) throw new Error('no delivery');
    const commit = network.store.commit.bind(network.store);
    network.store.commit = async (write) => {
      network.store.commit = commit;
      network.store.deliveries.set(first.id, { ...first, state: 'delivered', attempts: 1, dueAt: null });
      return network.store.commit(write);
    };
    await network.call({ click_id, status: 'approved' });
    expect(rows(network)[1]).toMatchObject({ event: 'status_changed', nextAttemptAt: expect.any(Number) as number });
    expect(network.hints.sent).toHaveLength(2);
  });
});
