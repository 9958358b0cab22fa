import { describe, expect, it } from 'vitest';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ParkedConversion } from '../../../lambdas/core/ports.ts';
import { answerOutcome } from '../../../lambdas/core/postback-answer.ts';
import { CONVERSION_REASONS } from '../../../lambdas/core/reasons.ts';
import type { ConversionCode } from '../../../lambdas/core/reasons.ts';
import { receiveBatch } from '../../../lambdas/core/receive-batch.ts';
import type { KeyHolder } from '../../../lambdas/core/receive-batch.ts';
import { receivePostback } from '../../../lambdas/core/receive-postback.ts';
import { readJsonCall } from '../../../lambdas/core/received-call.ts';
import type { Outcome } from '../../../lambdas/core/record-conversion.ts';
import { runParked } from '../../../lambdas/core/run-parked.ts';
import { aCall, aNetwork, TOKEN } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { aCampaign, aCap, aGoal } from '../../support/entities.ts';

const SECRET = 'fb_abcdefghijklmnopqrstuvwxyz234567';
const MANAGER: KeyHolder = { by: 'batch:m1', secret: SECRET, advertiserId: null };
const ADVERTISER: KeyHolder = { by: 'batch:a1', secret: SECRET, advertiserId: 'xyz' };
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Reports these items, or texts of items; `failed` collects why some were not done. */
async function report(
  network: Network,
  items: readonly unknown[],
  holder: KeyHolder = MANAGER,
  failed: unknown[] = [],
): Promise<readonly Outcome[]> {
  const calls = items.map((item) => readJsonCall(typeof item === 'string' ? item : JSON.stringify(item)));
  const { now } = network.deps;
  const deps = {
    ...network.deps,
    within: async <T>(milliseconds: number, work: Promise<T>): Promise<T> => {
      const end = now() + milliseconds;
      const done = await work;
      if (now() > end) throw new StorageUnavailable('late');
      return done;
    },
    itemFailed: (error: unknown) => failed.push(error),
  };
  return receiveBatch(calls, holder, 'POST /v1/conversions', deps);
}
const codesOf = (outcomes: readonly Outcome[]) => outcomes.map(({ code }) => code);
const hitsOf = ({ hits }: Network) => [...hits.rows.values()];
const conversionsOf = ({ store }: Network) => [...store.conversions.values()];

/** Commits fail from the `from`th on, `count` of them; `afterwards`: what they wrote is there, only the answer is lost. */
function failCommits({ store }: Network, from: number, count: number, afterwards = false): void {
  const commit = store.commit.bind(store);
  let calls = 0;
  store.commit = async (write) => {
    const fails = ++calls >= from && calls < from + count;
    if (fails && !afterwards) throw new StorageUnavailable('down');
    const result = await commit(write);
    if (fails) throw new StorageUnavailable('the answer is lost');
    return result;
  };
}

