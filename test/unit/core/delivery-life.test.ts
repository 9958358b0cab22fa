import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { OutboundResponse } from '../../../lambdas/core/ports.ts';
import { DEFAULT_SCHEDULE } from '../../../lambdas/core/retry-schedule.ts';
import { aDelivery, aPostback, NOON } from '../../support/deliveries.ts';
import { anEngine } from '../../support/delivery-engine.ts';
import { SEED, seededRandom } from '../../support/seeded-random.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** So many deliveries of as many conversions. */
const deliveriesOf = (count: number, overrides: Partial<Delivery> = {}): Delivery[] =>
  Array.from({ length: count }, (_, n) => {
    const [high, low] = [ALPHABET.charAt(n >> 5), ALPHABET.charAt(n & 31)];
    return aDelivery({ subjectId: `a2b3c4d5e6f7g2h3i4j5k6${high}${low}`, ...overrides });
  });
const idsOf = (calls: readonly { readonly headers: Readonly<Record<string, string>> }[]) =>
  calls.map(({ headers }) => headers['Webhook-Id'] ?? '');

describe('a delivery whose receiver never answers 2xx', () => {
  /** What a message's whole seconds and the sweeper's minute add to a wait. */
  const late = (base: number) => (base * 1.2 <= 15 * MINUTE ? 2 * SECOND : 2 * MINUTE);
  const seeds = Array.from({ length: 40 }, (_, n) => SEED + n);

  /** Seconds between its calls. */
  async function waitsOf(seed: number, answer: Partial<OutboundResponse>) {
    // 4xx: the endpoint is alive, so nothing but the schedule decides.
    const { live, calls, row, attempts } = anEngine({ receive: () => answer, random: seededRandom(seed) });
    await live(8 * DAY);
    expect(row()).toMatchObject({ state: 'exhausted', attempts: 11 });
    expect(attempts().map(({ nextAttemptAt }) => nextAttemptAt !== null)).toEqual([
      ...Array.from({ length: 10 }, () => true),
      false,
    ]);
    return calls.slice(1).map(({ at }, n) => at - (calls[n]?.at ?? 0));
  }

  it(`is called 11 times, each time within 20 % of the schedule, and spread over it (seeds from ${SEED})`, async () => {
    const lives = await Promise.all(seeds.map((seed) => waitsOf(seed, { status: 400 })));

    for (const [n, base] of DEFAULT_SCHEDULE.waits.slice(1).entries()) {
      const waits = lives.map((life) => life[n] ?? 0);
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(0.8 * base);
      expect(Math.max(...waits)).toBeLessThanOrEqual(1.2 * base + late(base));
      // Of 40 even ones, some are in each third.
      if (base < 30 * MINUTE) continue;
      const thirds = waits.map((wait) => Math.min(Math.floor(((wait / base - 0.8) / 0.4) * 3), 2));
      expect(new Set(thirds).size).toBe(3);
    }
  });

  it.each<[string, number, (base: number) => number]>([
    ['less than the wait', 1, (base) => base],
    ['within the wait and twice the wait', 900, (base) => Math.min(Math.max(900 * SECOND, base), 2 * base)],
    ['more than twice the wait', 1_000_000, (base) => 2 * base],
  ])(
    'is called when Retry-After says, within the wait and twice the wait: %s',
    async (_, retryAfterSeconds, expected) => {
      const waits = await waitsOf(SEED, { status: 400, retryAfterSeconds });

      for (const [n, base] of DEFAULT_SCHEDULE.waits.slice(1).entries()) {
        expect(waits[n]).toBeGreaterThanOrEqual(expected(base));
        expect(waits[n]).toBeLessThanOrEqual(expected(base) + late(expected(base)));
      }
    },
  );

  it.each<[string, Partial<OutboundResponse>]>([
    ['429', { status: 429 }],
    ['a timeout', { error: 'timeout' }],
  ])('is called no sooner than a minute after %s', async (_, answer) => {
    const waits = await waitsOf(SEED, answer);

    expect(waits[0]).toBeGreaterThanOrEqual(MINUTE);
    expect(waits[0]).toBeLessThanOrEqual(MINUTE + late(MINUTE));
  });
});

