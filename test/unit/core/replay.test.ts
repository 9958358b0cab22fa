import { describe, expect, it } from 'vitest';
import type { Conversion } from '../../../lambdas/core/conversion.ts';
import { deliveryId } from '../../../lambdas/core/delivery.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { PostbackStatus } from '../../../lambdas/core/entities.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { letGo, replayDelivery, replayStuck } from '../../../lambdas/core/replay.ts';
import type { ReplayDeps } from '../../../lambdas/core/replay.ts';
import { aConversion } from '../../support/conversions.ts';
import { aDelivery, NOON } from '../../support/deliveries.ts';
import { fakeHints } from '../../support/fakes/hints.ts';
import { fakeReplays } from '../../support/fakes/replays.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FAR = NOON + 60 * HOUR;

const EXHAUSTED: Partial<Delivery> = {
  state: 'exhausted',
  attempts: 11,
  scheduleStep: 10,
  nextAttemptAt: null,
  dueAt: null,
  stuckAt: NOON - HOUR,
};
const FAILED: Partial<Delivery> = {
  attempts: 4,
  scheduleStep: 4,
  nextAttemptAt: NOON + HOUR,
  dueAt: NOON + HOUR,
  stuckAt: NOON - HOUR,
};
const HELD: Partial<Delivery> = { nextAttemptAt: NOON - HOUR, dueAt: NOON + 6 * HOUR, stuckAt: NOON - HOUR };
const DELIVERED: Partial<Delivery> = { state: 'delivered', attempts: 1, nextAttemptAt: null, dueAt: null };
const SENDING: Partial<Delivery> = { state: 'sending', lease: 'l1', nextAttemptAt: NOON + 1, dueAt: NOON + 1 };
const DUE: Partial<Delivery> = {
  state: 'waiting',
  scheduleStep: 0,
  nextAttemptAt: NOON,
  dueAt: NOON + MINUTE,
  stuckAt: null,
};

/** The n-th conversion's first delivery. */
const ofConversion = (n: number, overrides: Partial<Delivery> = {}): Delivery =>
  aDelivery({ subjectId: `a2b3c4d5e6f7g2h3i4j5${letters(n)}`, ...overrides });

/** Four letters that sort as the number does. */
const letters = (n: number) =>
  n
    .toString(8)
    .padStart(4, '0')
    .replaceAll(/\d/g, (digit) => 'abcdefgh'[Number(digit)] ?? '');

function aWorld(...deliveries: readonly Delivery[]) {
  const rows = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  const conversions = new Map<string, Conversion>();
  const hints = fakeHints();
  const lost: string[] = [];
  let status: PostbackStatus | null = 'active';
  let now = NOON;
  const deps: ReplayDeps = {
    replays: fakeReplays(rows),
    store: {
      conversion: async (id) => conversions.get(id) ?? null,
      deliveriesOf: async (id) => [...rows.values()].filter(({ subjectId }) => subjectId === id),
    },
    postbackStatus: async () => status,
    hints,
    hintLost: (id) => lost.push(id),
    now: () => now,
  };
  return {
    rows,
    hints,
    lost,
    deps,
    hinted: () => hints.sent.map(({ deliveryId }) => deliveryId).sort(),
    become: (next: PostbackStatus | null) => (status = next),
    reject: (id: string) => conversions.set(id, aConversion({ id, status: 'rejected' })),
    advance: (by: number) => (now += by),
  };
}

const first = aDelivery();
type StuckQuery = Parameters<ReplayDeps['replays']['stuck']>[1];
type ReviveArgs = Parameters<ReplayDeps['replays']['revive']>;

const all = { since: 0, until: NOON, after: null };

/** The same deps, whose n-th call that can fail does so: before it is done, or after it with its answer lost. */
function crashing(deps: ReplayDeps, n: number, when: 'before' | 'after'): ReplayDeps {
  let calls = 0;
  const wrap =
    <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const crashes = ++calls === n;
      if (crashes && when === 'before') throw new Error('killed');
      const answer = await call(...args);
      if (crashes) throw new Error('killed');
      return answer;
    };
  const { replays, store, hints } = deps;
  return {
    ...deps,
    replays: {
      stuck: wrap((id: string, query: StuckQuery) => replays.stuck(id, query)),
      delivery: wrap((id: string) => replays.delivery(id)),
      revive: wrap((...args: ReviveArgs) => replays.revive(...args)),
    },
    store: {
      conversion: wrap((id) => store.conversion(id)),
      deliveriesOf: wrap((id: string) => store.deliveriesOf(id)),
    },
    postbackStatus: wrap(deps.postbackStatus),
    hints: { ...hints, send: wrap((hint) => hints.send(hint)) },
    hintLost: () => {
      throw new Error('killed');
    },
  };
}

