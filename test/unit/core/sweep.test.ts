import { describe, expect, it } from 'vitest';
import { sweepDeliveries, sweepHolds, sweepParked } from '../../../lambdas/core/sweep.ts';
import { dueShard } from '../../../lambdas/core/due-shard.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { ParkedConversion } from '../../../lambdas/core/ports.ts';
import { aConversion } from '../../support/conversions.ts';
import { aDelivery, NOON } from '../../support/deliveries.ts';
import { FakeConversionStore } from '../../support/fakes/conversion-store.ts';
import { fakeDeliveries } from '../../support/fakes/deliveries.ts';
import { fakeHints } from '../../support/fakes/hints.ts';

const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz';
const conversionIdOf = (n: number) => `a2b3c4d5e6f7g2h3i4j5k6${ALPHABET.charAt(n >> 5)}${ALPHABET.charAt(n & 31)}`;

function given(rows: readonly Delivery[], now = () => NOON) {
  const deliveries = fakeDeliveries(...rows);
  const hints = fakeHints();
  return { deliveries, hints, deps: { deliveries, hints, now } };
}

const LATER = NOON + 40_000;

describe('the sweep of deliveries', () => {
  it('sends a hint for each that is due, of every shard, and none for the others', async () => {
    const rows = Array.from({ length: 40 }, (_, n) =>
      aDelivery({ subjectId: conversionIdOf(n), dueAt: n < 30 ? NOON - n : NOON + n, postbackId: `pb${n}` }),
    );
    const { deps, hints } = given(rows);

    const result = await sweepDeliveries(deps, LATER);

    expect(result).toEqual({ done: 30, failures: [], backlog: null });
    expect(new Set(hints.sent)).toEqual(
      new Set(rows.slice(0, 30).map(({ id, postbackId }) => ({ deliveryId: id, postbackId, delaySeconds: 0 }))),
    );
    expect(new Set(hints.sent.map(({ deliveryId }) => dueShard(deliveryId))).size).toBe(8);
  });

  it('postpones what it has sent a hint for, so that the next run sends no second one', async () => {
    const { deps, deliveries, hints } = given([aDelivery()]);

    await sweepDeliveries(deps, LATER);
    await sweepDeliveries(deps, LATER);

    expect(hints.sent).toHaveLength(1);
    expect([...deliveries.rows.values()]).toEqual([aDelivery({ dueAt: NOON + 300_000 })]);
  });

  it('sends none while the queue is long already', async () => {
    const { deps, hints, deliveries } = given([aDelivery()]);
    const behind = { ...hints, backlog: async () => 1_001 };

    const result = await sweepDeliveries({ ...deps, hints: behind }, LATER);

    expect(result).toEqual({ done: 0, failures: [], backlog: 1_001 });
    expect(hints.sent).toEqual([]);
    expect([...deliveries.rows.values()]).toEqual([aDelivery()]);
  });

  const manyOfOneShard = (count: number) => {
    const shard = dueShard(`${conversionIdOf(0)}_1`);
    return Array.from({ length: count * 9 }, (_, n) =>
      aDelivery({ subjectId: conversionIdOf(0), number: n + 1, dueAt: NOON - n }),
    )
      .filter(({ id }) => dueShard(id) === shard)
      .slice(-count);
  };

  it('takes no more than 1,000 of a shard in a run, those first that are due longest', async () => {
    const rows = manyOfOneShard(1_100);
    const { deps, hints } = given(rows);

    expect(await sweepDeliveries({ ...deps, hints: { ...hints, backlog: async () => 1_000 } }, LATER)).toMatchObject({
      done: 1_000,
      backlog: null,
    });

    const longest = rows.slice(-1_000).map(({ id }) => id);
    expect(new Set(hints.sent.map(({ deliveryId }) => deliveryId))).toEqual(new Set(longest));
  });

  it('stops between two rounds when the queue got long meanwhile', async () => {
    const { deps, hints } = given(manyOfOneShard(400));
    const filling = { ...hints, backlog: async () => hints.sent.length * 6 };

    const result = await sweepDeliveries({ ...deps, hints: filling }, LATER);

    expect(result).toEqual({ done: 200, failures: [], backlog: null });
    expect(hints.sent).toHaveLength(200);
  });

  it('leaves to another run what that one has taken', async () => {
    const { deps, deliveries, hints } = given([aDelivery()]);
    const stale = { ...deliveries, due: async () => [aDelivery({ dueAt: NOON - 1 })] };

    expect(await sweepDeliveries({ ...deps, deliveries: stale }, LATER)).toMatchObject({ done: 0, failures: [] });
    expect(hints.sent).toEqual([]);
  });

  it('goes on after a row and after a shard that fail', async () => {
    const rows = Array.from({ length: 30 }, (_, n) => aDelivery({ subjectId: conversionIdOf(n) }));
    const [bad] = rows;
    const { deps, deliveries, hints } = given(rows);
    const brokenShard = (dueShard(bad?.id ?? '') + 1) % 8;
    const failing = {
      ...deliveries,
      due: async (shard: number, now: number, limit: number) => {
        if (shard === brokenShard) throw new Error('shard');
        return deliveries.due(shard, now, limit);
      },
      postpone: async (row: Delivery, dueAt: number) => {
        if (row.id === bad?.id) throw new Error('row');
        return deliveries.postpone(row, dueAt);
      },
    };

    const { done, failures } = await sweepDeliveries({ ...deps, deliveries: failing }, LATER);

    const reachable = rows.filter(({ id }) => dueShard(id) !== brokenShard && id !== bad?.id);
    expect(done).toBe(reachable.length);
    expect(new Set(hints.sent.map(({ deliveryId }) => deliveryId))).toEqual(new Set(reachable.map(({ id }) => id)));
    expect(new Set(failures.map(({ of }) => of))).toEqual(new Set([bad?.id, `shard ${brokenShard}`]));
  });

  it('begins nothing after its deadline', async () => {
    let now = NOON;
    const rows = Array.from({ length: 30 }, (_, n) => aDelivery({ subjectId: conversionIdOf(n) }));
    const { deps, hints } = given(rows, () => (now += 1_000));

    await sweepDeliveries(deps, NOON + 20_000);

    expect(hints.sent.length).toBeGreaterThan(0);
    expect(hints.sent.length).toBeLessThan(20);
  });
});

