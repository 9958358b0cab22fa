import { AUDIT_ACTIONS, AUDIT_KINDS } from '../../core/audit.ts';
import { BULK_REASONS, CLICK_REASONS, CONVERSION_REASONS, TRANSPORT_REASONS } from '../../core/reasons.ts';
import { newKeySchema } from '../schemas/key.ts';
import { ANSWER_EXAMPLES } from './answer-examples.ts';
import { describeFields } from './fields.ts';
import { extended, inputOf, itemOf, membersOf, object, orNull, shownOf } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import { DOCUMENTS } from './requests.ts';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const flag = { type: 'boolean' };
const count = { type: 'integer' };
const time = { type: 'string', format: 'date-time' };
const timeOrNull = { type: ['string', 'null'], format: 'date-time' };
const money = { type: 'string', description: 'A decimal; the currency stands beside it' };
const moneyOrNull = orNull(money);
const status = { type: 'string', enum: ['approved', 'pending', 'rejected'] };
const conversionCode = { type: 'string', enum: Object.keys(CONVERSION_REASONS) };
const callCode = { type: 'string', enum: [...Object.keys(CONVERSION_REASONS), ...Object.keys(TRANSPORT_REASONS)] };
const bulkCode = { type: 'string', enum: Object.keys(BULK_REASONS) };
const warnings = { type: 'array', items: text };
const once = { type: 'string', description: 'Shown once' };

const named = (names: readonly string[], schema: JsonSchema) => Object.fromEntries(names.map((name) => [name, schema]));
const numbered = (prefix: string, last: number) => Array.from({ length: last }, (_, i) => `${prefix}${i + 1}`);
const list = (items: JsonSchema) => ({ type: 'array', items });

/** What a key that is bound to a publisher or an advertiser must not see is left out, so only the id is sure to be there. */
const projected = (properties: JsonSchema) => ({
  ...object(properties, ['id']),
  description: 'Keys bound to a publisher or an advertiser do not see all of it',
});

const effective = {
  effective_by: { ...time, description: 'Answered to writes: by then every environment has it' },
};

function entity(document: JsonSchema, more: JsonSchema = {}): JsonSchema {
  const last = { ...more, created_at: time, updated_at: time };
  return extended(shownOf(document), { first: { id: text }, last, required: ['id', ...Object.keys(last)] });
}

const token = { id: text, created_at: time, expires_at: timeOrNull };

const conversion = {
  id: text,
  click_id: textOrNull,
  ...named(['campaign_id', 'publisher_id', 'advertiser_id', 'goal'], text),
  status,
  code: conversionCode,
  reason: textOrNull,
  test: flag,
  txn_id: textOrNull,
  sale_amount: moneyOrNull,
  sale_currency: textOrNull,
  rate: textOrNull,
  currency: text,
  payout: money,
  revenue: money,
  ...named(['p1', 'source', 'country', 'coupon', ...numbered('sub', 15)], textOrNull),
  click_at: timeOrNull,
  seconds_to_convert: { type: ['integer', 'null'] },
  created_at: time,
  updated_at: time,
  locked: { type: 'boolean', description: 'An operator decided: postbacks change it no more' },
};

const { caps, overrides, goals } = membersOf(shownOf(DOCUMENTS.campaign));
const [cap, override] = [membersOf(itemOf(caps)), membersOf(itemOf(overrides))];

const explainedAmount = object({
  from: { enum: ['goal', 'override', 'call', 'operator', null] },
  rule: orNull(membersOf(itemOf(goals))['payout'] ?? {}),
  override: orNull(object({ publisher_id: override['publisher_id'], goal: override['goal'], when: override['when'] })),
  exact: textOrNull,
  rounded: { type: ['boolean', 'null'] },
  words: list(text),
});

const explanation = object({
  basis: { enum: ['conversion', 'click', null] },
  terms_since: timeOrNull,
  exchange: orNull(object(named(['sale_currency', 'currency', 'rate', 'sale_worth', 'worth'], text))),
  cap: orNull(itemOf(caps)),
  payout: explainedAmount,
  revenue: explainedAmount,
  words: list(text),
});

