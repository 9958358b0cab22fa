import { createSecretKey } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { cacheCatalog, cacheConversionCounts } from '../../../lambdas/core/catalog-cache.ts';
import { conversionCounterKey } from '../../../lambdas/core/counters.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { CatalogReader } from '../../../lambdas/core/ports.ts';
import { aCampaign, someSettings } from '../../support/entities.ts';
import { FakeCatalogReader } from '../../support/fakes/catalog-reader.ts';
import { FakeConversionCounts } from '../../support/fakes/conversion-counts.ts';

const LIFETIME = 30_000;
const KEY = { key: createSecretKey(new Uint8Array(32)), createdAt: 0 };

let now: number;
let reader: FakeCatalogReader;
let stale: unknown[];
/** Ends all sleeps under way, as the clock would. */
let wake: () => void;

const cache = (lifetime: number, of: CatalogReader = reader): CatalogReader => {
  const sleepers: (() => void)[] = [];
  wake = () => sleepers.splice(0).forEach((resolve) => resolve());
  return cacheCatalog(of, depsOf(lifetime, sleepers));
};

const depsOf = (lifetime: number, sleepers: (() => void)[]) => ({
  now: () => now,
  lifetime,
  sleep: (milliseconds: number) =>
    new Promise<void>((resolve) =>
      sleepers.push(() => {
        now += milliseconds;
        resolve();
      }),
    ),
  onStale: (error: unknown) => stale.push(error),
});

/** A reader of campaigns whose reads end when the test says so. */
function heldReader() {
  const held: { id: string; answer: (name: string) => void; fail: () => void }[] = [];
  const of: CatalogReader = {
    publisher: async () => null,
    settings: async () => someSettings(),
    macKeys: async () => [],
    campaign: (id) =>
      new Promise((resolve, reject) => {
        held.push({
          id,
          answer: (name) => resolve(aCampaign({ id, name })),
          fail: () => reject(new StorageUnavailable('held')),
        });
      }),
  };
  return { held, of };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

beforeEach(() => {
  now = 1_000_000;
  stale = [];
  reader = new FakeCatalogReader();
  reader.campaigns.set('summer', aCampaign({ name: 'old' }));
  reader.ring = [KEY];
});

/** An environment that knows the campaign as active, was frozen while it read it again, and is thawed an hour later. */
async function freezeInRefresh() {
  const { held, of } = heldReader();
  const catalog = cache(LIFETIME, of);
  const first = catalog.campaign('summer');
  held[0]?.answer('active');
  await first;
  now += LIFETIME;
  const refreshed = catalog.campaign('summer');
  wake();
  await refreshed;
  now += 3_600_000;
  return { held, catalog };
}

/** Pauses the campaign while the cache holds it as active. */
const pause = () => reader.campaigns.set('summer', aCampaign({ status: 'paused' }));
const statusOf = async (catalog: CatalogReader) => (await catalog.campaign('summer'))?.status;

describe('a campaign that is paused', () => {
  it('is paused everywhere within a lifetime, whenever it was read before', async () => {
    const catalogs = [0, 10_000, 29_999].map((age) => ({ age, catalog: cache(LIFETIME) }));
    const pausedAt = now + 30_000;
    for (const { age, catalog } of catalogs) {
      now = pausedAt - age;
      expect(await statusOf(catalog)).toBe('active');
    }
    pause();
    for (const { catalog } of catalogs) {
      now = pausedAt + LIFETIME;
      expect(await statusOf(catalog)).toBe('paused');
    }
  });

  it('is not kept as it was by a slow read that began before: its news are as old as its beginning', async () => {
    const { held, of } = heldReader();
    const catalog = cache(LIFETIME, of);
    const first = catalog.campaign('summer');
    now += 900;
    held[0]?.answer('active');
    await first;
    now += LIFETIME - 900;
    const second = catalog.campaign('summer');
    expect(held).toHaveLength(2);
    held[1]?.answer('paused');
    expect(await second).toMatchObject({ name: 'paused' });
  });

  it('is read anew after an environment was frozen in the middle of a refresh', async () => {
    const { held, catalog } = await freezeInRefresh();
    const thawed = catalog.campaign('summer');
    expect(held).toHaveLength(3);
    held[2]?.answer('paused');
    expect(await thawed).toMatchObject({ name: 'paused' });
    held[1]?.answer('active');
    await settled();
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'paused' });
  });

  it('is read anew although the frozen refresh failed when the environment was thawed', async () => {
    const { held, catalog } = await freezeInRefresh();
    held[1]?.fail();
    await settled();
    const thawed = catalog.campaign('summer');
    held[2]?.answer('paused');
    expect(await thawed).toMatchObject({ name: 'paused' });
  });
});

