import { describe, expect, it } from 'vitest';
import type { Postback } from '../../../lambdas/core/entities.ts';
import type { PostbackHealth } from '../../../lambdas/core/ports.ts';
import { createPostbackWatch } from '../../../lambdas/core/postback-health.ts';
import type { PostbackNews } from '../../../lambdas/core/postback-health.ts';
import { aPostback, NOON } from '../../support/deliveries.ts';
import { fakePostbackHealth } from '../../support/fakes/postback-health.ts';
import { fakePostbacks } from '../../support/fakes/postbacks.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A postback that was saved long before it began to fail, at noon. */
function given(overrides: Partial<Postback> = {}) {
  const postback = aPostback({ updatedAt: NOON - HOUR, ...overrides });
  const store = fakePostbackHealth();
  const postbacks = fakePostbacks(postback);
  const news: PostbackNews[] = [];
  const writes: string[] = [];
  const recovered = async (id: string) => {
    writes.push('recovered');
    return store.recovered(id);
  };
  const watch = () =>
    createPostbackWatch({ store: { ...store, recovered }, postbacks, tell: (item) => news.push(item) });
  /** One call, of a batch of its own. */
  const note = async (status: number | null, at: number) => {
    const one = watch();
    await one.look(postback.id);
    await one.note(postback, { status }, at);
  };
  /** So many failures that are evenly spread over that time from noon on. */
  const fail = async (failures: number, duration: number) => {
    for (let n = 0; n < failures; n++) await note(500, NOON + (failures === 1 ? 0 : (n * duration) / (failures - 1)));
  };
  return {
    ...{ postback, store, postbacks, news, writes, watch, note, fail },
    status: () => postbacks.rows.get(postback.id)?.status,
    streak: () => store.streaks.get(postback.id) ?? null,
  };
}

const kinds = (news: readonly PostbackNews[]) =>
  news.map((item) => (item.kind === 'postback_failing' ? `warned at ${item.streak.failures}` : item.reason));