const hit = {
  id: text,
  at: time,
  route: text,
  ...named(['sender_id', 'advertiser_id', 'click_id', 'conversion_id'], textOrNull),
  code: callCode,
  status: { type: 'integer', description: 'The HTTP status that was answered' },
  query: { type: 'string', description: 'Redacted' },
  retries: list(
    object({
      ...{ at: time, by: text, was: text, code: text },
      corrected: { type: 'string', description: 'What was said of the call then, redacted' },
    }),
  ),
};

const reported = {
  result: { type: 'string', enum: ['accepted', 'duplicate', 'updated', 'parked', 'rejected', 'retry'] },
  code: callCode,
  message: text,
  warnings,
  conversion_id: text,
  status,
  ...named(['goal', 'payout', 'revenue', 'currency'], text),
};
const ALWAYS_REPORTED = ['result', 'code', 'message', 'warnings'];

const standing = object({ status, payout: money, revenue: money });
const bulkResult = {
  conversion_id: textOrNull,
  code: bulkCode,
  message: text,
  currency: text,
  before: standing,
  after: standing,
};

const key = {
  id: text,
  name: text,
  role: (inputOf(newKeySchema)['properties'] as JsonSchema)['role'],
  publisher_id: text,
  advertiser_id: text,
  expires_at: timeOrNull,
  last_used_at: timeOrNull,
  status: { type: 'string', enum: ['active', 'archived'] },
  created_at: time,
};
const KEY_ALWAYS = ['id', 'name', 'role', 'expires_at', 'last_used_at', 'status', 'created_at'];

