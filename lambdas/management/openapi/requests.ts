import type * as z from 'zod';
import { conversionPatch, hitRetry, newTestConversion } from '../schemas/conversion.ts';
import { newAdjustment } from '../schemas/adjustment.ts';
import { bulkChange } from '../schemas/bulk.ts';
import { createCampaignSchema } from '../schemas/campaign.ts';
import { entityId, nothing } from '../schemas/common.ts';
import { deadLetterRedrive } from '../schemas/dead-letters.ts';
import { newKeySchema } from '../schemas/key.ts';
import { advertiserSchema, newAdvertiserSchema, publisherSchema } from '../schemas/party.ts';
import { createNewPostbackSchema, createPostbackSchema, postbackReplay, postbackTest } from '../schemas/postback.ts';
import { REPORT_NAMES } from '../schemas/report.ts';
import { newTokenSchema, senderSchema } from '../schemas/sender.ts';
import { createSettingsSchema } from '../schemas/settings.ts';
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

/** The smallest that make sense, and what people write most. */
const EXAMPLES = {
  NewAdvertiser: { id: 'xyz', name: 'XYZ' },
  AdvertiserPatch: { name: 'XYZ Ltd.' },
  NewSender: { name: 'A measurement partner', advertiser_ids: ['xyz'], parameters: { click_id: ['clickid'] } },
  SenderPatch: { ip_allow_list: ['203.0.113.0/24'] },
  NewToken: { expires_at: '2031-01-01T00:00:00Z' },
  NewPublisher: { id: 'tia', name: 'Tia' },
  PublisherPatch: { status: 'paused' },
  NewCampaign: {
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
  CampaignPatch: { caps: [], ends_at: '2031-01-01T00:00:00Z' },
  NewPostback: { publisher_id: 'tia', url: 'https://tia.example/postback?cid={p1}&payout={payout}' },
  PostbackPatch: { status: 'active' },
  PostbackTest: { p1: 'a-click-of-theirs', payout: '2.50' },
  PostbackReplay: { since: '2030-01-01' },
  ConversionPatch: { status: 'approved', reason: 'The order was delivered' },
  ConversionReports: {
    items: [{ click_id: 'aqd6zl7m2k4s5v3b7x2n6c4r5t7y2u3i', txn_id: 'ORDER-1', sale_amount: '49.90', currency: 'USD' }],
  },
  BulkChange: { match: 'txn_id', items: [{ txn_id: 'ORDER-1', status: 'approved' }], dry_run: true },
  NewAdjustment: { publisher_id: 'tia', campaign_id: 'summer', payout: '25', reason: 'Bonus for November' },
  DeadLetterRedrive: { discard_malformed: false },
  DeliveryReplay: {},
  HitRetry: { txn_id: 'ORDER-1', sender_id: 'xyz' },
  SettingsPatch: { network_name: 'Network ABC', exchange_rates: { EUR: '1.08' } },
  NewTestConversion: { goal: 'sale', sale_amount: '49.90', status: 'approved' },
  NewKey: { name: 'Nightly export', role: 'analyst' },
} satisfies Record<string, unknown>;

export type RequestName = keyof typeof EXAMPLES;

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
  ConversionPatch: { ...inputOf(conversionPatch), description: 'At least one field' },
  ConversionReports: reports(),
  BulkChange: inputOf(bulkChange),
  NewAdjustment: inputOf(newAdjustment),
  DeadLetterRedrive: inputOf(deadLetterRedrive),
  DeliveryReplay: inputOf(nothing),
  HitRetry: inputOf(hitRetry),
  SettingsPatch: patchOf(DOCUMENTS.settings),
  NewTestConversion: inputOf(newTestConversion),
  NewKey: inputOf(newKeySchema),
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

function withExamples<Name extends RequestName>(schemas: Readonly<Record<Name, JsonSchema>>): typeof schemas {
  for (const name in schemas) schemas = { ...schemas, [name]: { ...schemas[name], examples: [EXAMPLES[name]] } };
  return schemas;
}
