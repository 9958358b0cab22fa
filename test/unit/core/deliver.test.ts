import { describe, expect, it } from 'vitest';
import { deliver, deliverHinted } from '../../../lambdas/core/deliver.ts';
import type { DeliverDeps } from '../../../lambdas/core/deliver.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { Postback } from '../../../lambdas/core/entities.ts';
import type { OutboundResponse } from '../../../lambdas/core/ports.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { parseSchedule } from '../../../lambdas/core/retry-schedule.ts';
import { aDelivery, aPostback, NOON } from '../../support/deliveries.ts';
import { anEngine } from '../../support/delivery-engine.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Given {
  readonly delivery?: Partial<Delivery>;
  readonly others?: readonly Delivery[];
  readonly postback?: Partial<Postback> | null;
  readonly answers?: readonly Partial<OutboundResponse>[];
  readonly deps?: Partial<DeliverDeps>;
}

/** A delivery with everything it needs, and a receiver that gives these answers in turn, the last one for ever. */
function given({ delivery: overrides, others = [], postback, answers = [{ status: 200 }], deps = {} }: Given = {}) {
  const delivery = aDelivery(overrides);
  let answered = 0;
  const engine = anEngine({
    deliveries: [delivery, ...others],
    postbacks: postback === null ? [] : [aPostback(postback)],
    receive: () => answers[Math.min(answered++, answers.length - 1)] ?? {},
    deps,
  });
  /** A message that says so, to a worker of its own. */
  const look = (id = delivery.id) => deliver(id, engine.worker());
  return { ...engine, delivery, look };
}

