import { findInClickCookie } from './click-cookie.ts';
import { isLikeClickId } from './click-id.ts';
import { newSortableId } from './ids.ts';
import type { RandomBytes } from './ids.ts';
import type { Clock } from './ports.ts';
import { BUILT_IN_NAMES, readCampaignId, readToken } from './postback-request.ts';
import type { ReceivedCall } from './received-call.ts';
import { redactReceived } from './redact.ts';

/**
 * A browser's call with all that is needed to judge it, now or later: plain JSON, because it may have to wait in the pixel
 * spool.
 */
export interface PixelHit {
  /** Of the hit, and of the conversion that may come of it: however often it is judged or tried again, there is one. */
  readonly id: string;
  /** Milliseconds. */
  readonly receivedAt: number;
  /** Method and route, `GET /pixel.gif`. */
  readonly route: string;
  /** Redacted as a hit keeps it, but for a `click_id` that may be one: whether it is, is only known once it is verified. */
  readonly call: ReceivedCall;
  /** The click that the cookie names for the call's campaign; not verified. */
  readonly cookieClickId: string | null;
}

const PIXEL_ROUTES: ReadonlySet<string> = new Set(['GET /pixel.gif', 'GET /pixel.html', 'POST /tag/convert']);

/** Whether a hit came from a browser. */
export function isPixelRoute(route: string): boolean {
  return PIXEL_ROUTES.has(route);
}

export interface PixelHitDeps {
  readonly now: Clock;
  readonly random: RandomBytes;
  /** The deployment's name, which is in the cookie's. */
  readonly network: string;
}

export function newPixelHit(
  {
    route,
    received,
    cookies,
  }: { readonly route: string; readonly received: ReceivedCall; readonly cookies: readonly string[] },
  { now, random, network }: PixelHitDeps,
): PixelHit {
  const receivedAt = now();
  const campaignId = readCampaignId(received);
  // Nobody there has a token; who pastes one all the same shows it to nobody else.
  const mayHideToken = (name: string, value: string): boolean =>
    name === 'click_id' ? !isLikeClickId(value, receivedAt) : !BUILT_IN_NAMES.known.has(name);
  return {
    id: newSortableId(receivedAt, random),
    receivedAt,
    route,
    call: redactReceived(received, BUILT_IN_NAMES, readToken(received, null), mayHideToken),
    cookieClickId: campaignId === null ? null : (findInClickCookie(cookies, network, campaignId)?.clickId ?? null),
  };
}
