import { describe, expect, it } from 'vitest';
import type { Campaign, Goal, Sender } from '../../../lambdas/core/entities.ts';
import type { Hit } from '../../../lambdas/core/hit.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { answerUnavailable } from '../../../lambdas/core/postback-answer.ts';
import type { PostbackAnswer } from '../../../lambdas/core/postback-answer.ts';
import { CONVERSION_REASONS } from '../../../lambdas/core/reasons.ts';
import type { ConversionCode, Reason } from '../../../lambdas/core/reasons.ts';
import { runParked } from '../../../lambdas/core/run-parked.ts';
import { aNetwork, aSender } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { aCampaign, aCap, aGoal } from '../../support/entities.ts';

const DAY = 24 * 60 * 60 * 1_000;
const LONG_AGO = Date.UTC(2026, 0, 1);

/** The last call deserves the code; `{click_id}` is left out: it is that of a stored click unless said otherwise. */
interface Case {
  readonly call: Readonly<Record<string, string>>;
  /** Calls of the same click before it. */
  readonly before?: readonly Readonly<Record<string, string>>[];
  readonly campaign?: Partial<Campaign>;
  readonly sender?: Partial<Sender>;
  readonly click?: 'stored' | 'not stored yet' | 'purged' | "another advertiser's" | 'another one';
  readonly storage?: 'up' | 'down';
  readonly http: Reason['http'];
  readonly result: Reason['result'];
  /** What the call writes besides its hit. */
  readonly writes: readonly ('commit' | 'park' | 'remember')[];
}

const rejected = (http: Reason['http']) => ({ http, result: 'rejected', writes: [] }) as const;
const accepted = { http: 200, result: 'accepted', writes: ['commit'] } as const;
const updated = { http: 200, result: 'updated', writes: ['commit'] } as const;

const PERCENT: Partial<Goal> = {
  payout: { model: 'percent', percent: '10' },
  revenue: { model: 'percent', percent: '20' },
};
const percentGoals = [aGoal(PERCENT)];
const EXPIRED = { attributionWindowDays: 0 };
const EARLY = { minimumSecondsToConvert: 3_600 };
const FULL = { caps: [aCap({ limit: '0' })] };
const inEuros = { sale_amount: '10', currency: 'EUR' };
const sale = { txn_id: 'T1', sale_amount: '10' };
const elsewhere = { ipAllowList: ['198.51.100.0/24'] };

/** Pixels' and the tag's, which this route never answers. */
const OF_PIXELS = ['QUEUED', 'NO_CLICK'] as const;
type PostbackCode = Exclude<ConversionCode, (typeof OF_PIXELS)[number]>;

/** The contract's table, line by line. */
const LINES: Readonly<Record<PostbackCode, Case>> = {
  MALFORMED_REQUEST: { call: { action: 'remove' }, ...rejected(400) },
  MISSING_PARAMETER: { call: { click_id: '' }, ...rejected(400) },
  INVALID_TXN_ID: { call: { txn_id: '{order}' }, ...rejected(400) },
  INVALID_STATUS: { call: { status: 'perhaps' }, ...rejected(400) },
  INVALID_CURRENCY: { call: { currency: 'XXX' }, ...rejected(400) },
  INVALID_AMOUNT: { call: { sale_amount: '-1' }, ...rejected(400) },
  INVALID_CLICK_ID: { call: { click_id: '00000000-0000-4000-8000-000000000000' }, ...rejected(422) },
  INVALID_SECURITY_TOKEN: { call: { security_token: 'x'.repeat(16) }, ...rejected(401) },
  IP_NOT_ALLOWED: { call: {}, sender: elsewhere, ...rejected(403) },
  CLICK_PENDING: { call: {}, click: 'not stored yet', http: 202, result: 'parked', writes: ['park'] },
  // How a parked call may end: no call is answered so, see below.
  CLICK_NOT_RECEIVED: { call: {}, click: 'not stored yet', http: 202, result: 'parked', writes: ['park'] },
  CLICK_PURGED: { call: {}, click: 'purged', ...rejected(422) },
  CONVERSION_NOT_FOUND: { call: { action: 'change', sale_amount: '1' }, ...rejected(422) },
  STATUS_REMEMBERED: { call: { status: 'rejected' }, http: 202, result: 'parked', writes: ['remember'] },
  UNKNOWN_GOAL: { call: { goal: 'nothing' }, ...rejected(422) },
  DUPLICATE_CONVERSION: { before: [sale], call: sale, http: 200, result: 'duplicate', writes: [] },
  CONFLICTING_CONVERSION: { before: [sale], call: { ...sale, sale_amount: '11' }, ...rejected(409) },
  STATUS_CHANGED: { before: [sale], call: { ...sale, status: 'rejected' }, ...updated },
  AMOUNT_CHANGED: { before: [sale], call: { ...sale, sale_amount: '11', action: 'change' }, ...updated },
  MISSING_AMOUNT: { call: {}, campaign: { goals: percentGoals }, ...rejected(422) },
  CLICK_EXPIRED: { call: {}, campaign: EXPIRED, ...accepted },
  TOO_EARLY: { call: {}, campaign: EARLY, ...accepted },
  NO_EXCHANGE_RATE: { call: inEuros, campaign: { goals: percentGoals }, ...accepted },
  OVER_CAP: { call: {}, campaign: FULL, ...accepted },
  OK: { call: {}, ...accepted },
  TEMPORARILY_UNAVAILABLE: { call: {}, storage: 'down', http: 503, result: 'retry', writes: [] },
};
const codes = Object.keys(LINES) as PostbackCode[];