describe('many deliveries to one receiver (invariant 8)', () => {
  it('that is dead meet its breaker: most wait without an attempt, one probes, and the postback is disabled in the end', async () => {
    const postback = aPostback({ updatedAt: NOON - DAY });
    const { live, calls, news, ports } = anEngine({
      deliveries: deliveriesOf(20),
      postbacks: [postback],
      receive: () => ({ error: 'connection_refused' }),
      random: seededRandom(SEED),
    });
    const rows = () => [...ports.deliveries.rows.values()];

    await live(HOUR);
    // A batch opens it; after that the probes: at 30 s, 1, 2, 4, 8 minutes, then each quarter of an hour.
    expect(calls.length).toBeLessThan(30);
    expect(rows().filter(({ attempts }) => attempts === 0).length).toBeGreaterThan(0);

    await live(75 * HOUR);
    expect(ports.postbacks.rows.get('pb1')).toMatchObject({ status: 'disabled', disabledReason: 'failing' });
    expect(news.filter(({ kind }) => kind.startsWith('postback'))).toMatchObject([
      { kind: 'postback_failing' },
      { kind: 'postback_failing' },
      { kind: 'postback_disabled' },
    ]);
    const disabledAt = ports.postbacks.rows.get('pb1')?.disabledAt ?? 0;
    expect(disabledAt - NOON).toBeGreaterThanOrEqual(72 * HOUR);
    // By the first call that fails after that; there are few by then, and when depends on the jitter.
    expect(disabledAt - NOON).toBeLessThan(76 * HOUR);
    expect(calls.filter(({ at }) => at > disabledAt)).toEqual([]);
    // Nothing is lost: it waits for somebody to activate the postback.
    expect(rows().every(({ state, stuckAt }) => state === 'waiting' && stuckAt !== null)).toBe(true);
  });

  it('that comes back all arrive, each once', async () => {
    let dead = true;
    const { live, calls, ports, news } = anEngine({
      deliveries: deliveriesOf(200),
      receive: () => (dead ? { status: 503 } : { status: 200 }),
      random: seededRandom(SEED),
    });
    await live(HOUR);
    const before = calls.length;
    dead = false;
    await live(3 * DAY);

    expect([...ports.deliveries.rows.values()].every(({ state }) => state === 'delivered')).toBe(true);
    expect(calls.length - before).toBe(200);
    expect(news.at(-1)).toMatchObject({ kind: 'breaker_closed' });
  });

  it('leave one message each, however often they are told of', async () => {
    const rows = deliveriesOf(50);
    const { live, ports, messages, hints } = anEngine({
      deliveries: rows,
      receive: () => ({ status: 503 }),
      random: seededRandom(SEED),
    });
    for (let copy = 0; copy < 5; copy++) {
      for (const { id, postbackId } of rows) await ports.hints.send({ deliveryId: id, postbackId, delaySeconds: 0 });
    }
    expect(messages).toHaveLength(250);

    await live(10 * MINUTE);

    expect(messages.length).toBeLessThanOrEqual(50);
    expect(new Set(messages.map(({ deliveryId }) => deliveryId)).size).toBe(messages.length);
    expect(hints.sent.length).toBeGreaterThan(250);
  });

  it('do not touch those to another', async () => {
    const rows = [...deliveriesOf(200), ...deliveriesOf(20, { number: 2, postbackId: 'good' })];
    const { live, calls } = anEngine({
      deliveries: rows,
      postbacks: [aPostback(), aPostback({ id: 'good', url: 'https://good.example/?p={p1}' })],
      receive: ({ url }) => (url.startsWith('https://good') ? { status: 200 } : { error: 'timeout' }),
      random: seededRandom(SEED),
    });

    await live(2 * MINUTE);

    const good = calls.filter(({ url }) => url.startsWith('https://good'));
    expect(new Set(idsOf(good)).size).toBe(20);
    expect(good.every(({ at }) => at - NOON <= MINUTE)).toBe(true);
  });
});

describe('deliveries of a paused postback (invariant 7)', () => {
  it('wait without being called, and arrive in the order of their conversion when it is active again', async () => {
    const first = aDelivery({ successor: 2 });
    const second = aDelivery({ number: 2, event: 'status_changed', nextAttemptAt: null, dueAt: null });
    const { live, calls, ports, row } = anEngine({
      deliveries: [first, second],
      postbacks: [aPostback({ status: 'paused' })],
      random: seededRandom(SEED),
    });

    await live(7 * DAY);
    expect(calls).toEqual([]);
    expect(row()).toMatchObject({ state: 'waiting', attempts: 0, stuckAt: NOON + MINUTE });

    ports.postbacks.rows.set('pb1', aPostback());
    await live(8 * HOUR);
    expect(idsOf(calls)).toEqual([first.id, second.id]);
  });

  it('cost four looks a day', async () => {
    const { live, hints } = anEngine({
      postbacks: [aPostback({ status: 'paused' })],
      random: seededRandom(SEED),
    });

    await live(10 * DAY);

    expect(hints.sent.length).toBeGreaterThan(30);
    expect(hints.sent.length).toBeLessThan(52);
  });
});