/** Nobody may call the endpoint of {@link aPostback} now. */
const closeEndpoint = ({ ports }: ReturnType<typeof given>, openUntil: number) =>
  ports.endpoints.turn('https://pub.example', { openings: 0, openUntil: null }, { openings: 1, openUntil }, []);

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
    const { look, delivery, row, attempts, hints, news } = given({ answers: [answer] });

    expect(await look()).toMatchObject({ kind: 'attempted' });

    const nextAttemptAt = NOON + 10 * SECOND;
    const none = { status: null, error: null, body: null };
    expect(attempts()).toEqual([{ number: 1, at: NOON, durationMs: 40, nextAttemptAt, ...none, ...answer }]);
    const waiting = { state: 'waiting', attempts: 1, scheduleStep: 1, nextAttemptAt, lease: null, stuckAt: NOON };
    expect(row()).toEqual({ ...delivery, ...waiting, dueAt: nextAttemptAt + 90 * SECOND });
    expect(hints.sent).toEqual([{ deliveryId: delivery.id, postbackId: 'pb1', delaySeconds: 10 }]);
    expect(news).toEqual([]);
  });

  it('waits by message for up to 15 minutes, and on the due-time index for longer', async () => {
    const { look, delivery, row, hints, clock } = given({ answers: [{ status: 500 }] });
    const seen = [];
    for (let attempt = 1; attempt <= 11; attempt++) {
      await look();
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
    expect(row()).toMatchObject({ dueAt: null, stuckAt: clock.now });
  });

  it('follows a schedule given for this machine', async () => {
    const { look, row, clock, calls } = given({
      answers: [{ status: 500, retryAfterSeconds: 60 }],
      deps: { schedule: parseSchedule('0,1,2') },
    });

    for (const at of [0, 999, 1_000, 2_999, 3_000, 100_000]) {
      clock.now = NOON + at;
      await look();
    }

    expect(calls.map(({ headers }) => headers['Webhook-Timestamp'])).toEqual(
      [0, 1, 3].map((seconds) => String(NOON / 1_000 + seconds)),
    );
    expect(row()).toMatchObject({ state: 'exhausted', attempts: 3 });
  });

  it('with 410 Gone is the last, and disables the postback', async () => {
    const { look, row, attempts, hints, ports, news } = given({ answers: [{ status: 410 }] });

    await look();

    expect(row()).toMatchObject({ state: 'exhausted', attempts: 1, nextAttemptAt: null, dueAt: null, stuckAt: NOON });
    expect(attempts()).toMatchObject([{ status: 410, nextAttemptAt: null }]);
    expect(hints.sent).toEqual([]);
    const disabled = { status: 'disabled', disabledAt: NOON, disabledReason: 'gone', version: 2, updatedAt: NOON };
    expect(ports.postbacks.rows.get('pb1')).toEqual(aPostback(disabled as Partial<Postback>));
    expect(news).toEqual([{ kind: 'postback_disabled', postback: aPostback(), reason: 'gone' }]);
  });

  it('leaves the delivery to the sweeper if the queue does not take its hint', async () => {
    const { look, row, hints, news } = given({ answers: [{ status: 500 }] });
    hints.down = true;

    expect(await look()).toMatchObject({ kind: 'attempted' });
    expect(news).toMatchObject([{ kind: 'not_followed_up', what: 'hint' }]);
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
    const { look, delivery, row, calls, hints, ports } = given({ delivery: overrides });

    expect(await look()).toEqual({ kind: 'nothing_to_do' });
    expect(row()).toEqual(delivery);
    expect([calls, hints.sent, [...ports.endpoints.endpoints]]).toEqual([[], [], []]);
  });

  it.each<[string, Partial<Postback> | null, Partial<Delivery>, string]>([
    ['is gone', null, { state: 'exhausted', stuckAt: NOON }, 'postback_missing'],
    ['is archived', { status: 'archived' }, { state: 'cancelled', stuckAt: null }, 'postback_missing'],
    ['leads back to us', { url: 'https://track.own.example/x' }, { state: 'waiting' }, 'blocked_address'],
    ['leads to a private address', { url: 'http://10.0.0.1/' }, { state: 'waiting' }, 'blocked_address'],
  ])('if the postback %s', async (_, postback, expected, error) => {
    const { look, row, calls, attempts, ports } = given({ postback });

    await look();

    expect(row()).toMatchObject({ attempts: 1, lease: null, ...expected });
    expect(attempts()).toMatchObject([{ number: 1, status: null, error }]);
    expect([calls, [...ports.endpoints.endpoints]]).toEqual([[], []]);
  });

  it.each(['active', 'paused', 'disabled'] as const)(
    'if its news was taken back while it was sent by somebody who died: it is cancelled, and its successor let go: %s',
    async (status) => {
      const successor = aDelivery({ number: 2, event: 'status_changed', nextAttemptAt: null, dueAt: null });
      const recalled = { state: 'sending', lease: 'died', recalled: true, stuckAt: 1, successor: 2 } as const;
      const { look, delivery, row, calls, attempts, hints, ports } = given({
        delivery: recalled,
        others: [successor],
        postback: { status },
      });

      expect(await look()).toMatchObject({ kind: 'cancelled' });

      const cancelled = { state: 'cancelled', lease: null, nextAttemptAt: null, dueAt: null, stuckAt: null } as const;
      expect(row()).toEqual({ ...delivery, ...cancelled });
      expect(row(successor.id)).toMatchObject({ nextAttemptAt: NOON });
      expect(hints.sent).toEqual([{ deliveryId: successor.id, postbackId: 'pb1', delaySeconds: 0 }]);
      expect([calls, attempts()]).toEqual([[], []]);
      expect(ports.endpoints.endpoints.get('https://pub.example')).toMatchObject({
        slots: new Map(),
        calls: new Map(),
      });
    },
  );
});

