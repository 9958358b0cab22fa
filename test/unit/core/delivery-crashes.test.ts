import { describe, expect, it } from 'vitest';
import { deliverHinted } from '../../../lambdas/core/deliver.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { aDelivery, aPostback, NOON } from '../../support/deliveries.ts';
import { anEngine } from '../../support/delivery-engine.ts';
import type { GivenEngine } from '../../support/delivery-engine.ts';
import { deathBefore, failureAt, instrumented } from '../../support/port-faults.ts';
import type { FaultAt } from '../../support/port-faults.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const PUB = 'https://pub.example';
const CLOSED = { openings: 0, openUntil: null };

type Engine = ReturnType<typeof anEngine>;

interface Story {
  readonly title: string;
  readonly given?: GivenEngine;
  /** The receiver's answers in turn, the last one for ever. @default - 200 */
  readonly answers?: readonly number[];
  /** What happened before the message came. */
  readonly before?: (engine: Engine) => Promise<unknown>;
  /** What somebody does later. */
  readonly later?: (engine: Engine) => void;
  /** How the deliveries end, by number, and after how many calls without a fault. */
  readonly ends: readonly Delivery['state'][];
  readonly calls: number;
}

const behind = aDelivery({ number: 2, event: 'status_changed', nextAttemptAt: null, dueAt: null });
const pair = [aDelivery({ successor: 2 }), behind];

const stories: readonly Story[] = [
  { title: 'one that arrives', ends: ['delivered'], calls: 1 },
  { title: 'two of a conversion', given: { deliveries: pair }, ends: ['delivered', 'delivered'], calls: 2 },
  { title: 'one that arrives in the end', answers: [503, 429, 200], ends: ['delivered'], calls: 3 },
  {
    title: 'one whose receiver is gone, and the next',
    given: {
      deliveries: pair,
      receive: ({ headers }) => ({ status: headers['Webhook-Id'] === behind.id ? 200 : 410 }),
    },
    later: ({ ports }) => ports.postbacks.rows.set('pb1', aPostback({ version: 3 })),
    ends: ['exhausted', 'delivered'],
    calls: 2,
  },
  {
    title: 'one whose postback is gone',
    given: { deliveries: pair, postbacks: [] },
    ends: ['exhausted', 'exhausted'],
    calls: 0,
  },
  {
    title: 'one whose postback is archived',
    given: { deliveries: pair, postbacks: [aPostback({ status: 'archived' })] },
    ends: ['cancelled', 'cancelled'],
    calls: 0,
  },
  {
    title: 'one that is held',
    given: { postbacks: [aPostback({ status: 'paused' })] },
    later: ({ ports }) => ports.postbacks.rows.set('pb1', aPostback()),
    ends: ['delivered'],
    calls: 1,
  },
  {
    title: 'one that is put off, and then the probe',
    before: ({ ports }) => ports.endpoints.turn(PUB, CLOSED, { openings: 2, openUntil: NOON + MINUTE }, []),
    ends: ['delivered'],
    calls: 1,
  },
  {
    title: 'the probe, which fails',
    answers: [500, 200],
    before: ({ ports }) => ports.endpoints.turn(PUB, CLOSED, { openings: 2, openUntil: NOON }, []),
    ends: ['delivered'],
    calls: 2,
  },
  {
    title: 'one whose endpoint has no slot',
    given: { slots: 1 },
    before: ({ ports }) =>
      ports.endpoints.take(PUB, { slot: 0, now: NOON, leaseUntil: NOON + 20 * SECOND, breaker: CLOSED }),
    ends: ['delivered'],
    calls: 1,
  },
  {
    title: 'one that ends a failing streak',
    before: ({ ports }) => ports.health.failed('pb1', NOON - HOUR),
    ends: ['delivered'],
    calls: 1,
  },
  {
    title: 'the one too many of a failing streak',
    given: { deliveries: [aDelivery()], postbacks: [aPostback({ updatedAt: 0 })] },
    answers: [500, 200],
    before: async ({ ports }) => {
      for (let n = 0; n < 30; n++) await ports.health.failed('pb1', NOON - 100 * HOUR);
    },
    later: ({ ports }) => {
      ports.postbacks.rows.set('pb1', aPostback());
      ports.health.streaks.clear();
    },
    ends: ['delivered'],
    calls: 2,
  },
  {
    title: 'one whose news was taken back, and the rejection',
    given: { deliveries: [aDelivery({ state: 'sending', lease: 'died', recalled: true, successor: 2 }), behind] },
    ends: ['cancelled', 'delivered'],
    calls: 1,
  },
];