interface Told {
  readonly network: Network;
  readonly answer: PostbackAnswer;
  readonly writes: readonly string[];
  readonly hits: readonly Hit[];
}

async function tell({ call, before = [], campaign, sender, click = 'stored', storage }: Case): Promise<Told> {
  const network = aNetwork();
  network.catalog.campaigns.set('summer', aCampaign(campaign));
  const clickId = await clickOf(network, click);
  for (const earlier of before) await network.call({ click_id: clickId, ...earlier });
  network.catalog.senders.set('xyz', aSender(sender));
  network.hits.rows.clear();

  const writes: string[] = [];
  const { store } = network;
  for (const name of ['commit', 'park', 'remember'] as const) {
    const write = store[name].bind(store) as (input: unknown) => Promise<unknown>;
    Object.assign(store, {
      [name]: (input: unknown) => {
        if (storage === 'down') throw new StorageUnavailable('down');
        writes.push(name);
        return write(input);
      },
    });
  }
  const answer = await network
    .call({ click_id: click === 'another one' ? await network.click() : clickId, ...call })
    .catch(unavailable);
  return { network, answer, writes, hits: [...network.hits.rows.values()] };
}

function clickOf(network: Network, click: NonNullable<Case['click']>): Promise<string> | string {
  if (click === 'not stored yet') return network.mint();
  if (click === 'purged') return network.mint(LONG_AGO);
  return network.click(click === "another advertiser's" ? { advertiserId: 'other' } : {});
}

/** As the function answers what it could not do. */
function unavailable(error: unknown): PostbackAnswer {
  if (error instanceof StorageUnavailable) return answerUnavailable();
  throw error;
}

/** What the network answers in words. */
const answered = (code: PostbackCode) => (code === 'CLICK_NOT_RECEIVED' ? 'CLICK_PENDING' : code);

