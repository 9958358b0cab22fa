import { ENTITY_ID } from './ids.ts';

/**
 * The cookie by which a pixel finds the click: `fb_<network>`, a host-only cookie with the last click of each of the last
 * eight campaigns, newest first: `summer=abc...&winter=def...`. Under 950 bytes with its attributes. What a browser
 * sends back is anybody's text: the click IDs are verified where they are used.
 *
 * Of a campaign with a duplicate window, a click that did not count itself carries when the visitor's click was that did:
 * `summer=abc....<seconds in base 36>`, 0: none. So a page that a browser fetches ahead does not make the tap after it
 * a duplicate, and the window does not slide.
 */
const PAIRS = 8;
const MARK = /^([a-z2-7]{32})(?:\.([0-9a-z]{1,7}))?$/;

interface CookieTarget {
  /** The deployment's name. */
  readonly network: string;
  readonly https: boolean;
  readonly maxAgeSeconds: number;
}

/** A campaign's last click, as the browser has it. */
interface CookieClick {
  readonly clickId: string;
  /** When the click was that counted, in milliseconds, 0: there was none; null: this one counted. */
  readonly countedAt: number | null;
}

/** The value of the `Set-Cookie` header that adds this click to those which the browser sent. */
export function addToClickCookie(
  cookies: readonly string[],
  campaignId: string,
  { clickId, countedAt }: CookieClick,
  target: CookieTarget,
): string {
  const mark = countedAt === null ? clickId : `${clickId}.${Math.floor(countedAt / 1_000).toString(36)}`;
  const others = readClickCookie(cookies, target.network).filter(([campaign]) => campaign !== campaignId);
  const value = [[campaignId, mark], ...others.slice(0, PAIRS - 1)].map((pair) => pair.join('=')).join('&');
  const site = target.https ? 'SameSite=None; Secure' : 'SameSite=Lax';
  return `${cookieName(target.network)}=${value}; Max-Age=${target.maxAgeSeconds}; Path=/; HttpOnly; ${site}`;
}

/** What a browser says of a campaign; null: nothing. */
export function findInClickCookie(cookies: readonly string[], network: string, campaignId: string): CookieClick | null {
  const found = readClickCookie(cookies, network).find(([campaign]) => campaign === campaignId);
  if (found === undefined) return null;
  const [, clickId = '', seconds] = MARK.exec(found[1]) ?? [];
  return { clickId, countedAt: seconds === undefined ? null : Number.parseInt(seconds, 36) * 1_000 };
}

/** Campaigns and marks of the cookie, newest first; what does not look like one is left out. */
function readClickCookie(cookies: readonly string[], network: string): readonly (readonly [string, string])[] {
  const prefix = `${cookieName(network)}=`;
  const cookie = cookies.find((text) => text.startsWith(prefix));
  if (cookie === undefined) return [];
  return cookie
    .slice(prefix.length)
    .split('&')
    .map((pair): readonly [string, string] => {
      const [campaign = '', mark = ''] = pair.split('=', 2);
      return [campaign, mark];
    })
    .filter(([campaign, mark]) => ENTITY_ID.test(campaign) && MARK.test(mark));
}

function cookieName(network: string): string {
  return `fb_${network}`;
}