describe('an item of a batch that fails', () => {
  it.each([false, true])(
    'is to be tried again, alone; a repeat records what is missing (invariant 4); answer lost: %s',
    async (afterwards) => {
      const network = aNetwork();
      const items = [];
      for (const txn_id of ['T1', 'T2', 'T3']) items.push({ click_id: await network.click(), txn_id });
      failCommits(network, 2, 1, afterwards);
      const failed: unknown[] = [];

      const first = await report(network, items, MANAGER, failed);
      const second = await report(network, items);

      expect(codesOf(first)).toEqual(['OK', 'TEMPORARILY_UNAVAILABLE', 'OK']);
      expect(failed).toEqual([expect.any(StorageUnavailable)]);
      const missing = afterwards ? 'DUPLICATE_CONVERSION' : 'OK';
      expect(codesOf(second)).toEqual(['DUPLICATE_CONVERSION', missing, 'DUPLICATE_CONVERSION']);
      expect(conversionsOf(network)).toHaveLength(3);
      expect(network.store.ledger).toHaveLength(3);
    },
  );

  it('leaves no hit, and is not called recorded (invariant 3)', async () => {
    const network = aNetwork();
    failCommits(network, 1, 1);
    expect(await report(network, [{ click_id: await network.click() }])).toMatchObject([{ conversion: null }]);
    expect(hitsOf(network)).toEqual([]);
  });

  it('may fail for a reason that nobody thought of', async () => {
    const network = aNetwork();
    const { store } = network;
    const clickGoals = store.clickGoals.bind(store);
    const bad = await network.click();
    store.clickGoals = async (id) => {
      if (id === bad) throw new TypeError('a defect');
      return clickGoals(id);
    };
    const failed: unknown[] = [];
    const outcomes = await report(network, [{ click_id: bad }, { click_id: await network.click() }], MANAGER, failed);
    expect(codesOf(outcomes)).toEqual(['TEMPORARILY_UNAVAILABLE', 'OK']);
    expect(failed).toEqual([expect.any(TypeError)]);
  });

  it('is not answered as refused while its hit is not stored; that of an accepted one is best effort', async () => {
    const network = aNetwork();
    network.hits.down = true;
    const outcomes = await report(network, [{ click_id: 'x' }, { click_id: await network.click() }]);
    expect(codesOf(outcomes)).toEqual(['TEMPORARILY_UNAVAILABLE', 'OK']);
    expect(network.lost).toEqual(['hit OK']);
  });

  it('is every one that is not done in 20 s', async () => {
    const network = aNetwork();
    const { store } = network;
    const commit = store.commit.bind(store);
    store.commit = async (write) => {
      network.advance(8_000);
      return commit(write);
    };
    const items = [];
    for (let i = 0; i < 5; i++) items.push({ click_id: await network.click() });

    const outcomes = await report(network, items);
    const recorded = conversionsOf(network).length;
    store.commit = commit;
    const repeated = await report(network, items);

    const late = 'TEMPORARILY_UNAVAILABLE';
    expect(codesOf(outcomes)).toEqual(['OK', 'OK', late, late, late]);
    // The third was late, the others were never begun.
    expect(recorded).toBe(3);
    expect(codesOf(repeated)).toEqual([...Array<string>(3).fill('DUPLICATE_CONVERSION'), 'OK', 'OK']);
  });
});

describe('a batch', () => {
  it('is worked off in its order: a sale, its change, its end', async () => {
    const network = aNetwork();
    const outcomes = await report(network, [
      { click_id: await network.click(), txn_id: 'T1', sale_amount: '10' },
      { txn_id: 'T1', action: 'change', sale_amount: '20' },
      { txn_id: 'T1', sale_amount: '20' },
      { txn_id: 'T1', status: 'rejected' },
      { txn_id: 'T1', status: 'approved' },
    ]);
    expect(codesOf(outcomes)).toEqual([
      'OK',
      'AMOUNT_CHANGED',
      'DUPLICATE_CONVERSION',
      'STATUS_CHANGED',
      'DUPLICATE_CONVERSION',
    ]);
    expect(conversionsOf(network)).toMatchObject([{ status: 'rejected', reportedBy: 'sender' }]);
    expect(network.store.history.map(({ by }) => by)).toEqual(['batch:m1', 'batch:m1', 'batch:m1']);
  });

  it('succeeds in part', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    const outcomes = await report(network, [
      { click_id, txn_id: 'T1' },
      { click_id, txn_id: '{order}' },
      { click_id, txn_id: 'T2' },
      { click_id, txn_id: 'T1' },
    ]);
    expect(codesOf(outcomes)).toEqual(['OK', 'INVALID_TXN_ID', 'OK', 'DUPLICATE_CONVERSION']);
    expect(outcomes[3]?.conversion?.id).toBe(outcomes[0]?.conversion?.id);
    expect(conversionsOf(network)).toHaveLength(2);
  });

  it('of a hundred that were recorded is a hundred duplicates, each with its own conversion (invariant 4)', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    const items = Array.from({ length: 100 }, (_, index) => ({ click_id, txn_id: `T${index}` }));
    const idsOf = (outcomes: readonly Outcome[]) => outcomes.map(({ conversion }) => conversion?.id);

    const first = await report(network, items);
    const second = await report(network, items);

    expect(new Set(codesOf(first))).toEqual(new Set(['OK']));
    expect(new Set(codesOf(second))).toEqual(new Set(['DUPLICATE_CONVERSION']));
    expect(idsOf(second)).toEqual(idsOf(first));
    expect(new Set(idsOf(first)).size).toBe(100);
    expect(hitsOf(network)).toHaveLength(200);
  });

  it('pays once what is reported by a postback, too (invariant 4)', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    await network.call({ click_id, txn_id: 'T1' });
    expect(codesOf(await report(network, [{ click_id, txn_id: 'T1' }]))).toEqual(['DUPLICATE_CONVERSION']);
    expect(network.store.ledger).toHaveLength(1);
  });
});

