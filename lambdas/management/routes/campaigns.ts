import type * as z from 'zod';
import { ENTITY_ID, newEntityId } from '../../core/ids.ts';
import { encodeValue } from '../../core/macros.ts';
import { entityHandlers, requireEntity, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { listCatalog } from '../lists.ts';
import { invalidField, invalidParameter, notFound } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { createCampaignSchema, UNENFORCED_CAMPAIGN_TERMS } from '../schemas/campaign.ts';
import { readSettings } from './settings.ts';

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
        currency: parsed.currency ?? settings.currency,
        destination_url: parsed.destination_url,
        goals: parsed.goals.map((goal) => {
          const id = goal.id ?? newEntityId(deps.random);
          return { ...goal, id, name: goal.name ?? id, default: goal.default ?? parsed.goals.length === 1 };
        }),
        unknown_goal: parsed.unknown_goal,
        fallback_url: parsed.fallback_url,
        attribution_window_days: days,
        expose: parsed.expose,
      };
    },
    show: (campaign) => ({
      name: campaign.name,
      advertiser_id: campaign.advertiser_id,
      status: campaign.status,
      currency: campaign.currency,
      destination_url: campaign.destination_url,
      goals: campaign.goals,
      unknown_goal: campaign.unknown_goal,
      ...UNENFORCED_CAMPAIGN_TERMS,
      fallback_url: campaign.fallback_url,
      attribution_window_days: campaign.attribution_window_days,
      expose: campaign.expose,
    }),
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
