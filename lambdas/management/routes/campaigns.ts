import type * as z from 'zod';
import { DEFAULT_CAMPAIGN_TERMS } from '../../core/entities.ts';
import { ENTITY_ID, newEntityId } from '../../core/ids.ts';
import { encodeValue } from '../../core/macros.ts';
import { toWire } from '../../core/wire.ts';
import type { Wire } from '../../core/wire.ts';
import { entityHandlers, requireEntity, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import { isoTime, ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listCatalog } from '../lists.ts';
import { invalidField, invalidParameter, notFound } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { createCampaignSchema, UNENFORCED_CAMPAIGN_TERMS } from '../schemas/campaign.ts';
import { readSettings } from './settings.ts';

/** Rows from before a term existed lack it. */
const DEFAULT_TERMS = toWire(DEFAULT_CAMPAIGN_TERMS) as Wire<typeof DEFAULT_CAMPAIGN_TERMS>;

type Parsed = z.infer<ReturnType<typeof createCampaignSchema>>;

function campaignResource(allowLoopback: boolean): Resource<'campaign', Parsed> {
  return {
    kind: 'campaign',
    schema: createCampaignSchema(allowLoopback),
    readOnly: [],
    cached: true,
    async complete(parsed, before, deps) {
      if (before !== null && parsed.advertiser_id !== before.advertiser_id) {
        throw invalidField('/advertiser_id', 'READ_ONLY', 'clicks belong to the advertiser already');
      }
      const settings = await readSettings(deps);
      const currency = parsed.currency ?? settings.currency;
      if (before !== null && currency !== before.currency) {
        throw invalidField('/currency', 'READ_ONLY', 'money was counted in it already: make another campaign');
      }
      const days = parsed.attribution_window_days ?? settings.attribution_window_days;
      if (days > settings.click_retention_days) {
        throw invalidField(
          '/attribution_window_days',
          'TOO_LONG',
          "must not be longer than the network's click retention",
        );
      }
      return {
        name: parsed.name,
        advertiser_id: parsed.advertiser_id,
        status: parsed.status,
        currency,
        destination_url: parsed.destination_url,
        goals: parsed.goals.map((goal) => {
          const id = goal.id ?? newEntityId(deps.random);
          return { ...goal, id, name: goal.name ?? id, default: goal.default ?? parsed.goals.length === 1 };
        }),
        unknown_goal: parsed.unknown_goal,
        click_payout: parsed.click_payout,
        visibility: parsed.visibility,
        approved_publishers: parsed.approved_publishers,
        blocked_publishers: parsed.blocked_publishers,
        caps: parsed.caps,
        targeting: parsed.targeting,
        fallback_url: parsed.fallback_url,
        attribution_window_days: days,
        duplicate_click_window_seconds: parsed.duplicate_click_window_seconds,
        deep_link_hosts: parsed.deep_link_hosts,
        expose: parsed.expose,
        starts_at: parsed.starts_at,
        ends_at: parsed.ends_at,
        payout_basis: 'conversion',
        overrides: [],
        terms_since: before?.terms_since ?? deps.now(),
        coupons: [],
        minimum_seconds_to_convert: 0,
      };
    },
    show: (stored) => {
      const campaign = { ...DEFAULT_TERMS, ...stored };
      return {
        name: campaign.name,
        advertiser_id: campaign.advertiser_id,
        status: campaign.status,
        currency: campaign.currency,
        destination_url: campaign.destination_url,
        goals: campaign.goals,
        unknown_goal: campaign.unknown_goal,
        click_payout: campaign.click_payout,
        visibility: campaign.visibility,
        approved_publishers: campaign.approved_publishers,
        blocked_publishers: campaign.blocked_publishers,
        caps: campaign.caps,
        targeting: campaign.targeting,
        fallback_url: campaign.fallback_url,
        attribution_window_days: campaign.attribution_window_days,
        duplicate_click_window_seconds: campaign.duplicate_click_window_seconds,
        deep_link_hosts: campaign.deep_link_hosts,
        expose: campaign.expose,
        starts_at: isoTime(campaign.starts_at),
        ends_at: isoTime(campaign.ends_at),
        ...UNENFORCED_CAMPAIGN_TERMS,
      };
    },
    related: (next, before) => {
      const comesToLife = next.status !== 'archived' && (before === null || before.status === 'archived');
      return comesToLife ? [requireEntity('advertiser', next.advertiser_id, '/advertiser_id')] : [];
    },
  };
}

export function campaignHandlers({ allowLoopback }: Deps) {
  const campaigns = campaignResource(allowLoopback);
  const { create, get, patch, archive, read } = entityHandlers(campaigns);

  /** The tracking link, with placeholders for the publisher to fill in. */
  const link = async ({ params, query }: ApiRequest, deps: Deps): Promise<Answer> => {
    const publisherId = query.get('pub_id');
    if (publisherId === undefined) throw invalidParameter('pub_id', 'is required');
    const [campaign, publisher] = await Promise.all([
      read(params['id'], deps),
      ENTITY_ID.test(publisherId) ? deps.catalog.get('publisher', publisherId) : null,
    ]);
    if (publisher === null) throw notFound('publisher');
    const placeholders = 'p1={p1}&source={source}';
    const [c, p] = [encodeValue(campaign.id), encodeValue(publisher.id)];
    return ok({
      tracking_url: `${deps.trackingUrl}/click?campaign_id=${c}&pub_id=${p}&${placeholders}`,
      short_url: `${deps.trackingUrl}/c/${c}/${p}?${placeholders}`,
    });
  };

  return {
    'POST /v1/campaigns': create,
    'GET /v1/campaigns': listCatalog('campaign', (campaign) => showEntity(campaigns, campaign)),
    'GET /v1/campaigns/:id': get,
    'PATCH /v1/campaigns/:id': patch,
    'DELETE /v1/campaigns/:id': archive,
    'GET /v1/campaigns/:id/link': link,
  } satisfies Record<string, Handle>;
}
