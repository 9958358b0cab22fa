import type * as z from 'zod';
import { conversionPatch, hitRetry, newTestConversion } from '../schemas/conversion.ts';
import { newAdjustment } from '../schemas/adjustment.ts';
import { bulkChange } from '../schemas/bulk.ts';
import { createCampaignSchema } from '../schemas/campaign.ts';
import { entityId, nothing } from '../schemas/common.ts';
import { deadLetterRedrive } from '../schemas/dead-letters.ts';
import { KEY_READ_ONLY, keySchema, newKeySchema } from '../schemas/key.ts';
import { advertiserSchema, newAdvertiserSchema, publisherSchema } from '../schemas/party.ts';
import { createNewPostbackSchema, createPostbackSchema, postbackReplay, postbackTest } from '../schemas/postback.ts';
import { REPORT_NAMES } from '../schemas/report.ts';
import { newTokenSchema, senderSchema } from '../schemas/sender.ts';
import { createSettingsSchema } from '../schemas/settings.ts';
import { describeFields } from './fields.ts';
import { extended, inputOf, patchOf } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';

// What they ask of a URL cannot be said in JSON Schema, so it does not matter which rules these are.
const RULES = { allowLoopback: false, ownHosts: [] };

/** What operators may say of each kind of entity. */
export const DOCUMENTS = {
  advertiser: inputOf(advertiserSchema),
  sender: inputOf(senderSchema),
  publisher: inputOf(publisherSchema),
  campaign: inputOf(createCampaignSchema(RULES.allowLoopback)),
  postback: inputOf(createPostbackSchema(RULES)),
  settings: inputOf(createSettingsSchema(RULES.allowLoopback)),
};

const READ_ONLY = { readOnly: true, description: 'May be repeated as it was read, but not changed' };

/** Ids of the examples that Flowback makes itself. */
export const EXAMPLE_IDS = {
  click: 'aqd6zl7m2k4s5v3b7x2n6c4r5t7y2u3i',
  conversion: 'aqd7bmx5c3hvq2k4s5v3b7x2',
  delivery: 'aqd7bmx5c3hvq2k4s5v3b7x2_1',
  hit: 'aqd7bmyk2n6c4r5t7y2u3ipa',
  adjustment: 'aqe2hd4zl7m2k4s5v3b7x2n6',
  audit: 'campaign#summer#4',
  token: 'k4s5v3b7x2n6c4r5',
};

/** The smallest that make sense, and what people write most. Together, in this order, they are one story. */
export const REQUEST_EXAMPLES = {
  NewAdvertiser: [{ id: 'xyz', name: 'XYZ' }],
  AdvertiserPatch: [{ name: 'XYZ Ltd.' }],
  NewSender: [
    { id: 'mmp', name: 'A measurement partner', advertiser_ids: ['xyz'], parameters: { click_id: ['clickid'] } },
  ],
  SenderPatch: [{ status_map: { paid: 'approved' } }, { ip_allow_list: ['203.0.113.0/24'] }],
  NewToken: [{ expires_at: '2031-01-01T00:00:00Z' }],
  NewPublisher: [{ id: 'tia', name: 'Tia' }],
  PublisherPatch: [{ metadata: { crm: '4711' } }, { status: 'paused' }],
  NewCampaign: [
    {
      id: 'summer',
      name: 'Summer sale',
      advertiser_id: 'xyz',
      destination_url: 'https://xyz.example/landing?cid={click_id}',
      goals: [
        {
          id: 'sale',
          payout: { model: 'fixed', amount: '2.50' },
          revenue: { model: 'percent', percent: '10' },
        },
      ],
      caps: [{ metric: 'conversions', period: 'day', limit: '100' }],
    },
  ],
  CampaignPatch: [{ ends_at: '2031-01-01T00:00:00Z' }, { caps: [], status: 'active' }],
  NewPostback: [{ id: 'tia-sales', publisher_id: 'tia', url: 'https://tia.example/postback?cid={p1}&payout={payout}' }],
  PostbackPatch: [{ fire_on: ['approved', 'rejected'] }, { status: 'active' }],
  PostbackTest: [{ p1: 'a-click-of-theirs', payout: '2.50' }],
  PostbackReplay: [{ since: '2026-01-01' }],
  ConversionPatch: [{ status: 'approved', reason: 'The order was delivered' }, { sale_amount: '39.90' }],
  ConversionReports: [
    { items: [{ click_id: EXAMPLE_IDS.click, txn_id: 'ORDER-1', sale_amount: '49.90', currency: 'USD' }] },
  ],
  BulkChange: [
    { match: 'txn_id', items: [{ txn_id: 'ORDER-1', status: 'approved' }] },
    {
      match: 'txn_id',
      items: [{ txn_id: 'ORDER-1', status: 'approved' }],
      unmatched: 'reject',
      advertiser_id: 'xyz',
      from: '2026-11-01',
      to: '2026-12-01',
      dry_run: true,
    },
  ],
  NewAdjustment: [{ publisher_id: 'tia', campaign_id: 'summer', payout: '25', reason: 'Bonus for November' }],
  NewTestConversion: [{ sale_amount: '49.90' }, {}],
  DeadLetterRedrive: [{ discard_malformed: false }],
  DeliveryReplay: [{}],
  HitRetry: [{ status: 'approved' }, { txn_id: 'ORDER-2', sender_id: 'xyz' }],
  SettingsPatch: [{ network_name: 'Network ABC', exchange_rates: { EUR: '1.08' } }],
  NewKey: [{ id: 'nightly', name: 'Nightly export', role: 'analyst' }],
  KeyPatch: [{ name: 'Export each night' }, { expires_at: '2031-01-01T00:00:00Z' }],
} as const satisfies Record<string, readonly unknown[]>;