describe('a postback', () => {
  it.each<[string, number, number, string]>([
    ['20 failures within 71 hours and 59 minutes', 20, 72 * HOUR - MINUTE, 'active'],
    ['19 failures within 72 hours', 19, 72 * HOUR, 'active'],
    ['1,000 failures within a day', 1_000, 24 * HOUR, 'active'],
    ['20 failures within 72 hours', 20, 72 * HOUR, 'disabled'],
    ['200 failures within 72 hours', 200, 72 * HOUR, 'disabled'],
  ])('after nothing but %s is %4$s', async (_, failures, duration, status) => {
    const { fail, status: is } = given();

    await fail(failures, duration);

    expect(is()).toBe(status);
  });

  it('that is disabled says since when and why, as another version', async () => {
    const { fail, postback, postbacks, news } = given();

    await fail(20, 72 * HOUR);

    const at = NOON + 72 * HOUR;
    const disabled = { status: 'disabled', disabledAt: at, disabledReason: 'failing', updatedAt: at, version: 2 };
    expect(postbacks.rows.get(postback.id)).toEqual({ ...postback, ...disabled });
    expect(news).toContainEqual({ kind: 'postback_disabled', postback, reason: 'failing' });
  });

  it.each<[string, number, number, readonly string[]]>([
    ['no warning in the first day', 300, 24 * HOUR - MINUTE, []],
    ['no warning of 19 failures', 19, 71 * HOUR, []],
    ['a warning after a day', 25, 24 * HOUR, ['warned at 25']],
    ['one, once', 41, 40 * HOUR, ['warned at 25']],
    ['a second one after two days', 61, 60 * HOUR, ['warned at 25', 'warned at 49']],
    ['one of the two that would be late', 20, 60 * HOUR, ['warned at 20']],
    ['two before it is disabled', 100, 99 * HOUR, ['warned at 25', 'warned at 49', 'failing']],
  ])('gives %s', async (_, failures, duration, expected) => {
    const { fail, news } = given();

    await fail(failures, duration);

    expect(kinds(news)).toEqual(expected);
  });

  it.each([200, 204, 400, 404, 422])('begins anew with an answer that shows it alive: %i', async (status) => {
    const { fail, note, status: is, streak, news } = given();
    await fail(100, 71 * HOUR);
    await note(status, NOON + 71 * HOUR + MINUTE);
    expect(streak()).toBeNull();

    for (let hour = 72; hour < 72 + 71; hour++) await note(500, NOON + hour * HOUR);

    expect(is()).toBe('active');
    expect(kinds(news)).toEqual([expect.any(String), expect.any(String), 'warned at 25', 'warned at 49']);
  });

  it.each([null, 301, 408, 425, 429, 503])('goes on failing with %s', async (status) => {
    const { fail, note, streak } = given();
    await fail(3, HOUR);
    await note(status, NOON + 2 * HOUR);

    expect(streak()).toMatchObject({ failingSince: NOON, failures: 4, lastFailureAt: NOON + 2 * HOUR });
  });

  it('that answers 410 Gone is disabled at once', async () => {
    const { note, postbacks, postback, news } = given();

    await note(410, NOON);

    expect(postbacks.rows.get(postback.id)).toMatchObject({ status: 'disabled', disabledReason: 'gone' });
    expect(kinds(news)).toEqual(['gone']);
  });

  it.each([410, 500])('that somebody changed meanwhile is left alone: %i', async (status) => {
    const { fail, note, postback, postbacks, news, status: is } = given();
    await fail(60, 59 * HOUR);
    postbacks.rows.set(postback.id, { ...postback, version: 2, url: 'https://new.example/' });

    await note(status, NOON + 80 * HOUR);

    expect(is()).toBe('active');
    expect(kinds(news)).toEqual(['warned at 25', 'warned at 49']);
  });

  it('is not held to failures from before it was changed', async () => {
    const { fail, streak, store, status: is } = given({ updatedAt: NOON + 71 * HOUR });
    const old: PostbackHealth = { failingSince: NOON - 100 * HOUR, failures: 500, lastFailureAt: NOON, warnings: 2 };
    store.streaks.set('pb1', old);

    await fail(100, 143 * HOUR - MINUTE);

    expect(is()).toBe('active');
    expect(streak()?.failingSince).toBeGreaterThanOrEqual(NOON + 71 * HOUR);
  });

  it('is disabled once by many that see the same', async () => {
    const { watch, postback, store, news } = given();
    store.streaks.set('pb1', { failingSince: NOON, failures: 50, lastFailureAt: NOON, warnings: 2 });

    const at = NOON + 72 * HOUR;
    await Promise.all(Array.from({ length: 20 }, () => watch().note(postback, { status: null }, at)));

    expect(kinds(news)).toEqual(['failing']);
  });
});

describe('a success', () => {
  it('costs no write while nothing is wrong', async () => {
    const { note, writes } = given();

    for (let n = 0; n < 10; n++) await note(200, NOON + n);

    expect(writes).toEqual([]);
  });

  it('ends a streak that began in the same batch', async () => {
    const { watch, postback, streak, writes } = given();
    const batch = watch();
    await batch.look('pb1');

    await batch.note(postback, { status: 500 }, NOON);
    await batch.note(postback, { status: 200 }, NOON);
    await batch.note(postback, { status: 200 }, NOON);

    expect(streak()).toBeNull();
    expect(writes).toEqual(['recovered']);
  });

  it('is known to be one by a single read of a batch', async () => {
    const { store, postbacks } = given();
    let reads = 0;
    const health = async (id: string) => {
      reads++;
      return store.health(id);
    };
    const batch = createPostbackWatch({ store: { ...store, health }, postbacks, tell: () => undefined });

    await Promise.all(Array.from({ length: 10 }, () => batch.look('pb1')));

    expect(reads).toBe(1);
  });
});
