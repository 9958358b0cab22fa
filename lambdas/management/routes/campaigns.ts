import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import { mapAtOnce } from '../../core/at-once.ts';
import { termsPartition, termsSortKey } from '../../core/campaign-terms.ts';
import { readCapUsage } from '../../core/cap-usage.ts';
import { DEFAULT_CAMPAIGN_TERMS } from '../../core/entities.ts';
import type { Campaign, CampaignTerms } from '../../core/entities.ts';
import { ENTITY_ID, newEntityId } from '../../core/ids.ts';
import { encodeValue } from '../../core/macros.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import type { Wire } from '../../core/wire.ts';
import { hiddenFilter } from '../bound.ts';
import { showCap, showCapToPublisher } from '../caps.ts';
import { entityHandlers, missingEntity, requireEntity, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import { isoTime, ok } from '../http.ts';
import type { ApiRequest, Deps, Handle, Step } from '../http.ts';
import { byField, byStatus, listCatalog } from '../lists.ts';
import { invalidField, invalidParameter, notFound, Problem, validationFailed } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { mayRun, showCampaignToPublisher } from '../publishers-campaign.ts';
import { createCampaignSchema } from '../schemas/campaign.ts';
import { readSettings } from './settings.ts';

type StoredCampaign = Wire<Campaign>;
type StoredTerms = Wire<CampaignTerms>;
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
      await requirePublishers(parsed, before, deps);
      const goals = parsed.goals.map((goal) => {
        const id = goal.id ?? newEntityId(deps.random);
        return { ...goal, id, name: goal.name ?? id, default: goal.default ?? parsed.goals.length === 1 };
      });
      return {
        name: parsed.name,
        advertiser_id: parsed.advertiser_id,
        status: parsed.status,
        currency,
        destination_url: parsed.destination_url,
        goals,
        unknown_goal: parsed.unknown_goal,
        payout_basis: parsed.payout_basis,
        overrides: parsed.overrides,
        terms_since: termsSince({ goals, overrides: parsed.overrides }, before, deps.now()),
        coupons: parsed.coupons,
        click_payout: parsed.click_payout,
        visibility: parsed.visibility,
        approved_publishers: parsed.approved_publishers,
        blocked_publishers: parsed.blocked_publishers,
        caps: parsed.caps,
        targeting: parsed.targeting,
        fallback_url: parsed.fallback_url,
        attribution_window_days: days,
        minimum_seconds_to_convert: parsed.minimum_seconds_to_convert,
        duplicate_click_window_seconds: parsed.duplicate_click_window_seconds,
        deep_link_hosts: parsed.deep_link_hosts,
        expose: parsed.expose,
        starts_at: parsed.starts_at,
        ends_at: parsed.ends_at,
      };
    },
    show: (stored) => {
      const campaign = completed(stored);
      return {
        name: campaign.name,
        advertiser_id: campaign.advertiser_id,
        status: campaign.status,
        currency: campaign.currency,
        destination_url: campaign.destination_url,
        goals: campaign.goals,
        unknown_goal: campaign.unknown_goal,
        payout_basis: campaign.payout_basis,
        overrides: campaign.overrides,
        coupons: campaign.coupons,
        click_payout: campaign.click_payout,
        visibility: campaign.visibility,
        approved_publishers: campaign.approved_publishers,
        blocked_publishers: campaign.blocked_publishers,
        caps: campaign.caps,
        targeting: campaign.targeting,
        fallback_url: campaign.fallback_url,
        attribution_window_days: campaign.attribution_window_days,
        minimum_seconds_to_convert: campaign.minimum_seconds_to_convert,
        duplicate_click_window_seconds: campaign.duplicate_click_window_seconds,
        deep_link_hosts: campaign.deep_link_hosts,
        expose: campaign.expose,
        starts_at: isoTime(campaign.starts_at),
        ends_at: isoTime(campaign.ends_at),
      };
    },
    related: (next, before) => {
      const comesToLife = next.status !== 'archived' && (before === null || before.status === 'archived');
      return [
        ...(comesToLife ? [requireEntity('advertiser', next.advertiser_id, '/advertiser_id')] : []),
        ...(before === null ? [] : keepTerms(next, before)),
      ];
    },
  };
}

const DEFAULT_TERMS = toWire(DEFAULT_CAMPAIGN_TERMS) as Wire<typeof DEFAULT_CAMPAIGN_TERMS>;

/** Rows from before a term existed lack it. */
function completed(stored: StoredCampaign): StoredCampaign {
  const since: Partial<StoredCampaign> = { terms_since: stored.created_at };
  return { ...DEFAULT_TERMS, ...since, ...stored };
}

/** Since when these terms are in force. Later than those before, whatever the clocks say: their rows are told apart by it. */
function termsSince(next: Omit<StoredTerms, 'terms_since'>, stored: StoredCampaign | null, now: number): number {
  if (stored === null) return now;
  const { goals, overrides, terms_since } = completed(stored);
  return isDeepStrictEqual(next, { goals, overrides }) ? terms_since : Math.max(now, terms_since + 1);
}

/** Keeps the terms before, if they change: clicks and parked conversions of their time are still priced by them. */
function keepTerms(next: StoredCampaign, stored: StoredCampaign): Step[] {
  const { id, goals, overrides, terms_since } = completed(stored);
  if (completed(next).terms_since === terms_since) return [];
  const value: StoredTerms = { goals, overrides, terms_since };
  return [{ change: { op: 'put', pk: termsPartition(id), sk: termsSortKey(terms_since), value } }];
}

const READS_AT_ONCE = 25;