describe('the cache of conversion counters', () => {
  const COUNTS = [{ publisherId: null, goal: null, counts: new Map([['nt', 3n]]) }];
  const start = (lifetime = LIFETIME) => {
    const source = new FakeConversionCounts();
    source.save(conversionCounterKey('summer', null, null), COUNTS[0]?.counts ?? new Map());
    const sleepers: (() => void)[] = [];
    wake = () => sleepers.splice(0).forEach((resolve) => resolve());
    return { source, counts: cacheConversionCounts(source, depsOf(lifetime, sleepers)) };
  };

  it('never fails: what was never read is not known to be counted, and is asked for once a second', async () => {
    const { source, counts } = start();
    source.down = true;
    expect(await counts.conversionCounts('summer', 'tia')).toEqual([]);
    expect(await counts.conversionCounts('summer', 'tia')).toEqual([]);
    expect(source.reads).toBe(1);
    source.down = false;
    now += 1_000;
    expect(await counts.conversionCounts('summer', 'tia')).toEqual(COUNTS);
  });

  it('never fails without a lifetime either', async () => {
    const { source, counts } = start(0);
    source.down = true;
    expect(await counts.conversionCounts('summer', 'tia')).toEqual([]);
    source.down = false;
    expect(await counts.conversionCounts('summer', 'tia')).toEqual(COUNTS);
  });

  it('lets a click wait 100 ms for the first read, whose answer serves the next one', async () => {
    let answer: (counts: typeof COUNTS) => void = () => undefined;
    const sleepers: (() => void)[] = [];
    const counts = cacheConversionCounts(
      { conversionCounts: () => new Promise((resolve) => (answer = resolve)) },
      depsOf(LIFETIME, sleepers),
    );
    const first = counts.conversionCounts('summer', 'tia');
    sleepers.forEach((resolve) => resolve());
    expect(await first).toEqual([]);
    answer(COUNTS);
    await settled();
    expect(await counts.conversionCounts('summer', 'tia')).toEqual(COUNTS);
  });

  it('keeps publishers apart, and what it knows while reads fail', async () => {
    const { source, counts } = start();
    await counts.conversionCounts('summer', 'tia');
    await counts.conversionCounts('summer', 'mia');
    await counts.conversionCounts('summer', 'tia');
    expect(source.reads).toBe(2);
    source.down = true;
    now += LIFETIME;
    expect(await counts.conversionCounts('summer', 'tia')).toEqual(COUNTS);
    expect(source.reads).toBe(3);
  });
});