describe('a delivery whose postback is paused or disabled (invariant 7)', () => {
  it.each(['paused', 'disabled'] as const)('is held, without an attempt or a message: %s', async (status) => {
    const { look, delivery, row, calls, attempts, hints } = given({ postback: { status } });

    expect(await look()).toMatchObject({ kind: 'held' });

    expect(row()).toEqual({ ...delivery, dueAt: NOON + 6 * HOUR, stuckAt: NOON });
    expect([calls, attempts(), hints.sent]).toEqual([[], [], []]);
  });

  it.each([
    [0, 0.8],
    [0.999_999, 1.2],
  ])('is looked at every six hours, spread by a fifth: %f', async (random, part) => {
    const { look, row } = given({ postback: { status: 'paused' }, deps: { random: () => random } });

    await look();

    expect(row()?.dueAt).toBeCloseTo(NOON + part * 6 * HOUR, -3);
  });

  it('stays stuck since it became so', async () => {
    const { look, row } = given({ delivery: { stuckAt: 1 }, postback: { status: 'paused' } });

    await look();

    expect(row()).toMatchObject({ stuckAt: 1 });
  });

  it('goes out with the next look after the postback is active again', async () => {
    const { look, row, ports, clock } = given({ postback: { status: 'disabled' } });
    await look();
    ports.postbacks.rows.set('pb1', aPostback());

    clock.now += MINUTE;
    expect(await look()).toMatchObject({ kind: 'attempted' });

    expect(row()).toMatchObject({ state: 'delivered', attempts: 1, stuckAt: null });
  });

  it('goes out at once if the postback became active while it was put by', async () => {
    const { ports, worker, delivery, messages } = given({ postback: { status: 'paused' } });
    const deliveries: DeliverDeps['deliveries'] = {
      ...ports.deliveries,
      async defer(row, to) {
        ports.postbacks.rows.set('pb1', aPostback());
        return ports.deliveries.defer(row, to);
      },
    };

    expect(await deliver(delivery.id, { ...worker(), deliveries })).toMatchObject({ kind: 'held' });

    expect(messages).toMatchObject([{ at: NOON, deliveryId: delivery.id }]);
  });
});

describe('a delivery whose endpoint may not be called now', () => {
  it('is put off without an attempt, with one message', async () => {
    const engine = given({ delivery: { stuckAt: 7 } });
    const { look, delivery, row, calls, attempts, hints } = engine;
    await closeEndpoint(engine, NOON + 30 * SECOND);

    expect(await look()).toMatchObject({ kind: 'deferred' });

    const nextAttemptAt = NOON + 45 * SECOND;
    expect(row()).toEqual({ ...delivery, nextAttemptAt, dueAt: nextAttemptAt + 90 * SECOND });
    expect(hints.sent).toEqual([{ deliveryId: delivery.id, postbackId: 'pb1', delaySeconds: 45 }]);
    expect([calls, attempts()]).toEqual([[], []]);
  });

  it.each<[string, 'busy' | 'slow', Partial<Delivery>, number]>([
    ['a second old', 'slow', { createdAt: NOON - SECOND }, 3],
    ['a minute old', 'slow', { createdAt: NOON - MINUTE }, 15],
    ['ten minutes old', 'slow', { createdAt: NOON - 10 * MINUTE }, 150],
    ['a day old', 'slow', { createdAt: NOON - 24 * HOUR }, 300],
    ['a day old, and failed a minute ago', 'slow', { createdAt: NOON - 24 * HOUR, stuckAt: NOON - MINUTE }, 15],
    ['ten minutes old, at an endpoint that is only busy,', 'busy', { createdAt: NOON - 10 * MINUTE }, 3],
  ])('is asked for again the later the longer it waits: %s %s', async (_, why, delivery, seconds) => {
    const endpoints = { enter: async () => ({ admitted: false, why, wait: 3 * SECOND }) as const };
    const { look, hints } = given({ delivery, deps: { endpoints } });

    await look();

    expect(hints.sent).toMatchObject([{ delaySeconds: seconds }]);
  });

  it('is looked at ever more rarely where its endpoint stays slow, so that many leave the workers to others (invariant 8)', async () => {
    let looks = 0;
    const enter = async () => {
      looks++;
      return { admitted: false, why: 'slow', wait: 3 * SECOND } as const;
    };
    const { live, look, row } = given({ deps: { endpoints: { enter } } });
    await look();

    await live(HOUR);

    expect(looks).toBeLessThan(40);
    expect(row()).toMatchObject({ state: 'waiting', attempts: 0 });
  });

  it('goes on with one message of many', async () => {
    const engine = given();
    const { delivery, worker, hints, row } = engine;
    await closeEndpoint(engine, NOON + 30 * SECOND);

    const deps = worker();
    const looks = Array.from({ length: 20 }, (_, i) => deliver(delivery.id, i < 10 ? deps : worker()));
    const outcomes = await Promise.all(looks);

    expect(outcomes.filter(({ kind }) => kind === 'deferred')).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'nothing_to_do')).toHaveLength(19);
    expect(hints.sent).toHaveLength(1);
    expect(row()).toMatchObject({ attempts: 0, state: 'waiting' });
  });

  it('is found by the sweeper if that message is lost', async () => {
    const engine = given();
    const { look, hints, live, row, news } = engine;
    await closeEndpoint(engine, NOON + 30 * SECOND);
    hints.down = true;
    await look();
    hints.down = false;

    await live(4 * MINUTE);

    expect(news).toMatchObject([
      { kind: 'not_followed_up', what: 'hint' },
      { kind: 'breaker_closed', endpoint: 'https://pub.example' },
    ]);
    expect(row()).toMatchObject({ state: 'delivered', attempts: 1 });
  });
});

