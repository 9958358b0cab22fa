import { toAdjustmentItem } from '../../lambdas/adapters/dynamodb/adjustments.ts';
import { putAudit } from '../../lambdas/adapters/dynamodb/audit.ts';
import { toConversionItem, toTxnItem } from '../../lambdas/adapters/dynamodb/conversion-item.ts';
import { toAttemptItem, toDeliveryItem } from '../../lambdas/adapters/dynamodb/delivery-item.ts';
import { toHitItem } from '../../lambdas/adapters/dynamodb/hits.ts';
import { toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import type { Item } from '../../lambdas/adapters/dynamodb/items.ts';
import { txnIndexHash } from '../../lambdas/core/dedupe-keys.ts';
import type { ConversionStatus, PostbackStatus } from '../../lambdas/core/entities.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import { hashToken } from '../../lambdas/core/senders.ts';
import { toWire } from '../../lambdas/core/wire.ts';
import { aConversion, aHit, aSender } from './conversions.ts';
import { aDelivery, aPostback } from './deliveries.ts';
import { aCampaign, aCap, aPublisher } from './entities.ts';
import { oneOf, seededRandom } from './seeded-random.ts';

export const COUNTS = {
  advertisers: 100,
  publishers: 5_000,
  campaigns: 1_000,
  postbacks: 1_000,
  keys: 200,
  conversions: 50_000,
  deliveries: 10_000,
  hits: 10_000,
  adjustments: 500,
  audit: 2_000,
} as const;

const DAY = 24 * 60 * 60 * 1_000;
/** Conversions, deliveries and adjustments lie in so many days. */
const DAYS = 90;
const HIT_DAYS = 30;
export const nameOf = (kind: string, number: number): string => `${kind}-${String(number).padStart(4, '0')}`;

/** Rows by table. */
type Rows = Readonly<Record<'Catalog' | 'Conversions' | 'Deliveries' | 'Hits' | 'Audit', readonly Item[]>>;

/**
 * A network of some size, as rows: the same facts each time, but that they end now. Some campaigns and publishers have most
 * of them, as everywhere. `publisherKey` is that of the first publisher.
 */
export function makeLargeNetwork(publisherKey: string, now: number) {
  const random = seededRandom(7);
  const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
  const pick = (kind: 'advertiser' | 'publisher' | 'campaign' | 'postback') =>
    nameOf(kind, Math.floor(random() ** 2 * COUNTS[`${kind}s`]));
  const within = (days: number) => Math.floor(now - random() * days * DAY);
  const many = <T>(kind: keyof typeof COUNTS, make: (number: number) => T): T[] =>
    Array.from({ length: COUNTS[kind] }, (_, number) => make(number));

  const campaigns = many('campaigns', (number) =>
    aCampaign({
      id: nameOf('campaign', number),
      name: `Autumn sale ${number}`,
      advertiserId: nameOf('advertiser', number % COUNTS.advertisers),
      status: number % 20 === 7 ? 'paused' : number % 20 === 11 ? 'archived' : 'active',
      // A tenth is for everybody, the rest for a handful.
      ...(number % 10 !== 0 && {
        visibility: 'ask' as const,
        approvedPublishers: [1, 2, 3, 4].map((step) => nameOf('publisher', (number * step) % COUNTS.publishers)),
      }),
      caps: [aCap(), aCap({ period: 'month', limit: '2000' }), aCap({ scope: 'each_publisher', limit: '20' })],
    }),
  );
  const entity = <Kind extends string>(kind: Kind, value: { readonly id: string }) =>
    toItem({ ...(toWire(value) as object), pk: kind, sk: value.id });
  const keys = many('keys', (number) => {
    const publisher = number === 0 ? publisherKey : `fb_${Buffer.from(bytes(20)).toString('hex')}`;
    return {
      ...{ id: nameOf('key', number), name: `Of publisher ${number}`, role: 'publisher', hash: hashToken(publisher) },
      ...{ publisher_id: nameOf('publisher', number), advertiser_id: null, expires_at: null, status: 'active' },
      ...{ last_used_at: now, version: 1, created_at: now, updated_at: now },
    };
  });
  const conversions = many('conversions', (number) => {
    const campaignId = pick('campaign');
    const createdAt = within(DAYS);
    const status: ConversionStatus = oneOf(
      ['approved', 'approved', 'approved', 'approved', 'pending', 'rejected'],
      random,
    );
    return aConversion({
      id: newSortableId(createdAt, bytes),
      clickId: newSortableId(createdAt - 60_000, bytes).padEnd(32, 'a'),
      campaignId,
      publisherId: pick('publisher'),
      advertiserId: nameOf('advertiser', Number(campaignId.slice(-4)) % COUNTS.advertisers),
      status,
      txnId: `order-${number}`,
      values: {
        ...{ p1: Buffer.from(bytes(16)).toString('hex'), p2: 'feed', source: `site-${number % 50}`, country: 'DE' },
        ...{ device: 'mobile', os: 'android', browser: 'chrome', sub1: 'spring', sub2: `basket-${number}` },
      },
      clickAt: createdAt - 60_000,
      createdAt,
      updatedAt: createdAt,
      deliveries: number < COUNTS.deliveries ? 1 : 0,
    });
  });
  const deliveries = conversions.slice(0, COUNTS.deliveries).map(({ id, publisherId, createdAt, values }, number) =>
    aDelivery({
      subjectId: id,
      publisherId,
      postbackId: pick('postback'),
      state: number % 50 === 0 ? 'exhausted' : 'delivered',
      values: { ...values, conversion_id: id, status: 'approved', goal: 'sale', payout: '2.50' },
      createdAt,
      attempts: 1,
      nextAttemptAt: null,
      dueAt: null,
    }),
  );
  const attempt = { number: 1, durationMs: 85, status: 200, error: null, body: 'OK', nextAttemptAt: null };
  const hits = many('hits', (number) => {
    const at = within(HIT_DAYS);
    return aHit({
      id: newSortableId(at, bytes),
      at,
      senderId: pick('advertiser'),
      advertiserId: pick('advertiser'),
      code: number % 10 === 0 ? 'CLICK_NOT_FOUND' : 'OK',
      query: [
        ...([['click_id', newSortableId(at, bytes).padEnd(32, 'a')]] as const),
        ...([['txn_id', `order-${number}`]] as const),
        ...([['sale_amount', '129.90']] as const),
        ...([['security_token', '***']] as const),
      ],
    });
  });
  const adjustments = many('adjustments', () => {
    const { payout, revenue } = aConversion();
    const [id, at] = [newSortableId(now, bytes), within(DAYS)];
    return {
      ...{ id, campaignId: pick('campaign'), publisherId: pick('publisher'), advertiserId: pick('advertiser') },
      ...{ goal: null, payout, revenue, currency: 'USD', at, reason: 'Bonus', createdAt: at, createdBy: 'key:boss' },
    };
  });
  const audit = many('audit', (number) =>
    putAudit(undefined, {
      ...{ id: newSortableId(now, bytes), at: within(DAYS), by: 'key:boss', byName: 'Boss', action: 'changed' },
      ...{ kind: number % 4 === 0 ? 'key' : 'campaign', subjectId: pick('campaign'), requestId: 'UbmNxhAaIAMEVqQ=' },
      changes: [{ pointer: '/goals/0/payout/amount', from: '2.50', to: '3' }],
    }),
  );
  const rows: Rows = {
    Catalog: [
      ...many('advertisers', (number) => aPublisher({ id: nameOf('advertiser', number), name: `Shop ${number}` })).map(
        (advertiser) => entity('advertiser', advertiser),
      ),
      ...many('advertisers', (number) => {
        const id = nameOf('advertiser', number);
        return entity('sender', aSender({ id, advertiserIds: [id] }));
      }),
      ...many('publishers', (number) =>
        entity(
          'publisher',
          aPublisher({
            id: nameOf('publisher', number),
            name: `Publisher ${number}`,
            status: number % 100 === 50 ? 'paused' : 'active',
            metadata: { manager: 'Ada', country: 'DE' },
          }),
        ),
      ),
      ...campaigns.map((campaign) => entity('campaign', campaign)),
      ...many('postbacks', (number) => {
        const status: PostbackStatus = number % 50 === 9 ? 'disabled' : 'active';
        const [id, publisherId] = [nameOf('postback', number), nameOf('publisher', number * 5)];
        return entity('postback', aPostback({ id, publisherId, status }));
      }),
      ...keys.map((key) => toItem({ ...key, pk: 'api_key', sk: key.id })),
      ...keys.map((key) => toItem({ ...key, pk: 'api_key_hash', sk: key.hash })),
    ],
    Conversions: [
      ...conversions.map(toConversionItem),
      ...conversions.flatMap(({ id, txnId, advertiserId, campaignId, goal }) =>
        txnId === null ? [] : [toTxnItem(txnIndexHash(txnId), { advertiserId, campaignId, goal, conversionId: id })],
      ),
      ...adjustments.map(toAdjustmentItem),
    ],
    Deliveries: [
      ...deliveries.map(toDeliveryItem),
      ...deliveries.map((delivery) => toAttemptItem(delivery, { ...attempt, at: delivery.createdAt })),
    ],
    Hits: hits.map(toHitItem),
    Audit: audit.flatMap(({ Put }) => (Put?.Item === undefined ? [] : [Put.Item])),
  };
  const told = conversions.slice(0, COUNTS.deliveries);
  return {
    rows,
    conversions: told.map(({ id, clickId, txnId }) => ({ id, clickId: clickId ?? '', txnId: txnId ?? '' })),
  };
}