describe('the catalog cache', () => {
  it('throws for what it never saw while reads fail, and reads again the next time', async () => {
    const catalog = cache(LIFETIME);
    reader.down = true;
    await expect(catalog.campaign('summer')).rejects.toThrow(StorageUnavailable);
    await expect(catalog.settings()).rejects.toThrow(StorageUnavailable);
    await expect(catalog.macKeys()).rejects.toThrow(StorageUnavailable);
    reader.down = false;
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'old' });
    expect(stale).toEqual([]);
  });

  it('reads nothing twice within a lifetime, unknown ids included', async () => {
    const catalog = cache(LIFETIME);
    for (let i = 0; i < 3; i++) {
      await catalog.campaign('summer');
      await catalog.campaign('nope');
      await catalog.publisher('summer');
      await catalog.settings();
      await catalog.macKeys();
    }
    expect(reader.reads).toEqual(['campaign summer', 'campaign nope', 'publisher summer', 'settings', 'mac_keys']);
    now += LIFETIME - 1;
    await catalog.campaign('summer');
    expect(reader.reads).toHaveLength(5);
  });

  it('reads again after a lifetime, and notices what was made, changed and removed', async () => {
    const catalog = cache(LIFETIME);
    await catalog.campaign('summer');
    await catalog.campaign('nope');
    reader.campaigns.set('summer', aCampaign({ name: 'new' }));
    reader.campaigns.set('nope', aCampaign({ id: 'nope' }));
    now += LIFETIME;
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'new' });
    expect(await catalog.campaign('nope')).toMatchObject({ id: 'nope' });
    reader.campaigns.delete('summer');
    now += LIFETIME;
    expect(await catalog.campaign('summer')).toBeNull();
  });

  it('reads each time with lifetime 0, and uses the last value while reads fail', async () => {
    const catalog = cache(0);
    await catalog.campaign('summer');
    reader.campaigns.set('summer', aCampaign({ name: 'new' }));
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'new' });
    reader.down = true;
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'new' });
    reader.down = false;
    reader.campaigns.set('summer', aCampaign({ name: 'newer' }));
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'newer' });
    expect(reader.reads).toHaveLength(4);
  });

  it('waits for the read with lifetime 0, however slow it is', async () => {
    const { held, of } = heldReader();
    const catalog = cache(0, of);
    const first = catalog.campaign('summer');
    held[0]?.answer('old');
    await first;
    const second = catalog.campaign('summer');
    wake();
    await settled();
    held[1]?.answer('new');
    expect(await second).toMatchObject({ name: 'new' });
  });

  it('goes on using what it knows while reads fail, and asks once a second', async () => {
    const catalog = cache(LIFETIME);
    await catalog.campaign('summer');
    await catalog.settings();
    await catalog.macKeys();
    reader.down = true;
    now += 10 * LIFETIME;
    for (let i = 0; i < 3; i++) {
      expect(await catalog.campaign('summer')).toMatchObject({ name: 'old' });
      await catalog.settings();
      expect(await catalog.macKeys()).toEqual([KEY]);
    }
    expect(reader.reads).toHaveLength(6);
    expect(stale).toHaveLength(3);
    now += 1_000;
    await catalog.campaign('summer');
    expect(reader.reads).toHaveLength(7);
    reader.down = false;
    now += 1_000;
    reader.campaigns.set('summer', aCampaign({ name: 'new' }));
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'new' });
  });

  it('does not go on saying that an id is unknown while reads fail', async () => {
    const catalog = cache(LIFETIME);
    expect(await catalog.campaign('nope')).toBeNull();
    reader.down = true;
    now += LIFETIME;
    await expect(catalog.campaign('nope')).rejects.toThrow(StorageUnavailable);
  });

  it('lets a visitor wait 100 ms for a refresh, whose answer serves the next one', async () => {
    const { held, of } = heldReader();
    const catalog = cache(LIFETIME, of);
    const first = catalog.campaign('summer');
    held[0]?.answer('old');
    await first;
    now += LIFETIME;

    const slow = catalog.campaign('summer');
    wake();
    expect(await slow).toMatchObject({ name: 'old' });
    // Whoever comes later waits no more for the same read.
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'old' });
    expect(held).toHaveLength(2);

    held[1]?.answer('new');
    await settled();
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'new' });
    expect(held).toHaveLength(2);
  });

  it('is quiet about a refresh that fails after nobody waits for it any more', async () => {
    const { held, of } = heldReader();
    const catalog = cache(LIFETIME, of);
    const first = catalog.campaign('summer');
    held[0]?.answer('old');
    await first;
    now += LIFETIME;
    const slow = catalog.campaign('summer');
    wake();
    await slow;
    held[1]?.fail();
    await settled();
    expect(stale).toHaveLength(1);
    expect(await catalog.campaign('summer')).toMatchObject({ name: 'old' });
  });

  it('shares one read among those who miss at the same time', async () => {
    const { held, of } = heldReader();
    const catalog = cache(LIFETIME, of);
    const all = Promise.all([catalog.campaign('summer'), catalog.campaign('summer'), catalog.campaign('summer')]);
    expect(held).toHaveLength(1);
    held[0]?.answer('one');
    expect((await all).map((campaign) => campaign?.name)).toEqual(['one', 'one', 'one']);
  });

  it('reads again, once, for those who joined a read that failed: it may have been frozen for hours', async () => {
    const { held, of } = heldReader();
    const catalog = cache(LIFETIME, of);
    const frozen = catalog.campaign('summer');
    const joined = Promise.all([catalog.campaign('summer'), catalog.campaign('summer')]);
    held[0]?.fail();
    await expect(frozen).rejects.toThrow(StorageUnavailable);
    await settled();
    expect(held).toHaveLength(2);
    held[1]?.answer('fresh');
    expect((await joined).map((campaign) => campaign?.name)).toEqual(['fresh', 'fresh']);
  });

  it('does not keep an empty ring: the keys may be made the next moment', async () => {
    const catalog = cache(LIFETIME);
    reader.ring = [];
    expect(await catalog.macKeys()).toEqual([]);
    reader.ring = [KEY];
    expect(await catalog.macKeys()).toEqual([KEY]);
  });

  it('forgets the oldest unknown ids when there are too many, and never what is known', async () => {
    const catalog = cache(LIFETIME);
    await catalog.campaign('summer');
    for (let i = 0; i <= 5_000; i++) await catalog.campaign(`guess-${i}`);
    reader.reads.length = 0;
    await catalog.campaign('summer');
    await catalog.campaign('guess-5000');
    await catalog.campaign('guess-1');
    expect(reader.reads).toEqual([]);
    await catalog.campaign('guess-0');
    expect(reader.reads).toEqual(['campaign guess-0']);
  });
});
