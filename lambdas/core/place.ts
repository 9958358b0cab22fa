import type { Campaign, Settings } from './entities.ts';
import type { ConversionCatalog } from './ports.ts';

/** Where a conversion happens: what every decision about it reads. */
export interface Place {
  readonly campaign: Campaign;
  readonly settings: Settings;
}

/** Throws if there is no such campaign: those that have clicks or conversions are archived, never deleted. */
export async function readPlace(
  campaignId: string,
  catalog: Pick<ConversionCatalog, 'campaign' | 'settings'>,
): Promise<Place> {
  const [campaign, settings] = await Promise.all([readCampaign(campaignId, catalog), catalog.settings()]);
  return { campaign, settings };
}

/** As {@link readPlace}. */
export async function readCampaign(id: string, catalog: Pick<ConversionCatalog, 'campaign'>): Promise<Campaign> {
  const campaign = await catalog.campaign(id);
  if (campaign === null) throw new Error(`campaign ${id} has clicks or conversions and is not stored`);
  return campaign;
}
