import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromClickMessage, toClickMessage } from '../../../lambdas/adapters/click-message.ts';
import { clickCounterKey, counterAttribute } from '../../../lambdas/core/counters.ts';
import type { CounterUpdate } from '../../../lambdas/core/counters.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import type { ClickClaims, RecordedClick, SpooledClick, VisitClaim } from '../../../lambdas/core/ports.ts';
import { createClickRecorder } from '../../../lambdas/core/record-click.ts';
import { createStorageGate } from '../../../lambdas/core/storage-gate.ts';
import { storeSpooledClick } from '../../../lambdas/core/store-spooled-click.ts';
import { FaultyClicks } from '../../support/click-faults.ts';
import type { Fault } from '../../support/click-faults.ts';
import { aClick } from '../../support/entities.ts';

const TOTAL = counterAttribute('number', 'total', 0);
const OWN = clickCounterKey('summer', 'tia');
const ALL = clickCounterKey('summer', null);

const slot = (limit: bigint, key = ALL, attribute = TOTAL): CounterUpdate => ({
  key,
  adds: [{ attribute, amount: 1n, limit }],
});
const visitOf = (visitor: string): VisitClaim => ({ key: visitor, keyBefore: null, windowSeconds: 3_600 });
const claimsOf = (visitor: string, own: bigint, all: bigint): ClickClaims => ({
  visit: visitOf(visitor),
  slots: [slot(own, OWN), slot(all, ALL)],
});

/** One environment over storage and a spool that go as planned. */
function start(...plan: Fault[]) {
  const faulty = new FaultyClicks(plan);
  const lost: SpooledClick[] = [];
  const failures: unknown[] = [];
  const now = () => faulty.now;
  const openGate = () => createStorageGate({ now, onFailure: (error) => failures.push(error) });
  const recorder = createClickRecorder({
    store: faulty.store,
    spool: faulty.spool,
    gates: { counters: openGate(), clicks: openGate() },
    now,
    onNotStored: (spooled) => lost.push(spooled),
  });
  let clicks = 0;
  return {
    ...{ faulty, lost, failures },
    calls: faulty.calls,
    record: (claims: ClickClaims | null): Promise<RecordedClick> => {
      const click = aClick({
        id: String(++clicks).padStart(32, '2'),
        createdAt: faulty.now,
        payout: { amount: toMicros(10_000n), currency: 'USD' },
      });
      return recorder.record(click, claims);
    },
    /** What waits goes through the spool function until nothing does, each message twice; what was logged is replayed. */
    async drain() {
      const messages = [...faulty.queue, ...lost].map(toClickMessage);
      for (let message = messages.shift(); message !== undefined; message = messages.shift()) {
        const spooled = fromClickMessage(message);
        const run = () => storeSpooledClick(spooled, { store: faulty.store, now });
        await run()
          .then(run)
          .catch(() => messages.push(toClickMessage(spooled)));
      }
    },
  };
}

const codesOf = (recorded: readonly RecordedClick[]) => recorded.map(({ click }) => click.code);

