import { describe, expect, it } from 'vitest';
import { buildRequest, deliver } from '../../../lambdas/core/deliver.ts';
import type { DeliverDeps } from '../../../lambdas/core/deliver.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { Postback } from '../../../lambdas/core/entities.ts';
import type { OutboundRequest, OutboundResponse } from '../../../lambdas/core/ports.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { DEFAULT_SCHEDULE, parseSchedule } from '../../../lambdas/core/retry-schedule.ts';
import { sweepDeliveries } from '../../../lambdas/core/sweep.ts';
import { aDelivery, aPostback, NOON } from '../../support/deliveries.ts';
import { fakeDeliveries } from '../../support/fakes/deliveries.ts';
import { fakeHints } from '../../support/fakes/hints.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

interface Given {
  readonly delivery?: Partial<Delivery>;
  readonly others?: readonly Delivery[];
  readonly postback?: Partial<Postback> | null;
  readonly answers?: readonly Partial<OutboundResponse>[];
  readonly deps?: Partial<DeliverDeps>;
}

/** A delivery with everything it needs, and a receiver that gives these answers in turn, the last one for ever. */
function given({ delivery: overrides, others = [], postback, answers = [{ status: 200 }], deps: more }: Given = {}) {
  const delivery = aDelivery(overrides);
  const deliveries = fakeDeliveries(delivery, ...others);
  const hints = fakeHints();
  const clock = { now: NOON };
  const calls: OutboundRequest[] = [];
  const none = { status: null, error: null, body: null, retryAfterSeconds: null, durationMs: 40 };
  let leases = 0;
  const deps: DeliverDeps = {
    deliveries,
    hints,
    postbacks: { postback: async () => (postback === null ? null : aPostback(postback)) },
    caller: {
      call: async (request) => {
        const answer = answers[Math.min(calls.length, answers.length - 1)];
        calls.push(request);
        return { ...none, ...answer };
      },
    },
    schedule: DEFAULT_SCHEDULE,
    rules: { allowLoopback: false, ownHosts: ['track.own.example'] },
    userAgent: 'Flowback/1.2.3',
    now: () => clock.now,
    random: () => 0.5,
    newLease: () => `lease ${++leases}`,
    ...more,
  };
  const row = () => deliveries.rows.get(delivery.id);
  return { delivery, deliveries, hints, clock, calls, deps, row, attempts: () => deliveries.attempts.get(delivery.id) };
}