describe('the first attempt of a schedule whose first wait is not 0', () => {
  it('waits as long, counted from the making of the delivery', async () => {
    const schedule = parseSchedule('2,1');
    const { look, delivery, row, calls, hints, clock } = given({ delivery: { createdAt: NOON }, deps: { schedule } });

    expect(await look()).toMatchObject({ kind: 'deferred' });

    const nextAttemptAt = NOON + 2 * SECOND;
    expect(row()).toEqual({ ...delivery, nextAttemptAt, dueAt: nextAttemptAt + 90 * SECOND });
    expect(hints.sent).toEqual([{ deliveryId: delivery.id, postbackId: 'pb1', delaySeconds: 2 }]);
    expect(calls).toEqual([]);

    clock.now = nextAttemptAt;
    expect(await look()).toMatchObject({ kind: 'attempted' });
    expect(row()).toMatchObject({ state: 'delivered', attempts: 1 });
  });
});

describe('an attempt that succeeds', () => {
  it.each([200, 201, 202, 204, 299])('ends the delivery: %i', async (status) => {
    const { look, delivery, row, attempts, hints } = given({
      delivery: { stuckAt: 1 },
      answers: [{ status, body: 'OK' }],
    });

    await look();

    const delivered = { state: 'delivered', attempts: 1, nextAttemptAt: null, dueAt: null, stuckAt: null };
    expect(row()).toEqual({ ...delivery, ...delivered });
    expect(attempts()).toMatchObject([{ status, body: 'OK', error: null, nextAttemptAt: null }]);
    expect(hints.sent).toEqual([]);
  });

  it('releases the delivery that waited for it, at once', async () => {
    const successor = aDelivery({ number: 2, event: 'status_changed', nextAttemptAt: null, dueAt: null });
    const { look, delivery, calls } = given({ delivery: { successor: 2 }, others: [successor] });

    expect(await look(successor.id)).toEqual({ kind: 'nothing_to_do' });
    await look();
    await look(successor.id);

    expect(calls.map(({ headers }) => headers['Webhook-Id'])).toEqual([delivery.id, successor.id]);
  });

  it('hints at the delivery that waited for it', async () => {
    const successor = aDelivery({ number: 2, nextAttemptAt: null, dueAt: null });
    const { look, hints } = given({ delivery: { successor: 2 }, others: [successor] });

    await look();

    expect(hints.sent).toEqual([{ deliveryId: successor.id, postbackId: 'pb1', delaySeconds: 0 }]);
  });
});