describe('the recorder of clicks', () => {
  it('makes one request for a click that claims nothing', async () => {
    const { record, calls, faulty } = start();
    const { click } = await record(null);
    expect(calls).toEqual(['put']);
    expect(await faulty.clicks.click(click.id)).toEqual(click);
  });

  it('takes the visit, the publisher’s slot, the campaign’s slot, then stores the click as it came', async () => {
    const { record, calls, faulty } = start();
    const { click, countedAt } = await record(claimsOf('v', 5n, 5n));
    expect(calls).toEqual(['claimVisit', 'add', 'add', 'put']);
    expect(click).toMatchObject({ code: 'OK', payable: true });
    expect(countedAt).toBeNull();
    expect(await faulty.clicks.click(click.id)).toEqual(click);
    expect([faulty.clicks.count(OWN, TOTAL), faulty.clicks.count(ALL, TOTAL)]).toEqual([1n, 1n]);
  });

  it('takes no slot for a visitor’s second click within the window, and tells when the first was', async () => {
    const { record, calls, faulty } = start();
    const first = await record(claimsOf('v', 5n, 5n));
    calls.length = 0;
    const second = await record(claimsOf('v', 5n, 5n));
    expect(calls).toEqual(['claimVisit', 'put']);
    expect(second.click).toMatchObject({ code: 'DUPLICATE_CLICK', payable: false, payout: null });
    expect(second.countedAt).toBe(first.click.createdAt);
    expect(await faulty.clicks.click(second.click.id)).toEqual(second.click);
  });

  it('counts a visitor again when the window is over, from the click that counted', async () => {
    const { record, faulty } = start();
    const visit = { visit: visitOf('v'), slots: [] };
    await record(visit);
    faulty.now += 3_000_000;
    const between = await record(visit);
    faulty.now += 600_000;
    expect(codesOf([between, await record(visit), await record(visit)])).toEqual([
      ...['DUPLICATE_CLICK', 'OK', 'DUPLICATE_CLICK'],
    ]);
  });

  it('knows a visitor of yesterday by yesterday’s key', async () => {
    const { record, calls } = start();
    const first = await record({ visit: visitOf('yesterday'), slots: [] });
    calls.length = 0;
    const today = { visit: { ...visitOf('today'), keyBefore: 'yesterday' }, slots: [] };
    const second = await record(today);
    expect(second.click.code).toBe('DUPLICATE_CLICK');
    expect(second.countedAt).toBe(first.click.createdAt);
    // Only looked at: today's marker would let the window slide.
    expect(calls).toEqual(['visit', 'put']);
  });

  it('gives everything back when the campaign’s cap refuses after the publisher’s did not (invariant 6)', async () => {
    const { record, calls, faulty } = start();
    await faulty.clicks.add(slot(1n));
    const { click } = await record(claimsOf('v', 5n, 1n));
    expect(calls).toEqual(['claimVisit', 'add', 'add', 'add', 'releaseVisit', 'put']);
    expect(click).toMatchObject({ code: 'CAP_REACHED', payable: false, payout: null });
    expect(await faulty.clicks.click(click.id)).toEqual(click);
    expect(faulty.clicks.count(OWN, TOTAL)).toBe(0n);
    faulty.now += 10_000;
    expect((await record(claimsOf('v', 5n, 2n))).click.code).toBe('OK');
  });

  it('writes nothing but the click once it knows that a cap is full, and looks only at the visit', async () => {
    const { record, calls, faulty } = start();
    await record(claimsOf('v1', 9n, 1n));
    calls.length = 0;
    expect(codesOf([await record(claimsOf('v2', 9n, 1n)), await record(claimsOf('v1', 9n, 1n))])).toEqual([
      ...['CAP_REACHED', 'DUPLICATE_CLICK'],
    ]);
    expect(codesOf([await record({ visit: null, slots: [slot(1n)] })])).toEqual(['CAP_REACHED']);
    expect(calls).toEqual(['visit', 'put', 'visit', 'put', 'put']);
    faulty.now += 10_000;
    expect((await record(claimsOf('v2', 9n, 2n))).click.code).toBe('OK');
  });

  it('clears a counter of periods that are long over when it has many, but not of what the spool may just ask (invariant 6)', async () => {
    const { record, calls, faulty } = start();
    const hour = 3_600_000;
    const at = Math.floor(faulty.now / hour) * hour;
    const old = Array.from({ length: 30 }, (_, i) => counterAttribute('number', 'hour', at - (100 + i) * hour));
    const young = [...Array.from({ length: 12 }, (_, i) => i), 50].map((age) =>
      counterAttribute('number', 'hour', at - age * hour),
    );
    for (const attribute of [...old, ...young]) await faulty.clicks.add(slot(5n, ALL, attribute));
    const claims = { visit: null, slots: [slot(5n, ALL, young[0])] };
    expect((await record(claims)).click.code).toBe('OK');
    expect(calls).toEqual(['add', 'forget', 'put']);
    expect(old.map((attribute) => faulty.clicks.count(ALL, attribute))).toEqual(old.map(() => 0n));
    expect(young.map((attribute) => faulty.clicks.count(ALL, attribute))).toEqual([
      2n,
      ...young.slice(1).map(() => 1n),
    ]);
    calls.length = 0;
    await record(claims);
    expect(calls).toEqual(['add', 'put']);
  });

  it.each(['before', 'after', 'hang'] as const)(
    'redirects the visitor and leaves what is open to the spool when the visit’s claim fails %s',
    async (fault) => {
      const { record, faulty, failures } = start(fault);
      const claims = claimsOf('v', 5n, 5n);
      const { click } = await record(claims);
      expect(click).toMatchObject({ code: 'OK', payable: true });
      expect(faulty.queue).toEqual([{ click, claims }]);
      expect(failures).toHaveLength(1);
    },
  );

  it('leaves to the spool only the slots that it does not have', async () => {
    const { record, faulty } = start('ok', 'ok', 'after');
    const claims = claimsOf('v', 5n, 5n);
    const { click } = await record(claims);
    expect(faulty.queue).toEqual([{ click, claims: { ...claims, slots: [slot(5n)] } }]);
  });

  it('leaves the click with its final code to the spool when everything but its row is done', async () => {
    const { record, faulty } = start('ok', 'ok', 'ok', 'before');
    const { click } = await record(claimsOf('v', 5n, 5n));
    expect(faulty.queue).toEqual([{ click, claims: null }]);
  });

  it('answers by the cap that refused although storage then fails', async () => {
    const { record, faulty } = start('ok', 'ok', 'before');
    await faulty.clicks.add(slot(1n, OWN));
    const { click } = await record(claimsOf('v', 1n, 5n));
    expect(click.code).toBe('CAP_REACHED');
    expect(faulty.queue).toEqual([{ click, claims: { visit: visitOf('v'), slots: [] } }]);
  });

  it('never takes longer than 250 ms for storage and 200 ms for the spool', async () => {
    for (const hangs of [0, 1, 2, 3]) {
      const { record, faulty } = start(...Array.from({ length: hangs }, () => 'ok' as const), 'hang', 'hang');
      const from = faulty.now;
      await record(claimsOf('v', 5n, 5n));
      expect(faulty.now - from).toBe(450);
    }
  });

  it('says what is left of a click that the spool does not take either', async () => {
    const { record, lost, faulty } = start('before', 'before');
    const claims = claimsOf('v', 5n, 5n);
    const { click } = await record(claims);
    expect(lost).toEqual([{ click, claims }]);
    expect(faulty.queue).toEqual([]);
  });

  it('asks storage no more after three failures in a row, but goes on spooling (invariant 1)', async () => {
    const { record, calls, failures } = start(...Array.from({ length: 3 }, () => ['hang', 'ok'] as const).flat());
    for (let i = 0; i < 5; i++) await record(claimsOf(`v${i}`, 9n, 9n));
    expect(calls).toEqual([...['claimVisit', 'send', 'claimVisit', 'send', 'claimVisit', 'send'], ...['send', 'send']]);
    expect(failures).toHaveLength(3);
  });

  it('goes on storing clicks that claim nothing while counters cannot be asked', async () => {
    const { record, calls } = start(...Array.from({ length: 3 }, () => ['before', 'ok'] as const).flat());
    for (let i = 0; i < 4; i++) await record(claimsOf(`v${i}`, 9n, 9n));
    await record(null);
    expect(calls.slice(-2)).toEqual(['send', 'put']);
  });
});

