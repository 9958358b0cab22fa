import { currencyDecimals } from './currency.ts';
import { cutAddress } from './cut-address.ts';
import type { ConversionStatus, Sender } from './entities.ts';
import { formatMoney, parseMoney, roundToDecimals } from './money.ts';
import type { Micros } from './money.ts';
import { cut } from './parameters.ts';
import type { ConversionCode } from './reasons.ts';
import type { Received, ReceivedCall } from './received-call.ts';

export type Action = 'add' | 'change' | 'upsert';

/** What a call says about a conversion, without its token. Plain JSON: a parked conversion keeps it. */
export interface PostbackRequest {
  /** As sent; not verified. */
  readonly clickId: string | null;
  readonly txnId: string | null;
  /** A goal's id, name or match word. */
  readonly goal: string | null;
  /** A decimal; its decimals are checked once the currency is known, see {@link readAmount}. */
  readonly saleAmount: string | null;
  readonly currency: string | null;
  /** What they hold only matters where the goal accepts them: anything, see {@link readAmount}. */
  readonly payout: string | null;
  readonly revenue: string | null;
  readonly status: ConversionStatus | null;
  readonly action: Action;
  /** Of a call without a click: the campaign of its coupon. Anything. */
  readonly campaignId: string | null;
  /** Kept with the conversion: `sub1` ... `sub15`, `coupon`, `gaid`, `idfa`, `ip` (cut), `user_agent`. */
  readonly values: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

interface Refusal {
  readonly code: ConversionCode;
  /** More exact than the code's own message; never repeats a value of the request. */
  readonly message?: string;
}

const SUBS = Array.from({ length: 15 }, (_, index) => `sub${index + 1}`);
const KEPT = [...SUBS, 'coupon', 'gaid', 'idfa', 'ip', 'user_agent'];
/** Every parameter of a call, by its main name. */
export const PARAMETER_NAMES = [
  ...[
    'click_id',
    'security_token',
    'goal',
    'txn_id',
    'sale_amount',
    'currency',
    'revenue',
    'payout',
    'status',
    'action',
    'campaign_id',
  ],
  ...KEPT,
];
/** Names that are always accepted as well. */
export const PARAMETER_ALIASES: ReadonlyMap<string, readonly string[]> = new Map([
  ['security_token', ['token']],
  ['goal', ['goal_id', 'goal_value']],
  ['sale_amount', ['amount']],
]);

const STATUS_WORDS: ReadonlyMap<string, ConversionStatus> = new Map([
  ...['approved', 'confirmed', 'sale', '1'].map((word) => [word, 'approved'] as const),
  ...['pending', 'lead', 'hold', '2'].map((word) => [word, 'pending'] as const),
  ...['rejected', 'declined', 'cancelled', 'canceled', 'trash', '3'].map((word) => [word, 'rejected'] as const),
]);
const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ['add', 'add'],
  ['change', 'change'],
  ['upsert', 'upsert'],
]);

/** Stands for an amount that was one, which can be read nowhere. */
const JSON_NUMBER = 'a JSON number';
const VALUE_LENGTH = 512;
const TXN_LENGTH = 128;
const CONTROL = /\p{Cc}/u;
const ALL_ZERO = /^[0-]+$/;
const PLACEHOLDER = new RegExp(
  ['\\{[^{}]*\\}', '\\{\\{[^{}]*\\}\\}', '\\$\\{[^{}]*\\}', '\\[[^\\][]*\\]', '#[^#]*#', '%[^%]*%', '\\([^()]*\\)']
    .concat('null', 'undefined', 'none')
    .map((form) => `^${form}$`)
    .join('|'),
  'i',
);

/** Whether a value is an unexpanded macro of any common syntax, or a word that stands for nothing. */
export function isPlaceholder(value: string): boolean {
  return PLACEHOLDER.test(value.trim());
}

/** All names that this sender may use for a parameter, the main one first. Null: no sender is known. */
export function namesOf(main: string, sender: Sender | null): readonly string[] {
  const own = sender !== null && Object.hasOwn(sender.parameters, main) ? sender.parameters[main] : undefined;
  return [main, ...(PARAMETER_ALIASES.get(main) ?? []), ...(own ?? [])];
}

