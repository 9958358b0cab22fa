import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PostbackHealthStore } from '../../lambdas/core/ports.ts';
import { NOON } from '../support/deliveries.ts';

const HOUR = 60 * 60_000;

/** What every {@link PostbackHealthStore} does. */
export function postbackHealthStoreContract(name: string, create: () => PostbackHealthStore): void {
  describe(`${name} as a store of postbacks' health`, () => {
    const given = () => ({ store: create(), id: randomUUID() });

    it('knows no streak of a postback that never failed', async () => {
      const { store, id } = given();

      expect(await store.health(id)).toBeNull();
      expect(await store.warned(id, 1)).toBe(false);
      expect(await store.health(id)).toBeNull();
    });

    it('counts failures in a row from the first one on', async () => {
      const { store, id } = given();

      const first = await store.failed(id, NOON);
      const second = await store.failed(id, NOON + HOUR);

      expect(first).toEqual({ failingSince: NOON, failures: 1, lastFailureAt: NOON, warnings: 0 });
      expect(second).toEqual({ failingSince: NOON, failures: 2, lastFailureAt: NOON + HOUR, warnings: 0 });
      expect(await store.health(id)).toEqual(second);
    });

    it('loses none of many failures at once', async () => {
      const { store, id } = given();

      await Promise.all(Array.from({ length: 20 }, () => store.failed(id, NOON)));

      expect(await store.health(id)).toMatchObject({ failures: 20 });
    });

    it('ends a streak with the first success, warnings included, and begins a new one after it', async () => {
      const { store, id } = given();
      await store.failed(id, NOON);
      await store.warned(id, 1);

      await store.recovered(id);
      await store.recovered(id);

      expect(await store.health(id)).toBeNull();
      expect(await store.warned(id, 1)).toBe(false);
      const anew = { failingSince: NOON + HOUR, failures: 1, lastFailureAt: NOON + HOUR, warnings: 0 };
      expect(await store.failed(id, NOON + HOUR)).toEqual(anew);
    });

    it('leaves nothing of a success where nothing failed', async () => {
      const { store, id } = given();

      await store.recovered(id);

      expect(await store.health(id)).toBeNull();
    });

    it('lets each warning be given once, by one of many', async () => {
      const { store, id } = given();
      await store.failed(id, NOON);

      const firsts = await Promise.all(Array.from({ length: 10 }, () => store.warned(id, 1)));
      const seconds = [await store.warned(id, 2), await store.warned(id, 2), await store.warned(id, 1)];

      expect(firsts.filter(Boolean)).toHaveLength(1);
      expect(seconds).toEqual([true, false, false]);
      expect(await store.failed(id, NOON)).toMatchObject({ failures: 2, warnings: 2 });
    });
  });
}
