import { AUDIT_ACTIONS, AUDIT_KINDS } from '../../core/audit.ts';
import type { RouteName } from '../access.ts';
import type { AnswerName } from './answers.ts';
import type { JsonSchema } from './json-schema.ts';
import type { ProblemCode } from './problem-codes.ts';
import type { RequestName } from './requests.ts';

/** What a route asks for and answers. What all routes have in common is added to it: see document.ts. */
export interface Operation {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly query?: readonly QueryParameter[];
  readonly body?: { readonly schema: RequestName; readonly optional: boolean };
  readonly status: 200 | 201 | 202 | 204;
  /** Undefined: no body. */
  readonly answer?: { readonly schema: AnswerName; readonly list: boolean };
  /** Whether the answer has an ETag. */
  readonly etag: boolean;
  /** Whether If-Match is looked at. */
  readonly ifMatch: boolean;
  /** Codes of a 409 beside CONCURRENT_CHANGE; those of other statuses follow from the rest, see refusals.ts. */
  readonly conflicts: readonly ProblemCode[];
}

interface QueryParameter {
  readonly name: string;
  readonly description?: string;
  readonly schema: JsonSchema;
}

const text = { type: 'string' };

function filters(...names: readonly string[]): QueryParameter[] {
  return names.map((name) => ({ name, schema: text }));
}
const oneOf = (name: string, values: readonly string[]): QueryParameter => ({
  name,
  schema: { type: 'string', enum: values },
});
const STATUS = oneOf('status', ['active', 'paused', 'archived']);
const BETWEEN: readonly QueryParameter[] = [
  { name: 'from', description: 'A date (its start in UTC) or a time; inclusive', schema: text },
  { name: 'to', description: 'A date (its start in UTC) or a time; exclusive', schema: text },
];

type More = Partial<Operation>;
const PLAIN = { etag: false, ifMatch: false, conflicts: [] as const };

function read(tag: string, summary: string, schema: AnswerName, more: More = {}): Operation {
  return { ...PLAIN, tag, summary, status: 200, answer: { schema, list: false }, ...more };
}

function list(tag: string, summary: string, schema: AnswerName, query: readonly QueryParameter[] = []): Operation {
  return { ...PLAIN, tag, summary, status: 200, answer: { schema, list: true }, query };
}

function facts(tag: string, summary: string, schema: AnswerName, query: readonly QueryParameter[]): Operation {
  return list(tag, summary, schema, [...query, ...BETWEEN]);
}

function create(tag: string, summary: string, body: RequestName, schema: AnswerName, more: More = {}): Operation {
  return {
    ...PLAIN,
    ...{ tag, summary, status: 201, body: { schema: body, optional: false }, answer: { schema, list: false } },
    ...{ etag: true, conflicts: ['ID_TAKEN'] },
    ...more,
  };
}

function change(tag: string, summary: string, body: RequestName, schema: AnswerName, more: More = {}): Operation {
  return {
    ...read(tag, summary, schema, { etag: true, ifMatch: true, conflicts: ['ARCHIVED'] }),
    body: { schema: body, optional: false },
    description: 'A JSON merge patch',
    ...more,
  };
}

function act(tag: string, summary: string, body: RequestName, schema: AnswerName, more: More = {}): Operation {
  return { ...read(tag, summary, schema), body: { schema: body, optional: true }, ...more };
}

function remove(tag: string, summary: string, more: More = {}): Operation {
  return { ...PLAIN, tag, summary, status: 204, ifMatch: true, ...more };
}

const CONVERSION_STATUS = oneOf('status', ['approved', 'pending', 'rejected']);

