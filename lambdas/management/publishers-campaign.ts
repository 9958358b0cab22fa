import type { Campaign } from '../core/entities.ts';
import type { Wire } from '../core/wire.ts';
import { isoTime } from './http.ts';

type Shown = Wire<Campaign>;

/** Whether the publisher's clicks count, as far as the campaign's lists of publishers say it; see core/click-rules.ts. */
export function mayRun(publisherId: string, campaign: Shown): boolean {
  const { status, visibility, approved_publishers: approved, blocked_publishers: blocked } = campaign;
  if (status === 'archived' || blocked.includes(publisherId)) return false;
  return visibility === 'public' || approved.includes(publisherId);
}

/**
 * A campaign as a publisher may see it: what it is paid for and by what rules, nothing of the destination, of what the
 * advertiser pays, or of other publishers; their sources are why targeting has none here.
 */
export function showCampaignToPublisher(publisherId: string, campaign: Shown) {
  const isTheirs = (of: { readonly publisher_id: string | null }) => of.publisher_id === publisherId;
  const { countries, devices, os, browsers, languages, unknown } = campaign.targeting;
  return {
    id: campaign.id,
    name: campaign.name,
    status: campaign.status,
    currency: campaign.currency,
    goals: campaign.goals.map((goal) => ({
      id: goal.id,
      name: goal.name,
      default: goal.default,
      payout: payoutModel(goal.payout),
      hold_days: goal.hold_days,
    })),
    payout_basis: campaign.payout_basis,
    overrides: campaign.overrides
      .filter(isTheirs)
      .flatMap(({ publisher_id, goal, when, payout }) =>
        payout === null ? [] : [{ publisher_id, goal, when, payout: payoutModel(payout) }],
      ),
    coupons: campaign.coupons.filter(isTheirs),
    click_payout: campaign.click_payout,
    targeting: { countries, devices, os, browsers, languages, unknown },
    attribution_window_days: campaign.attribution_window_days,
    starts_at: isoTime(campaign.starts_at),
    ends_at: isoTime(campaign.ends_at),
    created_at: isoTime(campaign.created_at),
    updated_at: isoTime(campaign.updated_at),
  };
}

/** A share of the revenue is not said: with the payout it would tell the revenue. */
function payoutModel(payout: Shown['goals'][number]['payout']) {
  return payout.model === 'percent_of_revenue' ? { model: payout.model } : payout;
}