/** The names under which a call may carry its token. */
export function tokenNames(sender: Sender | null): readonly string[] {
  return namesOf('security_token', sender);
}

/** All names of parameters that a call of this sender may have. */
export function knownNames(sender: Sender | null): ReadonlySet<string> {
  return new Set(PARAMETER_NAMES.flatMap((main) => namesOf(main, sender)));
}

/** What a hit has to know of a sender's names. Null: no sender is known. */
export function hitNames(sender: Sender | null) {
  return { tokens: tokenNames(sender), addresses: namesOf('ip', sender), known: knownNames(sender) };
}

/** {@link hitNames} of calls that have no sender: browsers' and those by an API key. */
export const BUILT_IN_NAMES = hitNames(null);

/**
 * The first value that is not empty; the body wins over the query, in one place an earlier name over a later one.
 * Names that the caller does not know are ignored.
 */
function pick(call: ReceivedCall, names: readonly string[]): Received | null {
  for (const place of [call.body, call.query]) {
    for (const name of names) {
      const found = place.find((parameter) => parameter.name === name && parameter.value !== '');
      if (found !== undefined) return found;
    }
  }
  return null;
}

/**
 * The token of a call, exactly as sent, or null. `sender` is whoever the path names: only its map may rename the token,
 * because without a path it is the token that tells who the sender is.
 */
export function readToken(call: ReceivedCall, sender: Sender | null): string | null {
  return pick(call, tokenNames(sender))?.value ?? call.bearer;
}

/** The click ID of a browser's call as sent, or null; anything. */
export function readClickId(call: ReceivedCall): string | null {
  return pick(call, namesOf('click_id', null))?.value.trim() ?? null;
}

/** The campaign that a browser's call names, or null; whether there is one nobody asked. */
export function readCampaignId(call: ReceivedCall): string | null {
  return pick(call, namesOf('campaign_id', null))?.value.trim() ?? null;
}

/**
 * What a call must name. Its conversion without a click, if a token or an operator stands for it; a browser's call the
 * campaign, whose cookie has the click.
 */
type Naming = 'click' | 'click_or_txn' | 'click_or_campaign';

const MISSING: Readonly<Record<Naming, string>> = {
  click: 'click_id is missing; without it txn_id and a token are required',
  click_or_txn: 'click_id is missing; without it txn_id and a token are required',
  click_or_campaign: 'click_id is missing; without it campaign_id and its cookie are required',
};

/** Reads a call by its sender's names; `sender` null: by the built-in ones. The first refusal of the contract's line 1. */
export function parsePostback(
  received: ReceivedCall,
  sender: Sender | null,
  naming: Naming = 'click_or_txn',
): PostbackRequest | Refusal {
  const call = naming === 'click_or_campaign' ? withoutClaims(received) : received;
  const malformed = findMalformed(call, sender);
  if (malformed !== null) return { code: 'MALFORMED_REQUEST', message: malformed };
  const find = (main: string) => pick(call, namesOf(main, sender));
  const optional = (main: string) => {
    const value = find(main)?.value.toWellFormed() ?? '';
    return isPlaceholder(value) || value.trim() === '' ? null : value;
  };

  const clickId = find('click_id')?.value.trim() ?? null;
  const txn = find('txn_id')?.value;
  const campaignId = short(optional('campaign_id')?.trim() ?? null);
  const instead = { click: undefined, click_or_txn: txn, click_or_campaign: campaignId ?? undefined }[naming];
  if (clickId === null && instead === undefined) return { code: 'MISSING_PARAMETER', message: MISSING[naming] };
  const txnId = txn === undefined ? null : parseTxnId(txn);
  if (txn !== undefined && txnId === null) return { code: 'INVALID_TXN_ID' };

  const statusWord = optional('status')?.trim().toLowerCase();
  const status = statusWord === undefined ? null : statusOf(statusWord, sender);
  if (status === undefined) return { code: 'INVALID_STATUS' };

  const code = optional('currency');
  const currency = code === null ? null : asciiUpperCase(code.trim());
  if (currency !== null && currencyDecimals(currency) === null) return { code: 'INVALID_CURRENCY' };

  // A JSON number went through floating point on the sender's side at the latest.
  const amount = (main: string) => (find(main)?.kind === 'number' ? JSON_NUMBER : short(optional(main)));
  const saleAmount = amount('sale_amount');
  if (saleAmount !== null) {
    if (saleAmount === JSON_NUMBER) return { code: 'INVALID_AMOUNT', message: 'An amount in JSON must be a string' };
    const valid = currency === null ? parseMoney(saleAmount, 6) : readAmount(saleAmount, currency, sender);
    if (valid === null) return { code: 'INVALID_AMOUNT' };
  }

  return {
    clickId,
    txnId,
    goal: short(optional('goal')?.trim() ?? null),
    saleAmount,
    currency,
    payout: amount('payout'),
    revenue: amount('revenue'),
    status,
    action: ACTIONS.get(optional('action')?.trim().toLowerCase() ?? 'add') ?? 'add',
    campaignId,
    values: keptValues(optional),
    warnings: [],
  };
}