/** Runs five clicks of four visitors under caps of 2 and 3, some before and some after the spool was drained. */
async function runThrough(plan: readonly Fault[]) {
  const world = start(...plan);
  const { faulty } = world;
  const recorded: RecordedClick[] = [];
  for (const visitor of ['v1', 'v1', 'v2', 'v3']) {
    recorded.push(await world.record(claimsOf(visitor, 2n, 3n)));
    faulty.now += 2_000;
  }
  await world.drain();
  faulty.now += 20_000;
  recorded.push(await world.record(claimsOf('v4', 2n, 3n)));
  await world.drain();
  return { world, recorded };
}

/** Everything that must hold whatever failed. */
async function expectExact({ world: { faulty }, recorded }: Awaited<ReturnType<typeof runThrough>>) {
  const stored = await Promise.all(recorded.map(({ click }) => faulty.clicks.click(click.id)));
  expect(stored).not.toContain(null);
  const counted = stored.filter((click) => click?.code === 'OK');
  for (const click of stored) expect(click?.payable).toBe(click?.code === 'OK');
  for (const click of stored) expect(click?.payout !== null).toBe(click?.code === 'OK');
  for (const [key, limit] of [
    [OWN, 2],
    [ALL, 3],
  ] as const) {
    const count = Number(faulty.clicks.count(key, TOTAL));
    expect(count).toBeLessThanOrEqual(limit);
    // A lost answer counts as taken: never over, and under by at most one a fault.
    expect(count).toBeGreaterThanOrEqual(counted.length);
    expect(count).toBeLessThanOrEqual(counted.length + faulty.faults);
  }
  for (const visitor of ['v1', 'v2', 'v3', 'v4']) {
    const marker = await faulty.clicks.visit(visitor);
    // A click that does not count leaves no marker that would make the next one a duplicate.
    if (marker !== null && marker.countedAt > 0) {
      expect((await faulty.clicks.click(marker.clickId))?.code).toBe('OK');
    }
  }
  expect(stored.slice(0, 2).filter((click) => click?.code === 'OK').length).toBeLessThanOrEqual(1);
}

