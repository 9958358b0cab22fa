import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fromCounterItem } from '../../lambdas/adapters/dynamodb/counter-update.ts';
import { conversionCounterKey } from '../../lambdas/core/counters.ts';
import { click, create, field, listAll, manage, report } from './deployment.ts';
import type { World } from './deployment.ts';
import { startFailingNetwork } from './failing-network.ts';
import type { FailingNetwork } from './failing-network.ts';
import { inTurns } from './in-turns.ts';
import { randomFaults } from './random-faults.ts';
import { announcementsOf, CAMPAIGNS, EXCHANGE_RATES, PUBLISHERS, readMicros, tellStory } from './sale-stories.ts';
import type { CampaignName, PublisherName, Story } from './sale-stories.ts';
import { SEED, seededRandom } from './seeded-random.ts';

interface FaultRun {
  /** Calls that the advertiser has to make, without those that it repeats because of their answer. */
  readonly postbacks: number;
  /** Sales at once for each cap, three times as many as it admits; 0: none is tried. */
  readonly sales: number;
  /** Whether notifications wait until storage is well: one that fails waits for minutes for its message. */
  readonly deliverLater: boolean;
}

/** As many calls at once as there are environments, so that none waits for one. */
const SENDERS = 8;
const FAULTY_SHARE = 0.2;
const TOKEN = 'token-of-the-advertiser-0001';