/** The amount in micro-units, or null if it is no plain decimal with the decimals that the sender may use. */
export function readAmount(text: string, currency: string, sender: Pick<Sender, 'decimals'> | null): Micros | null {
  const decimals = currencyDecimals(currency);
  if (decimals === null) return null;
  if (sender?.decimals !== 6) return parseMoney(text, decimals);
  const amount = parseMoney(text, 6);
  // Rounding up may need one digit more than an amount may have.
  return amount === null ? null : parseMoney(formatMoney(roundToDecimals(amount, decimals), decimals), decimals);
}

/** What anybody may say counts for nothing: not even a wrong word may cost the conversion. */
const CLAIMS: ReadonlySet<string> = new Set(['status', 'action', 'payout', 'revenue']);

function withoutClaims(call: ReceivedCall): ReceivedCall {
  const believed = ({ name }: Received) => !CLAIMS.has(name);
  return { ...call, query: call.query.filter(believed), body: call.body.filter(believed) };
}

function findMalformed(call: ReceivedCall, sender: Sender | null): string | null {
  if (call.unreadable !== null) return 'The body is not a JSON object';
  const known = knownNames(sender);
  for (const place of [call.query, call.body]) {
    const seen = new Set<string>();
    for (const { name, kind } of place) {
      if (!known.has(name)) continue;
      if (seen.has(name)) return 'A parameter is given twice';
      if (kind === 'structure') return 'A parameter is neither text nor number';
      seen.add(name);
    }
  }
  const action = pick(call, namesOf('action', sender))?.value;
  if (action !== undefined && !isPlaceholder(action) && !ACTIONS.has(action.trim().toLowerCase())) {
    return 'action is none of add, change, upsert';
  }
  return null;
}

/** A transaction id in the form in which it is stored. */
export function normalizeTxnId(text: string): string {
  return text.trim().normalize('NFC');
}

function parseTxnId(text: string): string | null {
  if (!text.isWellFormed()) return null;
  const txnId = normalizeTxnId(text);
  const length = Array.from(txnId).length;
  return length === 0 || length > TXN_LENGTH || CONTROL.test(txnId) || isPlaceholder(txnId) ? null : txnId;
}

function statusOf(word: string, sender: Sender | null): ConversionStatus | undefined {
  const own = sender !== null && Object.hasOwn(sender.statusMap, word) ? sender.statusMap[word] : undefined;
  return own ?? STATUS_WORDS.get(word);
}

/** Other scripts have letters whose capitals are ASCII, such as the long s. */
function asciiUpperCase(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

function short(text: string | null): string | null {
  return text === null ? null : cut(text, VALUE_LENGTH);
}

function keptValues(optional: (main: string) => string | null): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of KEPT) {
    const value = optional(name);
    if (value === null) continue;
    const kept = name === 'ip' ? cutAddress(value.trim()) : cut(value, VALUE_LENGTH);
    if (kept !== null && !((name === 'gaid' || name === 'idfa') && ALL_ZERO.test(kept))) values[name] = kept;
  }
  return values;
}