describe('an attempt that fails', () => {
  it.each<[string, Partial<OutboundResponse>]>([
    ['a redirect', { status: 302 }],
    ['not modified', { status: 304 }],
    ['a bad request', { status: 400 }],
    ['a server error', { status: 503, body: 'busy' }],
    ['an informational status', { status: 101 }],
    ['no answer', { status: null, error: 'connection_refused' }],
    ['a blocked address', { status: null, error: 'blocked_address' }],
  ])('is recorded, and the delivery waits for the next: %s', async (_, answer) => {
    const { deps, delivery, row, attempts, hints } = given({ answers: [answer] });

    const outcome = await deliver(delivery.id, deps);

    expect(outcome).toMatchObject({ kind: 'attempted', hintsLost: 0 });
    const none = { status: null, error: null, body: null };
    expect(attempts()).toEqual([{ number: 1, at: NOON, durationMs: 40, ...none, ...answer }]);
    const nextAttemptAt = NOON + 10 * SECOND;
    const waiting = { state: 'waiting', attempts: 1, scheduleStep: 1, nextAttemptAt, lease: null };
    expect(row()).toEqual({ ...delivery, ...waiting, dueAt: nextAttemptAt + 90 * SECOND });
    expect(hints.sent).toEqual([{ deliveryId: delivery.id, postbackId: 'pb1', delaySeconds: 10 }]);
  });

  it('waits by message for up to 15 minutes, and on the due-time index for longer', async () => {
    const { deps, delivery, row, hints, clock } = given({ answers: [{ status: 500 }] });
    const seen = [];
    for (let attempt = 1; attempt <= 11; attempt++) {
      await deliver(delivery.id, deps);
      const { state, nextAttemptAt, dueAt } = row() ?? delivery;
      const hint = hints.sent.pop()?.delaySeconds ?? null;
      const wait = nextAttemptAt === null ? null : (nextAttemptAt - clock.now) / SECOND;
      seen.push([
        state,
        wait,
        nextAttemptAt === null || dueAt === null ? null : (dueAt - nextAttemptAt) / SECOND,
        hint,
      ]);
      clock.now = nextAttemptAt ?? clock.now;
    }

    expect(seen).toEqual([
      ['waiting', 10, 90, 10],
      ['waiting', 120, 90, 120],
      ['waiting', 600, 90, 600],
      ['waiting', 1_800, 0, null],
      ['waiting', 7_200, 0, null],
      ['waiting', 18_000, 0, null],
      ['waiting', 36_000, 0, null],
      ['waiting', 50_400, 0, null],
      ['waiting', 72_000, 0, null],
      ['waiting', 86_400, 0, null],
      ['exhausted', null, null, null],
    ]);
    expect(row()?.dueAt).toBeNull();
  });

  it('follows a schedule given for this machine', async () => {
    const { deps, delivery, row, clock, calls } = given({
      answers: [{ status: 500, retryAfterSeconds: 60 }],
      deps: { schedule: parseSchedule('0,1,2') },
    });

    for (const at of [0, 999, 1_000, 2_999, 3_000, 100_000]) {
      clock.now = NOON + at;
      await deliver(delivery.id, deps);
    }

    expect(calls.map(({ headers }) => headers['Webhook-Timestamp'])).toEqual(
      [0, 1, 3].map((seconds) => String(NOON / 1_000 + seconds)),
    );
    expect(row()).toMatchObject({ state: 'exhausted', attempts: 3 });
  });

  it('with 410 Gone is the last', async () => {
    const { deps, delivery, row, hints } = given({ answers: [{ status: 410 }] });

    await deliver(delivery.id, deps);

    expect(row()).toMatchObject({ state: 'exhausted', attempts: 1, nextAttemptAt: null, dueAt: null });
    expect(hints.sent).toEqual([]);
  });

  it('leaves the delivery to the sweeper if the queue does not take its hint', async () => {
    const { deps, delivery, row, hints } = given({ answers: [{ status: 500 }] });
    hints.down = true;

    expect(await deliver(delivery.id, deps)).toMatchObject({ kind: 'attempted', hintsLost: 1 });
    expect(row()).toMatchObject({ state: 'waiting', dueAt: NOON + 100 * SECOND });
  });
});

describe('nobody is called', () => {
  it.each<[string, Partial<Delivery>]>([
    ['before its time', { nextAttemptAt: NOON + 1 }],
    ['after it was delivered', { state: 'delivered', nextAttemptAt: null, dueAt: null }],
    ['while another holds the lease', { state: 'sending', lease: 'other', nextAttemptAt: NOON + 1 }],
    ['while its predecessor is on its way', { nextAttemptAt: null, dueAt: null }],
  ])('for a delivery %s', async (_, overrides) => {
    const { deps, delivery, row, calls } = given({ delivery: overrides });

    expect(await deliver(delivery.id, deps)).toEqual({ kind: 'nothing_to_do' });
    expect(row()).toEqual(delivery);
    expect(calls).toEqual([]);
  });

  it.each<[string, Partial<Postback> | null, string, string]>([
    ['is gone', null, 'exhausted', 'postback_missing'],
    ['is archived', { status: 'archived' }, 'cancelled', 'postback_missing'],
    ['leads back to us', { url: 'https://track.own.example/postback' }, 'waiting', 'blocked_address'],
    ['leads to a private address', { url: 'http://10.0.0.1/' }, 'waiting', 'blocked_address'],
  ])('if the postback %s', async (_, postback, state, error) => {
    const { deps, delivery, row, calls, attempts } = given({ postback });

    await deliver(delivery.id, deps);

    expect(row()).toMatchObject({ state, attempts: 1, lease: null });
    expect(attempts()).toMatchObject([{ number: 1, status: null, error }]);
    expect(calls).toEqual([]);
  });

  it('while the postback is paused: the delivery is looked at again later', async () => {
    const { deps, delivery, row, calls, attempts } = given({ postback: { status: 'paused' } });

    expect(await deliver(delivery.id, deps)).toMatchObject({ kind: 'paused' });

    const later = NOON + 15 * MINUTE;
    expect(row()).toEqual({ ...delivery, nextAttemptAt: later, dueAt: later });
    expect(attempts()).toBeUndefined();
    expect(calls).toEqual([]);
  });
});

