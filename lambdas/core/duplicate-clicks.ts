import { findInClickCookie } from './click-cookie.ts';
import { verifyClickId } from './click-id.ts';
import type { MacKeyRing } from './click-id.ts';
import type { Visit } from './click-request.ts';
import { keyedHash } from './keyed-hash.ts';
import type { VisitClaim } from './ports.ts';

const DAY = 86_400_000;

/**
 * When the visitor's click was that counts for the campaign's window, by the cookie; null: none that it knows. A cookie can
 * only make a click a duplicate: one that says otherwise leaves it to the visit's marker.
 */
export function countedByCookie(
  cookies: readonly string[],
  network: string,
  campaignId: string,
  ring: MacKeyRing,
  windowSeconds: number,
  now: number,
): number | null {
  const known = findInClickCookie(cookies, network, campaignId);
  const click = known && verifyClickId(known.clickId, ring);
  if (click === null) return null;
  // The click that counted was never after the one that the cookie names.
  const countedAt = Math.min(known?.countedAt ?? click.time, click.time);
  return now - countedAt < windowSeconds * 1_000 ? countedAt : null;
}

/** Names a visitor without a cookie, for a day (UTC) and a campaign, by address and user agent, of which nothing is kept. */
export function visitClaim(
  { address, userAgent }: Pick<Visit, 'address' | 'userAgent'>,
  campaignId: string,
  ring: MacKeyRing,
  windowSeconds: number,
  now: number,
): VisitClaim | null {
  const keyOf = (day: number) => keyedHash(ring, `visit:${day}:${campaignId}:${address}\n${userAgent}`);
  const today = dayOf(now);
  // A click at the very beginning of the window is out of it.
  const firstDay = dayOf(now - windowSeconds * 1_000 + 1);
  const key = keyOf(today);
  if (key === undefined) return null;
  return { key, keyBefore: firstDay === today ? null : (keyOf(firstDay) ?? null), windowSeconds };
}

function dayOf(time: number): number {
  return Math.floor(time / DAY);
}
