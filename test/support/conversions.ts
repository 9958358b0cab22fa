import { createSecretKey, randomBytes } from 'node:crypto';
import { mintClickId } from '../../lambdas/core/click-id.ts';
import type { Conversion } from '../../lambdas/core/conversion.ts';
import type { Click, Postback, Sender } from '../../lambdas/core/entities.ts';
import type { Hit } from '../../lambdas/core/hit.ts';
import { toMicros } from '../../lambdas/core/money.ts';
import type { PostbackAnswer } from '../../lambdas/core/postback-answer.ts';
import { receivePostback } from '../../lambdas/core/receive-postback.ts';
import type { ReceiveDeps } from '../../lambdas/core/judgement.ts';
import type { InboundCall } from '../../lambdas/core/received-call.ts';
import { hashToken } from '../../lambdas/core/senders.ts';
import { aPostback, NOON } from './deliveries.ts';
import { aCampaign, aClick, someSettings } from './entities.ts';
import { FakeClicks } from './fakes/clicks.ts';
import { FakeConversionCatalog } from './fakes/conversion-catalog.ts';
import { FakeConversionStore } from './fakes/conversion-store.ts';
import { fakeHints } from './fakes/hints.ts';
import { FakeHits } from './fakes/hits.ts';

/** The token of {@link aSender}. */
export const TOKEN = 'xyz-token-0123456789';

export function aSender(overrides: Partial<Sender> = {}): Sender {
  return {
    id: 'xyz',
    version: 1,
    createdAt: NOON,
    updatedAt: NOON,
    name: 'XYZ',
    status: 'active',
    advertiserIds: ['xyz'],
    tokenRequired: true,
    parameters: {},
    statusMap: {},
    ipAllowList: [],
    responseMode: 'status',
    decimals: 'currency',
    tokens: [{ id: 't1', hash: hashToken(TOKEN), expiresAt: null, createdAt: NOON }],
    ...overrides,
  };
}

export function aConversion(overrides: Partial<Conversion> = {}): Conversion {
  return {
    id: 'a2b3c4d5e6f7g2h3i4j5k6l7',
    version: 1,
    clickId: 'a'.repeat(32),
    campaignId: 'summer',
    publisherId: 'tia',
    advertiserId: 'xyz',
    goal: 'sale',
    status: 'approved',
    code: 'OK',
    reason: null,
    test: false,
    txnId: 'T1',
    saleAmount: toMicros(10_000_000n),
    saleCurrency: 'USD',
    rate: null,
    terms: { payout: { model: 'fixed', amount: '2.50' }, revenue: { model: 'fixed', amount: '4' }, exchange: null },
    currency: 'USD',
    payout: toMicros(2_500_000n),
    revenue: toMicros(4_000_000n),
    wouldBePayout: toMicros(2_500_000n),
    wouldBeRevenue: toMicros(4_000_000n),
    values: { p1: 'tia-1' },
    clickAt: NOON - 60_000,
    createdAt: NOON,
    updatedAt: NOON,
    locked: false,
    countedIn: [],
    cap: null,
    holdUntil: null,
    reportedBy: 'sender',
    deliveries: 0,
    ...overrides,
  };
}

/** A call that was refused. */
export function aHit(overrides: Partial<Hit> = {}): Hit {
  return {
    id: 'h2b3c4d5e6f7g2h3i4j5k6l7',
    at: NOON,
    route: 'GET /postback',
    senderId: 'xyz',
    advertiserId: 'xyz',
    clickId: null,
    conversionId: null,
    code: 'UNKNOWN_GOAL',
    status: 422,
    query: [],
    ...overrides,
  };
}

export function aCall(overrides: Partial<InboundCall> = {}): InboundCall {
  return {
    method: 'GET',
    route: '/postback',
    senderId: null,
    query: '',
    contentType: null,
    authorization: null,
    body: null,
    sourceIp: '203.0.113.7',
    ...overrides,
  };
}

/** A network in memory with one campaign, its advertiser's sender, and one postback of the publisher. */
export function aNetwork() {
  const catalog = new FakeConversionCatalog();
  const key = { key: createSecretKey(randomBytes(32)), createdAt: NOON - 1_000 };
  catalog.ring = [key];
  catalog.stored = someSettings();
  catalog.campaigns.set('summer', aCampaign());
  catalog.senders.set('xyz', aSender());
  catalog.postbacks.push(aPostback({ publisherId: 'tia' }));
  const clicks = new FakeClicks();
  const store = new FakeConversionStore();
  const hits = new FakeHits();
  const hints = fakeHints();
  const lost: string[] = [];
  let now = NOON;
  const deps: ReceiveDeps = {
    catalog,
    clicks,
    store,
    hits,
    hints,
    random: randomBytes,
    now: () => now,
    pause: async () => undefined,
    hintLost: (id) => lost.push(`hint ${id}`),
    postbacksLeftOut: (id, postbacks) => lost.push(`postbacks ${id} ${postbacks.length}`),
    countersNotTidied: (id) => lost.push(`counters ${id}`),
    hitLost: ({ code }) => lost.push(`hit ${code}`),
  };
  return {
    catalog,
    clicks,
    store,
    hits,
    hints,
    lost,
    deps,
    /** A genuine click id whose click is not stored. */
    mint: (at = now - 60_000) => mintClickId(at, randomBytes, key),
    /** Stores a click and answers its id. */
    async click(overrides: Partial<Click> = {}): Promise<string> {
      const createdAt = overrides.createdAt ?? now - 60_000;
      const click = aClick({
        id: mintClickId(createdAt, randomBytes, key),
        createdAt,
        values: { p1: 'tia-1' },
        ...overrides,
      });
      await clicks.put(click);
      return click.id;
    },
    advance(milliseconds: number) {
      now += milliseconds;
    },
    /** Calls `/postback` with the sender's token and these parameters. */
    call(parameters: Readonly<Record<string, string>>, overrides: Partial<InboundCall> = {}): Promise<PostbackAnswer> {
      const query = new URLSearchParams({ security_token: TOKEN, ...parameters }).toString();
      return receivePostback(aCall({ query, ...overrides }), deps);
    },
    postback: (overrides: Partial<Postback>) => catalog.postbacks.push(aPostback({ publisherId: 'tia', ...overrides })),
  };
}

export type Network = ReturnType<typeof aNetwork>;