describe('the first attempt of a schedule whose first wait is not 0', () => {
  it('waits as long, counted from the making of the delivery', async () => {
    const schedule = parseSchedule('2,1');
    const { deps, delivery, row, calls, hints, clock } = given({ delivery: { createdAt: NOON }, deps: { schedule } });

    expect(await deliver(delivery.id, deps)).toEqual({ kind: 'nothing_to_do' });

    expect(row()).toEqual(delivery);
    expect(hints.sent).toEqual([{ deliveryId: delivery.id, postbackId: 'pb1', delaySeconds: 2 }]);
    expect(calls).toEqual([]);

    clock.now = NOON + 2 * SECOND;
    expect(await deliver(delivery.id, deps)).toMatchObject({ kind: 'attempted' });
    expect(row()).toMatchObject({ state: 'delivered', attempts: 1 });
  });
});

describe('an attempt that succeeds', () => {
  it.each([200, 201, 202, 204, 299])('ends the delivery: %i', async (status) => {
    const { deps, delivery, row, attempts, hints } = given({ answers: [{ status, body: 'OK' }] });

    await deliver(delivery.id, deps);

    const delivered = { state: 'delivered', attempts: 1, nextAttemptAt: null, dueAt: null };
    expect(row()).toEqual({ ...delivery, ...delivered });
    expect(attempts()).toMatchObject([{ status, body: 'OK', error: null }]);
    expect(hints.sent).toEqual([]);
  });

  it('releases the delivery that waited for it, at once', async () => {
    const successor = aDelivery({ number: 2, event: 'status_changed', nextAttemptAt: null, dueAt: null });
    const { deps, delivery, calls } = given({ delivery: { successor: 2 }, others: [successor] });

    expect(await deliver(successor.id, deps)).toEqual({ kind: 'nothing_to_do' });
    await deliver(delivery.id, deps);
    await deliver(successor.id, deps);

    expect(calls.map(({ headers }) => headers['Webhook-Id'])).toEqual([delivery.id, successor.id]);
  });

  it('hints at the delivery that waited for it', async () => {
    const successor = aDelivery({ number: 2, nextAttemptAt: null, dueAt: null });
    const { deps, delivery, hints } = given({ delivery: { successor: 2 }, others: [successor] });

    await deliver(delivery.id, deps);

    expect(hints.sent).toEqual([{ deliveryId: successor.id, postbackId: 'pb1', delaySeconds: 0 }]);
  });
});