const CRASHES = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((n) => [[n, 'before'] as const, [n, 'after'] as const]);

describe('a delivery that is replayed', () => {
  it.each<[string, Partial<Delivery>, PostbackStatus | null, object]>([
    ['was cancelled', { state: 'cancelled', nextAttemptAt: null, dueAt: null }, 'active', { because: 'cancelled' }],
    ['has an archived postback', EXHAUSTED, 'archived', { because: 'archived' }],
    ['has a postback that does not exist', EXHAUSTED, null, { because: 'archived' }],
  ])('is refused if it %s', async (_, overrides, status, expected) => {
    const { deps, rows, hints, become } = aWorld(aDelivery(overrides));
    become(status);

    expect(await replayDelivery(first.id, deps)).toEqual({ kind: 'refused', ...expected });

    expect([...rows.values()]).toEqual([aDelivery(overrides)]);
    expect(hints.sent).toEqual([]);
  });

  it('is missing if there is none', async () => {
    expect(await replayDelivery(first.id, aWorld().deps)).toEqual({ kind: 'missing' });
  });

  it.each<[string, Partial<Delivery>, boolean]>([
    ['of a sale that was rejected meanwhile is refused', { values: { status: 'approved' } }, false],
    ['of the rejection itself is sent', { values: { status: 'rejected' } }, true],
    ['of a click has no conversion', { event: 'click_payout', values: { status: 'approved' } }, true],
  ])('%s', async (_, overrides, sent) => {
    const { deps, rows, reject } = aWorld(aDelivery({ ...EXHAUSTED, ...overrides }));
    reject(first.subjectId);

    const replayed = await replayDelivery(first.id, deps);

    expect(replayed).toEqual(sent ? { kind: 'replayed' } : { kind: 'refused', because: 'rejected' });
    expect(rows.get(first.id)?.state).toBe(sent ? 'waiting' : 'exhausted');
  });

  it.each([
    ['exhausted', EXHAUSTED],
    ['delivered', DELIVERED],
    ['waiting for its next attempt', FAILED],
    ['held by a paused postback', HELD],
  ])('and was %s is due at once, from the start of its schedule, under its id (invariant 7)', async (_, overrides) => {
    const { deps, rows, hints } = aWorld(aDelivery(overrides));

    expect(await replayDelivery(first.id, deps)).toEqual({ kind: 'replayed' });

    expect(rows.get(first.id)).toEqual({ ...aDelivery(overrides), ...DUE });
    expect(hints.sent).toEqual([{ deliveryId: first.id, postbackId: 'pb1', delaySeconds: 0 }]);
  });

  it.each([
    ['is being sent', SENDING],
    ['waits for the one before', { nextAttemptAt: null, dueAt: null }],
  ])('and %s stays as it is', async (_, overrides) => {
    const { deps, rows, hints } = aWorld(aDelivery(overrides));

    expect(await replayDelivery(first.id, deps)).toEqual({ kind: 'replayed' });

    expect(rows.get(first.id)).toEqual(aDelivery(overrides));
    expect(hints.sent).toEqual([]);
  });

  it.each<PostbackStatus>(['paused', 'disabled'])('to a %s postback waits until that is active', async (status) => {
    const { deps, rows, become } = aWorld(aDelivery(EXHAUSTED));
    become(status);

    expect(await replayDelivery(first.id, deps)).toEqual({ kind: 'replayed' });

    expect(rows.get(first.id)).toMatchObject(DUE);
  });

  it('twice at once is due once', async () => {
    const { deps, rows } = aWorld(aDelivery(EXHAUSTED));

    const replays = await Promise.all([replayDelivery(first.id, deps), replayDelivery(first.id, deps)]);

    expect(replays).toEqual([{ kind: 'replayed' }, { kind: 'replayed' }]);
    expect(rows.get(first.id)).toMatchObject(DUE);
  });

  it('and claimed by a worker just before is left to it', async () => {
    const { deps, rows } = aWorld(aDelivery(FAILED));
    const revive: ReplayDeps['replays']['revive'] = async () => {
      rows.set(first.id, aDelivery(SENDING));
      return false;
    };

    expect(await replayDelivery(first.id, { ...deps, replays: { ...deps.replays, revive } })).toEqual({
      kind: 'replayed',
    });

    expect(rows.get(first.id)).toEqual(aDelivery(SENDING));
  });

  it('is found by the sweeper if its hint was lost', async () => {
    const { deps, rows, hints, lost } = aWorld(aDelivery(EXHAUSTED));
    hints.down = true;

    await replayDelivery(first.id, deps);

    expect(lost).toEqual([first.id]);
    expect(rows.get(first.id)).toMatchObject({ dueAt: NOON + MINUTE });
  });

  it('gives up on one that never stays as it was read', async () => {
    const { deps } = aWorld(aDelivery(EXHAUSTED));
    const replays = { ...deps.replays, revive: async () => false };

    await expect(replayDelivery(first.id, { ...deps, replays })).rejects.toThrow(StorageUnavailable);
  });

  it.each(CRASHES)('after a crash at call %s, %s it is done, is due once it is asked for again', async (n, when) => {
    const { deps, rows, reject } = aWorld(aDelivery({ ...EXHAUSTED, values: { status: 'approved' } }));
    reject('another');

    await Promise.allSettled([replayDelivery(first.id, crashing(deps, n, when))]);
    expect([EXHAUSTED, DUE]).toContainEqual(pick(rows.get(first.id)));
    await replayDelivery(first.id, deps);

    expect(rows.get(first.id)).toMatchObject(DUE);
  });
});

