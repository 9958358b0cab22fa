import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../lambdas/core/delivery.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import type { ReplayStore } from '../../lambdas/core/management-ports.ts';
import { aDelivery, NOON } from '../support/deliveries.ts';

interface ReplaySubject {
  readonly store: ReplayStore;
  readonly put: (delivery: Delivery) => Promise<void>;
}

const EXHAUSTED = { state: 'exhausted', nextAttemptAt: null, dueAt: null, attempts: 11, scheduleStep: 10 } as const;
const newSubjectId = () => newSortableId(NOON, randomBytes);

/** What every {@link ReplayStore} does. */
export function replayStoreContract(name: string, create: () => ReplaySubject): void {
  describe(`${name} as a store of what is sent again`, () => {
    async function given(...rows: readonly Partial<Delivery>[]) {
      const { store, put } = create();
      const postbackId = randomUUID();
      const deliveries = rows.map((row) => aDelivery({ subjectId: newSubjectId(), postbackId, ...row }));
      for (const delivery of deliveries) await put(delivery);
      const stuck = (since = 0, after: string | null = null, limit = 100) =>
        store.stuck(postbackId, { since, after, limit });
      return { store, put, deliveries, stuck };
    }

    describe('what is stuck', () => {
      it('is nothing of a postback that is well', async () => {
        const { stuck } = await given({}, { ...EXHAUSTED, state: 'delivered' });

        expect(await stuck()).toEqual({ deliveries: [], next: null });
      });

      it('is told of one postback, longest first, whatever state it is in', async () => {
        const { store, deliveries, stuck } = await given(
          { ...EXHAUSTED, stuckAt: NOON + 2 },
          { stuckAt: NOON },
          { state: 'sending', lease: 'x', stuckAt: NOON + 1 },
          { stuckAt: NOON, postbackId: randomUUID() },
        );
        const [last, first, second, other] = deliveries;

        expect((await stuck()).deliveries).toEqual([first, second, last]);
        expect((await store.stuck(other?.postbackId ?? '', { since: 0, after: null, limit: 9 })).deliveries).toEqual([
          other,
        ]);
      });

      it('is told since a time, that millisecond included', async () => {
        const { deliveries, stuck } = await given({ stuckAt: NOON - 1 }, { stuckAt: NOON }, { stuckAt: NOON + 1 });

        expect((await stuck(NOON)).deliveries).toEqual(deliveries.slice(1));
      });

      it('comes in pages, of which none repeats or leaves out what is stuck since one and the same time', async () => {
        const { deliveries, stuck } = await given(...Array.from({ length: 5 }, () => ({ stuckAt: NOON })));

        const found: Delivery[] = [];
        let after: string | null = null;
        do {
          const page = await stuck(NOON, after, 2);
          expect(page.deliveries.length).toBeLessThanOrEqual(2);
          found.push(...page.deliveries);
          after = page.next;
        } while (after !== null);

        expect(found.map(({ id }) => id)).toEqual(deliveries.map(({ id }) => id).sort());
      });
    });

    it('tells a delivery by its id', async () => {
      const subjectId = newSubjectId();
      const { store, deliveries } = await given({ subjectId, number: 10 }, { subjectId, number: 2 }, {});
      const [tenth] = deliveries;

      expect(await store.delivery(`${subjectId}_10`)).toEqual(tenth);
      expect(await store.delivery(`${subjectId}_3`)).toBeNull();
      expect(await store.delivery('nonsense')).toBeNull();
    });

    describe('reviving', () => {
      it.each<[string, Partial<Delivery>]>([
        ['its state', { state: 'cancelled' }],
        ['its time', { nextAttemptAt: NOON }],
        ['when it is due', { dueAt: NOON }],
        ['whether it is taken back', { recalled: true }],
      ])('does nothing if %s is another by now', async (_, change) => {
        const { store, put, deliveries, stuck } = await given({ ...EXHAUSTED, stuckAt: NOON });
        const [read = aDelivery()] = deliveries;
        await put({ ...read, ...change });

        expect(await store.revive(read, NOON, NOON + 90_000)).toBe(false);

        expect(await store.delivery(read.id)).toEqual({ ...read, ...change });
        expect((await stuck()).deliveries).toHaveLength(1);
      });

      it.each<[string, Partial<Delivery>]>([
        ['was exhausted', { ...EXHAUSTED, stuckAt: NOON - 1 }],
        ['was delivered', { ...EXHAUSTED, state: 'delivered' }],
        ['waits for later', { nextAttemptAt: NOON + 1, dueAt: NOON + 2, stuckAt: NOON - 1, scheduleStep: 3 }],
        ['is held', { dueAt: NOON + 1, stuckAt: NOON - 1 }],
        ['was recalled', { ...EXHAUSTED, recalled: true, successor: 2 }],
      ])('makes one that %s due at the beginning of its schedule, and it is stuck no more', async (_, overrides) => {
        const { store, deliveries, stuck } = await given(overrides);
        const [read = aDelivery()] = deliveries;

        expect(await store.revive(read, NOON, NOON + 90_000)).toBe(true);

        expect(await store.delivery(read.id)).toEqual({
          ...read,
          state: 'waiting',
          scheduleStep: 0,
          nextAttemptAt: NOON,
          dueAt: NOON + 90_000,
          recalled: false,
          stuckAt: null,
        });
        expect((await stuck()).deliveries).toEqual([]);
      });

      it('is done by one of many', async () => {
        const { store, deliveries } = await given({ ...EXHAUSTED, stuckAt: NOON });
        const [read = aDelivery()] = deliveries;

        const done = await Promise.all(Array.from({ length: 10 }, (_, i) => store.revive(read, NOON + i, NOON + i)));

        expect(done.filter(Boolean)).toHaveLength(1);
      });

      it('keeps the number of attempts that were made meanwhile', async () => {
        const { store, put, deliveries } = await given({ ...EXHAUSTED, stuckAt: NOON });
        const [read = aDelivery()] = deliveries;
        await put({ ...read, attempts: 22 });

        expect(await store.revive(read, NOON, NOON)).toBe(true);

        expect(await store.delivery(read.id)).toMatchObject({ attempts: 22 });
      });
    });
  });
}