/**
 * Refuses publishers that do not exist where naming one would silently do nothing. Read, because a transaction cannot
 * hold as many; nothing is lost by it: entities are never deleted. Those that were named before may be archived by now.
 */
async function requirePublishers(next: Parsed, before: StoredCampaign | null, deps: Deps): Promise<void> {
  const had = new Set(before === null ? [] : namedPublishers(completed(before)).map(({ id }) => id));
  const named = namedPublishers(next).filter(({ id }) => !had.has(id));
  const ids = [...new Set(named.map(({ id }) => id))];
  const publishers = await mapAtOnce(ids, READS_AT_ONCE, (id) => deps.catalog.get('publisher', id));
  const found = new Set(publishers.flatMap((one) => (one === null || one.status === 'archived' ? [] : [one.id])));
  const missing = named.filter(({ id }) => !found.has(id));
  if (missing.length === 0) return;
  throw validationFailed(missing.map(({ id, pointer }) => missingEntity('publisher', id, pointer)));
}

function namedPublishers(campaign: Pick<StoredCampaign, 'caps' | 'coupons' | 'overrides'>) {
  const named: { id: string; pointer: string }[] = [];
  for (const list of ['overrides', 'coupons', 'caps'] as const) {
    for (const [i, { publisher_id: id }] of campaign[list].entries()) {
      if (id !== null) named.push({ id, pointer: `/${list}/${i}/publisher_id` });
    }
  }
  return named;
}

/** Whom a route asks about: a publisher's key about its own alone. Null: nobody is named. */
function publisherOf(request: ApiRequest, parameter: string): string | null {
  const id = request.query.get(parameter) ?? request.publisherId;
  if (id !== null && (request.publisherId ?? id) !== id) {
    throw new Problem(403, 'FORBIDDEN', 'The key belongs to another publisher');
  }
  return id;
}

async function requirePublisher(id: string, deps: Deps): Promise<void> {
  if (!ENTITY_ID.test(id) || (await deps.catalog.get('publisher', id)) === null) throw notFound('publisher');
}

function listOfPublisher(publisherId: string): Handle {
  const show = (campaign: StoredCampaign) => showCampaignToPublisher(publisherId, completed(campaign));
  return listCatalog('campaign', show, { status: byStatus }, (campaign) => mayRun(publisherId, completed(campaign)));
}

export function campaignHandlers({ allowLoopback }: Deps) {
  const campaigns = campaignResource(allowLoopback);
  const { create, get, patch, archive, read } = entityHandlers(campaigns);
  const list = listCatalog('campaign', (campaign) => showEntity(campaigns, campaign), {
    status: byStatus,
    advertiser_id: byField('advertiser_id'),
  });

  /** To publishers the campaigns that they may not run do not exist. */
  const readVisible = async ({ params, publisherId }: ApiRequest, deps: Deps): Promise<StoredCampaign> => {
    const campaign = completed(await read(params['id'], deps));
    if (publisherId !== null && !mayRun(publisherId, campaign)) throw notFound('campaign');
    return campaign;
  };

  /** The tracking link, with placeholders for the publisher to fill in. */
  const link = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const publisherId = publisherOf(request, 'pub_id');
    if (publisherId === null) throw invalidParameter('pub_id', 'is required');
    const [campaign] = await Promise.all([readVisible(request, deps), requirePublisher(publisherId, deps)]);
    const placeholders = 'p1={p1}&source={source}';
    const [c, p] = [encodeValue(campaign.id), encodeValue(publisherId)];
    return ok({
      tracking_url: `${deps.trackingUrl}/click?campaign_id=${c}&pub_id=${p}&${placeholders}`,
      short_url: `${deps.trackingUrl}/c/${c}/${p}?${placeholders}`,
    });
  };

  /** What is left of the caps now. A publisher learns of those alone that limit it, and not of those on revenue. */
  const caps = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const publisherId = publisherOf(request, 'publisher_id');
    if (publisherId !== null && !ENTITY_ID.test(publisherId)) throw invalidParameter('publisher_id', 'is no id');
    const [stored, settings] = await Promise.all([
      readVisible(request, deps),
      readSettings(deps),
      publisherId === null ? null : requirePublisher(publisherId, deps),
    ]);
    const campaign = fromWire(stored) as Campaign;
    const isPublishers = request.publisherId !== null;
    const shown = isPublishers ? campaign.caps.filter(({ metric }) => metric !== 'revenue') : campaign.caps;
    const at = { networkTimeZone: settings.time_zone, now: request.now };
    const usage = await readCapUsage({ id: campaign.id, caps: shown }, publisherId, at, deps.readCounter);
    const show = isPublishers ? showCapToPublisher : showCap;
    return ok({ items: usage.map((cap) => show(cap, campaign.currency)) });
  };

  return {
    'POST /v1/campaigns': create,
    'GET /v1/campaigns': async (request, deps) => {
      const { publisherId } = request;
      if (publisherId === null) return list(request, deps);
      if (request.query.has('advertiser_id')) throw hiddenFilter('publisher', 'advertiser_id');
      return listOfPublisher(publisherId)(request, deps);
    },
    'GET /v1/campaigns/:id': async (request, deps) => {
      if (request.publisherId === null) return get(request, deps);
      return ok(showCampaignToPublisher(request.publisherId, await readVisible(request, deps)));
    },
    'PATCH /v1/campaigns/:id': patch,
    'DELETE /v1/campaigns/:id': archive,
    'GET /v1/campaigns/:id/link': link,
    'GET /v1/campaigns/:id/caps': caps,
  } satisfies Record<string, Handle>;
}
