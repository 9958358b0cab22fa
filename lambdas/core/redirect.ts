import { createHmac } from 'node:crypto';
import { encodeBase32 } from './base32.ts';
import { mintClickId, mintingKey } from './click-id.ts';
import type { MacKeyRing } from './click-id.ts';
import { addToClickCookie } from './click-cookie.ts';
import { clickMacroValues } from './click-macros.ts';
import { clickValues, preferredLanguage, VALUE_LENGTH } from './click-request.ts';
import type { ClickRequest, VisitorLocation } from './click-request.ts';
import { cutAddress } from './cut-address.ts';
import type { Campaign, Click, Publisher, Settings } from './entities.ts';
import { ENTITY_ID, newEntityId } from './ids.ts';
import type { RandomBytes } from './ids.ts';
import { compileTemplate, DESTINATION_MACROS, encodeValue, expandTemplate } from './macros.ts';
import type { Template } from './macros.ts';
import { cut, decodePercent, firstValues, parseParameters } from './parameters.ts';
import { StorageUnavailable } from './ports.ts';
import type { CatalogReader, Clock } from './ports.ts';
import { CLICK_REASONS } from './reasons.ts';
import type { ClickCode } from './reasons.ts';

/** `click` is to be stored before the answer is sent; null: nothing is recorded. */
export type RedirectOutcome =
  | {
      readonly kind: 'redirect';
      readonly code: ClickCode;
      /** Printable ASCII: safe as a header. */
      readonly location: string;
      readonly click: Click | null;
      /** Value of a `Set-Cookie` header. */
      readonly cookie: string | null;
    }
  | { readonly kind: 'notFound'; readonly code: ClickCode; readonly click: Click | null }
  | { readonly kind: 'methodNotAllowed' };

export interface RedirectDeps {
  readonly catalog: CatalogReader;
  readonly locate: (request: Pick<ClickRequest, 'headers' | 'sourceIp'>) => VisitorLocation;
  readonly now: Clock;
  readonly random: RandomBytes;
  /** The deployment's name, for the cookie. */
  readonly network: string;
  /** How long an environment may use a catalog item, in milliseconds. */
  readonly cacheMilliseconds: number;
}

const USER_AGENT_LENGTH = 256;

/**
 * Longer URLs are refused on their way, by API Gateway at 10,240 bytes of headers. Only values of mostly encoded
 * characters, or a macro that stands in a URL again and again, reach it.
 */
const LOCATION_LENGTH = 8_000;
const LONG_VALUE = 100;

/**
 * Where a visitor goes and what is recorded of it. Throws {@link StorageUnavailable} only if an environment knows
 * nothing of the link and cannot read it; no input makes it throw.
 */
export async function redirect(request: ClickRequest, deps: RedirectDeps): Promise<RedirectOutcome> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { kind: 'methodNotAllowed' };
  const { catalog } = deps;

  const parameters = firstValues(parseParameters(request.query));
  const campaignId = entityId(request.campaignId ?? parameters.get('campaign_id'));
  const publisherId = entityId(request.publisherId ?? parameters.get('pub_id'));
  if (campaignId === null || publisherId === null) {
    // Bad input is answered whatever the state of storage.
    const settings = await catalog.settings().catch(() => null);
    return fallback('MALFORMED_REQUEST', null, settings, null);
  }

  const [campaign, publisher, settings, ring] = await Promise.all([
    catalog.campaign(campaignId),
    catalog.publisher(publisherId),
    catalog.settings(),
    catalog.macKeys(),
  ]);
  if (campaign === null) return fallback('CAMPAIGN_NOT_FOUND', null, settings, null);
  if (publisher === null) return fallback('PUBLISHER_NOT_FOUND', campaign, settings, null);

  const now = deps.now();
  const { address, country } = deps.locate(request);
  const code = codeOf(request, campaign, publisher);
  const key = mintingKey(ring, now, deps.cacheMilliseconds);
  if (key === null) throw new StorageUnavailable('there is no MAC key yet');
  const click: Click = {
    id: mintClickId(now, deps.random, key),
    campaignId,
    publisherId,
    advertiserId: campaign.advertiserId,
    code,
    payable: CLICK_REASONS[code].payable,
    createdAt: now,
    expiresAt: Math.floor(now / 1_000) + retentionSeconds(settings),
    values: clickValues(parameters),
    country,
    device: null,
    os: null,
    browser: null,
    language: preferredLanguage(request.headers['accept-language'] ?? ''),
    ip: cutAddress(address),
    userAgent: cut((request.headers['user-agent'] ?? '').toWellFormed(), USER_AGENT_LENGTH) || null,
    payout: null,
  };
  // A HEAD request gets the same answer, but nobody visited: it leaves neither a row nor a cookie that names one.
  const stored = request.method === 'HEAD' ? null : click;
  if (CLICK_REASONS[code].visitorGoesTo === 'fallback') return fallback(code, campaign, settings, stored);

  return {
    kind: 'redirect',
    code,
    location: destination(click, campaign, request, address, ring, deps.random),
    click: stored,
    cookie:
      stored &&
      addToClickCookie(request.cookies, campaignId, click.id, {
        network: deps.network,
        https: request.https,
        maxAgeSeconds: retentionSeconds(settings),
      }),
  };
}