describe('the codes of the contract (invariant 10)', () => {
  it('all have a line here, in the order in which they apply', () => {
    expect(codes).toEqual(Object.keys(CONVERSION_REASONS).filter((code) => !OF_PIXELS.some((other) => other === code)));
  });

  it.each(codes)('%s: status, result, and what is left behind', async (code) => {
    const line = LINES[code];
    const { network, answer, writes, hits } = await tell(line);
    const { http, result } = line;
    expect(answer).toMatchObject({ status: http, body: { result, code: answered(code), warnings: [] } });
    expect(answer.body['message']).toEqual(expect.any(String));
    expect(answer.retryAfterSeconds === null).toBe(result !== 'retry');
    expect(writes).toEqual(line.writes);
    const stored = [...network.store.conversions.values()];
    expect(answer.body['conversion_id']).toBe(stored[0]?.id);
    expect(stored.length).toBe(result === 'accepted' || line.before !== undefined ? 1 : 0);
    if (result === 'retry') expect(hits).toEqual([]);
    else expect(hits).toMatchObject([{ code: answered(code), status: http, conversionId: stored[0]?.id ?? null }]);
  });

  it.each(codes)('%s: the table of reasons says the same', (code) => {
    const { http, result, writes } = LINES[answered(code)];
    const left = { commit: 'conversion', park: 'parked', remember: 'parked' } as const;
    const recorded = writes[0] !== undefined ? left[writes[0]] : result === 'retry' ? 'nothing' : 'hit';
    const reason: Reason = CONVERSION_REASONS[code];
    if (code === 'CLICK_NOT_RECEIVED') expect(reason).toMatchObject({ http: 422, result: 'rejected', recorded: 'hit' });
    else expect(reason).toMatchObject({ http, result, recorded, retryable: result === 'retry' });
  });

  it.each(codes)(
    '%s: a sender with always_200 is answered 200 with the same body, unless it is to repeat',
    async (code) => {
      const line = LINES[code];
      const { answer } = await tell({ ...line, sender: { ...line.sender, responseMode: 'always_200' } });
      // Who is not known has no mode.
      const known = code !== 'INVALID_SECURITY_TOKEN' && line.result !== 'retry';
      expect(answer).toMatchObject({
        status: known ? 200 : line.http,
        body: { result: line.result, code: answered(code) },
      });
    },
  );

  it('of a parked call whose click never comes is CLICK_NOT_RECEIVED in the end, and only its hit is left', async () => {
    const { network, hits } = await tell(LINES.CLICK_NOT_RECEIVED);
    network.advance(180 * DAY);
    const [parked] = await network.store.dueParked(Infinity, 1);
    if (parked === undefined) throw new Error('nothing is parked');
    expect(await runParked(parked, network.deps)).toBe('CLICK_NOT_RECEIVED');
    expect([...network.hits.rows.values()]).toMatchObject([
      { id: hits[0]?.id, code: 'CLICK_NOT_RECEIVED', status: 422 },
    ]);
    expect(await network.store.dueParked(Infinity, 1)).toEqual([]);
    expect(network.store.conversions.size).toBe(0);
  });

  it.each<[string, Partial<Campaign>, { code: string; status: string }]>([
    ['CLICK_EXPIRED', EXPIRED, { code: 'CLICK_EXPIRED', status: 'rejected' }],
    ['TOO_EARLY', EARLY, { code: 'TOO_EARLY', status: 'pending' }],
    ['OVER_CAP', FULL, { code: 'OVER_CAP', status: 'rejected' }],
    [
      'OVER_CAP where the cap says pending',
      { caps: [aCap({ limit: '0', onReached: 'pending' })] },
      { code: 'OVER_CAP', status: 'pending' },
    ],
  ])('%s pays nothing and keeps what it would be worth', async (_, campaign, expected) => {
    const { network, answer } = await tell({ ...LINES.OK, campaign });
    expect(answer.body).toMatchObject({ ...expected, payout: '0.00', revenue: '0.00' });
    const [conversion] = network.store.conversions.values();
    expect(conversion).toMatchObject({ wouldBePayout: 2_500_000n, wouldBeRevenue: 4_000_000n });
    expect(network.store.ledger).toEqual([]);
  });

  it.each<[string, Campaign['unknownGoal'], object]>([
    ['is refused', 'reject', { http: 422, code: 'UNKNOWN_GOAL', result: 'rejected' }],
    ['is recorded unpaid', 'record', { http: 200, code: 'UNKNOWN_GOAL', result: 'accepted', payout: '0.00' }],
    ['is the default goal', 'default', { http: 200, code: 'OK', result: 'accepted', goal: 'sale', payout: '2.50' }],
  ])('an unknown goal %s where the campaign says %s', async (_, unknownGoal, expected) => {
    const { answer } = await tell({ ...LINES.UNKNOWN_GOAL, campaign: { unknownGoal } });
    expect({ http: answer.status, ...answer.body }).toMatchObject(expected);
  });
});

