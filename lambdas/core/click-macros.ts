import { CLICK_VALUES } from './entities.ts';
import type { Campaign, Click } from './entities.ts';
import type { ClickMacro } from './macros.ts';

/** Values of a click's macros, by name; what the click does not have is left out. `timestamp` and the like are no part of it. */
export function clickMacroValues(
  click: Click,
  campaign: Pick<Campaign, 'name'>,
): Partial<Record<ClickMacro, string>> & Record<string, string> {
  const values: Partial<Record<ClickMacro, string>> & Record<string, string> = {
    click_id: click.id,
    campaign_id: click.campaignId,
    campaign_name: campaign.name,
    pub_id: click.publisherId,
    advertiser_id: click.advertiserId,
  };
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