export type RequestName = keyof typeof REQUEST_EXAMPLES;

/** The schema of every request's body. */
export const REQUESTS: Readonly<Record<RequestName, JsonSchema>> = withExamples({
  NewAdvertiser: newOf(newAdvertiserSchema),
  AdvertiserPatch: entityPatch(DOCUMENTS.advertiser),
  NewSender: newOf(senderSchema),
  SenderPatch: entityPatch(DOCUMENTS.sender, ['tokens']),
  NewToken: inputOf(newTokenSchema),
  NewPublisher: newOf(publisherSchema),
  PublisherPatch: entityPatch(DOCUMENTS.publisher),
  NewCampaign: newOf(createCampaignSchema(RULES.allowLoopback)),
  CampaignPatch: entityPatch(DOCUMENTS.campaign),
  NewPostback: newOf(createNewPostbackSchema(RULES)),
  PostbackPatch: entityPatch(DOCUMENTS.postback, ['disabled_at', 'disabled_reason', 'health']),
  PostbackTest: inputOf(postbackTest),
  PostbackReplay: inputOf(postbackReplay),
  ConversionPatch: { ...inputOf(conversionPatch), description: 'At least one field is required' },
  ConversionReports: reports(),
  BulkChange: inputOf(bulkChange),
  NewAdjustment: inputOf(newAdjustment),
  DeadLetterRedrive: inputOf(deadLetterRedrive),
  DeliveryReplay: inputOf(nothing),
  HitRetry: inputOf(hitRetry),
  SettingsPatch: patchOf(DOCUMENTS.settings),
  NewTestConversion: inputOf(newTestConversion),
  NewKey: inputOf(newKeySchema),
  KeyPatch: keyPatch(),
});

/** A new entity's document; its id may be chosen. */
function newOf(schema: z.ZodType): JsonSchema {
  const id = { ...inputOf(entityId), description: 'Without it one is generated' };
  return extended(inputOf(schema), { first: { id } });
}

function entityPatch(document: JsonSchema, readOnly: readonly string[] = []): JsonSchema {
  const names = [...readOnly, 'created_at', 'updated_at'];
  return extended(patchOf(document), {
    first: { id: READ_ONLY },
    last: Object.fromEntries(names.map((name) => [name, READ_ONLY])),
  });
}

function keyPatch(): JsonSchema {
  const last = Object.fromEntries(KEY_READ_ONLY.map((name) => [name, READ_ONLY]));
  return extended(patchOf(inputOf(keySchema)), { last });
}

function reports(): JsonSchema {
  const value = { type: ['string', 'null'] };
  const item = {
    type: 'object',
    description: 'One conversion, in the names of `/postback`; wrong values are told in its own result',
    properties: Object.fromEntries([...REPORT_NAMES].map((name) => [name, value])),
    additionalProperties: false,
  };
  const items = { type: 'array', items: item, minItems: 1, maxItems: 100 };
  const wrapped = { type: 'object', properties: { items }, required: ['items'], additionalProperties: false };
  return { anyOf: [wrapped, items] };
}

/** With the meanings of their fields. */
function withExamples<Name extends RequestName>(schemas: Readonly<Record<Name, JsonSchema>>): typeof schemas {
  const complete = Object.entries<JsonSchema>(schemas).map(([name, schema]) => [
    name,
    { ...describeFields(name, schema), examples: REQUEST_EXAMPLES[name as Name] },
  ]);
  return Object.fromEntries(complete) as typeof schemas;
}