describe("an advertiser's key", () => {
  it('reports for its advertiser alone', async () => {
    const network = aNetwork();
    network.catalog.campaigns.set(
      'winter',
      aCampaign({ id: 'winter', advertiserId: 'other', coupons: [{ code: 'TIA20', publisherId: 'tia' }] }),
    );
    const foreign = await network.click({ campaignId: 'winter', advertiserId: 'other' });
    expect(codesOf(await report(network, [{ click_id: foreign, txn_id: 'F1' }]))).toEqual(['OK']);

    const outcomes = await report(
      network,
      [
        { click_id: await network.click(), txn_id: 'T1' },
        { click_id: foreign, txn_id: 'F2' },
        { click_id: foreign, txn_id: 'F1', status: 'rejected' },
        { txn_id: 'F1', status: 'rejected' },
        { campaign_id: 'winter', coupon: 'TIA20', txn_id: 'F1', status: 'rejected' },
        { campaign_id: 'winter', coupon: 'TIA20', txn_id: 'F3' },
      ],
      ADVERTISER,
    );

    expect(codesOf(outcomes)).toEqual([
      'OK',
      'INVALID_SECURITY_TOKEN',
      'INVALID_SECURITY_TOKEN',
      'CONVERSION_NOT_FOUND',
      'INVALID_SECURITY_TOKEN',
      'INVALID_SECURITY_TOKEN',
    ]);
    expect(outcomes.slice(1).every(({ conversion }) => conversion === null)).toBe(true);
    expect(conversionsOf(network)).toMatchObject([{ status: 'approved' }, { status: 'approved' }]);
  });

  it('needs no sender', async () => {
    const network = aNetwork();
    network.catalog.senders.clear();
    expect(codesOf(await report(network, [{ click_id: await network.click() }], ADVERTISER))).toEqual(['OK']);
  });
});

describe('an item before its click', () => {
  const runDue = async (network: Network): Promise<unknown[]> => {
    const codes = [];
    for (const row of await network.store.dueParked(network.deps.now(), 10)) {
      codes.push(await runParked(row, network.deps));
    }
    return codes;
  };

  it.each<[string, KeyHolder]>([
    ["a manager's key", MANAGER],
    ["an advertiser's key", ADVERTISER],
  ])('of %s is kept and recorded when the click is there, although there is no sender', async (_, holder) => {
    const network = aNetwork();
    network.catalog.senders.clear();
    const click_id = network.mint();
    const [outcome] = await report(network, [{ click_id, txn_id: 'T1' }], holder);
    expect(outcome).toMatchObject({ code: 'CLICK_PENDING', conversion: null });
    const [row]: readonly (ParkedConversion | undefined)[] = await network.store.dueParked(Infinity, 10);
    expect(JSON.stringify(row)).not.toContain(SECRET);

    network.advance(MINUTE);
    await network.click({ id: click_id });

    expect(await runDue(network)).toEqual(['OK']);
    const [conversion] = conversionsOf(network);
    expect(network.store.history).toMatchObject([{ by: holder.by }]);
    expect(hitsOf(network)).toMatchObject([
      { code: 'OK', conversionId: conversion?.id, route: 'POST /v1/conversions' },
    ]);
  });

  it("of an advertiser's key is refused when the click is another's", async () => {
    const network = aNetwork();
    const click_id = network.mint();
    await report(network, [{ click_id }], ADVERTISER);
    network.advance(MINUTE);
    await network.click({ id: click_id, advertiserId: 'other' });
    expect(await runDue(network)).toEqual(['INVALID_SECURITY_TOKEN']);
    expect(conversionsOf(network)).toEqual([]);
  });

  it('is run before the one that follows it in the batch, although all came in one moment', async () => {
    const network = aNetwork();
    const click_id = network.mint();
    const amounts = Array.from({ length: 8 }, (_, index) => `${10 + index}`);
    await report(
      network,
      amounts.map((sale_amount, index) => ({
        ...{ click_id, txn_id: 'T1', sale_amount },
        ...(index > 0 && { action: 'change' }),
      })),
    );
    network.advance(MINUTE);
    await network.click({ id: click_id });

    const codes: unknown[] = [];
    for (let look = 0; look < amounts.length; look++) {
      codes.push(...(await runDue(network)));
      network.advance(60 * MINUTE);
    }

    expect(codes.filter((code) => code !== 'CLICK_PENDING')).toEqual([
      'OK',
      ...Array<string>(7).fill('AMOUNT_CHANGED'),
    ]);
    expect(conversionsOf(network)).toMatchObject([{ saleAmount: 17_000_000n }]);
  });
});

