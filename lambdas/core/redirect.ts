import { clickSlots, concerns } from './caps.ts';
import { addToClickCookie } from './click-cookie.ts';
import { mintClickId, mintingKey } from './click-id.ts';
import type { MacKeyRing } from './click-id.ts';
import { readVisit } from './click-request.ts';
import type { ClickRequest, Locate, Visit } from './click-request.ts';
import { codeOf } from './click-rules.ts';
import { networkFallback, termsOf } from './click-terms.ts';
import { conversionCapReached } from './conversion-cap-reached.ts';
import { cutAddress } from './cut-address.ts';
import { compileDeepLink } from './deep-link.ts';
import { countedByCookie, visitClaim } from './duplicate-clicks.ts';
import type { Campaign, Click, Publisher, Settings } from './entities.ts';
import type { RandomBytes } from './ids.ts';
import { expandLocation } from './location.ts';
import type { MacroValue } from './location.ts';
import { cut } from './parameters.ts';
import { StorageUnavailable } from './ports.ts';
import type { CatalogReader, ClickClaims, ClickRecorder, Clock, ConversionCountReader } from './ports.ts';
import { CLICK_REASONS } from './reasons.ts';
import type { ClickCode } from './reasons.ts';
import { visitMacros } from './visit-macros.ts';
import { isPrefetch } from './visitor/prefetch.ts';
import { isRobot } from './visitor/robots.ts';

/** What the visitor is answered. */
export type RedirectAnswer =
  | {
      readonly kind: 'redirect';
      /** Printable ASCII: safe as a header. */
      readonly location: string;
      /** Value of a `Set-Cookie` header. */
      readonly cookie: string | null;
    }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'methodNotAllowed' };

type RedirectOutcome = RedirectAnswer & {
  readonly code: VisitCode;
  /** Whether there is a click; of other visits nothing is left but what the caller counts. */
  readonly recorded: boolean;
};

/** What becomes of a call to a tracking link. */
export type VisitCode = ClickCode | 'METHOD_NOT_ALLOWED';

export interface RedirectDeps {
  readonly catalog: CatalogReader;
  /** Cached, and never throws: what cannot be read is not known to be full. */
  readonly conversionCounts: ConversionCountReader;
  readonly recorder: ClickRecorder;
  readonly locate: Locate;
  readonly now: Clock;
  readonly random: RandomBytes;
  /** The deployment's name, for the cookie. */
  readonly network: string;
  /** How long an environment may use a catalog item, in milliseconds. */
  readonly cacheMilliseconds: number;
}

const USER_AGENT_LENGTH = 256;

/**
 * Records a visit to a tracking link and says where it goes. Throws {@link StorageUnavailable} only if an environment
 * knows nothing of the link and cannot read it; no input makes it throw.
 */
export async function redirect(request: ClickRequest, deps: RedirectDeps): Promise<RedirectOutcome> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { kind: 'methodNotAllowed', code: 'METHOD_NOT_ALLOWED', recorded: false };
  }
  const { catalog } = deps;
  const visit = readVisit(request, deps.locate);
  const { campaignId, publisherId } = visit;
  if (campaignId === null || publisherId === null) {
    // Bad input is answered whatever the state of storage.
    const settings = await catalog.settings().catch(() => null);
    return unknown('MALFORMED_REQUEST', { visit, campaign: null, settings, ring: [] }, deps);
  }

  const [campaign, publisher, settings, ring] = await Promise.all([
    catalog.campaign(campaignId),
    catalog.publisher(publisherId),
    catalog.settings(),
    catalog.macKeys(),
  ]);
  if (campaign === null) return unknown('CAMPAIGN_NOT_FOUND', { visit, campaign, settings, ring }, deps);
  if (publisher === null) return unknown('PUBLISHER_NOT_FOUND', { visit, campaign, settings, ring }, deps);
  return follow(request, { visit, campaign, publisher, settings, ring }, deps);
}

/** A visit with what is known of its link. */
interface Call {
  readonly visit: Visit;
  readonly campaign: Campaign | null;
  readonly settings: Settings | null;
  readonly ring: MacKeyRing;
}

interface CallOfLink extends Call {
  readonly campaign: Campaign;
  readonly publisher: Publisher;
  readonly settings: Settings;
}

function unknown(code: ClickCode, call: Call, deps: RedirectDeps): RedirectOutcome {
  const valueOf = visitMacros(call, null, deps.now(), deps.random);
  return { ...fallback(call, valueOf), code, recorded: false };
}

