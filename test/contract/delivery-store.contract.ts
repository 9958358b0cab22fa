import { describe, expect, it } from 'vitest';
import { encodeBase32 } from '../../lambdas/core/base32.ts';
import type { Attempt, Delivery } from '../../lambdas/core/delivery.ts';
import { dueShard } from '../../lambdas/core/due-shard.ts';
import type { DeliveryStore } from '../../lambdas/core/ports.ts';
import { aDelivery, NOON } from '../support/deliveries.ts';

interface DeliverySubject {
  readonly store: DeliveryStore;
  /** Stores a delivery as the conversion's transaction does. */
  readonly put: (delivery: Delivery) => Promise<void>;
  readonly attemptsOf: (delivery: Delivery) => Promise<readonly Attempt[]>;
}

const attempt: Attempt = {
  number: 1,
  at: NOON,
  durationMs: 12,
  status: 500,
  error: null,
  body: 'oops',
  nextAttemptAt: null,
};
const LEASE_END = NOON + 30_000;

let conversions = 0;
/** A conversion id that no other test uses. */
const newConversionId = () =>
  encodeBase32(Uint8Array.from({ length: 15 }, (_, i) => (i < 13 ? 7 : ++conversions % 256)));

/** What every {@link DeliveryStore} does. */
export function deliveryStoreContract(name: string, create: () => DeliverySubject): void {
  describe(`${name} as a store of deliveries`, () => {
    async function given(overrides: Partial<Delivery> = {}) {
      const subject = create();
      const delivery = aDelivery({ subjectId: newConversionId(), ...overrides });
      await subject.put(delivery);
      return { ...subject, delivery };
    }

    async function claimed(overrides: Partial<Delivery> = {}) {
      const subject = await given(overrides);
      const delivery = await subject.store.claim(subject.delivery.id, NOON, 'mine', LEASE_END);
      if (delivery === null) throw new Error('not claimed');
      return { ...subject, delivery };
    }

    it.each(['', 'nothing', 'a2b3c4d5e6f7g2h3i4j5k6zz_9', '../x_1'])('knows no delivery "%s"', async (id) => {
      const { store } = create();

      expect(await store.delivery(id)).toBeNull();
      expect(await store.claim(id, NOON, 'mine', LEASE_END)).toBeNull();
    });

    it.each([
      ['with all that may be absent', { nextAttemptAt: null, dueAt: null, values: {} }],
      ['with all that may be there', { lease: 'x', successor: 2, values: { camelCase: 'é', snake_case: '' } }],
      ['of the network', { audience: 'network' }],
      ['stuck and recalled', { stuckAt: NOON - 1, recalled: true }],
    ] satisfies [string, Partial<Delivery>][])('gives back what was stored: %s', async (__, overrides) => {
      const { store, delivery } = await given(overrides);

      expect(await store.delivery(delivery.id)).toEqual(delivery);
    });

    describe('a claim', () => {
      it.each<[string, Partial<Delivery>]>([
        ['is delivered', { state: 'delivered', nextAttemptAt: null, dueAt: null }],
        ['is exhausted', { state: 'exhausted', nextAttemptAt: null, dueAt: null }],
        ['is cancelled', { state: 'cancelled', nextAttemptAt: null, dueAt: null }],
        ['has ended, whatever its times say', { state: 'delivered' }],
        ['waits for its predecessor', { nextAttemptAt: null, dueAt: null }],
        ['waits for later', { nextAttemptAt: NOON + 1 }],
        ['is leased by another', { state: 'sending', lease: 'other', nextAttemptAt: NOON + 1 }],
      ])('is refused and changes nothing while the delivery %s', async (__, overrides) => {
        const { store, delivery } = await given(overrides);

        expect(await store.claim(delivery.id, NOON, 'mine', LEASE_END)).toBeNull();
        expect(await store.delivery(delivery.id)).toEqual(delivery);
      });

      it.each<[string, Partial<Delivery>]>([
        ['waits and its time has come', {}],
        ['was being sent and that lease has ended', { state: 'sending', lease: 'crashed', nextAttemptAt: NOON }],
        ['is stuck, and stays so until something comes of it', { stuckAt: NOON - 1 }],
        ['was recalled, and stays so', { recalled: true }],
      ])('takes the lease when the delivery %s', async (__, overrides) => {
        const { store, delivery } = await given(overrides);

        const claim = await store.claim(delivery.id, NOON, 'mine', LEASE_END);

        const sending = { state: 'sending', lease: 'mine', nextAttemptAt: LEASE_END, dueAt: LEASE_END };
        expect(claim).toEqual({ ...delivery, ...sending });
        expect(await store.delivery(delivery.id)).toEqual(claim);
      });

      it('may be repeated by who holds the lease', async () => {
        const { store, delivery } = await claimed();

        expect(await store.claim(delivery.id, NOON + 1, 'mine', LEASE_END)).toEqual(delivery);
      });

      it('is won by one of many', async () => {
        const { store, delivery } = await given();

        const claims = await Promise.all(
          Array.from({ length: 20 }, (__, i) => store.claim(delivery.id, NOON, `lease ${i}`, LEASE_END)),
        );

        expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
      });
    });

    describe('finishing', () => {
      it.each<[string, Partial<Delivery>]>([
        ['another has taken it over', { state: 'sending', lease: 'other' }],
        ['it was finished already', { state: 'delivered', lease: null, nextAttemptAt: null, dueAt: null }],
      ])('writes nothing after the lease was lost: %s', async (__, overrides) => {
        const { store, delivery, attemptsOf } = await given({ attempts: 1, ...overrides });

        const late: Delivery = { ...delivery, state: 'exhausted', attempts: 2, nextAttemptAt: null, dueAt: null };
        expect(await store.finish(late, 'mine', { ...attempt, number: 2 }, NOON)).toBeNull();

        expect(await store.delivery(delivery.id)).toEqual(delivery);
        expect(await attemptsOf(delivery)).toEqual([]);
      });

      it.each<[string, Partial<Delivery>]>([
        ['waits again', { state: 'waiting', scheduleStep: 1, nextAttemptAt: NOON + 60_000, dueAt: NOON + 150_000 }],
        ['waits again, stuck', { state: 'waiting', nextAttemptAt: NOON + 1, dueAt: NOON + 1, stuckAt: NOON }],
        ['is delivered', { state: 'delivered', nextAttemptAt: null, dueAt: null }],
        ['is exhausted, stuck', { state: 'exhausted', nextAttemptAt: null, dueAt: null, stuckAt: NOON }],
      ])('stores the attempt and the new state, and ends the lease: it %s', async (__, overrides) => {
        const { store, delivery, attemptsOf } = await claimed();
        const next = { ...delivery, attempts: 1, ...overrides };

        const stored = await store.finish(next, 'mine', attempt, NOON);

        expect(stored).toEqual({ ...next, lease: null });
        expect(await store.delivery(delivery.id)).toEqual(stored);
        expect(await attemptsOf(delivery)).toEqual([attempt]);
      });

      it('keeps an attempt without status, error or body', async () => {
        const { store, delivery, attemptsOf } = await claimed();
        const timeout: Attempt = { ...attempt, status: null, error: 'timeout', body: null };

        await store.finish(
          { ...delivery, state: 'exhausted', nextAttemptAt: null, dueAt: null },
          'mine',
          timeout,
          NOON,
        );

        expect(await attemptsOf(delivery)).toEqual([timeout]);
      });

      it('may come without an attempt', async () => {
        const { store, delivery, attemptsOf } = await claimed();

        expect(await store.finish({ ...delivery, state: 'waiting' }, 'mine', null, NOON)).toMatchObject({
          lease: null,
        });
        expect(await attemptsOf(delivery)).toEqual([]);
      });
    });

    describe('one that was recalled during the call', () => {
      const waits = { state: 'waiting', attempts: 1, nextAttemptAt: NOON + 9, dueAt: NOON + 9, stuckAt: NOON } as const;
      const recalled = async (overrides: Partial<Delivery> = {}) => {
        const subject = await claimed(overrides);
        await subject.put({ ...subject.delivery, recalled: true });
        return subject;
      };

      it('ends as cancelled if it would wait, and its attempt was the last', async () => {
        const { store, delivery, attemptsOf } = await recalled({ stuckAt: NOON - 1 });

        const stored = await store.finish(
          { ...delivery, ...waits },
          'mine',
          { ...attempt, nextAttemptAt: NOON + 9 },
          NOON,
        );

        const cancelled = { state: 'cancelled', attempts: 1, nextAttemptAt: null, dueAt: null, stuckAt: null } as const;
        expect(stored).toEqual({ ...delivery, ...cancelled, lease: null, recalled: true });
        expect(await store.delivery(delivery.id)).toEqual(stored);
        expect(await attemptsOf(delivery)).toEqual([attempt]);
      });

      it('releases its successor as it is cancelled', async () => {
        const { store, delivery, put } = await recalled({ successor: 2 });
        const successor = aDelivery({ subjectId: delivery.subjectId, number: 2, nextAttemptAt: null, dueAt: null });
        await put(successor);

        await store.finish({ ...delivery, ...waits }, 'mine', attempt, NOON + 5);

        expect(await store.delivery(successor.id)).toEqual({ ...successor, nextAttemptAt: NOON + 5, dueAt: NOON + 5 });
      });

      it.each(['delivered', 'exhausted', 'cancelled'] as const)(
        'is %s all the same if that came of it',
        async (state) => {
          const { store, delivery } = await recalled();
          const ended = { ...delivery, state, attempts: 1, nextAttemptAt: null, dueAt: null };

          const stored = await store.finish(ended, 'mine', attempt, NOON);

          expect(stored).toEqual({ ...ended, lease: null, recalled: true });
          expect(await store.delivery(delivery.id)).toEqual(stored);
        },
      );
    });

    describe('putting off', () => {
      const to = { nextAttemptAt: NOON + 5_000, dueAt: NOON + 95_000, stuckAt: null };

      it.each<[string, Partial<Delivery>, Partial<Delivery>]>([
        ['is leased by another by now', { state: 'sending', lease: 'other', nextAttemptAt: NOON + 30_000 }, {}],
        ['was put off by another', { nextAttemptAt: NOON + 4_000 }, {}],
        ['has ended', { state: 'delivered', nextAttemptAt: null, dueAt: null }, {}],
        ['was cancelled, whatever its times say', { state: 'cancelled' }, {}],
        ['waits for its predecessor', { nextAttemptAt: null, dueAt: null }, { nextAttemptAt: null, dueAt: null }],
        ['was recalled: it is to end', { state: 'sending', lease: 'gone', recalled: true }, {}],
      ])('does nothing to a delivery that %s', async (__, overrides, read) => {
        const { store, delivery } = await given(overrides);

        expect(await store.defer({ ...delivery, nextAttemptAt: NOON, ...read }, to)).toBe(false);

        expect(await store.delivery(delivery.id)).toEqual(delivery);
      });

      it('moves one that waits to its new times', async () => {
        const { store, delivery } = await given();

        expect(await store.defer(delivery, to)).toBe(true);

        expect(await store.delivery(delivery.id)).toEqual({ ...delivery, ...to });
      });

      it('takes one whose lease has run out from a worker that is gone', async () => {
        const { store, delivery, attemptsOf } = await given({ state: 'sending', lease: 'gone' });

        expect(await store.defer(delivery, to)).toBe(true);

        const waiting = { ...delivery, ...to, state: 'waiting', lease: null };
        expect(await store.delivery(delivery.id)).toEqual(waiting);
        expect(await store.finish({ ...delivery, attempts: 1 }, 'gone', attempt, NOON)).toBeNull();
        expect(await attemptsOf(delivery)).toEqual([]);
      });

      it('holds one where it stands, stuck from then on', async () => {
        const { store, delivery } = await given();
        const held = { nextAttemptAt: NOON, dueAt: NOON + 6 * 60 * 60_000, stuckAt: NOON + 1 };

        expect(await store.defer(delivery, held)).toBe(true);

        expect(await store.delivery(delivery.id)).toEqual({ ...delivery, ...held });
        expect(await store.claim(delivery.id, NOON, 'mine', LEASE_END)).toMatchObject({ stuckAt: NOON + 1 });
      });

      it('is won by one of many', async () => {
        const { store, delivery } = await given();

        const won = await Promise.all(
          Array.from({ length: 10 }, (__, i) => store.defer(delivery, { ...to, nextAttemptAt: NOON + 1 + i })),
        );

        expect(won.filter(Boolean)).toHaveLength(1);
      });
    });

    describe('a successor', () => {
      const ended = { state: 'delivered', attempts: 1, nextAttemptAt: null, dueAt: null } as const;
      const held = { number: 2, nextAttemptAt: null, dueAt: null, event: 'status_changed' } as const;

      it('is released by what ends the delivery before it', async () => {
        const { store, delivery, put } = await claimed({ successor: 2 });
        const successor = aDelivery({ subjectId: delivery.subjectId, ...held });
        await put(successor);

        await store.finish({ ...delivery, ...ended }, 'mine', attempt, NOON + 5);

        expect(await store.delivery(successor.id)).toEqual({ ...successor, nextAttemptAt: NOON + 5, dueAt: NOON + 5 });
      });

      it('is released too if it came during the call', async () => {
        const { store, delivery, put } = await claimed();
        const successor = aDelivery({ subjectId: delivery.subjectId, ...held });
        await put(successor);
        await put({ ...delivery, successor: 2 });

        const stored = await store.finish({ ...delivery, ...ended }, 'mine', attempt, NOON + 5);

        expect(stored).toEqual({ ...delivery, ...ended, lease: null, successor: 2 });
        expect(await store.delivery(successor.id)).toMatchObject({ nextAttemptAt: NOON + 5 });
      });

      it('is kept waiting while the delivery before it is not over', async () => {
        const { store, delivery, put } = await claimed({ successor: 2 });
        const successor = aDelivery({ subjectId: delivery.subjectId, ...held });
        await put(successor);

        await store.finish({ ...delivery, state: 'waiting', attempts: 1 }, 'mine', attempt, NOON + 5);

        expect(await store.delivery(successor.id)).toEqual(successor);
      });

      it.each<[string, Partial<Delivery>]>([
        ['was cancelled', { state: 'cancelled' }],
        ['was made due by somebody else', { nextAttemptAt: NOON + 3, dueAt: NOON + 3 }],
      ])('is left alone if it %s, and the delivery ends all the same', async (__, overrides) => {
        const { store, delivery, put, attemptsOf } = await claimed({ successor: 2 });
        const successor = aDelivery({ subjectId: delivery.subjectId, ...held, ...overrides });
        await put(successor);

        expect(await store.finish({ ...delivery, ...ended }, 'mine', attempt, NOON + 5)).toMatchObject({ lease: null });

        expect(await store.delivery(successor.id)).toEqual(successor);
        expect(await attemptsOf(delivery)).toEqual([attempt]);
      });
    });

    describe('the due-time index', () => {
      it('lists what is due of a shard, earliest first, and no more than asked for', async () => {
        const subject = create();
        const shard = 3;
        const rows: Delivery[] = [];
        for (let number = 1; rows.length < 4; number++) {
          const subjectId = newConversionId();
          if (dueShard(`${subjectId}_1`) !== shard) continue;
          const row = aDelivery({ subjectId, dueAt: 1_000 - rows.length });
          rows.push(row);
          await subject.put(row);
        }
        const [latest, third, second, first] = rows;

        expect(await subject.store.due(shard, 996, 10)).toEqual([]);
        expect(await subject.store.due(shard, 997, 10)).toEqual([first]);
        expect(await subject.store.due(shard, 1_000, 10)).toEqual([first, second, third, latest]);
        expect(await subject.store.due(shard, 1_000, 2)).toEqual([first, second]);
        expect(await subject.store.due(shard + 1, 1_000, 10)).toEqual([]);
      });

      it('forgets a delivery that ended', async () => {
        const { store, delivery } = await claimed();
        const ids = async () => (await store.due(dueShard(delivery.id), LEASE_END, 500)).map(({ id }) => id);
        expect(await ids()).toContain(delivery.id);

        await store.finish(
          { ...delivery, state: 'delivered', nextAttemptAt: null, dueAt: null },
          'mine',
          attempt,
          NOON,
        );

        expect(await ids()).not.toContain(delivery.id);
      });

      it('postpones a row that has not changed, and only that', async () => {
        const { store, delivery } = await given();

        const first = await store.postpone(delivery, NOON + 300_000);
        const second = await store.postpone(delivery, NOON + 600_000);

        expect([first, second]).toEqual([true, false]);
        expect(await store.delivery(delivery.id)).toEqual({ ...delivery, dueAt: NOON + 300_000 });
      });

      it('does not postpone what is never due by itself', async () => {
        const { store, delivery } = await given({ dueAt: null, nextAttemptAt: null });

        expect(await store.postpone(delivery, NOON)).toBe(false);
      });
    });
  });
}