/** The fields that {@link EXHAUSTED} and {@link DUE} tell apart. */
function pick(row: Delivery | undefined): Partial<Delivery> {
  if (row === undefined) return {};
  const { state, attempts, scheduleStep, nextAttemptAt, dueAt, stuckAt } = row;
  return state === 'exhausted'
    ? { state, attempts, scheduleStep, nextAttemptAt, dueAt, stuckAt }
    : { state, scheduleStep, nextAttemptAt, dueAt, stuckAt };
}

describe('a replay of everything that is stuck', () => {
  it('makes due what is exhausted or has failed, and leaves what went well', async () => {
    const [exhausted, failed, held, delivered, fresh] = [EXHAUSTED, FAILED, HELD, DELIVERED, {}].map((overrides, i) =>
      ofConversion(i + 2, overrides),
    );
    const world = aWorld(...[exhausted, failed, held, delivered, fresh].filter((row) => row !== undefined));

    const page = await replayStuck('pb1', all, FAR, world.deps);

    expect(page).toEqual({ replayed: 3, skipped: 0, next: null });
    for (const row of [exhausted, failed, held]) expect(world.rows.get(row?.id ?? '')).toMatchObject(DUE);
    for (const row of [delivered, fresh]) expect(world.rows.get(row?.id ?? '')).toEqual(row);
    expect(world.hints.sent).toHaveLength(3);
  });

  it('leaves those of other postbacks, and those that were stuck before', async () => {
    const other = ofConversion(2, { ...EXHAUSTED, postbackId: 'pb2' });
    const earlier = ofConversion(3, { ...EXHAUSTED, stuckAt: NOON - 3 * HOUR });
    const world = aWorld(other, earlier, ofConversion(4, EXHAUSTED));

    const page = await replayStuck('pb1', { ...all, since: NOON - 2 * HOUR }, FAR, world.deps);

    expect(page).toMatchObject({ replayed: 1 });
    expect([...world.rows.values()].slice(0, 2)).toEqual([other, earlier]);
  });

  it.each<[string, Partial<Delivery>, string[]]>([
    ['and newer news was delivered', DELIVERED, []],
    ['and newer news is exhausted too', EXHAUSTED, ['2']],
    ['and newer news failed and waits', FAILED, ['2']],
    ['and newer news was cancelled', { state: 'cancelled', nextAttemptAt: null, dueAt: null }, ['1']],
    ['and newer news belongs to another postback', { ...DELIVERED, postbackId: 'pb2' }, ['1']],
  ])('tells only the newest of a conversion: the old is exhausted %s', async (_, newer, expected) => {
    const world = aWorld(aDelivery(EXHAUSTED), aDelivery({ number: 2, event: 'status_changed', ...newer }));

    await replayStuck('pb1', all, FAR, world.deps);

    expect(world.hinted()).toEqual(expected.map((n) => deliveryId(first.subjectId, Number(n))));
  });

  it('makes due what newer news waits for', async () => {
    const world = aWorld(
      aDelivery({ ...FAILED, successor: 2 }),
      aDelivery({ number: 2, event: 'status_changed', nextAttemptAt: null, dueAt: null }),
    );

    expect(await replayStuck('pb1', all, FAR, world.deps)).toMatchObject({ replayed: 1, skipped: 0 });
    expect(world.hinted()).toEqual([first.id]);
  });

  it('skips what is being sent and what a rejection made untrue', async () => {
    const untrue = ofConversion(2, EXHAUSTED);
    const sending = ofConversion(3, { ...SENDING, stuckAt: NOON - HOUR });
    const world = aWorld(untrue, sending);
    world.reject(untrue.subjectId);

    expect(await replayStuck('pb1', all, FAR, world.deps)).toEqual({ replayed: 0, skipped: 2, next: null });
    expect([...world.rows.values()]).toEqual([untrue, sending]);
  });

  const many = Array.from({ length: 460 }, (_, i) => ofConversion(i, { ...EXHAUSTED, stuckAt: NOON - HOUR + i }));

  it('sends messages for the first 200 and leaves the others to the sweeper, which feeds them in', async () => {
    const world = aWorld(...many);

    expect(await replayStuck('pb1', all, FAR, world.deps)).toEqual({ replayed: 460, skipped: 0, next: null });

    expect(world.hints.sent).toHaveLength(200);
    const dueTimes = [...world.rows.values()].map(({ dueAt }) => dueAt);
    expect(dueTimes.filter((at) => at === NOON + MINUTE)).toHaveLength(200);
    const swept = dueTimes.filter((at) => at !== NOON + MINUTE).sort((a, b) => Number(a) - Number(b));
    expect(swept).toEqual(Array.from({ length: 260 }, (_, n) => NOON + 15 * (n + 1)));
  });

  it('begins nothing after its deadline, says where to go on, and comes to its end', async () => {
    const world = aWorld(...many);
    const replays = {
      ...world.deps.replays,
      stuck: (id: string, query: StuckQuery) => {
        world.advance(6_000);
        return world.deps.replays.stuck(id, query);
      },
    };
    const pages = [];
    let after: string | null = null;
    do {
      const deadline = world.deps.now() + 20_000;
      const page = await replayStuck('pb1', { ...all, after }, deadline, { ...world.deps, replays });
      pages.push(page.replayed);
      after = page.next;
    } while (after !== null);

    expect(pages).toEqual([100, 100, 100, 100, 60]);
  });

  it('leaves what fails again meanwhile: a receiver that is down is called once a replay', async () => {
    const world = aWorld(...many.slice(0, 60));
    const replays = {
      ...world.deps.replays,
      revive: async (...[delivery, now, dueAt]: ReviveArgs) => {
        const done = await world.deps.replays.revive(delivery, now, dueAt);
        world.rows.set(delivery.id, { ...delivery, ...FAILED, stuckAt: NOON + 1 });
        return done;
      },
    };

    expect(await replayStuck('pb1', all, FAR, { ...world.deps, replays })).toMatchObject({ replayed: 60, next: null });
  });

  it('a second time finds nothing to do', async () => {
    const world = aWorld(...many);
    await replayStuck('pb1', all, FAR, world.deps);

    expect(await replayStuck('pb1', all, FAR, world.deps)).toEqual({ replayed: 0, skipped: 0, next: null });
  });

  it('twice at once makes each due once', async () => {
    const world = aWorld(...many.slice(0, 100));

    const [one, two] = await Promise.all([
      replayStuck('pb1', all, FAR, world.deps),
      replayStuck('pb1', all, FAR, world.deps),
    ]);

    expect(one.replayed + two.replayed).toBe(100);
    expect(new Set(world.hinted()).size).toBe(100);
    expect(world.hints.sent).toHaveLength(100);
  });

  it.each(CRASHES)('after a crash at call %s, %s it is done, is finished by another one', async (n, when) => {
    const world = aWorld(aDelivery(EXHAUSTED), ofConversion(2, EXHAUSTED), ofConversion(3, FAILED));

    await Promise.allSettled([replayStuck('pb1', all, FAR, crashing(world.deps, n, when))]);
    await replayStuck('pb1', all, FAR, world.deps);

    for (const row of world.rows.values()) expect(row).toMatchObject(DUE);
  });
});