describe('a message', () => {
  const hint = { deliveryId: aDelivery().id, postbackId: 'pb1' };
  const down = async () => Promise.reject(new StorageUnavailable('down'));

  it.each([
    [0, 20],
    [0.5, 30],
    [0.999_999, 40],
  ])('is replaced by one for half a minute later while storage is down: %f', async (random, delaySeconds) => {
    const { ports, worker, hints, row, delivery } = given({ deps: { random: () => random } });
    const deps = { ...worker(), deliveries: { ...ports.deliveries, claim: down } };

    expect(await deliverHinted(hint, deps)).toMatchObject({ kind: 'storage_unavailable' });

    expect(hints.sent).toEqual([{ ...hint, delaySeconds }]);
    expect(row()).toEqual(delivery);
  });

  it('fails if the queue is down as well', async () => {
    const { ports, worker, hints } = given();
    hints.down = true;

    const deps = { ...worker(), deliveries: { ...ports.deliveries, delivery: down } };
    await expect(deliverHinted(hint, deps)).rejects.toThrow(StorageUnavailable);
  });

  it('fails on a defect, and is not sent again', async () => {
    const { ports, worker, hints } = given();
    const defect = async () => Promise.reject(new TypeError('defect'));

    const deps = { ...worker(), postbacks: { ...ports.postbacks, postback: defect } };
    await expect(deliverHinted(hint, deps)).rejects.toThrow('defect');
    expect(hints.sent).toEqual([]);
  });
});

describe('what comes after the result is stored', () => {
  const down = async () => Promise.reject(new StorageUnavailable('down'));
  const cases: readonly [string, (engine: ReturnType<typeof given>) => void, string][] = [
    ['the slot', ({ ports }) => (ports.endpoints.settle = down), 'endpoint'],
    ["the postback's health", ({ ports }) => (ports.health.failed = down), 'postback_health'],
    ['the hint', ({ hints }) => (hints.down = true), 'hint'],
  ];

  it.each(cases)('does not fail the message: %s', async (_, breakDown, what) => {
    const engine = given({ answers: [{ status: 500 }] });
    breakDown(engine);

    expect(await engine.look()).toMatchObject({ kind: 'attempted' });

    expect(engine.news).toMatchObject([{ kind: 'not_followed_up', what, delivery: { id: engine.delivery.id } }]);
    expect(engine.row()).toMatchObject({ state: 'waiting', attempts: 1 });
  });
});

describe('a crash (invariant 7)', () => {
  it('after the claim: the sweeper finds the row when the lease has ended', async () => {
    const { delivery, ports, live, calls, row } = given();
    await ports.deliveries.claim(delivery.id, NOON, 'crashed', NOON + 61 * SECOND);

    await live(60 * SECOND);
    expect(calls).toHaveLength(0);

    await live(60 * SECOND);
    expect(calls).toHaveLength(1);
    expect(row()).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('after the call and before its result is stored: the receiver sees a repeat with the same id', async () => {
    const { delivery, ports, worker, live, calls, row } = given();
    const finish = async () => Promise.reject(new StorageUnavailable('gone'));
    const deps = { ...worker(), deliveries: { ...ports.deliveries, finish } };
    await expect(deliver(delivery.id, deps)).rejects.toThrow(StorageUnavailable);

    await live(2 * MINUTE);

    expect(calls.map(({ headers }) => headers['Webhook-Id'])).toEqual([delivery.id, delivery.id]);
    expect(row()).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('before the hint of the next attempt was sent: the sweeper sends it', async () => {
    const { look, hints, live, row } = given({ answers: [{ status: 500 }, { status: 200 }] });
    hints.down = true;
    await look();
    hints.down = false;

    await live(3 * MINUTE);

    expect(row()).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  it('that was none: who comes back after the lease ended writes nothing', async () => {
    const { delivery, ports, worker, row, attempts } = given();
    const slow: DeliverDeps['caller'] = {
      call: async (request) => {
        await ports.deliveries.claim(delivery.id, NOON + 30 * SECOND, 'another', NOON + 60 * SECOND);
        return ports.caller.call(request);
      },
    };

    expect(await deliver(delivery.id, { ...worker(), caller: slow })).toMatchObject({ kind: 'lease_lost' });

    expect(row()).toMatchObject({ state: 'sending', lease: 'another', attempts: 0 });
    expect(attempts()).toEqual([]);
  });
});