/** Every route, with its schemas. The type demands that none is missing. */
export const OPERATIONS: Readonly<Record<RouteName, Operation>> = {
  'GET /v1/health': read('Service', 'Says that the API runs', 'Health'),
  'GET /v1/openapi.json': read('Service', 'This document', 'Document'),

  'POST /v1/advertisers': create(
    'Advertisers',
    'Creates an advertiser with its sender and that sender’s first token',
    'NewAdvertiser',
    'CreatedAdvertiser',
    { conflicts: ['ID_TAKEN', 'TOKEN_IN_USE'] },
  ),
  'GET /v1/advertisers': list('Advertisers', 'Lists advertisers', 'Advertiser', [
    oneOf('status', ['active', 'archived']),
  ]),
  'GET /v1/advertisers/:id': read('Advertisers', 'Reads an advertiser', 'Advertiser', { etag: true }),
  'PATCH /v1/advertisers/:id': change('Advertisers', 'Changes an advertiser', 'AdvertiserPatch', 'Advertiser'),
  'DELETE /v1/advertisers/:id': remove('Advertisers', 'Archives an advertiser'),

  'POST /v1/senders': create('Senders', 'Creates a sender', 'NewSender', 'Sender'),
  'GET /v1/senders': list('Senders', 'Lists senders', 'Sender', [
    STATUS,
    { name: 'advertiser_id', description: 'Those that may report for it', schema: text },
  ]),
  'GET /v1/senders/:id': read('Senders', 'Reads a sender', 'Sender', { etag: true }),
  'PATCH /v1/senders/:id': change('Senders', 'Changes a sender', 'SenderPatch', 'Sender'),
  'DELETE /v1/senders/:id': remove('Senders', 'Archives a sender'),
  'POST /v1/senders/:id/tokens': create('Senders', 'Adds a token to a sender', 'NewToken', 'CreatedToken', {
    body: { schema: 'NewToken', optional: true },
    ifMatch: true,
    conflicts: ['TOKEN_IN_USE', 'ARCHIVED', 'TOO_MANY'],
  }),
  'DELETE /v1/senders/:id/tokens/:token_id': remove('Senders', 'Deletes a token: the next call with it is refused'),

  'POST /v1/publishers': create('Publishers', 'Creates a publisher', 'NewPublisher', 'Publisher'),
  'GET /v1/publishers': list('Publishers', 'Lists publishers', 'Publisher', [STATUS]),
  'GET /v1/publishers/:id': read('Publishers', 'Reads a publisher', 'Publisher', { etag: true }),
  'PATCH /v1/publishers/:id': change('Publishers', 'Changes a publisher', 'PublisherPatch', 'Publisher'),
  'DELETE /v1/publishers/:id': remove('Publishers', 'Archives a publisher'),

  'POST /v1/campaigns': create('Campaigns', 'Creates a campaign', 'NewCampaign', 'Campaign'),
  'GET /v1/campaigns': list('Campaigns', 'Lists campaigns', 'Campaign', [STATUS, ...filters('advertiser_id')]),
  'GET /v1/campaigns/:id': read('Campaigns', 'Reads a campaign', 'Campaign', { etag: true }),
  'PATCH /v1/campaigns/:id': change('Campaigns', 'Changes a campaign', 'CampaignPatch', 'Campaign'),
  'DELETE /v1/campaigns/:id': remove('Campaigns', 'Archives a campaign'),
  'GET /v1/campaigns/:id/link': read('Campaigns', 'The tracking link of a publisher', 'CampaignLink', {
    query: [{ name: 'pub_id', schema: text }],
  }),

  'GET /v1/campaigns/:id/caps': read('Campaigns', 'What is left of the caps of a campaign now', 'CampaignCaps', {
    description: 'A publisher learns of those alone that limit it, and not of those on revenue',
    query: [{ name: 'publisher_id', description: 'Only those that limit it, with its own numbers', schema: text }],
  }),

  'POST /v1/postbacks': create('Postbacks', 'Creates a publisher postback', 'NewPostback', 'Postback'),
  'GET /v1/postbacks': list('Postbacks', 'Lists publisher postbacks', 'Postback', [
    oneOf('status', ['active', 'paused', 'disabled', 'archived']),
    ...filters('publisher_id', 'campaign_id'),
  ]),
  'GET /v1/postbacks/:id': read('Postbacks', 'Reads a publisher postback', 'Postback', { etag: true }),
  'PATCH /v1/postbacks/:id': change('Postbacks', 'Changes a publisher postback', 'PostbackPatch', 'Postback', {
    description: 'A JSON merge patch. The status `active` lets go what waits',
  }),
  'DELETE /v1/postbacks/:id': remove('Postbacks', 'Archives a publisher postback'),
  'POST /v1/postbacks/:id/test': act(
    'Postbacks',
    'Makes one call with these macro values and tells what came back',
    'PostbackTest',
    'PostbackTestResult',
    { conflicts: ['ARCHIVED'] },
  ),
  'POST /v1/postbacks/:id/replay': act(
    'Postbacks',
    'Replays the deliveries that are stuck',
    'PostbackReplay',
    'PostbackReplayed',
    {
      status: 202,
      description: 'While `next_cursor` is not null there is more: send it as `cursor`',
      conflicts: ['ARCHIVED'],
    },
  ),

  'GET /v1/clicks/:id': read('Clicks', 'Reads a click', 'Click'),
  'POST /v1/clicks/:id/test-conversion': act(
    'Clicks',
    'Records a conversion of the click that is marked as a test',
    'NewTestConversion',
    'WholeConversion',
    {
      status: 201,
      etag: true,
      description:
        'Priced and told to the publisher as one that a sender reports now with these parameters, but in no sum, cap or report, and no report finds it. What a sender could not report is refused with the code of `/postback`',
    },
  ),

  'POST /v1/conversions': read('Conversions', 'Reports conversions, server to server', 'ConversionResults', {
    description: 'Each item has a result of its own, in the order of the items, as `/postback` answers',
    body: { schema: 'ConversionReports', optional: false },
  }),
  'GET /v1/conversions': facts('Conversions', 'Lists conversions, newest first', 'Conversion', [
    ...filters('campaign_id', 'publisher_id', 'advertiser_id', 'goal'),
    CONVERSION_STATUS,
    ...filters('click_id', 'txn_id', 'p1'),
  ]),
  'GET /v1/conversions/:id': read('Conversions', 'Reads a conversion with its history', 'WholeConversion', {
    etag: true,
  }),
  'PATCH /v1/conversions/:id': change(
    'Conversions',
    'Changes status or amounts of a conversion',
    'ConversionPatch',
    'WholeConversion',
    { description: 'Ledger differences, history and notifications follow from it', conflicts: [] },
  ),
  'POST /v1/conversions/bulk': read('Conversions', 'Changes many conversions', 'BulkResults', {
    description: 'Goes on where it stopped when the same call is sent again',
    body: { schema: 'BulkChange', optional: false },
  }),

  'POST /v1/adjustments': create('Adjustments', 'Books money without a click', 'NewAdjustment', 'Adjustment', {
    etag: false,
    conflicts: [],
  }),
  'GET /v1/adjustments': facts(
    'Adjustments',
    'Lists adjustments, newest first',
    'Adjustment',
    filters('campaign_id', 'publisher_id', 'advertiser_id'),
  ),
  'GET /v1/adjustments/:id': read('Adjustments', 'Reads an adjustment', 'Adjustment'),

  'GET /v1/deliveries': facts('Deliveries', 'Lists deliveries, newest first', 'Delivery', [
    ...filters('conversion_id', 'postback_id', 'publisher_id'),
    oneOf('state', ['waiting', 'sending', 'delivered', 'exhausted', 'cancelled']),
  ]),
  'GET /v1/deliveries/:id': read('Deliveries', 'Reads a delivery with its attempts', 'Delivery'),
  'POST /v1/deliveries/:id/replay': act('Deliveries', 'Replays a delivery', 'DeliveryReplay', 'Delivery', {
    status: 202,
    conflicts: ['NOT_REPLAYABLE'],
  }),
  'GET /v1/dead-letters': read('Deliveries', 'Shows messages that no function could work off', 'DeadLetters'),
  'POST /v1/dead-letters/redrive': act('Deliveries', 'Sends them again', 'DeadLetterRedrive', 'Redriven'),

  'GET /v1/hits': facts('Hits', 'Lists inbound conversion calls, newest first', 'Hit', [
    ...filters('sender_id', 'advertiser_id', 'code'),
  ]),
  'GET /v1/hits/:id': read('Hits', 'Reads an inbound conversion call', 'Hit'),
  'POST /v1/hits/:id/retry': act('Hits', 'Corrects a refused call and tries it again', 'HitRetry', 'RetriedHit', {
    description: 'A merge patch over the parameters of the call',
    conflicts: ['NOT_REJECTED'],
  }),

  'GET /v1/settings': read('Settings', 'Reads the settings of the network', 'Settings', { etag: true }),
  'PATCH /v1/settings': change('Settings', 'Changes the settings of the network', 'SettingsPatch', 'Settings', {
    conflicts: [],
  }),

  'POST /v1/keys': create('Keys', 'Creates an API key', 'NewKey', 'CreatedKey'),
  'GET /v1/keys': list('Keys', 'Lists API keys', 'Key', [
    oneOf('status', ['active', 'archived']),
    oneOf('role', ['admin', 'manager', 'analyst', 'publisher', 'advertiser']),
    ...filters('publisher_id', 'advertiser_id'),
  ]),
  'GET /v1/keys/:id': read('Keys', 'Reads an API key', 'Key', { etag: true }),
  'PATCH /v1/keys/:id': change('Keys', 'Changes name or expiry of an API key', 'KeyPatch', 'Key', {
    description: 'A JSON merge patch. One admin key that never expires must be left',
    conflicts: ['ARCHIVED', 'LAST_ADMIN_KEY'],
  }),
  'DELETE /v1/keys/:id': remove('Keys', 'Revokes an API key: the next request with it is refused', {
    description: 'One admin key that never expires must be left',
    conflicts: ['LAST_ADMIN_KEY'],
  }),

  'GET /v1/audit': {
    ...facts('Audit', 'Lists who changed what, newest first', 'AuditEntry', [
      oneOf('kind', AUDIT_KINDS),
      { name: 'subject_id', description: 'Only with `kind`', schema: text },
      { name: 'by', description: '`key:<id>` or `bootstrap`', schema: text },
      oneOf('action', AUDIT_ACTIONS),
    ]),
    description: 'Changes of keys are for admins alone: others do not find them, and may not ask for them',
  },
};