describe('the sweep of parked conversions', () => {
  const parked = (hitId: string): ParkedConversion => ({
    clickId: 'c',
    hitId,
    request: '{}',
    dueAt: NOON,
    endsAt: NOON + 1,
  });

  it('runs each that is due and goes on after one that fails', async () => {
    const ran: string[] = [];
    const result = await sweepParked(
      {
        store: { dueParked: async () => [parked('a'), parked('b'), parked('c')] },
        runParked: async ({ hitId }) => {
          if (hitId === 'b') throw new Error('row');
          ran.push(hitId);
        },
        now: () => NOON,
      },
      LATER,
    );

    expect(ran).toEqual(['a', 'c']);
    expect(result).toMatchObject({ done: 2, failures: [{ of: 'b' }] });
  });

  it('begins nothing after its deadline', async () => {
    const result = await sweepParked(
      {
        store: { dueParked: async () => [parked('a')] },
        runParked: async () => Promise.reject(new Error('must not run')),
        now: () => LATER,
      },
      LATER,
    );

    expect(result).toEqual({ done: 0, failures: [], backlog: null });
  });
});

describe('the sweep of ended holds', () => {
  const MINUTE = 60_000;
  const given = (ids: readonly string[], endOne: (id: string) => 'approved' | 'kept') => {
    const store = new FakeConversionStore();
    for (const [index, id] of ids.entries()) {
      store.conversions.set(id, aConversion({ id, status: 'pending', holdUntil: NOON - ids.length + index }));
    }
    const ran: string[] = [];
    let now = NOON;
    const endHold = async (id: string) => {
      ran.push(id);
      const end = endOne(id);
      store.conversions.delete(id);
      return end;
    };
    return {
      ran,
      store,
      later: (milliseconds: number) => (now += milliseconds),
      sweep: (deadline = now + 40_000) => sweepHolds({ store, endHold, now: () => now }, deadline),
    };
  };
  const failing = (bad: string) => (id: string) => {
    if (id.startsWith(bad)) throw new Error('row');
    return 'approved' as const;
  };

  it('ends each that is over, longest first, and counts what it approved', async () => {
    const { ran, sweep } = given(['a', 'b', 'c'], (id) => (id === 'b' ? 'kept' : 'approved'));
    expect(await sweep()).toEqual({ done: 2, failures: [], backlog: null });
    expect(ran).toEqual(['a', 'b', 'c']);
  });

  it('goes on after one that fails, and tries it again later and later', async () => {
    const { ran, sweep, later } = given(['a', 'b'], failing('a'));
    expect(await sweep()).toMatchObject({ done: 1, failures: [{ of: 'a' }] });
    for (let minute = 1; minute <= 24 * 60; minute++) {
      later(MINUTE);
      await sweep();
    }
    const tries = ran.filter((id) => id === 'a').length;
    expect(tries).toBeGreaterThan(24);
    expect(tries).toBeLessThan(35);
  });

  it('gets to the others although very many fail', async () => {
    const bad = Array.from({ length: 1_500 }, (_, n) => `bad${n}`);
    const { ran, sweep, later } = given([...bad, 'good'], failing('bad'));
    for (let minute = 0; minute < 2; minute++) {
      await sweep();
      later(MINUTE - 1);
    }
    expect(ran).toContain('good');
  });

  it('tells why one failed even if it cannot be put off', async () => {
    const { sweep, store } = given(['a'], failing('a'));
    store.postponeHold = () => Promise.reject(new Error('down'));
    const { failures } = await sweep();
    expect(failures).toMatchObject([{ of: 'a', error: { message: 'row' } }]);
  });

  it('begins nothing after its deadline', async () => {
    const { ran, sweep } = given(['a'], () => 'approved');
    expect(await sweep(NOON)).toEqual({ done: 0, failures: [], backlog: null });
    expect(ran).toEqual([]);
  });
});