async function begin({ given = {}, answers = [200], before }: Story): Promise<Engine> {
  let answered = 0;
  const receive = () => ({ status: answers[Math.min(answered++, answers.length - 1)] ?? 200 });
  const engine = anEngine({ receive, ...given });
  await before?.(engine);
  return engine;
}

/** One message comes; whether its work came to an end, and in how many steps. */
async function message(engine: Engine, fault: FaultAt) {
  const { deps, steps } = instrumented(engine.ports, { fault });
  const hint = { deliveryId: aDelivery().id, postbackId: 'pb1' };
  const ended = await deliverHinted(hint, engine.worker(deps)).then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof StorageUnavailable)) throw error;
      return false;
    },
  );
  return { ended, steps: steps() };
}

/** The rest of a story, without that message: queue and sweeper go on. */
async function finish(engine: Engine, { later, ends, calls }: Story, repeats: number) {
  await engine.live(2 * HOUR);
  later?.(engine);
  await engine.live(8 * HOUR);

  const rows = [...engine.ports.deliveries.rows.values()];
  expect(rows.map(({ state }) => state)).toEqual(ends);
  expect(rows.every(({ lease, dueAt }) => lease === null && dueAt === null)).toBe(true);
  // At least once; again only if the worker was gone between the call and its result.
  expect(engine.calls.length).toBeGreaterThanOrEqual(calls);
  expect(engine.calls.length).toBeLessThanOrEqual(calls + repeats);
  for (const { id, state, attempts: made } of rows) {
    const attempts = engine.attempts(id);
    expect(attempts.map(({ number }) => number)).toEqual(Array.from({ length: made }, (_, n) => n + 1));
    const heard = engine.calls.filter(({ headers }) => headers['Webhook-Id'] === id).length;
    if (state === 'delivered') expect(heard).toBeGreaterThanOrEqual(1);
    expect(heard).toBeGreaterThanOrEqual(attempts.filter(({ status }) => status !== null).length);
  }
  expect(engine.messages).toEqual([]);
  const gate = engine.ports.endpoints.endpoints.get(PUB);
  expect([...(gate?.slots.values() ?? [])].filter((leaseUntil) => leaseUntil > engine.clock.now)).toEqual([]);
  // Open only for want of calls: the next one probes.
  expect(gate?.breaker.openUntil ?? 0).toBeLessThanOrEqual(engine.clock.now);
}

const noFault = () => null;
/** Only storage and the queue fail; what a call comes to is an answer. */
const withoutCaller = (engine: Engine, fault: FaultAt) => {
  const { caller, ...ports } = engine.ports;
  const { deps, steps } = instrumented(ports, { fault });
  return { deps: { ...deps, caller }, steps };
};

describe.each(stories)('$title (invariant 7)', (story) => {
  it('comes to its end without a fault', async () => {
    const engine = await begin(story);

    expect((await message(engine, noFault)).ended).toBe(true);

    await finish(engine, story, 0);
  });

  it.each(['before', 'after'] as const)(
    'comes to its end, and its message is not failed, although any one request to storage fails %s its effect',
    async (when) => {
      for (let at = 1, more = true; more; at++) {
        const engine = await begin(story);
        const { deps, steps } = withoutCaller(engine, failureAt(at, when));
        const hint = { deliveryId: aDelivery().id, postbackId: 'pb1' };

        await deliverHinted(hint, engine.worker(deps));

        await finish(engine, story, 1);
        more = steps() >= at;
      }
    },
  );

  it('comes to its end although one worker dies at any step, and the next one at any other', async () => {
    for (let first = 1, more = true; more; first++) {
      for (let second = 1, again = true; again; second++) {
        const engine = await begin(story);
        const one = await message(engine, deathBefore(first));
        engine.clock.now += 2 * MINUTE;
        const two = await message(engine, deathBefore(second));
        await finish(engine, story, 2);
        more = one.steps >= first;
        again = two.steps >= second;
      }
    }
  });
});