describe('of two codes that a call deserves', () => {
  type Deserving = Omit<Case, 'http' | 'result' | 'writes'>;
  /** `mended`: what no longer deserves the first code, and so shows that it deserved both. */
  type Pair = readonly [first: PostbackCode, second: PostbackCode, deserving: Deserving, mended: Partial<Deserving>];
  const bad = { status: 'perhaps', currency: 'XXX', sale_amount: '-1' };
  const wrongToken = { security_token: 'x'.repeat(16) };
  const unnamed = { click_id: '', security_token: '' };
  const named = { click_id: 'x', security_token: '' };
  const pairs: readonly Pair[] = [
    // Line 1 within itself.
    ['MALFORMED_REQUEST', 'MISSING_PARAMETER', { call: { ...unnamed, action: 'remove' } }, { call: unnamed }],
    [
      'MISSING_PARAMETER',
      'INVALID_TXN_ID',
      { call: { ...unnamed, txn_id: '{order}' } },
      { call: { ...named, txn_id: '{order}' } },
    ],
    [
      'MISSING_PARAMETER',
      'INVALID_STATUS',
      { call: { ...unnamed, txn_id: 'T1', ...bad } },
      { call: { ...named, txn_id: 'T1', ...bad } },
    ],
    ['INVALID_TXN_ID', 'INVALID_STATUS', { call: { ...bad, txn_id: '{order}' } }, { call: bad }],
    ['INVALID_STATUS', 'INVALID_CURRENCY', { call: bad }, { call: { ...bad, status: '' } }],
    ['INVALID_CURRENCY', 'INVALID_AMOUNT', { call: { ...bad, status: '' } }, { call: { sale_amount: '-1' } }],
    // Line by line.
    ['INVALID_AMOUNT', 'INVALID_CLICK_ID', { call: { sale_amount: '-1', click_id: 'x' } }, { call: { click_id: 'x' } }],
    ['INVALID_CLICK_ID', 'INVALID_SECURITY_TOKEN', { call: { click_id: 'x', ...wrongToken } }, { call: wrongToken }],
    [
      'INVALID_SECURITY_TOKEN',
      'IP_NOT_ALLOWED',
      { call: {}, click: "another advertiser's", sender: elsewhere },
      { click: 'stored' },
    ],
    ['IP_NOT_ALLOWED', 'CLICK_PENDING', { call: {}, click: 'not stored yet', sender: elsewhere }, { sender: {} }],
    [
      'CLICK_PENDING',
      'CONVERSION_NOT_FOUND',
      { call: { action: 'change' }, click: 'not stored yet' },
      { click: 'stored' },
    ],
    [
      'CLICK_PENDING',
      'STATUS_REMEMBERED',
      { call: { status: 'rejected' }, click: 'not stored yet' },
      { click: 'stored' },
    ],
    // Line 6 within itself.
    ['CLICK_PURGED', 'CONVERSION_NOT_FOUND', { call: { action: 'change' }, click: 'purged' }, { click: 'stored' }],
    ['CLICK_PURGED', 'STATUS_REMEMBERED', { call: { status: 'rejected' }, click: 'purged' }, { click: 'stored' }],
    // "With any action."
    [
      'STATUS_REMEMBERED',
      'CONVERSION_NOT_FOUND',
      { call: { status: 'rejected', action: 'change' } },
      { call: { action: 'change' } },
    ],
    [
      'CONVERSION_NOT_FOUND',
      'UNKNOWN_GOAL',
      { call: { action: 'change', goal: 'nothing' } },
      { call: { goal: 'nothing' } },
    ],
    [
      'STATUS_REMEMBERED',
      'UNKNOWN_GOAL',
      { call: { status: 'rejected', goal: 'nothing' } },
      { call: { goal: 'nothing' } },
    ],
    // Decimals of the campaign's currency: after line 6, before line 7.
    [
      'CONVERSION_NOT_FOUND',
      'INVALID_AMOUNT',
      { call: { action: 'change', sale_amount: '1.234' } },
      { call: { sale_amount: '1.234' } },
    ],
    [
      'STATUS_REMEMBERED',
      'INVALID_AMOUNT',
      { call: { status: 'rejected', sale_amount: '1.234' } },
      { call: { sale_amount: '1.234' } },
    ],
    [
      'INVALID_AMOUNT',
      'UNKNOWN_GOAL',
      { call: { goal: 'nothing', sale_amount: '1.234' } },
      { call: { goal: 'nothing', sale_amount: '1.23' } },
    ],
    [
      'UNKNOWN_GOAL',
      'MISSING_AMOUNT',
      { call: { goal: 'nothing' }, campaign: { goals: percentGoals } },
      { campaign: { goals: percentGoals, unknownGoal: 'default' } },
    ],
    // Lines 8 to 10: a conflict changes nothing, and a status goes before an amount.
    [
      'INVALID_AMOUNT',
      'DUPLICATE_CONVERSION',
      { before: [sale], call: { ...sale, sale_amount: '10.000' } },
      { call: sale },
    ],
    [
      'CONFLICTING_CONVERSION',
      'STATUS_CHANGED',
      { before: [sale], call: { ...sale, sale_amount: '11', status: 'rejected' } },
      { call: { ...sale, status: 'rejected' } },
    ],
    [
      'STATUS_CHANGED',
      'AMOUNT_CHANGED',
      { before: [sale], call: { ...sale, sale_amount: '11', action: 'change', status: 'rejected' } },
      { call: { ...sale, sale_amount: '11', action: 'change' } },
    ],
    // Lines 11 to 13.
    [
      'MISSING_AMOUNT',
      'CLICK_EXPIRED',
      { call: {}, campaign: { ...EXPIRED, goals: percentGoals } },
      { call: { sale_amount: '10' } },
    ],
    ['CLICK_EXPIRED', 'TOO_EARLY', { call: {}, campaign: { ...EXPIRED, ...EARLY } }, { campaign: EARLY }],
    [
      'TOO_EARLY',
      'NO_EXCHANGE_RATE',
      { call: inEuros, campaign: { ...EARLY, goals: percentGoals } },
      { campaign: { goals: percentGoals } },
    ],
    [
      'NO_EXCHANGE_RATE',
      'OVER_CAP',
      { call: inEuros, campaign: { ...FULL, goals: percentGoals } },
      { call: { ...inEuros, currency: 'USD' } },
    ],
    ['OVER_CAP', 'OK', { call: {}, campaign: FULL }, { campaign: {} }],
    ['TEMPORARILY_UNAVAILABLE', 'OK', { call: {}, storage: 'down' }, { storage: 'up' }],
  ];
  it.each(pairs)('%s comes before %s', async (first, second, deserving, mended) => {
    const { answer } = await tell({ ...LINES[first], ...deserving });
    expect(answer).toMatchObject({ status: LINES[first].http, body: { code: first } });
    const { answer: other } = await tell({ ...LINES[second], ...deserving, ...mended });
    expect(other.body).toMatchObject({ code: second });
  });

  it('each has its place, but those that no call can deserve together with a later one', () => {
    const alone = new Set(['OK', 'CLICK_NOT_RECEIVED', 'DUPLICATE_CONVERSION', 'AMOUNT_CHANGED']);
    const firsts = new Set(pairs.map(([first]) => first));
    expect(codes.filter((code) => !firsts.has(code) && !alone.has(code))).toEqual([]);
  });

  it.each<[string, Deserving]>([
    ['lines 6 and 7 where the goal is gone', { before: [{ goal: 'old' }], call: { goal: 'old' } }],
    ['line 6 where an action names it', { before: [sale], call: { ...sale, action: 'change' } }],
    ['line 11', { before: [sale], call: { txn_id: 'T1' }, campaign: { goals: percentGoals } }],
  ])('of a conversion that exists the duplicate is told, not %s', async (_, deserving) => {
    const campaign = { unknownGoal: 'record', ...deserving.campaign } as const;
    const { answer } = await tell({ ...LINES.DUPLICATE_CONVERSION, ...deserving, campaign });
    expect(answer.body).toMatchObject({ code: 'DUPLICATE_CONVERSION' });
  });

  it.each<[string, Partial<Campaign>, string]>([
    ['CLICK_EXPIRED', EXPIRED, 'rejected'],
    ['TOO_EARLY', EARLY, 'pending'],
    ['OVER_CAP', FULL, 'rejected'],
  ])('a repeat of %s is a duplicate of it', async (_, campaign, status) => {
    const { answer } = await tell({ ...LINES.DUPLICATE_CONVERSION, campaign });
    expect(answer.body).toMatchObject({ code: 'DUPLICATE_CONVERSION', status, payout: '0.00' });
  });

  it('a refusal whose hit cannot be stored is TEMPORARILY_UNAVAILABLE, whatever its code', async () => {
    for (const code of codes.filter((name) => LINES[name].result === 'rejected')) {
      const { call, before = [], campaign, sender, click = 'stored' } = LINES[code];
      const network = aNetwork();
      network.catalog.campaigns.set('summer', aCampaign(campaign));
      const click_id = await clickOf(network, click);
      for (const earlier of before) await network.call({ click_id, ...earlier });
      network.catalog.senders.set('xyz', aSender(sender));
      network.hits.down = true;
      const answer = await network.call({ click_id, ...call }).catch(unavailable);
      expect([code, answer.status, answer.body['code']]).toEqual([code, 503, 'TEMPORARILY_UNAVAILABLE']);
    }
  });
});
