import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Postback } from '../../lambdas/core/entities.ts';
import type { PostbackCatalog } from '../../lambdas/core/ports.ts';
import { aPostback, NOON } from '../support/deliveries.ts';

interface PostbackSubject {
  readonly catalog: PostbackCatalog;
  /** Saves a postback as the management API does. */
  readonly save: (postback: Postback) => Promise<void>;
  /** As those see it who look for the postbacks of a publisher. */
  readonly copyOf: (postback: Postback) => Promise<Postback | null>;
}

/** What every {@link PostbackCatalog} does. */
export function postbackCatalogContract(name: string, create: () => PostbackSubject): void {
  describe(`${name} as a catalog of postbacks`, () => {
    async function given(overrides: Partial<Postback> = {}) {
      const subject = create();
      const postback = aPostback({ id: randomUUID(), version: 3, ...overrides });
      await subject.save(postback);
      return { ...subject, postback };
    }

    it('gives back what was saved, and null for what was not', async () => {
      const { catalog, postback } = await given({ goalWords: { some_goal: 'Sale' } });

      expect(await catalog.postback(postback.id)).toEqual(postback);
      expect(await catalog.postback('nothing')).toBeNull();
    });

    it.each<[string, Partial<Postback>]>([
      ['changed', { version: 4 }],
      ['paused', { status: 'paused' }],
      ['disabled', { status: 'disabled', disabledAt: NOON, disabledReason: 'gone' }],
      ['archived', { status: 'archived' }],
    ])('disables none that was %s since it was read', async (_, change) => {
      const { catalog, postback, save } = await given();
      const changed = { ...postback, ...change };
      await save(changed);

      expect(await catalog.disable(postback, 'failing', NOON + 5)).toBe(false);

      expect(await catalog.postback(postback.id)).toEqual(changed);
    });

    it('disables none that is not there', async () => {
      const { catalog } = create();
      const postback = aPostback({ id: randomUUID() });

      expect(await catalog.disable(postback, 'gone', NOON)).toBe(false);
      expect(await catalog.postback(postback.id)).toBeNull();
    });

    it.each([['pub1'], [null]])(
      'disables a postback and its copy (owner %s), once, and says why and when',
      async (publisherId) => {
        const { catalog, postback, copyOf } = await given({ publisherId });

        const done = await Promise.all([1, 2, 3].map(() => catalog.disable(postback, 'gone', NOON + 5)));

        expect(done.filter(Boolean)).toHaveLength(1);
        const disabled: Postback = {
          ...postback,
          version: 4,
          updatedAt: NOON + 5,
          status: 'disabled',
          disabledAt: NOON + 5,
          disabledReason: 'gone',
        };
        expect(await catalog.postback(postback.id)).toEqual(disabled);
        expect(await copyOf(postback)).toEqual(disabled);
      },
    );
  });
}
