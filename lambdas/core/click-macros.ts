import { CLICK_VALUES } from './entities.ts';
import type { Campaign, Click } from './entities.ts';
import type { ClickMacro } from './macros.ts';

type ClickMacroValues = Partial<Record<ClickMacro, string>> & Record<string, string>;

/** Whose a click or a conversion without one is, as macro values. */
export function ownerMacroValues(
  { campaignId, publisherId, advertiserId }: Pick<Click, 'campaignId' | 'publisherId' | 'advertiserId'>,
  campaign: Pick<Campaign, 'name'>,
): ClickMacroValues {
  return { campaign_id: campaignId, campaign_name: campaign.name, pub_id: publisherId, advertiser_id: advertiserId };
}

/** Values of a click's macros, by name; what the click does not have is left out. `timestamp` and the like are no part of it. */
export function clickMacroValues(click: Click, campaign: Pick<Campaign, 'name'>): ClickMacroValues {
  const values: ClickMacroValues = { click_id: click.id, ...ownerMacroValues(click, campaign) };
  for (const name of CLICK_VALUES) {
    const value = click.values[name];
    if (value !== undefined) values[name] = value;
  }
  for (const name of ['country', 'device', 'os', 'browser', 'language'] as const) {
    const value = click[name];
    if (value !== null) values[name] = value;
  }
  return values;
}