/** A visit to a link that exists. */
async function follow(request: ClickRequest, call: CallOfLink, deps: RedirectDeps): Promise<RedirectOutcome> {
  const { visit, campaign, publisher, settings, ring } = call;
  const isCapReached = await knowsReachedCap(call, deps);
  const now = deps.now();
  const isHead = request.method === 'HEAD';
  const windowSeconds = campaign.duplicateClickWindowSeconds;
  const countedAt =
    windowSeconds === 0 ? null : countedByCookie(request.cookies, deps.network, campaign.id, ring, windowSeconds, now);
  const code = codeOf({
    now,
    campaign,
    publisher,
    visit,
    isCapReached,
    isPrefetch: isHead || isPrefetch(request.headers),
    isRobot: isRobot(request.headers),
    countedAt,
  });
  const asked = mint(code, call, now, deps);
  // A HEAD request gets the same answer, but nobody visited: it leaves neither a click nor a cookie that names one.
  const { click, countedAt: claimedAt } = isHead
    ? { click: asked, countedAt: null }
    : await deps.recorder.record(asked, code === 'OK' ? claimsOf(call, now) : null);

  const valueOf = visitMacros(call, click.id, now, deps.random);
  if (CLICK_REASONS[click.code].visitorGoesTo === 'fallback') {
    return { ...fallback(call, valueOf), code: click.code, recorded: !isHead };
  }

  const terms = termsOf(campaign);
  const deepLink = visit.deepLink === undefined ? null : compileDeepLink(visit.deepLink, terms.deepLinkHosts);
  const location = expandLocation(deepLink ?? terms.destination, valueOf);
  if (isHead) return { kind: 'redirect', location, cookie: null, code: click.code, recorded: false };

  const counts = click.code === 'OK' || windowSeconds === 0;
  const mark = { clickId: click.id, countedAt: counts ? null : (claimedAt ?? countedAt ?? 0) };
  const cookie = addToClickCookie(request.cookies, campaign.id, mark, {
    network: deps.network,
    https: request.https,
    maxAgeSeconds: retentionSeconds(settings),
  });
  return { kind: 'redirect', location, cookie, code: click.code, recorded: true };
}

/** Whether a conversion cap is known to have no room for this publisher. Reads only for a campaign that has such caps. */
async function knowsReachedCap({ campaign, publisher, settings }: CallOfLink, deps: RedirectDeps): Promise<boolean> {
  const caps = termsOf(campaign).watchedCaps.filter(({ cap }) => concerns(cap, publisher.id));
  if (caps.length === 0) return false;
  const counts = await deps.conversionCounts.conversionCounts(campaign.id, publisher.id);
  return conversionCapReached(caps, publisher.id, counts, settings.timeZone, deps.now());
}

function mint(
  code: ClickCode,
  { visit, campaign, publisher, settings, ring }: CallOfLink,
  now: number,
  deps: RedirectDeps,
): Click {
  const key = mintingKey(ring, now, deps.cacheMilliseconds);
  if (key === null) throw new StorageUnavailable('there is no MAC key yet');
  const { payable } = CLICK_REASONS[code];
  return {
    id: mintClickId(now, deps.random, key),
    campaignId: campaign.id,
    publisherId: publisher.id,
    advertiserId: campaign.advertiserId,
    code,
    payable,
    createdAt: now,
    expiresAt: Math.floor(now / 1_000) + retentionSeconds(settings),
    values: visit.values,
    country: visit.country,
    device: visit.device,
    os: visit.os,
    browser: visit.browser,
    language: visit.language,
    ip: cutAddress(visit.address),
    userAgent: cut(visit.userAgent.toWellFormed(), USER_AGENT_LENGTH) || null,
    payout: payable ? termsOf(campaign).payout : null,
  };
}

/** Null: nothing is asked of storage but to keep the click. */
function claimsOf({ visit, campaign, publisher, settings, ring }: CallOfLink, now: number): ClickClaims | null {
  const { id, duplicateClickWindowSeconds: windowSeconds } = campaign;
  const slots = clickSlots(campaign, publisher.id, settings.timeZone, now);
  if (windowSeconds === 0 && slots.length === 0) return null;
  return { visit: windowSeconds === 0 ? null : visitClaim(visit, id, ring, windowSeconds, now), slots };
}

function fallback({ campaign, settings }: Call, valueOf: MacroValue): RedirectAnswer {
  const template = (campaign && termsOf(campaign).fallback) ?? (settings && networkFallback(settings));
  if (template === null) return { kind: 'notFound' };
  return { kind: 'redirect', location: expandLocation(template, valueOf), cookie: null };
}

function retentionSeconds(settings: Settings): number {
  return settings.clickRetentionDays * 86_400;
}
