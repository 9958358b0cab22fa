import { describe, expect, it } from 'vitest';
import { bucketOf, createEndpoints, endpointOf, isAlive } from '../../../lambdas/core/endpoints.ts';
import type { Admission, BreakerNews, CallResult } from '../../../lambdas/core/endpoints.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { NOON } from '../../support/deliveries.ts';
import { fakeEndpoints } from '../../support/fakes/endpoints.ts';
import { Interleaving } from '../../support/interleaving.ts';
import { SEED, seededRandom } from '../../support/seeded-random.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const PUB = 'https://pub.example';

function given({ slots = 2, random = () => 0.5 }: { slots?: number; random?: () => number } = {}) {
  const clock = { now: NOON };
  const store = fakeEndpoints();
  const news: BreakerNews[] = [];
  const sleeps: number[] = [];
  /** One invocation. */
  const worker = (over = store) =>
    createEndpoints({
      store: over,
      slots,
      now: () => clock.now,
      random,
      sleep: async (milliseconds) => {
        sleeps.push(milliseconds);
        clock.now += milliseconds;
      },
      tell: (item) => news.push(item),
    });
  /** One call by a worker of its own. */
  const call = async (result: CallResult) => {
    const admission = await worker().enter(PUB);
    if (admission.admitted) await admission.leave(result);
    return admission;
  };
  const calls = async (results: readonly CallResult[]) => {
    for (const result of results) await call(result);
  };
  const breaker = () => store.endpoints.get(PUB)?.breaker;
  return { clock, store, news, sleeps, worker, call, calls, breaker };
}

const times = (count: number, result: CallResult): CallResult[] => Array.from({ length: count }, () => result);
/** Who is let in; throws for who is not. */
function admitted(admission: Admission) {
  if (!admission.admitted) throw new Error(`refused: ${admission.why}`);
  return admission;
}
const CLOSED = { openings: 0, openUntil: null };

describe('an endpoint', () => {
  it.each([
    ['https://pub.example/in?cid={p1}', 'https://pub.example'],
    ['https://PUB.example:443/{p1}', 'https://pub.example'],
    ['https://pub.example:8443/', 'https://pub.example:8443'],
    ['http://pub.example/?a=%7Bx%7D#{p2}', 'http://pub.example'],
    ['http://[2606:4700::1]:8080/', 'http://[2606:4700::1]:8080'],
  ])('is scheme, host and port: %s', (url, endpoint) => {
    expect(endpointOf(url)).toBe(endpoint);
  });

  it.each<[number | null, boolean]>([
    ...[null, 101, 301, 302, 304, 408, 425, 429, 500, 502, 503, 599].map((status): [number | null, boolean] => [
      status,
      false,
    ]),
    ...[200, 204, 299, 400, 401, 404, 409, 410, 422, 499].map((status): [number, boolean] => [status, true]),
  ])('that answers %s is alive: %s', (status, alive) => {
    expect(isAlive({ status })).toBe(alive);
  });
});