describe('a crash (invariant 7)', () => {
  /** What the sweeper does a minute later, and the message that it sends. */
  async function sweepAndDeliver({ deps, hints, clock }: ReturnType<typeof given>): Promise<void> {
    hints.sent.length = 0;
    await sweepDeliveries(deps, clock.now + MINUTE);
    for (const { deliveryId } of [...hints.sent]) await deliver(deliveryId, deps);
  }

  it('after the claim: the sweeper finds the row when the lease has ended', async () => {
    const world = given();
    const { delivery, deliveries, clock, calls, row } = world;
    await deliveries.claim(delivery.id, NOON, 'crashed', NOON + 30 * SECOND);

    clock.now = NOON + 29 * SECOND;
    await sweepAndDeliver(world);
    expect(calls).toHaveLength(0);

    clock.now = NOON + 31 * SECOND;
    await sweepAndDeliver(world);
    expect(calls).toHaveLength(1);
    expect(row()).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('after the call and before its result is stored: the receiver sees a repeat with the same id', async () => {
    const world = given();
    const { delivery, deliveries, deps, clock, calls, row } = world;
    const finish = async () => Promise.reject(new StorageUnavailable('gone'));
    const crashing = { ...deps, deliveries: { ...deliveries, finish } };
    await expect(deliver(delivery.id, crashing)).rejects.toThrow(StorageUnavailable);

    clock.now = NOON + 31 * SECOND;
    await sweepAndDeliver(world);

    expect(calls.map(({ headers }) => headers['Webhook-Id'])).toEqual([delivery.id, delivery.id]);
    expect(row()).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('before the hint of the next attempt was sent: the sweeper sends it', async () => {
    const world = given({ answers: [{ status: 500 }, { status: 200 }] });
    const { delivery, deps, hints, clock, row } = world;
    hints.down = true;
    await deliver(delivery.id, deps);
    hints.down = false;

    clock.now = NOON + 101 * SECOND;
    await sweepAndDeliver(world);

    expect(row()).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  it('that was none: who comes back after the lease ended writes nothing', async () => {
    const world = given();
    const { delivery, deliveries, deps, row, attempts } = world;
    const slow: DeliverDeps['caller'] = {
      call: async (request) => {
        await deliveries.claim(delivery.id, NOON + 30 * SECOND, 'another', NOON + 60 * SECOND);
        return deps.caller.call(request);
      },
    };

    expect(await deliver(delivery.id, { ...deps, caller: slow })).toMatchObject({ kind: 'lease_lost' });

    expect(row()).toMatchObject({ state: 'sending', lease: 'another', attempts: 0 });
    expect(attempts()).toBeUndefined();
  });
});

describe('the call', () => {
  const at = NOON + 999;
  const userAgent = 'Flowback/1.2.3';
  const request = (delivery: Partial<Delivery>, postback: Partial<Postback>) =>
    buildRequest(aDelivery(delivery), aPostback(postback), { at, userAgent });

  it('is a GET of the expanded URL, with the headers of the contract', () => {
    expect(request({}, {})).toEqual({
      method: 'GET',
      url: 'https://pub.example/in?cid=tia-1&sum=2.50',
      headers: {
        'User-Agent': 'Flowback/1.2.3',
        'Webhook-Id': 'a2b3c4d5e6f7g2h3i4j5k6l7_1',
        'Webhook-Timestamp': String(NOON / 1_000),
      },
      body: null,
    });
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['a missing value is nothing', 'https://pub.example/?a={p2}&b={p1}', { p1: 'x' }, 'https://pub.example/?a=&b=x'],
    [
      'values are encoded once',
      'https://pub.example/?a={p1}',
      { p1: 'a&b={p2} %20é' },
      'https://pub.example/?a=a%26b%3D%7Bp2%7D%20%2520%C3%A9',
    ],
    [
      'a path cannot be left',
      'https://pub.example/{p1}/x',
      { p1: '../..//evil' },
      'https://pub.example/..%2F..%2F%2Fevil/x',
    ],
    ['nor the host', 'https://pub.example/?{p1}', { p1: '@evil.example' }, 'https://pub.example/?%40evil.example'],
    ['a fragment is not sent', 'https://pub.example/?a={p1}#{p1}', { p1: 'x' }, 'https://pub.example/?a=x'],
    ['an alias', 'https://pub.example/?a={aff_id}', { pub_id: 'tia' }, 'https://pub.example/?a=tia'],
  ])('expands macros: %s', (_, url, values, expected) => {
    expect(request({ values }, { url }).url).toBe(expected);
  });

  it.each(['created', 'status_changed'] as const)('says which event it is: %s', (event) => {
    expect(request({ event }, { url: 'https://pub.example/?e={event}' }).url).toBe(`https://pub.example/?e=${event}`);
  });

  it.each<[string, Partial<Postback>, string]>([
    ['ours where there is no other', {}, 'status=approved&goal=sale'],
    ['of the receiver', { statusWords: { approved: '1' }, goalWords: { sale: 'Kauf 1' } }, 'status=1&goal=Kauf%201'],
    ['of the receiver for other values', { statusWords: { rejected: '3' } }, 'status=approved&goal=sale'],
  ])('uses the words %s', (_, words, query) => {
    const url = 'https://pub.example/?status={status}&goal={goal}';

    expect(request({}, { url, ...words }).url).toBe(`https://pub.example/?${query}`);
  });

  it('does not take what every object inherits for a word', () => {
    const values = { goal: 'constructor' };

    expect(request({ values }, { url: 'https://pub.example/?g={goal}' }).url).toBe(
      'https://pub.example/?g=constructor',
    );
  });

  it('carries the parameters of the query as form fields too', () => {
    const { method, url, headers, body } = request({ values: { p1: 'a b' } }, { method: 'POST_FORM' });

    expect([method, url]).toEqual(['POST', 'https://pub.example/in?cid=a%20b&sum=']);
    expect(headers['Content-Type']).toBe('application/x-www-form-urlencoded');
    expect(body).toBe('cid=a%20b&sum=');
  });

  it('carries the parameters of the query as JSON too', () => {
    const url = 'https://pub.example/in?cid={p1}&__proto__={p2}&plus=1+1';
    const { method, headers, body } = request({ values: { p1: 'a "b"', p2: 'x' } }, { method: 'POST_JSON', url });

    expect(method).toBe('POST');
    expect(headers['Content-Type']).toBe('application/json');
    expect(body).toBe('{"cid":"a \\"b\\"","__proto__":"x","plus":"1 1"}');
  });
});