describe('a postback that is active again', () => {
  it('lets go what was held, and nothing else', async () => {
    const [held, failed, exhausted] = [HELD, FAILED, EXHAUSTED].map((overrides, i) => ofConversion(i + 2, overrides));
    const world = aWorld(...[held, failed, exhausted].filter((row) => row !== undefined));

    expect(await letGo('pb1', FAR, world.deps)).toMatchObject({ replayed: 1 });

    expect(world.rows.get(held?.id ?? '')).toMatchObject(DUE);
    expect(world.rows.get(failed?.id ?? '')).toEqual(failed);
    expect(world.rows.get(exhausted?.id ?? '')).toEqual(exhausted);
    expect(world.hinted()).toEqual([held?.id]);
  });

  it.each([
    ['whose worker died', { state: 'sending', lease: 'l1' }, true],
    ['whose worker died after its news was taken back', { state: 'sending', lease: 'l1', recalled: true }, false],
    ['that is being sent', { ...SENDING }, false],
  ] as const)('lets go what was held %s: %s', async (_, overrides, goes) => {
    const held = aDelivery({ ...HELD, ...overrides });
    const world = aWorld(held);

    await letGo('pb1', FAR, world.deps);

    expect(world.rows.get(held.id)).toEqual(goes ? { ...held, ...DUE, lease: null } : held);
  });
});