describe('the breaker', () => {
  it.each<[string, readonly CallResult[], boolean]>([
    ['9 failures', times(9, 'failed'), false],
    ['9 failures and others that were not made', [...times(9, 'failed'), ...times(9, 'not_called')], false],
    ['10 calls with 60 % failed', [...times(4, 'alive'), ...times(6, 'failed')], false],
    ['1,000 answers', times(1_000, 'alive'), false],
    ['13 calls with 69 % failed', [...times(4, 'alive'), ...times(9, 'failed')], false],
    ['10 calls with 70 % failed', [...times(3, 'alive'), ...times(7, 'failed')], true],
    ['10 failures', times(10, 'failed'), true],
  ])('after %s is open: %3$s', async (_, results, open) => {
    const { calls, breaker, news } = given();

    await calls(results);

    const openUntil = NOON + 30 * SECOND;
    expect(breaker()).toEqual(open ? { openings: 1, openUntil } : CLOSED);
    const opened = { kind: 'breaker_opened', endpoint: PUB, openings: 1, milliseconds: 30_000 };
    expect(news).toEqual(open ? [opened] : []);
  });

  it('hears of the calls of a batch at once, when the last has left', async () => {
    const { worker, breaker, store } = given();
    const batch = worker();
    const all = await Promise.all(Array.from({ length: 10 }, () => batch.enter(PUB)));

    for (const admission of all.slice(1)) await admitted(admission).leave('failed');
    expect(breaker()).toEqual(CLOSED);
    await admitted(all[0] ?? (await batch.enter(PUB))).leave('failed');

    expect(breaker()).toMatchObject({ openings: 1 });
    expect(store.endpoints.get(PUB)).toMatchObject({
      slots: new Map(),
      calls: new Map([[bucketOf(NOON), { made: 10, failed: 10 }]]),
    });
  });

  it.each([
    ['at 4 minutes and 59 seconds', 5 * MINUTE - SECOND, true],
    ['at 5 minutes', 5 * MINUTE, true],
    ['a bucket later', 5 * MINUTE + 30 * SECOND, false],
  ])('counts calls of the last 5 minutes: %s', async (_, later, open) => {
    const { calls, clock, breaker } = given();
    await calls(times(9, 'failed'));
    clock.now += later;

    await calls(['failed']);

    expect(breaker()).toMatchObject({ openings: open ? 1 : 0 });
  });

  it('forgets the buckets that are over, so that the row stays small', async () => {
    const { call, clock, store } = given();
    for (let bucket = 0; bucket < 200; bucket++) {
      await call('alive');
      clock.now += 30 * SECOND;
    }

    expect(store.endpoints.get(PUB)?.calls.size).toBeLessThanOrEqual(12);
  });

  it('lets nobody in while it is open, and sends each away until then and up to 30 s more', async () => {
    const waits = [];
    for (const random of [0, 0.5, 0.999_999]) {
      const { calls, call, clock } = given({ random: () => random });
      await calls(times(10, 'failed'));
      clock.now += 10 * SECOND;
      waits.push(await call('alive'));
    }

    const open = { admitted: false, why: 'open' };
    expect(waits).toEqual([20, 35, 50].map((seconds) => ({ ...open, wait: seconds * SECOND })));
  });

  it('opens for twice as long each time in a row, to 15 minutes', async () => {
    const { calls, call, clock, breaker, news } = given();
    await calls(times(10, 'failed'));

    const seconds = [];
    for (let probe = 0; probe < 8; probe++) {
      const { openUntil } = breaker() ?? CLOSED;
      seconds.push(((openUntil ?? 0) - clock.now) / SECOND);
      clock.now = (openUntil ?? 0) - 1;
      expect(await call('failed')).toMatchObject({ admitted: false, why: 'open' });
      clock.now += 1;
      expect(await call('failed')).toMatchObject({ admitted: true });
    }

    expect(seconds).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
    expect(news.map((item) => item.kind === 'breaker_opened' && item.openings)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('waits no longer than 15 minutes', async () => {
    const { calls, call, clock, breaker } = given({ random: () => 0.999_999 });
    await calls(times(10, 'failed'));
    for (let probe = 0; probe < 6; probe++) {
      clock.now = breaker()?.openUntil ?? 0;
      await call('failed');
    }

    expect(await call('alive')).toEqual({ admitted: false, why: 'open', wait: 15 * MINUTE });
  });

  it('closes with a probe that succeeds, forgets what was, and begins again at 30 s', async () => {
    const { calls, call, clock, store, breaker, news } = given();
    await calls(times(10, 'failed'));
    clock.now += 30 * SECOND;
    await call('failed');
    clock.now += 60 * SECOND;

    await call('alive');

    expect(store.endpoints.get(PUB)).toEqual({ slots: new Map(), breaker: CLOSED, calls: new Map() });
    expect(news.at(-1)).toEqual({ kind: 'breaker_closed', endpoint: PUB });
    await calls(times(9, 'failed'));
    expect(breaker()).toEqual(CLOSED);
    await call('failed');
    expect(breaker()).toEqual({ openings: 1, openUntil: clock.now + 30 * SECOND });
  });

  it('lets one call of a batch probe', async () => {
    const { calls, worker, clock, breaker } = given();
    await calls(times(10, 'failed'));
    clock.now += 30 * SECOND;
    const batch = worker();

    const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => batch.enter(PUB)));

    expect(first).toMatchObject({ admitted: true });
    expect(others).toEqual(others.map(() => ({ admitted: false, why: 'open', wait: 45 * SECOND })));
    expect(await batch.enter(PUB)).toMatchObject({ admitted: false, why: 'open' });
    await admitted(first ?? (await batch.enter(PUB))).leave('alive');
    expect(breaker()).toEqual(CLOSED);
    expect(await batch.enter(PUB)).toMatchObject({ admitted: true });
  });

  it(`lets one of many workers probe, whoever comes first (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    for (let run = 0; run < 20; run++) {
      const store = fakeEndpoints();
      const time = new Interleaving(NOON, random);
      await store.turn(PUB, CLOSED, { openings: 3, openUntil: NOON }, []);
      const deps = { slots: 20, now: () => time.now, random, tell: () => undefined };
      const probes: Admission[] = [];
      const enter = async () => {
        const worker = createEndpoints({ ...deps, store: time.inTurns(store), sleep: (wait) => time.turn(wait) });
        const admission = await worker.enter(PUB);
        if (admission.admitted) probes.push(admission);
      };

      await time.run(Array.from({ length: 30 }, enter));

      expect(probes).toHaveLength(1);
    }
  });

  it('lets another probe when one died, not before its lease is over', async () => {
    const { calls, worker, call, clock, breaker } = given();
    await calls(times(10, 'failed'));
    clock.now += 30 * SECOND;
    const died = admitted(await worker().enter(PUB));

    clock.now += 30 * SECOND - 1;
    expect(await call('alive')).toMatchObject({ admitted: false, why: 'open' });
    clock.now += 1;
    expect(await call('failed')).toMatchObject({ admitted: true });

    expect(breaker()).toEqual({ openings: 2, openUntil: clock.now + MINUTE });
    // Who was taken for dead decides nothing any more.
    await died.leave('alive');
    expect(breaker()).toMatchObject({ openings: 2 });
  });

  it('leaves the probe to others if it was not made after all', async () => {
    const { calls, call, clock, breaker, news } = given();
    await calls(times(10, 'failed'));
    clock.now += 30 * SECOND;

    await call('not_called');
    expect(breaker()).toEqual({ openings: 1, openUntil: clock.now });
    await call('alive');

    expect(breaker()).toEqual(CLOSED);
    expect(news.map(({ kind }) => kind)).toEqual(['breaker_opened', 'breaker_closed']);
  });

  it('is opened once by many that see the same', async () => {
    const { worker, news } = given({ slots: 10 });
    const all = await Promise.all(Array.from({ length: 10 }, () => worker().enter(PUB)));
    await Promise.all(all.map((admission) => admitted(admission).leave('failed')));

    expect(news).toHaveLength(1);
  });

  it('is of one endpoint', async () => {
    const { calls, worker } = given();
    await calls(times(10, 'failed'));

    expect(await worker().enter('https://other.example')).toMatchObject({ admitted: true });
  });
});

describe('a slot (invariant 8)', () => {
  it('is shared by a batch, and given back with its last call', async () => {
    const { worker, store } = given({ slots: 1 });
    const batch = worker();
    const all = (await Promise.all(Array.from({ length: 10 }, () => batch.enter(PUB)))).map(admitted);
    const slots = () => store.endpoints.get(PUB)?.slots.size;

    for (const { leave } of all.slice(1)) await leave('alive');
    expect(slots()).toBe(1);
    await all[0]?.leave('alive');
    expect(slots()).toBe(0);
  });

  it.each([
    [1, 50],
    [2, 50],
    [20, 200],
    [200, 500],
  ])(
    'of %i is waited for while those that are taken are fresh, every %i ms: more would throttle its item',
    async (slots, wait) => {
      const { worker, sleeps, clock } = given({ slots });
      for (let slot = 0; slot < slots; slot++) admitted(await worker().enter(PUB));

      const refused = await worker().enter(PUB);

      expect(refused).toEqual({ admitted: false, why: 'busy', wait: 3 * SECOND });
      expect(clock.now - NOON).toBeGreaterThanOrEqual(SECOND);
      expect(clock.now - NOON).toBeLessThanOrEqual(SECOND + wait);
      expect(new Set(sleeps)).toEqual(new Set([wait]));
    },
  );

  it('is taken as soon as one is given back', async () => {
    const { worker, clock, store } = given({ slots: 1 });
    const first = admitted(await worker().enter(PUB));
    let tries = 0;
    const take: typeof store.take = async (...args) => {
      if (++tries === 3) await first.leave('alive');
      return store.take(...args);
    };

    expect(await worker({ ...store, take }).enter(PUB)).toMatchObject({ admitted: true });
    expect(clock.now - NOON).toBe(100);
  });

  it('is not waited for where all hang', async () => {
    const { worker, sleeps, clock } = given();
    for (let slot = 0; slot < 2; slot++) admitted(await worker().enter(PUB));
    clock.now += SECOND;

    expect(await worker().enter(PUB)).toMatchObject({ admitted: false, why: 'slow' });
    expect(sleeps).toEqual([]);
  });

  it.each([
    [0, 1],
    [0.5, 3],
    [0.999_999, 5],
  ])('that is busy is asked for again after 1 to 5 s: %f', async (random, seconds) => {
    const { worker, clock } = given({ slots: 1, random: () => random });
    admitted(await worker().enter(PUB));
    clock.now += SECOND;

    expect(await worker().enter(PUB)).toEqual({ admitted: false, why: 'slow', wait: seconds * SECOND });
  });

  it('of one that died is taken over when its lease is over', async () => {
    const { worker, clock } = given({ slots: 1 });
    const died = admitted(await worker().enter(PUB));

    clock.now += 30 * SECOND - 1;
    expect(await worker().enter(PUB)).toMatchObject({ admitted: false });
    clock.now += 1;
    admitted(await worker().enter(PUB));

    // Who was taken for dead gives back nothing that is not his.
    await died.leave('alive');
    expect(await worker().enter(PUB)).toMatchObject({ admitted: false });
  });

  it('that storage did not give is asked for anew by the next', async () => {
    const { worker, store } = given();
    let down = true;
    const take: typeof store.take = async (...args) => {
      if (down) throw new StorageUnavailable('down');
      return store.take(...args);
    };
    const batch = worker({ ...store, take });

    const both = await Promise.allSettled([batch.enter(PUB), batch.enter(PUB)]);
    down = false;

    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await batch.enter(PUB)).toMatchObject({ admitted: true });
  });

  it.each([
    [1, 30],
    [4, 200],
    [20, 200],
  ])(
    `is never had by more than %i workers at once, and all of %i get theirs (seed ${SEED})`,
    async (slots, workers) => {
      const random = seededRandom(SEED + slots);
      const time = new Interleaving(NOON, random);
      const store = fakeEndpoints();
      const deps = { store: time.inTurns(store), slots, now: () => time.now, random, tell: () => undefined };
      const sleep = (milliseconds: number) => time.turn(milliseconds);
      let [inside, most, served] = [0, 0, 0];

      const work = async () => {
        const worker = createEndpoints({ ...deps, sleep });
        for (;;) {
          const admission = await worker.enter(PUB);
          if (!admission.admitted) {
            await time.turn(admission.wait);
            continue;
          }
          served++;
          most = Math.max(most, ++inside);
          // Most are quick, some hang, some die: their slot is theirs until its lease is over.
          const dies = served % 20 === 0;
          await time.turn(dies ? 30 * SECOND - 1 : served % 7 === 0 ? 10 * SECOND : 50 * random());
          inside--;
          if (!dies) await admission.leave('alive');
          return;
        }
      };
      await time.run(Array.from({ length: workers }, work));

      expect(most).toBe(slots);
      expect(served).toBe(workers);
    },
  );
});
