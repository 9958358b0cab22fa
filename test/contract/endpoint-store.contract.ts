import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Breaker, EndpointState, EndpointStore } from '../../lambdas/core/ports.ts';
import { NOON } from '../support/deliveries.ts';

const CLOSED: Breaker = { openings: 0, openUntil: null };
const OPEN: Breaker = { openings: 2, openUntil: NOON - 1 };
const LEASE_END = NOON + 30_000;
const BUCKET = 59_000_000;

const untouched: EndpointState = { slots: new Map(), breaker: CLOSED, calls: new Map() };

/** An endpoint that no other test uses, and what a test does to it. */
const at = (store: EndpointStore) => {
  const endpoint = `https://${randomUUID()}.example`;
  return {
    take: (slot: number, how: { now?: number; leaseUntil?: number; breaker?: Breaker } = {}) =>
      store.take(endpoint, { slot, now: NOON, leaseUntil: LEASE_END, breaker: CLOSED, ...how }),
    settle: (slot: number, how: Partial<Parameters<EndpointStore['settle']>[1]> = {}) =>
      store.settle(endpoint, {
        slot,
        leaseUntil: LEASE_END,
        bucket: BUCKET,
        made: 1,
        failed: 0,
        forget: [],
        ...how,
      }),
    turn: (from: Breaker, to: Breaker, forget: readonly number[] = []) => store.turn(endpoint, from, to, forget),
  };
};

/** What every {@link EndpointStore} does. */
export function endpointStoreContract(name: string, create: () => EndpointStore): void {
  describe(`${name} as a store of endpoints`, () => {
    describe('a slot', () => {
      it('is refused while another has it, and what stands is told', async () => {
        const { take } = at(create());
        const first = await take(0);

        const second = await take(0, { now: LEASE_END - 1, leaseUntil: LEASE_END + 5 });

        expect(first).toEqual({ taken: true, state: { ...untouched, slots: new Map([[0, LEASE_END]]) } });
        expect(second).toEqual({ taken: false, state: first.state });
      });

      it('is free again when its lease has ended, though nobody gave it back', async () => {
        const { take } = at(create());
        await take(0);

        const { taken, state } = await take(0, { now: LEASE_END, leaseUntil: LEASE_END + 30_000 });

        expect(taken).toBe(true);
        expect(state.slots).toEqual(new Map([[0, LEASE_END + 30_000]]));
      });

      it('leaves the others free', async () => {
        const { take } = at(create());
        await take(0);

        const { taken, state } = await take(11);

        expect(taken).toBe(true);
        expect(state.slots).toEqual(
          new Map([
            [0, LEASE_END],
            [11, LEASE_END],
          ]),
        );
      });

      it('is won by one of many', async () => {
        const { take } = at(create());

        const takes = await Promise.all(Array.from({ length: 20 }, (__, i) => take(3, { leaseUntil: LEASE_END + i })));

        expect(takes.filter(({ taken }) => taken)).toHaveLength(1);
      });

      it('of one endpoint is none of another', async () => {
        const store = create();
        await at(store).take(0);

        expect(await at(store).take(0)).toMatchObject({ taken: true });
      });
    });

    describe('giving a slot back', () => {
      it('does nothing once another has it, so that nothing is counted twice', async () => {
        const { take, settle } = at(create());
        await take(0);
        const { state } = await take(0, { now: LEASE_END, leaseUntil: LEASE_END + 30_000 });

        expect(await settle(0, { made: 3, failed: 3 })).toEqual(state);
      });

      it('does nothing when it is done again', async () => {
        const { take, settle } = at(create());
        await take(0);
        const state = await settle(0, { made: 3, failed: 1 });

        expect(await settle(0, { made: 3, failed: 1 })).toEqual(state);
        expect(state).toEqual({ ...untouched, calls: new Map([[BUCKET, { made: 3, failed: 1 }]]) });
      });

      it('does nothing at an endpoint of which nothing is known', async () => {
        expect(await at(create()).settle(0)).toEqual(untouched);
      });

      it('adds the calls up by bucket, and forgets those that are over', async () => {
        const { take, settle } = at(create());
        await take(0);
        await settle(0, { bucket: BUCKET - 20, made: 10, failed: 10 });
        await take(0);
        await settle(0, { bucket: BUCKET, made: 1, failed: 0 });
        await take(1);

        const { calls } = await settle(1, { bucket: BUCKET, made: 2, failed: 2, forget: [BUCKET - 20, BUCKET - 21] });

        expect(calls).toEqual(new Map([[BUCKET, { made: 3, failed: 2 }]]));
      });

      it('may count nothing', async () => {
        const { take, settle } = at(create());
        await take(0);

        expect(await settle(0, { made: 0 })).toEqual(untouched);
      });
    });

    describe('the breaker', () => {
      it('is turned by one of those who saw it as it was', async () => {
        const { take, turn } = at(create());

        const turned = await Promise.all(
          Array.from({ length: 10 }, (__, i) => turn(CLOSED, { ...OPEN, openings: i + 1 })),
        );

        expect(turned.filter(Boolean)).toHaveLength(1);
        expect(await take(0)).toMatchObject({ state: { breaker: { openings: turned.indexOf(true) + 1 } } });
      });

      it.each<[string, Breaker]>([
        ['closed', CLOSED],
        ['open for another time', { ...OPEN, openUntil: NOON }],
        ['opened another time', { ...OPEN, openings: 3 }],
      ])('lets nobody in, and is not turned by anybody, who takes it for %s', async (__, breaker) => {
        const { take, turn } = at(create());
        await turn(CLOSED, OPEN);

        expect(await take(0, { breaker })).toEqual({ taken: false, state: { ...untouched, breaker: OPEN } });
        expect(await turn(breaker, { openings: 9, openUntil: NOON })).toBe(false);
      });

      it('lets one probe in, which keeps all others out until its lease ends', async () => {
        const { take, turn } = at(create());
        await turn(CLOSED, OPEN);

        const takes = await Promise.all([0, 1, 2, 3].map((slot) => take(slot, { breaker: OPEN })));

        expect(takes.filter(({ taken }) => taken)).toHaveLength(1);
        for (const { state } of takes) expect(state.breaker).toEqual({ openings: 2, openUntil: LEASE_END });
      });

      it('forgets the calls as it closes', async () => {
        const { take, settle, turn } = at(create());
        await take(0);
        await settle(0, { made: 10, failed: 10 });
        await turn(CLOSED, OPEN);

        expect(await turn(OPEN, CLOSED, [BUCKET])).toBe(true);

        expect(await take(0)).toEqual({ taken: true, state: { ...untouched, slots: new Map([[0, LEASE_END]]) } });
      });
    });
  });
}
