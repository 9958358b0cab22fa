import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mintClickId, verifyClickId } from '../../lambdas/core/click-id.ts';
import { DEFAULT_CAMPAIGN_TERMS, DEFAULT_SETTINGS } from '../../lambdas/core/entities.ts';
import type { Campaign, Publisher, Settings } from '../../lambdas/core/entities.ts';
import type { CatalogReader } from '../../lambdas/core/ports.ts';
import { aCampaign, aGoal, aPublisher, someSettings } from '../support/entities.ts';

/** A catalog that starts empty. */
interface CatalogSubject {
  readonly catalog: CatalogReader;
  readonly save: {
    campaign(campaign: Campaign): Promise<void>;
    publisher(publisher: Publisher): Promise<void>;
    settings(settings: Settings): Promise<void>;
    macKey(key: Uint8Array, createdAt: number): Promise<void>;
  };
}

/** What every {@link CatalogReader} does. */
export function catalogReaderContract(name: string, start: () => CatalogSubject): void {
  describe(`${name} as a catalog`, () => {
    it('has none of what nobody saved', async () => {
      const { catalog } = start();
      expect(await catalog.campaign('nope')).toBeNull();
      expect(await catalog.publisher('nope')).toBeNull();
    });

    it('starts with the default settings and no keys', async () => {
      const { catalog } = start();
      expect(await catalog.settings()).toEqual(DEFAULT_SETTINGS);
      expect(await catalog.macKeys()).toEqual([]);
    });

    it('gives back campaigns, publishers and settings as they were saved, and as they were changed', async () => {
      const { catalog, save } = start();
      const campaign = aCampaign({
        name: 'Ünïcödé 💸',
        goals: [
          aGoal({ match: ['af_purchase'], payout: { model: 'percent_of_revenue', percent: '12.5' } }),
          aGoal({ id: 'lead', default: false, revenue: { model: 'none' }, accept: ['payout'] }),
        ],
        expose: ['sub1'],
      });
      const publisher = aPublisher({ metadata: { snake_case: 'a', camelCase: 'b' } });
      const settings = someSettings({ exchangeRates: { EUR: '1.1' }, fallbackUrl: 'https://fallback.example/' });
      await save.campaign(campaign);
      await save.publisher(publisher);
      await save.settings(settings);
      expect(await catalog.campaign('summer')).toEqual(campaign);
      expect(await catalog.publisher('tia')).toEqual(publisher);
      expect(await catalog.settings()).toEqual(settings);

      await save.campaign({ ...campaign, version: 2, status: 'paused' });
      expect(await catalog.campaign('summer')).toMatchObject({ version: 2, status: 'paused' });
    });

    it('gives back every term of a campaign', async () => {
      const { catalog, save } = start();
      const campaign = aCampaign({
        clickPayout: { model: 'fixed', amount: '0.05' },
        visibility: 'ask',
        approvedPublishers: ['tia', 'Max_1'],
        blockedPublishers: ['eve'],
        caps: [
          {
            metric: 'conversions',
            period: 'day',
            limit: '100',
            scope: 'publisher',
            publisherId: 'tia',
            goal: 'sale',
            timeZone: 'Europe/Berlin',
            onReached: 'pending',
          },
        ],
        targeting: {
          ...DEFAULT_CAMPAIGN_TERMS.targeting,
          countries: { allow: ['US'], deny: [] },
          sources: { allow: [], deny: ['snake_case', 'camelCase'] },
          unknown: 'deny',
        },
        duplicateClickWindowSeconds: 3_600,
        deepLinkHosts: ['*.shop.example'],
        startsAt: 1_764_000_000_000,
        endsAt: 1_765_000_000_000,
      });
      await save.campaign(campaign);
      expect(await catalog.campaign('summer')).toEqual(campaign);
    });

    it('keeps campaigns and publishers of the same id apart', async () => {
      const { catalog, save } = start();
      await save.campaign(aCampaign({ id: 'same' }));
      expect(await catalog.publisher('same')).toBeNull();
    });

    it('has the keys of click ids, oldest first, and they are those that were saved', async () => {
      const { catalog, save } = start();
      await save.macKey(new Uint8Array(32).fill(2), 2_000);
      await save.macKey(new Uint8Array(32).fill(1), 1_000);
      const ring = await catalog.macKeys();
      expect(ring.map(({ createdAt }) => createdAt)).toEqual([1_000, 2_000]);
      const key = { key: createSecretKey(new Uint8Array(32).fill(1)), createdAt: 1_000 };
      expect(
        verifyClickId(
          mintClickId(5_000, () => new Uint8Array(9), key),
          ring.slice(0, 1),
        ),
      ).not.toBeNull();
    });
  });
}
