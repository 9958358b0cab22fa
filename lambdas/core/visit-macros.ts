import type { MacKeyRing } from './click-id.ts';
import { VALUE_LENGTH } from './click-request.ts';
import type { Visit } from './click-request.ts';
import type { Campaign } from './entities.ts';
import { newEntityId } from './ids.ts';
import type { RandomBytes } from './ids.ts';
import { keyedHash } from './keyed-hash.ts';
import type { MacroValue } from './location.ts';
import { cut } from './parameters.ts';

/** What macros know. */
interface Known {
  readonly visit: Visit;
  /** Null where nobody looked it up, or there is none. */
  readonly campaign: Campaign | null;
  readonly ring: MacKeyRing;
}

/** Values of the macros in destinations and fallbacks, each made when it is asked for. `now` in milliseconds. */
export function visitMacros(
  { visit, campaign, ring }: Known,
  clickId: string | null,
  now: number,
  random: RandomBytes,
): MacroValue {
  const values: Readonly<Record<string, string | undefined>> = visit.values;
  return (macro) => {
    switch (macro) {
      case 'click_id':
        return clickId ?? undefined;
      case 'campaign_id':
        return visit.campaignId ?? undefined;
      case 'campaign_name':
        return campaign?.name;
      case 'pub_id':
        return visit.publisherId ?? undefined;
      case 'advertiser_id':
        return campaign?.advertiserId;
      case 'country':
      case 'device':
      case 'os':
      case 'browser':
      case 'language':
        return visit[macro] ?? undefined;
      case 'ip':
        return visit.address;
      case 'user_agent':
        return cut(visit.userAgent, VALUE_LENGTH);
      case 'referer':
        return cut(visit.referer, VALUE_LENGTH);
      case 'timestamp':
        return String(Math.floor(now / 1_000));
      case 'datetime':
        return new Date(now).toISOString();
      case 'random':
        return newEntityId(random);
      case 'pub_hash':
        return visit.publisherId === null ? undefined : keyedHash(ring, `pub-hash:${visit.publisherId}`);
      case 'source_hash':
        return sourceHash(visit, ring);
      default:
        return values[macro];
    }
  };
}

/** With the publisher: a source is the publisher's own name for something. */
function sourceHash({ publisherId, values: { source } }: Visit, ring: MacKeyRing): string | undefined {
  if (publisherId === null || source === undefined) return undefined;
  return keyedHash(ring, `source-hash:${publisherId}:${source}`);
}