/** The schema of what every route answers, and of what stands in lists. */
const SCHEMAS = {
  Health: object({ status: { const: 'ok' } }),
  Document: { type: 'object', description: 'This document' },

  Advertiser: entity(DOCUMENTS.advertiser),
  CreatedAdvertiser: entity(DOCUMENTS.advertiser, {
    security_token: once,
    postback_url: { type: 'string', description: 'Ready to hand over, without the token' },
  }),
  Sender: entity(DOCUMENTS.sender, { tokens: list(object(token)) }),
  CreatedToken: object({ ...token, security_token: once }),
  Publisher: extended(entity(DOCUMENTS.publisher), { last: effective }),
  Campaign: {
    ...projected({ ...(entity(DOCUMENTS.campaign)['properties'] as JsonSchema), ...effective }),
  },
  CampaignLink: object({ tracking_url: text, short_url: text }),
  CampaignCaps: object({
    items: list(
      object({
        ...{ metric: cap['metric'], period: cap['period'], scope: cap['scope'] },
        ...named(['publisher_id', 'goal'], textOrNull),
        currency: { ...textOrNull, description: 'Of a cap on money' },
        limit: { ...textOrNull, description: 'Null to a publisher where others share it' },
        used: { ...textOrNull, description: 'Null also where each publisher has its own and none is named' },
        remaining: { ...textOrNull, description: 'Never below 0, also where approvals went beyond the limit' },
        reached: { type: ['boolean', 'null'] },
        period_start: timeOrNull,
        period_end: { ...timeOrNull, description: 'The first instant after it' },
      }),
    ),
  }),
  Postback: extended(entity(DOCUMENTS.postback, { disabled_at: timeOrNull, disabled_reason: textOrNull }), {
    last: {
      health: {
        anyOf: [
          object({ failing_since: time, failures: count, last_failure_at: time, disables_at: timeOrNull }),
          { type: 'null' },
        ],
        description: 'How it has been failing; only where one postback is read',
      },
    },
  }),
  PostbackTestResult: object({
    request: object({ method: text, url: text, body: textOrNull }),
    status: { type: ['integer', 'null'] },
    error: textOrNull,
    duration_ms: count,
    body: textOrNull,
  }),
  PostbackReplayed: object({ replayed: count, skipped: count, next_cursor: textOrNull }),

  Click: projected({
    ...named(['id', 'campaign_id', 'publisher_id', 'advertiser_id'], text),
    code: { type: 'string', enum: Object.keys(CLICK_REASONS) },
    payable: flag,
    created_at: time,
    ...named([...numbered('p', 10), 'source', 'country', 'device', 'os', 'browser', 'language'], textOrNull),
    payout: moneyOrNull,
    currency: textOrNull,
    conversions: list(text),
  }),
  Conversion: projected(conversion),
  WholeConversion: projected({
    ...conversion,
    would_be_payout: moneyOrNull,
    would_be_revenue: moneyOrNull,
    hold_until: timeOrNull,
    reported_by: textOrNull,
    history: list(object({ at: time, status, code: conversionCode, by: text, reason: textOrNull })),
    explanation,
  }),
  ConversionResults: object({
    results: list(
      object({ index: count, http_status: count, ...reported }, ['index', 'http_status', ...ALWAYS_REPORTED]),
    ),
  }),
  BulkResults: object({
    results: list(object({ index: count, ...bulkResult }, ['index', 'conversion_id', 'code'])),
    unmatched: object(
      {
        approved: count,
        rejected: count,
        conversion_ids: list(text),
        refused: list(object(bulkResult, ['conversion_id', 'code'])),
      },
      ['conversion_ids', 'refused'],
    ),
    totals: {
      type: 'object',
      description: 'Differences of approved money, by currency',
      additionalProperties: object({ payout: money, revenue: money }),
    },
    complete: { type: 'boolean', description: 'Whether all is done; send the same call again if not' },
  }),
  Adjustment: projected({
    ...named(['id', 'publisher_id', 'campaign_id', 'advertiser_id'], text),
    goal: textOrNull,
    payout: money,
    revenue: money,
    currency: text,
    at: time,
    reason: text,
    created_at: time,
    created_by: text,
  }),
  Delivery: projected({
    id: text,
    ...named(['conversion_id', 'click_id'], textOrNull),
    ...named(['postback_id', 'publisher_id'], text),
    event: { type: 'string', enum: ['created', 'status_changed', 'click_payout'] },
    state: { type: 'string', enum: ['waiting', 'sending', 'delivered', 'exhausted', 'cancelled'] },
    created_at: time,
    next_attempt_at: timeOrNull,
    attempts: list(
      object({
        number: count,
        at: time,
        duration_ms: count,
        status: { type: ['integer', 'null'] },
        error: textOrNull,
        body: textOrNull,
        next_attempt_at: timeOrNull,
      }),
    ),
  }),
  DeadLetters: object({
    items: list(object({ message_id: text, delivery_id: textOrNull, sent_at: time, body: text })),
    count,
  }),
  Redriven: object({ redriven: count, malformed: count, discarded: count, remaining: count }),
  Hit: projected(hit),
  RetriedHit: projected({ ...hit, ...reported, conversion_status: status, status: hit.status }),
  Settings: shownOf(DOCUMENTS.settings),
  Key: object(key, KEY_ALWAYS),
  CreatedKey: object({ ...key, key: once }, [...KEY_ALWAYS, 'key']),
  AuditEntry: object({
    id: text,
    at: time,
    by: { type: 'string', description: '`key:<id>` or `bootstrap`' },
    by_name: { ...textOrNull, description: "The key's name then" },
    action: { type: 'string', enum: AUDIT_ACTIONS },
    kind: { type: 'string', enum: AUDIT_KINDS },
    subject_id: text,
    request_id: text,
    changes: list(
      object({
        pointer: { type: 'string', description: 'A JSON pointer into what GET shows; empty: the whole of it' },
        from: { description: 'Null: there was none' },
        to: { description: 'Null: there is none' },
      }),
    ),
  }),

  Report: object(reported, ALWAYS_REPORTED),
  Problem: {
    ...object(
      {
        type: text,
        title: text,
        status: count,
        code: text,
        detail: { type: 'string', description: 'For people; not with a 5xx' },
        errors: {
          ...list(object({ pointer: text, code: text, message: text })),
          description: 'Every wrong field, by its JSON pointer, at most 100',
        },
        request_id: { type: 'string', description: 'With a 5xx only' },
      },
      ['type', 'title', 'status', 'code'],
    ),
  },
  Refusal: { ...object({ message: text }), description: 'An answer of API Gateway itself' },
} satisfies Record<string, JsonSchema>;

export type AnswerName = keyof typeof SCHEMAS;

export const ANSWERS: Readonly<Record<AnswerName, JsonSchema>> = withExamples(SCHEMAS);

/** With the meanings of their fields. */
function withExamples(schemas: typeof SCHEMAS): typeof ANSWERS {
  const names = Object.keys(schemas) as AnswerName[];
  const complete = names.map((name) => [
    name,
    { ...describeFields(name, schemas[name]), examples: [ANSWER_EXAMPLES[name]] },
  ]);
  return Object.fromEntries(complete) as typeof ANSWERS;
}
