import { describe, expect, it } from 'vitest';
import type { Postback } from '../../../lambdas/core/entities.ts';
import type { OutboundRequest } from '../../../lambdas/core/ports.ts';
import { testPostback } from '../../../lambdas/core/test-postback.ts';
import { aPostback, NOON } from '../../support/deliveries.ts';

const ID = `test_${'2'.repeat(16)}`;
const SECONDS = String(NOON / 1_000);

async function callOf(postback: Partial<Postback>, given: Parameters<typeof testPostback>[1] = {}) {
  const calls: OutboundRequest[] = [];
  const answer = { status: 200, error: null, body: 'ok', retryAfterSeconds: null, durationMs: 7 };
  const tested = await testPostback(aPostback(postback), given, {
    caller: {
      call: async (request) => {
        calls.push(request);
        return answer;
      },
    },
    rules: { allowLoopback: false, ownHosts: ['track.example'] },
    userAgent: 'Flowback/1.2.3',
    now: () => NOON,
    random: (length) => new Uint8Array(length),
  });
  return { calls, ...tested };
}

/** Expands a query of all these macros. */
const expand = async (macros: readonly string[], postback: Partial<Postback>, given = {}) => {
  const url = `https://pub.example/?${macros.map((name) => `${name}={${name}}`).join('&')}`;
  const { request } = await callOf({ url, ...postback }, given);
  return Object.fromEntries(new URL(request.url).searchParams);
};

const IDENTITY = ['conversion_id', 'txn_id', 'status', 'event', 'conversion_timestamp', 'goal', 'pub_id'];

describe('a test call', () => {
  it('to a URL that may not be called any more is not made (invariant 11)', async () => {
    const { calls, answer } = await callOf({ url: 'https://track.example/postback' });

    expect(calls).toEqual([]);
    expect(answer).toMatchObject({ status: null, error: 'blocked_address' });
  });

  it('is the call of a delivery, and says what came back', async () => {
    const { calls, request, answer } = await callOf({}, { p1: 'a b' });

    expect(calls).toEqual([request]);
    expect(request).toEqual({
      method: 'GET',
      url: 'https://pub.example/in?cid=a%20b&sum=',
      headers: { 'User-Agent': 'Flowback/1.2.3', 'Webhook-Id': ID, 'Webhook-Timestamp': SECONDS },
      body: null,
    });
    expect(answer).toMatchObject({ status: 200, error: null, body: 'ok', durationMs: 7 });
  });

  it.each<[string, Partial<Postback>, object, object]>([
    [
      'makes up what identifies a conversion',
      {},
      {},
      {
        conversion_id: ID,
        txn_id: ID,
        status: 'approved',
        event: 'created',
        conversion_timestamp: SECONDS,
        goal: 'test',
      },
    ],
    ['has the goal of the postback', { goal: 'lead' }, {}, { goal: 'lead', pub_id: 'pub1' }],
    ['of no publisher names none', { publisherId: null }, {}, { pub_id: '' }],
    ['has a status that the postback fires on', { fireOn: ['rejected', 'pending'] }, {}, { status: 'rejected' }],
    [
      'of a postback that fires for clicks alone has no conversion',
      { fireOn: ['click_payout'] },
      {},
      { conversion_id: '', goal: '', txn_id: ID, status: 'approved', event: 'click_payout' },
    ],
    [
      'of a click has no conversion',
      {},
      { event: 'click_payout' },
      { conversion_id: '', goal: '', event: 'click_payout' },
    ],
    ['has what was given', {}, { txn_id: 'T1', event: 'status_changed' }, { txn_id: 'T1', event: 'status_changed' }],
    ['has nothing where nothing was given', {}, { txn_id: '' }, { txn_id: '' }],
    [
      "speaks the receiver's words",
      { statusWords: { pending: '2' }, goalWords: { test: 'T' } },
      { status: 'pending' },
      { status: '2', goal: 'T' },
    ],
  ])('%s', async (_, postback, given, expected) => {
    expect(await expand(IDENTITY, postback, given)).toMatchObject(expected);
  });

  it('never makes up money: the receiver may book it', async () => {
    expect(await expand(['payout', 'payout_usd', 'sale_amount'], {})).toEqual({
      payout: '',
      payout_usd: '',
      sale_amount: '',
    });
  });
});
