import { CLICK_VALUES } from './entities.ts';
import type { ClickValue } from './entities.ts';
import { ENTITY_ID } from './ids.ts';
import { cut, decodePercent, firstValues, parseParameters } from './parameters.ts';
import type { Headers } from './visitor/headers.ts';
import { classifyUserAgent } from './visitor/user-agent.ts';
import type { UserAgentClass } from './visitor/user-agent.ts';

/** A visit to a tracking link, or an impression of one. */
export interface ClickRequest {
  readonly method: string;
  /** Path parameters, with or without their percent escapes; undefined on `/click`. */
  readonly campaignId: string | undefined;
  readonly publisherId: string | undefined;
  /** The query as it was sent, without the "?". */
  readonly query: string;
  readonly headers: Headers;
  /** `name=value` each. */
  readonly cookies: readonly string[];
  /** Who called API Gateway: the visitor, or a distribution in front. */
  readonly sourceIp: string;
  readonly https: boolean;
}

/** Where a visitor is. */
export interface VisitorLocation {
  /** In full: it goes into `{ip}` and keyed hashes, and is stored cut. */
  readonly address: string;
  /** ISO 3166 in upper case; null: unknown. */
  readonly country: string | null;
}

export type Locate = (headers: Headers, sourceIp: string) => VisitorLocation;

/** What a request says by itself, before anybody looks up its link. */
export interface Visit extends VisitorLocation, UserAgentClass {
  /** Null: missing or malformed. */
  readonly campaignId: string | null;
  readonly publisherId: string | null;
  readonly values: Readonly<Partial<Record<ClickValue, string>>>;
  /** As the tracking link's `url` has it; nobody has looked at it. */
  readonly deepLink: string | undefined;
  readonly language: string | null;
  /** In full; empty: none. */
  readonly userAgent: string;
  readonly referer: string;
}

export function readVisit(request: ClickRequest, locate: Locate): Visit {
  const { headers } = request;
  const parameters = firstValues(parseParameters(request.query));
  const userAgent = headers['user-agent'] ?? '';
  const { campaignId, publisherId } = linkOf(request, parameters);
  const { address, country } = locate(headers, request.sourceIp);
  const { device, os, browser } = classifyUserAgent(userAgent);
  // Named one by one: a spread costs several microseconds a click.
  return {
    campaignId,
    publisherId,
    values: clickValues(parameters),
    deepLink: parameters.get('url'),
    address,
    country,
    device,
    os,
    browser,
    language: preferredLanguage(headers['accept-language'] ?? ''),
    userAgent,
    referer: headers['referer'] ?? '',
  };
}

/** Campaign and publisher of a tracking link, from the path or else the query. `parameters`: see `firstValues`. */
export function linkOf(
  { campaignId, publisherId }: Pick<ClickRequest, 'campaignId' | 'publisherId'>,
  parameters: ReadonlyMap<string, string>,
): Pick<Visit, 'campaignId' | 'publisherId'> {
  return {
    campaignId: entityId(campaignId ?? parameters.get('campaign_id')),
    publisherId: entityId(publisherId ?? parameters.get('pub_id')),
  };
}

function entityId(text: string | undefined): string | null {
  if (text === undefined) return null;
  const id = decodePercent(text);
  return ENTITY_ID.test(id) ? id : null;
}

/** Values are cut here; the contract's limit for all that a publisher may send. */
export const VALUE_LENGTH = 512;

/** The click's value that a parameter gives. */
const NAMES: ReadonlyMap<string, ClickValue> = new Map([
  ...CLICK_VALUES.map((name): [string, ClickValue] => [name, name]),
  ['creative_name', 'creative'],
  ['google_aid', 'gaid'],
]);

/** What platforms send when the user allows no identification. */
const ALL_ZERO = /^[0-]+$/;
const DEVICE_IDS: ReadonlySet<ClickValue> = new Set(['gaid', 'idfa', 'android_id']);

/** Never cut: half a consent string is none. The request line's limit of API Gateway, 10,240 bytes, bounds them. */
const PRIVACY: ReadonlySet<ClickValue> = new Set(['gdpr', 'gdpr_consent', 'us_privacy', 'gpp', 'gpp_sid']);

/** The values of a tracking link that are kept with its click. `parameters`: see `firstValues`. */
export function clickValues(parameters: ReadonlyMap<string, string>): Partial<Record<ClickValue, string>> {
  const values: Partial<Record<ClickValue, string>> = {};
  for (const [parameter, text] of parameters) {
    const name = NAMES.get(parameter);
    if (name === undefined || !isPresent(name, text)) continue;
    // The main name wins over its alias, whichever comes first.
    if (parameter === name || values[name] === undefined)
      values[name] = PRIVACY.has(name) ? text : cut(text, VALUE_LENGTH);
  }
  return values;
}

function isPresent(name: ClickValue, value: string): boolean {
  return !DEVICE_IDS.has(name) || !ALL_ZERO.test(value);
}

const LANGUAGE = /^\s*([a-z]{2,3})(?:-[a-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{1,3})?)\s*)?$/i;

/** The visitor's first choice of an `Accept-Language` header, lower case and without its region; null if there is none. */
export function preferredLanguage(header: string): string | null {
  let best: string | null = null;
  let bestQuality = 0;
  for (const entry of header.split(',')) {
    const match = LANGUAGE.exec(entry);
    if (match?.[1] === undefined) continue;
    const quality = Number(match[2] ?? '1');
    if (quality <= bestQuality) continue;
    best = match[1].toLowerCase();
    bestQuality = quality;
  }
  return best;
}
