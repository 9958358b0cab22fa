import { CLICK_VALUES } from '../../core/entities.ts';
import type { Click, ClickValue } from '../../core/entities.ts';
import { toMicros } from '../../core/money.ts';
import { CLICK_REASONS } from '../../core/reasons.ts';
import type { ClickCode } from '../../core/reasons.ts';
import type { Item } from './items.ts';

/**
 * A click as an item. Names are short because a click must stay under 1 KB, one write unit; docs/data-model.md has the
 * list. By hand instead of marshall(): this file is part of the redirect, which carries no SDK.
 */
const TEXTS = {
  country: 'co',
  device: 'd',
  os: 'o',
  browser: 'b',
  language: 'l',
  ip: 'i',
  userAgent: 'ua',
} as const satisfies Partial<Record<keyof Click, string>>;

const PAYOUT = 'po';
const PAYOUT_CURRENCY = 'pc';

const VALUES: Readonly<Record<ClickValue, string>> = {
  p1: 'p1',
  p2: 'p2',
  p3: 'p3',
  p4: 'p4',
  p5: 'p5',
  p6: 'p6',
  p7: 'p7',
  p8: 'p8',
  p9: 'p9',
  p10: 'p10',
  source: 's',
  creative: 'cr',
  app_name: 'an',
  gaid: 'ga',
  idfa: 'if',
  android_id: 'ai',
  gclid: 'gc',
  fbclid: 'fb',
  ttclid: 'tt',
  msclkid: 'ms',
  gdpr: 'gd',
  gdpr_consent: 'gt',
  us_privacy: 'us',
  gpp: 'gp',
  gpp_sid: 'gs',
};

export function toClickItem(click: Click): Item {
  const item: Item = {
    id: { S: click.id },
    c: { S: click.campaignId },
    u: { S: click.publisherId },
    a: { S: click.advertiserId },
    r: { S: click.code },
    y: { BOOL: click.payable },
    t: { N: String(click.createdAt) },
    e: { N: String(click.expiresAt) },
  };
  const put = (name: string, value: string | null | undefined) => {
    if (value !== null && value !== undefined && value !== '') item[name] = { S: value };
  };
  for (const name of CLICK_VALUES) put(VALUES[name], click.values[name]);
  put(TEXTS.country, click.country);
  put(TEXTS.device, click.device);
  put(TEXTS.os, click.os);
  put(TEXTS.browser, click.browser);
  put(TEXTS.language, click.language);
  put(TEXTS.ip, click.ip);
  // Its presence is what the stream's filter looks for.
  if (click.payout !== null) {
    item[PAYOUT] = { N: click.payout.amount.toString() };
    put(PAYOUT_CURRENCY, click.payout.currency);
  }
  // Last, because it takes what is left: what matters of it, device, system and browser, has a place of its own.
  const left = Math.max(0, WRITE_UNIT - sizeOf(item) - TEXTS.userAgent.length);
  put(TEXTS.userAgent, click.userAgent && cutBytes(click.userAgent, left));
  return item;
}

/** Bytes of the largest item that costs one write unit. */
const WRITE_UNIT = 1_024;

/**
 * Bytes that DynamoDB counts, numbers by the most that they can take.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
function sizeOf(item: Item): number {
  let bytes = 0;
  for (const name in item) {
    const { S, N } = item[name] ?? {};
    bytes += name.length + (S === undefined ? Math.ceil((N?.length ?? 0) / 2) + 1 : Buffer.byteLength(S));
  }
  return bytes;
}

const encoder = new TextEncoder();

/** Cuts at so many bytes of UTF-8, at the end of a character. */
function cutBytes(text: string, bytes: number): string {
  // Most are far shorter: no character takes more than three bytes a unit.
  return 3 * text.length <= bytes ? text : text.slice(0, encoder.encodeInto(text, new Uint8Array(bytes)).read);
}

/** What is read of an item: the SDK and a stream's records each have types of their own for the same attributes. */
type ClickAttributes = Readonly<
  Record<string, { readonly S?: string; readonly N?: string; readonly BOOL?: boolean } | undefined>
>;

/** Throws for an item that {@link toClickItem} did not write. */
export function fromClickItem(item: ClickAttributes): Click {
  const values: Partial<Record<ClickValue, string>> = {};
  for (const name of CLICK_VALUES) {
    const value = item[VALUES[name]]?.S;
    if (value !== undefined) values[name] = value;
  }
  const text = (name: string) => item[name]?.S ?? null;
  return {
    id: required(item, 'id'),
    campaignId: required(item, 'c'),
    publisherId: required(item, 'u'),
    advertiserId: required(item, 'a'),
    code: clickCodeOf(item),
    payable: item['y']?.BOOL === true,
    createdAt: number(item, 't'),
    expiresAt: number(item, 'e'),
    values,
    country: text(TEXTS.country),
    device: text(TEXTS.device),
    os: text(TEXTS.os),
    browser: text(TEXTS.browser),
    language: text(TEXTS.language),
    ip: text(TEXTS.ip),
    userAgent: text(TEXTS.userAgent),
    payout: payoutOf(item),
  };
}

function payoutOf(item: ClickAttributes): Click['payout'] {
  const amount = item[PAYOUT]?.N;
  return amount === undefined ? null : { amount: toMicros(BigInt(amount)), currency: required(item, PAYOUT_CURRENCY) };
}

function required(item: ClickAttributes, name: string): string {
  const value = item[name]?.S;
  if (value === undefined) throw new TypeError(`click item without "${name}"`);
  return value;
}

function number(item: ClickAttributes, name: string): number {
  const value = Number(item[name]?.N);
  if (!Number.isSafeInteger(value)) throw new TypeError(`click item without "${name}"`);
  return value;
}

/** The code of a click, of which its item may be all that is known. */
export function clickCodeOf(item: ClickAttributes): ClickCode {
  const code = required(item, 'r');
  if (!isClickCode(code)) throw new TypeError(`click item with the unknown code "${code}"`);
  return code;
}

function isClickCode(code: string): code is ClickCode {
  return Object.hasOwn(CLICK_REASONS, code);
}
