import type * as z from 'zod';
import { CONVERSION_REASONS } from '../../core/reasons.ts';
import { createCampaignSchema } from '../schemas/campaign.ts';
import { advertiserSchema, publisherSchema } from '../schemas/party.ts';
import { createPostbackSchema } from '../schemas/postback.ts';
import { senderSchema } from '../schemas/sender.ts';
import { createSettingsSchema } from '../schemas/settings.ts';
import { EXAMPLE_IDS, REQUEST_EXAMPLES } from './requests.ts';

const MADE = '2026-11-02T09:30:00.000Z';
const CLICKED = '2026-11-22T18:04:11.000Z';
const CONVERTED = '2026-11-22T18:21:40.250Z';
const TOLD = '2026-11-22T18:21:40.410Z';
const BOOKED = '2026-11-30T16:00:00.000Z';
const EFFECTIVE = '2026-11-02T09:30:33.000Z';

const times = { created_at: MADE, updated_at: MADE };
const [newAdvertiser] = REQUEST_EXAMPLES.NewAdvertiser;
const [newSender] = REQUEST_EXAMPLES.NewSender;
const [newPublisher] = REQUEST_EXAMPLES.NewPublisher;
const [newCampaign] = REQUEST_EXAMPLES.NewCampaign;
const [newPostback] = REQUEST_EXAMPLES.NewPostback;
const [newKey] = REQUEST_EXAMPLES.NewKey;
const [newAdjustment] = REQUEST_EXAMPLES.NewAdjustment;
const [settings] = REQUEST_EXAMPLES.SettingsPatch;

/** What is answered to a new entity of an example: with everything that it does not say. */
function made<T>({ id, ...document }: { readonly id: string }, schema: z.ZodType<T>) {
  return { id, ...schema.parse(document), ...times };
}

const campaign = made(newCampaign, createCampaignSchema(false));
const advertiser = made(newAdvertiser, advertiserSchema);
const token = { id: EXAMPLE_IDS.token, created_at: MADE, expires_at: null };
const terms = { payout: newCampaign.goals[0].payout, revenue: newCampaign.goals[0].revenue };

const ids = { campaign_id: 'summer', publisher_id: 'tia', advertiser_id: 'xyz' };
const none = (prefix: string, first: number, last: number) =>
  Object.fromEntries(Array.from({ length: last - first + 1 }, (_, i) => [`${prefix}${first + i}`, null]));

const conversion = {
  id: EXAMPLE_IDS.conversion,
  click_id: EXAMPLE_IDS.click,
  ...ids,
  goal: 'sale',
  status: 'approved',
  code: 'OK',
  reason: null,
  test: false,
  txn_id: 'ORDER-1',
  sale_amount: '49.90',
  sale_currency: 'USD',
  rate: null,
  currency: 'USD',
  payout: '2.50',
  revenue: '4.99',
  ...{ p1: 'a-click-of-theirs', source: 'newsletter', country: 'DE', coupon: null },
  ...none('sub', 1, 15),
  click_at: CLICKED,
  seconds_to_convert: 1049,
  created_at: CONVERTED,
  updated_at: CONVERTED,
  locked: false,
};

const reported = {
  result: 'accepted',
  code: 'OK',
  message: CONVERSION_REASONS.OK.message,
  warnings: [],
  conversion_id: EXAMPLE_IDS.conversion,
  status: 'approved',
  goal: 'sale',
  payout: '2.50',
  revenue: '4.99',
  currency: 'USD',
};

const hit = {
  id: EXAMPLE_IDS.hit,
  at: CONVERTED,
  route: 'GET /postback',
  sender_id: 'xyz',
  advertiser_id: 'xyz',
  click_id: EXAMPLE_IDS.click,
  conversion_id: null,
  code: 'INVALID_STATUS',
  status: 400,
  query: `click_id=${EXAMPLE_IDS.click}&security_token=%2A%2A%2A&sale_amount=49.90&status=maybe`,
  retries: [],
};

const key = { ...newKey, expires_at: null, last_used_at: null, status: 'active', created_at: MADE };

