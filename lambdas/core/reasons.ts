/**
 * The one table of codes: the same code in the response, the hit log, the API and the console (invariant 10).
 * `http` is the status of an inbound conversion call; `recorded` says what is left behind besides counters.
 */
export interface Reason {
  readonly http: 200 | 202 | 400 | 401 | 403 | 404 | 409 | 422 | 503;
  readonly result: 'accepted' | 'duplicate' | 'updated' | 'parked' | 'rejected' | 'retry';
  /** Whether the same call may succeed later without a change by anybody. */
  readonly retryable: boolean;
  readonly recorded: 'conversion' | 'parked' | 'hit' | 'nothing';
  /** For people; may be shown to the sender. */
  readonly message: string;
}

// Without side effects: the redirect's bundle then leaves the conversions' codes out.
const rejected = /* @__NO_SIDE_EFFECTS__ */ (http: Reason['http'], message: string): Reason => ({
  http,
  result: 'rejected',
  retryable: false,
  recorded: 'hit',
  message,
});
const accepted = /* @__NO_SIDE_EFFECTS__ */ (message: string): Reason => ({
  http: 200,
  result: 'accepted',
  retryable: false,
  recorded: 'conversion',
  message,
});
const updated = /* @__NO_SIDE_EFFECTS__ */ (message: string): Reason => ({ ...accepted(message), result: 'updated' });
const parked = /* @__NO_SIDE_EFFECTS__ */ (message: string): Reason => ({
  http: 202,
  result: 'parked',
  retryable: false,
  recorded: 'parked',
  message,
});

/** In the order in which they apply. */
export const CONVERSION_REASONS = {
  MALFORMED_REQUEST: rejected(400, 'The request cannot be read, or gives a parameter twice'),
  MISSING_PARAMETER: rejected(400, 'A required parameter is missing'),
  INVALID_TXN_ID: rejected(400, 'txn_id must be 1 to 128 characters and no placeholder'),
  INVALID_STATUS: rejected(400, 'status is none of the known words'),
  INVALID_CURRENCY: rejected(400, 'currency is no ISO 4217 code'),
  INVALID_AMOUNT: rejected(400, 'An amount must be a plain decimal with no more decimals than its currency has'),
  INVALID_CLICK_ID: rejected(422, 'click_id is not one of this network'),
  INVALID_SECURITY_TOKEN: rejected(
    401,
    'The security token or API key is missing, unknown, or not valid for this click or campaign',
  ),
  IP_NOT_ALLOWED: rejected(403, 'The sender may not report from this address'),
  CLICK_PENDING: parked('The click is not stored yet; the conversion is kept and recorded when it is'),
  CLICK_NOT_RECEIVED: rejected(422, 'The click never arrived'),
  CLICK_PURGED: rejected(422, 'The click is older than the click retention'),
  CONVERSION_NOT_FOUND: rejected(422, 'There is no conversion to change'),
  STATUS_REMEMBERED: parked('There is no conversion yet; it will be recorded as rejected'),
  UNKNOWN_GOAL: rejected(422, 'The campaign has no such goal'),
  DUPLICATE_CONVERSION: {
    http: 200,
    result: 'duplicate',
    retryable: false,
    recorded: 'hit',
    message: 'This conversion is recorded already',
  },
  CONFLICTING_CONVERSION: rejected(409, 'This conversion is recorded already, with another click, amount or currency'),
  STATUS_CHANGED: updated('The status of the conversion was changed'),
  AMOUNT_CHANGED: updated('The amount of the conversion was changed'),
  MISSING_AMOUNT: rejected(422, 'The payout or revenue of this goal is a percentage; sale_amount is required'),
  CLICK_EXPIRED: accepted('Recorded as rejected: the attribution window is over'),
  TOO_EARLY: accepted('Recorded as pending: too soon after the click'),
  NO_EXCHANGE_RATE: accepted('Recorded as pending: the network has no exchange rate for this currency'),
  OVER_CAP: accepted('Recorded, but not paid: a cap is reached'),
  OK: accepted('Recorded'),
  QUEUED: parked('Storage does not answer; the conversion is kept and recorded when it does'),
  NO_CLICK: rejected(422, 'Neither a click_id nor a cookie names a click'),
  TEMPORARILY_UNAVAILABLE: {
    http: 503,
    result: 'retry',
    retryable: true,
    recorded: 'nothing',
    message: 'Nothing was recorded; try again',
  },
} as const satisfies Record<string, Reason>;

export type ConversionCode = keyof typeof CONVERSION_REASONS;

/** What becomes of an item of a bulk change; the messages are for people. */
export const BULK_REASONS = {
  STATUS_CHANGED: 'The status of the conversion was changed',
  AMOUNT_CHANGED: 'The amount of the conversion was changed',
  UNCHANGED: 'Status and amounts were so already',
  CONVERSION_NOT_FOUND: 'There is no such conversion',
  AMBIGUOUS: 'It may mean several conversions: name goal and campaign_id, or match by id',
  DUPLICATE_ITEM: 'An item before it names the same conversion',
  INVALID_AMOUNT: "sale_amount has more decimals than the sale's currency",
  NO_EXCHANGE_RATE: "The network has no exchange rate for the sale's currency: set one, or give payout and revenue",
  TEMPORARILY_UNAVAILABLE: 'Not done, or not known to be done; send the same call again',
} as const;

export type BulkCode = keyof typeof BULK_REASONS;

/** Calls that are refused before anybody looks into them: answered and counted, but no hit. */
export const TRANSPORT_REASONS = {
  METHOD_NOT_ALLOWED: { http: 405, message: 'Nothing is reported by this method; the header Allow says by which' },
  BODY_TOO_LARGE: { http: 413, message: 'The body is over 64 kB' },
  UNSUPPORTED_CONTENT_TYPE: { http: 415, message: 'The body must be a form or a JSON object' },
} as const;

export type TransportCode = keyof typeof TRANSPORT_REASONS;

/** What becomes of a visit to a tracking link. */
interface ClickReason {
  readonly visitorGoesTo: 'destination' | 'fallback';
  readonly recorded: 'click' | 'nothing';
  /** Whether it counts for caps and for click payouts. */
  readonly payable: boolean;
}

const refused: ClickReason = { visitorGoesTo: 'fallback', recorded: 'click', payable: false };
const unknown: ClickReason = { visitorGoesTo: 'fallback', recorded: 'nothing', payable: false };
const unpaid: ClickReason = { visitorGoesTo: 'destination', recorded: 'click', payable: false };

export const CLICK_REASONS = {
  OK: { visitorGoesTo: 'destination', recorded: 'click', payable: true },
  DUPLICATE_CLICK: unpaid,
  BOT: unpaid,
  PREFETCH: unpaid,
  CAMPAIGN_PAUSED: refused,
  CAMPAIGN_SCHEDULED: refused,
  CAMPAIGN_ENDED: refused,
  PUBLISHER_BLOCKED: refused,
  PUBLISHER_NOT_APPROVED: refused,
  SOURCE_BLOCKED: refused,
  TARGETING: refused,
  CAP_REACHED: refused,
  CAMPAIGN_NOT_FOUND: unknown,
  PUBLISHER_NOT_FOUND: unknown,
  MALFORMED_REQUEST: unknown,
} as const satisfies Record<string, ClickReason>;

export type ClickCode = keyof typeof CLICK_REASONS;
