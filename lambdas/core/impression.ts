import { linkOf } from './click-request.ts';
import type { ClickRequest } from './click-request.ts';
import { firstValues, parseParameters } from './parameters.ts';
import type { CatalogReader, Clock, ImpressionCounter } from './ports.ts';
import type { VisitCode } from './redirect.ts';
import { isPrefetch } from './visitor/prefetch.ts';
import { isRobotAgent } from './visitor/robots.ts';

interface ImpressionDeps {
  readonly catalog: CatalogReader;
  readonly impressions: ImpressionCounter;
  readonly now: Clock;
}

/**
 * Counts an impression of a tracking link if its code is `OK`. Throws {@link StorageUnavailable} where nobody knows whether
 * the link exists; the caller answers the same whatever comes of it.
 */
export async function countImpression(request: ClickRequest, deps: ImpressionDeps): Promise<VisitCode> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'METHOD_NOT_ALLOWED';
  const { campaignId, publisherId } = linkOf(request, firstValues(parseParameters(request.query)));
  if (campaignId === null || publisherId === null) return 'MALFORMED_REQUEST';
  const [campaign, publisher] = await Promise.all([
    deps.catalog.campaign(campaignId),
    deps.catalog.publisher(publisherId),
  ]);
  if (campaign === null) return 'CAMPAIGN_NOT_FOUND';
  if (publisher === null) return 'PUBLISHER_NOT_FOUND';
  if (request.method === 'HEAD' || isPrefetch(request.headers)) return 'PREFETCH';
  // By its name alone: an impression is always part of a page.
  if (isRobotAgent(request.headers['user-agent'] ?? '')) return 'BOT';
  await deps.impressions.count(campaignId, publisherId, deps.now());
  return 'OK';
}