/** The first rule that applies decides; the order is that of the contract's table. */
function codeOf(request: ClickRequest, campaign: Campaign, publisher: Publisher): ClickCode {
  if (campaign.status !== 'active') return 'CAMPAIGN_PAUSED';
  if (publisher.status !== 'active') return 'PUBLISHER_BLOCKED';
  if (request.method === 'HEAD') return 'PREFETCH';
  return 'OK';
}

function fallback(
  code: ClickCode,
  campaign: Campaign | null,
  settings: Settings | null,
  click: Click | null,
): RedirectOutcome {
  const url = campaign?.fallbackUrl ?? settings?.fallbackUrl ?? null;
  return url === null
    ? { kind: 'notFound', code, click }
    : { kind: 'redirect', code, location: asciiUrl(url), click, cookie: null };
}

function entityId(text: string | undefined): string | null {
  if (text === undefined) return null;
  const id = decodePercent(text);
  return ENTITY_ID.test(id) ? id : null;
}

function retentionSeconds(settings: Settings): number {
  return settings.clickRetentionDays * 86_400;
}

/** Compiled once for each campaign that the cache holds. */
const templates = new WeakMap<Campaign, Template>();

function templateOf(campaign: Campaign): Template {
  let template = templates.get(campaign);
  if (template === undefined) {
    template = compileTemplate(asciiUrl(campaign.destinationUrl), DESTINATION_MACROS);
    templates.set(campaign, template);
  }
  return template;
}

/** The URL in printable ASCII, its macros untouched. Throws if there is a macro in its authority: invariant 11. */
function asciiUrl(url: string): string {
  const [authority = ''] = /^https?:\/\/[^/?#{}]+(?=[/?#]|$)/i.exec(url) ?? [];
  const rest = url.slice(authority.length).toWellFormed();
  return new URL(authority).origin + rest.replace(/[^\x21-\x7e]/gu, encodeURIComponent);
}

function destination(
  click: Click,
  campaign: Campaign,
  request: ClickRequest,
  address: string,
  ring: MacKeyRing,
  random: RandomBytes,
): string {
  const template = templateOf(campaign);
  const values = clickMacroValues(click, campaign);
  const valueOf = (macro: string): string | undefined => {
    switch (macro) {
      case 'ip':
        return address;
      case 'user_agent':
        return cut(request.headers['user-agent'] ?? '', VALUE_LENGTH);
      case 'referer':
        return cut(request.headers['referer'] ?? '', VALUE_LENGTH);
      case 'timestamp':
        return String(Math.floor(click.createdAt / 1_000));
      case 'datetime':
        return new Date(click.createdAt).toISOString();
      case 'random':
        return newEntityId(random);
      case 'pub_hash':
        return keyedHash(ring, `pub-hash:${click.publisherId}`);
      case 'source_hash':
        // With the publisher: a source is the publisher's own name for something.
        return click.values.source && keyedHash(ring, `source-hash:${click.publisherId}:${click.values.source}`);
      default:
        return values[macro];
    }
  };
  const location = expandTemplate(template, valueOf);
  if (location.length <= LOCATION_LENGTH) return location;
  return expandTemplate(template, (macro) => {
    const value = valueOf(macro);
    return value !== undefined && encodeValue(value).length <= LONG_VALUE ? value : undefined;
  });
}

/**
 * Hides a publisher from an advertiser: 80 bits that stay the same for as long as the network's oldest key does, and that
 * nobody can compute without it. The label keeps them apart from the MACs of click IDs.
 */
function keyedHash(ring: MacKeyRing, text: string): string | undefined {
  const oldest = ring[0];
  return oldest && encodeBase32(createHmac('sha256', oldest.key).update(text).digest().subarray(0, 10));
}