/** What must hold of conversions while a fifth of all requests to storage fails, by an oracle. */
export function conversionFaultTests({ postbacks, sales, deliverLater }: FaultRun): void {
  const random = seededRandom(SEED);
  const kinds = new Set<string>();
  let network: FailingNetwork;
  let told: Awaited<ReturnType<typeof startPublishers>>;

  beforeAll(async () => {
    told = await startPublishers();
    network = await startFailingNetwork({ environments: SENDERS, retrySchedule: [0, 1, 1, 2] }, (target) =>
      deliverLater && target.endsWith('.ReceiveMessage') ? 'reject' : 'ok',
    );
    await setUp(network, told.urlOf);
  }, 120_000);
  afterAll(async () => {
    await network.stop();
    told.stop();
  });

  /** Runs something while storage fails. */
  const whileFailing = async <T>(work: () => Promise<T>): Promise<T> => {
    const faults = randomFaults(random, FAULTY_SHARE);
    network.dynamoDb.plan = faults.plan;
    try {
      return await work();
    } finally {
      network.dynamoDb.plan = () => 'ok';
      for (const kind of faults.kinds) kinds.add(kind);
    }
  };

  const worldOf = (campaign: string, publisher: string): World => ({
    ...{ advertiser: 'xyz', campaign, publisher, token: TOKEN },
  });

  /** Clicks of the publishers on the campaigns, by turns: an environment that starts on a busy machine may answer 503 first. */
  const clicksOn = (worlds: readonly World[]) =>
    inTurns(worlds, 4, async (world) => {
      for (;;) {
        const clickId = await click(network.local, world).catch(() => null);
        if (clickId !== null) return clickId;
      }
    });

  /** Reports until the answer is final; tells all answers. */
  const insist = async (world: World, clickId: string, call: Readonly<Record<string, string>>): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let tries = 0; tries < 50; tries++) {
      const answer = await report(network.local, world, clickId, call);
      answers.push(answer);
      if (answer.status !== 503) return answers;
      await sleep(50 + Math.random() * 200);
    }
    throw new Error('no final answer within 50 tries');
  };

  it('are recorded once each and paid to the micro-unit, and nothing that was answered is missing (invariants 3, 4, 5, 7)', async () => {
    const stories: Story[] = [];
    for (let calls = 0; calls < postbacks; calls += stories.at(-1)?.calls.length ?? 0) {
      stories.push(tellStory(`order-${stories.length}`, random));
    }
    const clickIds = await clicksOn(stories.map(({ campaign, publisher }) => worldOf(campaign, publisher)));
    const clickOf = (story: Story) => clickIds[stories.indexOf(story)] ?? '';

    const answers = await whileFailing(() =>
      inTurns(stories, SENDERS, async (story) => {
        const all: Answer[] = [];
        for (const call of story.calls) {
          all.push(...(await insist(worldOf(story.campaign, story.publisher), clickOf(story), call)));
        }
        return all;
      }),
    );
    network.sqs.plan = () => 'ok';
    expect([...kinds].sort()).toEqual(['conflict', 'dropAnswer', 'late', 'reject', 'reset', 'throttle', 'too late']);

    // Nothing but 503 asks to try again, and says when.
    const given = answers.flat();
    const unclear = given.filter(({ status, retryAfter }) => status >= 500 && (status !== 503 || retryAfter === null));
    expect(unclear).toEqual([]);
    const refused = given.filter(({ status }) => status >= 400 && status < 500);
    const changesOfNothing = stories.filter(({ conversions }) => conversions.length === 0).length;
    expect(refused.map((answer) => field(answer, 'code'))).toEqual(
      Array<string>(changesOfNothing).fill('CONVERSION_NOT_FOUND'),
    );

    const listed = (
      await Promise.all(
        Object.keys(CAMPAIGNS).map((campaign) => listAll(network.local, `conversions?campaign_id=${campaign}`)),
      )
    ).flat();
    const ids = new Set(listed.map(({ id }) => id));
    const promised = given.map((answer) => field(answer, 'conversion_id')).filter((id) => id !== undefined);
    expect(promised.filter((id) => !ids.has(id))).toEqual([]);

    const rows = await rowsByConversion(network);
    const actual = listed.map((conversion): Recorded => {
      const { id, click_id, txn_id, status, code, payout, revenue } = conversion;
      return {
        sale: `${String(click_id)} ${String(txn_id)}`,
        status,
        code,
        payout: readMicros(payout),
        revenue: readMicros(revenue),
        ...(rows.get(String(id)) ?? NO_ROWS),
      };
    });
    const expected = stories.flatMap((story) =>
      story.conversions.map(({ txnId, states }): Recorded => {
        const { status, payout, revenue } = states.at(-1) ?? states[0];
        const approved = status === 'approved';
        return {
          sale: `${clickOf(story)} ${String(txnId)}`,
          ...{ status, code: 'OK', payout, revenue },
          history: states.length,
          paid: approved ? payout : 0n,
          earned: approved ? revenue : 0n,
          deliveries: announcementsOf(story.publisher, states),
        };
      }),
    );
    const bySale = (a: Recorded, b: Recorded) => (a.sale < b.sale ? -1 : 1);
    expect(actual.sort(bySale)).toEqual(expected.sort(bySale));
    const paid = (all: readonly Recorded[]) => all.reduce((sum, one) => sum + one.paid, 0n);
    expect(paid(actual)).toBe(paid(expected));
  }, 1_800_000);

  it('are told to their publishers at least once each (invariant 7)', async () => {
    const deliveries = async () =>
      (await network.scan('deliveries')).flatMap(({ id, state, sk }) =>
        sk?.S?.startsWith('delivery#') === true ? [{ id: id?.S ?? '', state: state?.S ?? '' }] : [],
      );
    const ended = ['delivered', 'cancelled'];
    await expect
      .poll(async () => (await deliveries()).filter(({ state }) => !ended.includes(state)), {
        // On a machine that is too busy some fail, and wait for their message or the sweeper.
        timeout: 600_000,
        interval: 500,
      })
      .toEqual([]);
    const delivered = (await deliveries()).filter(({ state }) => state === 'delivered');
    expect(delivered.filter(({ id }) => !told.heard.has(id))).toEqual([]);
    // Cancelled ones may have been heard of: the sale was rejected while a call was under way.
    expect(delivered.length).toBeGreaterThan(postbacks / 4);
  }, 700_000);

  if (sales === 0) return;
  const limit = Math.floor(sales / 3);
  it.each([
    ['of a campaign', { limit: String(limit) }, null],
    ['of each publisher', { limit: String(limit), scope: 'each_publisher', goal: 'sale' }, 'paid'],
    ['on a payout, to the micro-unit', { metric: 'payout', limit: String(limit * 2.5) }, null],
  ] as const)(
    'beyond a cap %s are recorded and not paid, however the storage fails (invariant 6)',
    async (name, cap, publisher) => {
      const campaign = `capped-${name.replace(/\W/g, '-')}`;
      await createCampaign(network, campaign, 'dollars', [cap]);
      const clickIds = await clicksOn(Array.from({ length: sales }, () => worldOf(campaign, 'paid')));
      await whileFailing(() =>
        inTurns(clickIds, SENDERS, (clickId) => insist(worldOf(campaign, 'paid'), clickId, { txn_id: clickId })),
      );

      const listed = await listAll(network.local, `conversions?campaign_id=${campaign}`);
      const withCode = (code: string) => listed.filter((conversion) => conversion['code'] === code).length;
      expect({ ok: withCode('OK'), over: withCode('OVER_CAP') }).toEqual({ ok: limit, over: sales - limit });
      const { pk, sk } = conversionCounterKey(campaign, publisher, null);
      const counter = (await network.scan('counters')).find((item) => item['pk']?.S === pk && item['sk']?.S === sk);
      const counts = fromCounterItem(counter ?? {});
      expect(counts.get('nt')).toBe(BigInt(limit));
      expect(counts.get('pt')).toBe(BigInt(limit) * 2_500_000n);
    },
    300_000,
  );
}