describe('the hit of an item', () => {
  it('tells the route, and of an advertiser whose key it was', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    await report(network, [{ click_id }, { click_id: 'x' }], ADVERTISER);
    await report(network, [{ click_id: 'x' }]);
    const hits = hitsOf(network);
    const [conversion] = conversionsOf(network);
    const all = { route: 'POST /v1/conversions', senderId: null };
    expect(hits).toMatchObject([
      { ...all, code: 'OK', status: 200, clickId: click_id, conversionId: conversion?.id, advertiserId: 'xyz' },
      { ...all, code: 'INVALID_CLICK_ID', status: 422, query: [['click_id', 'x']], advertiserId: 'xyz' },
      { ...all, code: 'INVALID_CLICK_ID', advertiserId: null },
    ]);
    expect(new Set(hits.map(({ id }) => id)).size).toBe(3);
  });

  it.each<[string, unknown]>([
    ['a value', { click_id: 'x', sub1: `key=${SECRET}` }],
    ['the click id', { click_id: SECRET }],
    ['a transaction', { click_id: 'x', txn_id: SECRET }],
    ['an object', { click_id: 'x', sub1: { key: SECRET } }],
    ['the item itself', SECRET],
    ['an array that should be an item', [SECRET]],
  ])('shows no key that stands in %s (invariant 12)', async (_, item) => {
    const network = aNetwork();
    await report(network, [JSON.stringify(item)]);
    expect(JSON.stringify(hitsOf(network))).not.toContain(SECRET);
    expect(hitsOf(network)).toHaveLength(1);
  });

  it("shows no sender's token that was taken for a click id, and cuts addresses (invariant 12)", async () => {
    const network = aNetwork();
    await report(network, [{ click_id: TOKEN, ip: '203.0.113.77' }]);
    expect(hitsOf(network)).toMatchObject([
      {
        query: [
          ['click_id', '[redacted]'],
          ['ip', '203.0.113.0'],
        ],
      },
    ]);
  });
});

/** What an item says, as JSON, and its code. `<click>`: a stored click; `<pending>`: one that is not stored yet. */
type Item = [what: string, item: string, code: ConversionCode];
const of = (members: string) => `{"click_id":"<click>",${members}}`;
/** Of a click that has no conversion yet. */
const first = (members: string) => `{"click_id":"<new>",${members}}`;
const HUGE = 'x'.repeat(100_000);
const EMPTY = '{}';
const PERCENT = { payout: { model: 'percent', percent: '10' }, revenue: { model: 'percent', percent: '20' } } as const;

