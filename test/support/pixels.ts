import { addToClickCookie } from '../../lambdas/core/click-cookie.ts';
import { newPixelHit } from '../../lambdas/core/pixel-hit.ts';
import type { PixelHit } from '../../lambdas/core/pixel-hit.ts';
import { readCall, TAG_TYPES } from '../../lambdas/core/received-call.ts';
import { aCall } from './conversions.ts';
import type { Network } from './conversions.ts';

/** A call of `/pixel.gif` with these parameters; `cookie`: the click that the browser has of the campaign `summer`. */
export function aPixel(
  { deps }: Pick<Network, 'deps'>,
  parameters: Readonly<Record<string, string>>,
  { cookie, ...overrides }: Partial<PixelHit> & { readonly cookie?: string } = {},
): PixelHit {
  const cookies = cookie === undefined ? [] : [clickCookie(cookie)];
  const received = readCall(aCall({ query: new URLSearchParams(parameters).toString() }));
  if (typeof received === 'string') throw new Error(received);
  const hit = newPixelHit({ route: 'GET /pixel.gif', received, cookies }, { ...deps, network: 'abc' });
  return { ...hit, ...overrides };
}

/** What the tag sends, as text. */
export function aTagCall({ deps }: Pick<Network, 'deps'>, json: string): PixelHit {
  const call = aCall({ method: 'POST', contentType: 'text/plain', body: Buffer.from(json) });
  const received = readCall(call, TAG_TYPES);
  if (typeof received === 'string') throw new Error(received);
  return newPixelHit({ route: 'POST /tag/convert', received, cookies: [] }, { ...deps, network: 'abc' });
}

/** As the browser sends it back. */
export function clickCookie(clickId: string): string {
  const target = { network: 'abc', https: true, maxAgeSeconds: 60 };
  return addToClickCookie([], 'summer', { clickId, countedAt: null }, target).split(';', 1)[0] ?? '';
}
