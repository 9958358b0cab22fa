import { EXAMPLE_IDS } from './requests.ts';

/** A value of each parameter that is no word of a list, of the story that the requests' examples tell; and what it means. */
const PARAMETERS: Readonly<Partial<Record<string, readonly [example: string, description: string]>>> = {
  advertiser_id: ['xyz', 'Those of this advertiser'],
  publisher_id: ['tia', 'Those of this publisher'],
  campaign_id: ['summer', 'Those of this campaign'],
  pub_id: ['tia', 'The publisher. Required, unless the key is a publisher’s'],
  postback_id: ['tia-sales', 'Those of this publisher postback'],
  sender_id: ['xyz', 'Those of this sender'],
  conversion_id: [EXAMPLE_IDS.conversion, 'Those of this conversion'],
  click_id: [EXAMPLE_IDS.click, 'Those of this click'],
  goal: ['sale', 'Those of this goal'],
  txn_id: ['ORDER-1', 'Those of this transaction of the advertiser'],
  p1: ['a-click-of-theirs', 'Those of this click ID of the publisher'],
  code: ['OK', 'Those with this reason code'],
  status: ['', 'Those with this status'],
  state: ['', 'Those in this state'],
  role: ['', 'Those with this role'],
  kind: ['', 'Changes of this kind'],
  action: ['', 'Changes of this sort'],
  subject_id: ['summer', 'Changes of the one with this id'],
  by: ['key:office', 'What this key changed'],
  from: ['2026-11-01', ''],
  to: ['2031-01-01T00:00:00Z', ''],
};

/** Ids in paths, by what they are of. */
const PATH_IDS: Readonly<Partial<Record<string, string>>> = {
  advertisers: 'xyz',
  senders: 'mmp',
  publishers: 'tia',
  campaigns: 'summer',
  postbacks: 'tia-sales',
  keys: 'nightly',
  clicks: EXAMPLE_IDS.click,
  conversions: EXAMPLE_IDS.conversion,
  adjustments: EXAMPLE_IDS.adjustment,
  deliveries: EXAMPLE_IDS.delivery,
  hits: EXAMPLE_IDS.hit,
};

/** The example and the meaning of a query parameter; what the operation says itself comes first. */
export function describeParameter({
  name,
  description,
  schema,
}: {
  readonly name: string;
  readonly description?: string;
  readonly schema: Readonly<Record<string, unknown>>;
}) {
  const [example = '', meaning = ''] = PARAMETERS[name] ?? [];
  const [word] = Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : [];
  return { description: description ?? meaning, example: word ?? example };
}

/** The ids in the path of a route, `/v1/senders/:id/tokens/:token_id`. */
export function pathParametersOf(path: string) {
  const parts = path.split('/');
  return parts.flatMap((part, i) => {
    if (!part.startsWith(':')) return [];
    const name = part.slice(1);
    const example = name === 'token_id' ? EXAMPLE_IDS.token : PATH_IDS[parts[i - 1] ?? ''];
    return [{ name, in: 'path', required: true, description: `Its id`, example, schema: { type: 'string' } }];
  });
}