type Answer = Awaited<ReturnType<typeof report>>;

/** What is known of a conversion. */
interface Recorded extends Rows {
  readonly sale: string;
  readonly status: unknown;
  readonly code: unknown;
  readonly payout: bigint;
  readonly revenue: bigint;
}

/** What the rows of a conversion say. */
interface Rows {
  readonly history: number;
  /** The ledger's sums. */
  readonly paid: bigint;
  readonly earned: bigint;
  readonly deliveries: number;
}

const NO_ROWS: Rows = { history: 0, paid: 0n, earned: 0n, deliveries: 0 };

/** Reads the tables themselves: no route shows the ledger. */
async function rowsByConversion(network: FailingNetwork): Promise<ReadonlyMap<string, Rows>> {
  const found = new Map<string, Rows>();
  const add = (id: string, rows: (before: Rows) => Partial<Rows>) => {
    const before = found.get(id) ?? NO_ROWS;
    found.set(id, { ...before, ...rows(before) });
  };
  for (const { pk, sk, payout, revenue } of await network.scan('conversions')) {
    const id = pk?.S?.replace('conversion#', '') ?? '';
    if (sk?.S?.startsWith('history#') === true) add(id, ({ history }) => ({ history: history + 1 }));
    if (sk?.S?.startsWith('ledger#') === true) {
      const [more, gain] = [BigInt(payout?.N ?? ''), BigInt(revenue?.N ?? '')];
      add(id, ({ paid, earned }) => ({ paid: paid + more, earned: earned + gain }));
    }
  }
  for (const { pk, sk } of await network.scan('deliveries')) {
    if (sk?.S?.startsWith('delivery#') === true) add(pk?.S ?? '', ({ deliveries }) => ({ deliveries: deliveries + 1 }));
  }
  return found;
}

/** Publishers' servers, each an endpoint with slots of its own, and which deliveries they heard of. */
async function startPublishers() {
  const heard = new Set<string>();
  const urls = new Map<string, string>();
  const servers = await Promise.all(
    Object.keys(PUBLISHERS).map(async (id) => {
      const server = createServer((request, response) => {
        heard.add(String(request.headers['webhook-id']));
        response.end('thanks');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      urls.set(id, `http://127.0.0.1:${(server.address() as AddressInfo).port}/told?id={conversion_id}`);
      return server;
    }),
  );
  return {
    heard: heard as ReadonlySet<string>,
    urlOf: (id: PublisherName) => urls.get(id) ?? '',
    stop() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

async function setUp(network: FailingNetwork, urlOf: (publisher: PublisherName) => string): Promise<void> {
  const { local } = network;
  const settings = await manage(local, 'PATCH', 'settings', { exchange_rates: EXCHANGE_RATES });
  if (settings.status !== 200) throw new Error(`PATCH settings answered ${JSON.stringify(settings.body)}`);
  await create(local, 'advertisers', { id: 'xyz', name: 'XYZ', security_token: TOKEN });
  for (const id of Object.keys(PUBLISHERS) as PublisherName[]) {
    await create(local, 'publishers', { id, name: id });
    await create(local, 'postbacks', { publisher_id: id, url: urlOf(id), fire_on: PUBLISHERS[id] });
  }
  for (const name of Object.keys(CAMPAIGNS) as CampaignName[]) await createCampaign(network, name, name);
}

async function createCampaign(
  { local }: FailingNetwork,
  id: string,
  terms: CampaignName,
  caps: readonly object[] = [],
): Promise<void> {
  const { currency, goals } = CAMPAIGNS[terms];
  await create(local, 'campaigns', {
    ...{ id, name: id, advertiser_id: 'xyz', currency, destination_url: 'https://shop.example/?cid={click_id}' },
    goals: goals.map((goal, index) => ({ ...goal, name: goal.id, default: index === 0 })),
    caps: caps.map((cap) => ({ metric: 'conversions', period: 'total', ...cap })),
  });
}
