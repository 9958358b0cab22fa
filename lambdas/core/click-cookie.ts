import { ENTITY_ID } from './ids.ts';

/**
 * The cookie by which a pixel finds the click: `fb_<network>`, a host-only cookie with the last click of each of the last
 * eight campaigns, newest first: `summer=abc...&winter=def...`. At most 880 bytes with its attributes. What a browser
 * sends back is anybody's text: the click IDs are verified where they are used.
 */
const PAIRS = 8;
const CLICK_ID = /^[a-z2-7]{32}$/;

interface CookieTarget {
  /** The deployment's name. */
  readonly network: string;
  readonly https: boolean;
  readonly maxAgeSeconds: number;
}

/** The value of the `Set-Cookie` header that adds this click to those which the browser sent. */
export function addToClickCookie(
  cookies: readonly string[],
  campaignId: string,
  clickId: string,
  target: CookieTarget,
): string {
  const clicks = new Map([[campaignId, clickId]]);
  for (const [campaign, click] of readClickCookie(cookies, target.network)) {
    if (clicks.size === PAIRS) break;
    if (!clicks.has(campaign)) clicks.set(campaign, click);
  }
  const value = Array.from(clicks, (pair) => pair.join('=')).join('&');
  const site = target.https ? 'SameSite=None; Secure' : 'SameSite=Lax';
  return `${cookieName(target.network)}=${value}; Max-Age=${target.maxAgeSeconds}; Path=/; HttpOnly; ${site}`;
}

/** Campaign and click IDs of the cookie, newest first; what does not look like one is left out. */
function* readClickCookie(cookies: readonly string[], network: string): Generator<readonly [string, string]> {
  const prefix = `${cookieName(network)}=`;
  const cookie = cookies.find((text) => text.startsWith(prefix));
  if (cookie === undefined) return;
  for (const pair of cookie.slice(prefix.length).split('&')) {
    const [campaign = '', click = ''] = pair.split('=', 2);
    if (ENTITY_ID.test(campaign) && CLICK_ID.test(click)) yield [campaign, click];
  }
}

function cookieName(network: string): string {
  return `fb_${network}`;
}