const items: readonly Item[] = [
  ...['null', 'true', '5', '"click_id"', '[]', '[{}]', `"${HUGE}"`].map((text): Item => [
    `what is no object: ${text.slice(0, 20)}`,
    text,
    'MALFORMED_REQUEST',
  ]),
  ['nothing', EMPTY, 'MISSING_PARAMETER'],
  ['a member twice', of('"sale_amount":"1","sale_amount":"1"'), 'MALFORMED_REQUEST'],
  ['a member twice, once escaped', of('"txn_id":"A","txn_\\u0069d":"B"'), 'MALFORMED_REQUEST'],
  ['a click id twice', of('"click_id":"<click>"'), 'MALFORMED_REQUEST'],
  ['an object as a value', of('"sub1":{"a":[{"b":1}]}'), 'MALFORMED_REQUEST'],
  ['an array as a value', of('"txn_id":["A"]'), 'MALFORMED_REQUEST'],
  ['an unknown action', of('"action":"delete"'), 'MALFORMED_REQUEST'],
  ['neither click nor transaction', '{"click_id":"","sale_amount":"1"}', 'MISSING_PARAMETER'],
  ['a placeholder as a transaction', of('"txn_id":"{{order}}"'), 'INVALID_TXN_ID'],
  ['half a surrogate pair as a transaction', of('"txn_id":"\\ud83c"'), 'INVALID_TXN_ID'],
  ['a huge transaction', of(`"txn_id":"${HUGE}"`), 'INVALID_TXN_ID'],
  ['an unknown status', of('"status":"__proto__"'), 'INVALID_STATUS'],
  ['an unknown currency', of('"currency":"constructor"'), 'INVALID_CURRENCY'],
  ['a number as an amount', of('"sale_amount":49.90'), 'INVALID_AMOUNT'],
  ['an integer as an amount', of('"amount":50'), 'INVALID_AMOUNT'],
  ['a boolean as an amount', of('"amount":true'), 'INVALID_AMOUNT'],
  ['too many decimals', of('"sale_amount":"1.005","currency":"USD"'), 'INVALID_AMOUNT'],
  ["too many decimals for the campaign's currency", of('"sale_amount":"1.005"'), 'INVALID_AMOUNT'],
  ['a huge amount', of(`"sale_amount":"${'9'.repeat(100_000)}"`), 'INVALID_AMOUNT'],
  ['a foreign click id', '{"click_id":"00000000-0000-4000-8000-000000000000"}', 'INVALID_CLICK_ID'],
  ['a placeholder as a click id', '{"click_id":"{click_id}"}', 'INVALID_CLICK_ID'],
  ['a number as a click id', '{"click_id":17}', 'INVALID_CLICK_ID'],
  ['a huge click id', `{"click_id":"${HUGE}"}`, 'INVALID_CLICK_ID'],
  ["another advertiser's click", '{"click_id":"<foreign>"}', 'INVALID_SECURITY_TOKEN'],
  ['a click that is not stored yet', '{"click_id":"<pending>"}', 'CLICK_PENDING'],
  ['a click that is gone', '{"click_id":"<purged>"}', 'CLICK_PURGED'],
  ['a change of nothing', of('"txn_id":"new","action":"change"'), 'CONVERSION_NOT_FOUND'],
  ['an unknown transaction', '{"txn_id":"new"}', 'CONVERSION_NOT_FOUND'],
  ['an early rejection', of('"txn_id":"new","status":"rejected"'), 'STATUS_REMEMBERED'],
  ['an unknown goal', of('"goal":"toString"'), 'UNKNOWN_GOAL'],
  ['a repeat', of('"txn_id":"old","sale_amount":"10"'), 'DUPLICATE_CONVERSION'],
  ['another amount', of('"txn_id":"old","sale_amount":"11"'), 'CONFLICTING_CONVERSION'],
  ['another status', of('"txn_id":"old","status":"trash"'), 'STATUS_CHANGED'],
  ['a changed amount', of('"txn_id":"old","sale_amount":"11","action":"upsert"'), 'AMOUNT_CHANGED'],
  ['no amount where it is needed', of('"goal":"percent"'), 'MISSING_AMOUNT'],
  ['an old click', '{"click_id":"<expired>"}', 'CLICK_EXPIRED'],
  ['another currency without a rate', of('"goal":"percent","sale_amount":"1","currency":"EUR"'), 'NO_EXCHANGE_RATE'],
  ['one over a cap', of('"goal":"capped"'), 'OVER_CAP'],
  ['one too early', '{"click_id":"<fresh>"}', 'TOO_EARLY'],
  ['aliases', first('"goal_id":"sale","amount":"12.50"'), 'OK'],
  ['a number beyond doubles as a transaction', first('"txn_id":9007199254740993'), 'OK'],
  ['half a surrogate pair in a value', first('"sub1":"a\\ud83c"'), 'OK'],
  ['a huge value', first(`"sub1":"${HUGE}","user_agent":"${HUGE}"`), 'OK'],
  ['brackets, quotes and commas in a value', first('"sub1":"]},{\\"a\\\\\\":[,"'), 'OK'],
  ['a payout that nobody accepts', first('"payout":5'), 'OK'],
];