describe('a click whose storage fails', () => {
  it('is stored as decided while nothing fails', async () => {
    const run = await runThrough([]);
    expect(codesOf(run.recorded)).toEqual(['OK', 'DUPLICATE_CLICK', 'OK', 'CAP_REACHED', 'CAP_REACHED']);
    await expectExact(run);
    expect(run.world.faulty.clicks.count(OWN, TOTAL)).toBe(2n);
  });

  const steps = 24;
  const faults = ['before', 'after', 'hang'] as const;
  const planOf = (...at: (readonly [number, Fault])[]) =>
    Array.from({ length: steps }, (_, i) => at.find(([step]) => step === i)?.[1] ?? 'ok');

  it.each(faults)(
    'is stored exactly once, within the caps, if any one call fails: %s (invariants 2, 6)',
    async (fault) => {
      for (let step = 0; step < steps; step++) await expectExact(await runThrough(planOf([step, fault])));
    },
  );

  it('is stored exactly once, within the caps, if any two calls fail (invariants 2, 6)', async () => {
    for (let one = 0; one < steps; one++) {
      for (let two = one + 1; two < steps; two++) {
        for (const first of ['before', 'after'] as const) {
          for (const second of ['before', 'after'] as const)
            await expectExact(await runThrough(planOf([one, first], [two, second])));
        }
      }
    }
  });

  it('is stored exactly once, within the caps, whatever fails and however clicks overlap (invariants 2, 6)', async () => {
    const fault = fc.constantFrom<Fault>('ok', 'ok', 'ok', 'before', 'after', 'hang');
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 80 }), fc.nat(5), async (plan, pause) => {
        const world = start(...plan);
        const recorded = await Promise.all(
          ['v1', 'v1', 'v2', 'v3', 'v4'].map((visitor) => {
            world.faulty.now += pause * 100;
            return world.record(claimsOf(visitor, 2n, 3n));
          }),
        );
        await world.drain();
        await expectExact({ world, recorded });
      }),
      { numRuns: 300 },
    );
  });
});
