import { CLICK_VALUES } from './entities.ts';
import type { ClickValue } from './entities.ts';
import { cut } from './parameters.ts';

/** Request headers by lower-case name, as API Gateway hands them over. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** A visit to a tracking link, or an impression of one. */
export interface ClickRequest {
  readonly method: string;
  /** Path parameters, with or without their percent escapes; undefined on `/click`. */
  readonly campaignId: string | undefined;
  readonly publisherId: string | undefined;
  /** The query as it was sent, without the "?". */
  readonly query: string;
  readonly headers: RequestHeaders;
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

/** Values are cut here; the contract's limit for all that a publisher may send. */
export const VALUE_LENGTH = 512;

const ALIASES: Partial<Readonly<Record<ClickValue, string>>> = { creative: 'creative_name', gaid: 'google_aid' };

/** What platforms send when the user allows no identification. */
const ALL_ZERO = /^[0-]+$/;
const DEVICE_IDS: ReadonlySet<ClickValue> = new Set(['gaid', 'idfa', 'android_id']);

/** Never cut: half a consent string is none. The request line's limit of API Gateway, 10,240 bytes, bounds them. */
const PRIVACY: ReadonlySet<ClickValue> = new Set(['gdpr', 'gdpr_consent', 'us_privacy', 'gpp', 'gpp_sid']);

/** The values of a tracking link that are kept with its click. `parameters`: see `firstValues`. */
export function clickValues(parameters: ReadonlyMap<string, string>): Partial<Record<ClickValue, string>> {
  const values: Partial<Record<ClickValue, string>> = {};
  for (const name of CLICK_VALUES) {
    const value = present(name, parameters.get(name)) ?? present(name, parameters.get(ALIASES[name] ?? name));
    if (value !== undefined) values[name] = PRIVACY.has(name) ? value : cut(value, VALUE_LENGTH);
  }
  return values;
}

function present(name: ClickValue, value: string | undefined): string | undefined {
  return value !== undefined && DEVICE_IDS.has(name) && ALL_ZERO.test(value) ? undefined : value;
}

/** The visitor's first choice of an `Accept-Language` header, lower case and without its region; null if there is none. */
export function preferredLanguage(header: string): string | null {
  let best: string | null = null;
  let bestQuality = 0;
  for (const entry of header.split(',')) {
    const match = /^\s*([a-z]{2,3})(?:-[a-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{1,3})?)\s*)?$/i.exec(entry);
    if (match?.[1] === undefined) continue;
    const quality = Number(match[2] ?? '1');
    if (quality <= bestQuality) continue;
    best = match[1].toLowerCase();
    bestQuality = quality;
  }
  return best;
}