/** One answer to each, of the story that the requests' examples tell. */
export const ANSWER_EXAMPLES = {
  Health: { status: 'ok' },
  Document: { openapi: '3.1.1', info: { title: 'Flowback', version: '0.1.0' }, paths: {} },

  Advertiser: advertiser,
  CreatedAdvertiser: {
    ...advertiser,
    security_token: 'q2k4s5v3b7x2n6c4r5t7y2u3ipaqd6zl',
    postback_url: 'https://track.example/postback/xyz?click_id={click_id}&txn_id={txn_id}&sale_amount={sale_amount}',
  },
  Sender: { ...made(newSender, senderSchema), tokens: [token] },
  CreatedToken: { ...token, security_token: 'zl7m2k4s5v3b7x2n6c4r5t7y2u3ipaqd' },
  Publisher: { ...made(newPublisher, publisherSchema), effective_by: EFFECTIVE },
  Campaign: {
    ...campaign,
    currency: 'USD',
    attribution_window_days: 30,
    goals: campaign.goals.map((goal) => ({ ...goal, name: goal.id, default: true })),
    effective_by: EFFECTIVE,
  },
  CampaignLink: {
    tracking_url: 'https://track.example/click?campaign_id=summer&pub_id=tia&p1={p1}&source={source}',
    short_url: 'https://track.example/c/summer/tia?p1={p1}&source={source}',
  },
  CampaignCaps: {
    items: [
      {
        ...{ metric: 'conversions', period: 'day', scope: 'campaign', publisher_id: null, goal: null, currency: null },
        ...{ limit: '100', used: '37', remaining: '63', reached: false },
        ...{ period_start: '2026-11-22T00:00:00.000Z', period_end: '2026-11-23T00:00:00.000Z' },
      },
    ],
  },
  Postback: {
    ...made(newPostback, createPostbackSchema({ allowLoopback: false, ownHosts: [] })),
    disabled_at: null,
    disabled_reason: null,
    health: { failing_since: TOLD, failures: 3, last_failure_at: TOLD, disables_at: '2026-11-25T18:21:40.410Z' },
  },
  PostbackTestResult: {
    request: {
      method: 'GET',
      url: 'https://tia.example/postback?cid=a-click-of-theirs&payout=2.50',
      body: null,
    },
    status: 200,
    error: null,
    duration_ms: 87,
    body: 'OK',
  },
  PostbackReplayed: { replayed: 12, skipped: 1, next_cursor: null },

  Click: {
    id: EXAMPLE_IDS.click,
    ...ids,
    code: 'OK',
    payable: true,
    created_at: CLICKED,
    p1: 'a-click-of-theirs',
    ...none('p', 2, 10),
    ...{ source: 'newsletter', country: 'DE', device: 'mobile', os: 'ios', browser: 'safari', language: 'de' },
    payout: null,
    currency: null,
    conversions: [EXAMPLE_IDS.conversion],
  },
  Conversion: conversion,
  WholeConversion: {
    ...conversion,
    would_be_payout: '2.50',
    would_be_revenue: '4.99',
    hold_until: null,
    reported_by: 'sender',
    history: [{ at: CONVERTED, status: 'approved', code: 'OK', by: 'sender:xyz', reason: null }],
    explanation: {
      basis: 'conversion',
      terms_since: MADE,
      exchange: null,
      cap: null,
      payout: {
        from: 'goal',
        rule: terms.payout,
        override: null,
        exact: '2.5',
        rounded: false,
        words: ['Payout by the goal "sale": 2.50 USD.'],
      },
      revenue: {
        from: 'goal',
        rule: terms.revenue,
        override: null,
        exact: '4.99',
        rounded: false,
        words: ['Revenue by the goal "sale": 10 % of the sale.', '10 % of 49.90 USD is 4.99 USD.'],
      },
      words: ['Approved when it was recorded.'],
    },
  },
  ConversionResults: { results: [{ index: 0, http_status: 200, ...reported }] },
  BulkResults: {
    results: [
      {
        index: 0,
        conversion_id: EXAMPLE_IDS.conversion,
        code: 'STATUS_CHANGED',
        currency: 'USD',
        before: { status: 'pending', payout: '2.50', revenue: '4.99' },
        after: { status: 'approved', payout: '2.50', revenue: '4.99' },
      },
    ],
    unmatched: { conversion_ids: [], refused: [] },
    totals: { USD: { payout: '2.50', revenue: '4.99' } },
    complete: true,
  },
  Adjustment: {
    id: EXAMPLE_IDS.adjustment,
    ...ids,
    goal: null,
    payout: '25.00',
    revenue: '0.00',
    currency: 'USD',
    at: BOOKED,
    reason: newAdjustment.reason,
    created_at: BOOKED,
    created_by: 'key:office',
  },
  Delivery: {
    id: EXAMPLE_IDS.delivery,
    conversion_id: EXAMPLE_IDS.conversion,
    click_id: EXAMPLE_IDS.click,
    postback_id: 'tia-sales',
    publisher_id: 'tia',
    event: 'created',
    state: 'delivered',
    created_at: CONVERTED,
    next_attempt_at: null,
    attempts: [{ number: 1, at: TOLD, duration_ms: 87, status: 200, error: null, body: 'OK', next_attempt_at: null }],
  },
  DeadLetters: {
    items: [
      {
        message_id: '6f1c3a52-6a63-4f0e-9a53-0d1a6c2f7b11',
        delivery_id: EXAMPLE_IDS.delivery,
        sent_at: TOLD,
        body: `{"delivery_id":"${EXAMPLE_IDS.delivery}"}`,
      },
    ],
    count: 1,
  },
  Redriven: { redriven: 1, malformed: 0, discarded: 0, remaining: 0 },
  Hit: hit,
  RetriedHit: {
    ...reported,
    ...hit,
    conversion_status: 'approved',
    conversion_id: EXAMPLE_IDS.conversion,
    code: 'OK',
    status: 200,
    retries: [
      {
        ...{ at: BOOKED, by: 'key:office', was: 'INVALID_STATUS', code: 'OK' },
        corrected: 'status=approved',
      },
    ],
  },
  Settings: createSettingsSchema(false).parse(settings),
  Key: key,
  CreatedKey: { ...key, key: 'fb_q2k4s5v3b7x2n6c4r5t7y2u3ipaqd6zl' },

  AuditEntry: {
    id: EXAMPLE_IDS.audit,
    at: BOOKED,
    by: 'key:office',
    by_name: 'The office',
    action: 'changed',
    kind: 'campaign',
    subject_id: 'summer',
    request_id: 'f3c1a0d2-8f0c-4a5e-bb0f-2d6a7a1c9e44',
    changes: [{ pointer: '/goals/0/payout/amount', from: '2.50', to: '3' }],
  },
  Report: reported,
  Problem: {
    type: 'about:blank',
    title: 'Unprocessable Content',
    status: 422,
    code: 'VALIDATION_FAILED',
    detail: 'The request has wrong fields',
    errors: [{ pointer: '/name', code: 'REQUIRED', message: 'The field is required' }],
  },
  Refusal: { message: 'Too Many Requests' },
} as const satisfies Readonly<Record<string, object>>;