/** A network with a campaign for each of the codes, and an item's text with its ids. */
async function aNetworkOfAllCodes(): Promise<{ network: Network; fill: (item: string) => string }> {
  const network = aNetwork();
  const goals = [aGoal(), aGoal({ id: 'percent', name: 'Percent', default: false, ...PERCENT })];
  goals.push(aGoal({ id: 'capped', name: 'Capped', default: false }));
  const caps = [aCap({ limit: '0', goal: 'capped' })];
  network.catalog.campaigns.set('summer', aCampaign({ goals, caps, minimumSecondsToConvert: 10 }));
  const now = network.deps.now();
  const ids = new Map([
    ['<click>', await network.click()],
    ['<new>', await network.click()],
    ['<fresh>', await network.click({ createdAt: now - 1_000 })],
    ['<expired>', await network.click({ createdAt: now - 60 * DAY })],
    ['<foreign>', await network.click({ advertiserId: 'other' })],
    ['<pending>', network.mint()],
    ['<purged>', network.mint(now - 400 * DAY)],
  ]);
  await network.call({ click_id: ids.get('<click>') ?? '', txn_id: 'old', sale_amount: '10' });
  network.hits.rows.clear();
  return { network, fill: (item) => item.replaceAll(/<[a-z]+>/g, (name) => ids.get(name) ?? name) };
}

describe('an item is judged as a postback is (invariant 10)', () => {
  it.each<Item>(items)('%s', async (_, item, code) => {
    const batch = await aNetworkOfAllCodes();
    const [outcome] = await report(batch.network, [batch.fill(item)], ADVERTISER);
    if (outcome === undefined) throw new Error('no result');
    const { body, status } = answerOutcome(outcome, null);
    expect(body).toMatchObject({ code });
    expect(hitsOf(batch.network)).toMatchObject([{ code, status }]);
    expect(JSON.stringify(hitsOf(batch.network)).isWellFormed()).toBe(true);

    // The same by /postback, which takes larger items than a batch may have only up to its own limit.
    if (item.length > 60_000) return;
    const twin = await aNetworkOfAllCodes();
    const postback = await receivePostback(
      aCall({
        method: 'POST',
        contentType: 'application/json',
        authorization: `Bearer ${TOKEN}`,
        body: Buffer.from(twin.fill(item)),
      }),
      twin.network.deps,
    );
    const { conversion_id: own, ...told } = body;
    const { conversion_id: other, ...toldByPostback } = postback.body;
    expect({ status, ...told, recorded: own !== undefined }).toEqual({
      status: postback.status,
      ...toldByPostback,
      recorded: other !== undefined,
    });
  });

  it('with every code that a batch can answer', () => {
    // Keys are not bound to addresses; only a parked call ends so; browsers' codes; and see above.
    const others = ['IP_NOT_ALLOWED', 'CLICK_NOT_RECEIVED', 'QUEUED', 'NO_CLICK', 'TEMPORARILY_UNAVAILABLE'];
    const codes = new Set([...items.map(([, , code]) => code), ...others]);
    expect(codes).toEqual(new Set(Object.keys(CONVERSION_REASONS)));
  });
});
