import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { changeConversion } from '../../../lambdas/core/change-conversion.ts';
import type { ConversionPatch } from '../../../lambdas/core/change-conversion.ts';
import type { Conversion } from '../../../lambdas/core/conversion.ts';
import { endHold } from '../../../lambdas/core/end-hold.ts';
import type { Campaign, Goal } from '../../../lambdas/core/entities.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { receivePostback } from '../../../lambdas/core/receive-postback.ts';
import { retryHit } from '../../../lambdas/core/retry-hit.ts';
import { runParked } from '../../../lambdas/core/run-parked.ts';
import { sweepHolds, sweepParked } from '../../../lambdas/core/sweep.ts';
import { expectSame, hearEverything, watchConversions } from '../../support/conversion-invariants.ts';
import { pixel } from '../../support/conversion-reports.ts';
import { aCall, aNetwork, TOKEN } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { aCampaign, aCap, aGoal } from '../../support/entities.ts';
import { deathBefore, failureAt, instrumented } from '../../support/port-faults.ts';
import type { FaultAt } from '../../support/port-faults.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const T1 = { txn_id: 'T1' };
const PERCENT: Partial<Goal> = {
  payout: { model: 'percent', percent: '10' },
  revenue: { model: 'percent', percent: '20' },
};

type Deps = Network['deps'];
type Parameters = Readonly<Record<string, string>>;

/** A network with a click, all of whose conversions are watched. */
async function aScene(campaign: Partial<Campaign>, clickIsStored = true) {
  const network = aNetwork();
  network.catalog.campaigns.set('summer', aCampaign(campaign));
  hearEverything(network);
  const watch = watchConversions(network);
  return { network, watch, click_id: clickIsStored ? await network.click() : network.mint() };
}
type Scene = Awaited<ReturnType<typeof aScene>>;

/** What somebody does, once; he does it again if he is not told that it is done. */
type Act = (scene: Scene, deps: Deps) => Promise<unknown>;

const report =
  (parameters: Parameters): Act =>
  async ({ click_id }, deps) => {
    const query = new URLSearchParams({ security_token: TOKEN, click_id, ...parameters }).toString();
    return (await receivePostback(aCall({ query }), deps)).body['code'];
  };
const decide =
  (patch: ConversionPatch): Act =>
  async ({ network }, deps) => {
    const [id = 'none'] = network.store.conversions.keys();
    return (await changeConversion(id, patch, { by: 'key:k1', expect: () => undefined, strictly: false }, deps)).kind;
  };
const retry =
  (corrected: Parameters): Act =>
  async ({ network }, deps) => {
    const [id = 'none'] = network.hits.rows.keys();
    const done = await retryHit(
      id,
      { corrected, senderId: null, attribution: null, by: 'key:k1' },
      { ...deps, hits: deps.hits as Network['hits'] },
    );
    return done.kind;
  };
/** One run of the sweeper, which goes on with the next row where one fails. */
const sweep: Act = async (_, deps) => {
  const { store, now } = deps;
  const runs = [
    await sweepHolds({ store, endHold: (id) => endHold(id, deps), now }, Infinity),
    await sweepParked({ store, runParked: (row) => runParked(row, deps), now }, Infinity),
  ];
  for (const { failures } of runs) for (const { error } of failures) throw error;
};
const wait =
  (milliseconds: number): Act =>
  async ({ network }) =>
    network.advance(milliseconds);
const storeClick: Act = ({ network, click_id }) => network.click({ id: click_id });

interface Story {
  readonly title: string;
  readonly campaign?: Partial<Campaign>;
  readonly clickIsStored?: false;
  /** What happened before, without a fault. */
  readonly before?: readonly Act[];
  readonly act: Act;
  /** What happens after it, without a fault. */
  readonly after?: readonly Act[];
  /** Each conversion that there must be in the end, with the states that were announced of it: status and payout. */
  readonly ends: readonly (readonly string[])[];
  readonly conversion?: Partial<Conversion>;
  /** The code in which the first call's hit ends. */
  readonly hit?: string;
}

const capped = { caps: [aCap({ limit: '1' }), aCap({ metric: 'payout', limit: '2.50', scope: 'each_publisher' })] };
const full = { caps: [aCap({ limit: '0' })] };
const held = { goals: [aGoal({ holdDays: 7 })] };
const shared = { coupons: [{ code: 'TIA20', publisherId: 'tia' }] };

const stories: readonly Story[] = [
  { title: 'a sale with a txn_id, under caps', campaign: capped, act: report(T1), ends: [['approved 2500000']] },
  { title: 'a sale without one', campaign: capped, act: report({}), ends: [['approved 2500000']] },
  {
    title: 'a sale beyond a cap',
    campaign: full,
    act: report(T1),
    ends: [['rejected 0']],
    conversion: { code: 'OVER_CAP' },
  },
  {
    title: 'an adoption',
    before: [report({})],
    act: report(T1),
    ends: [['approved 2500000']],
    conversion: { txnId: 'T1' },
  },
  {
    title: 'an adoption with a change of the status',
    before: [report({ status: 'pending' })],
    act: report({ ...T1, status: 'approved' }),
    ends: [['pending 2500000', 'approved 2500000']],
    conversion: { txnId: 'T1' },
  },
  {
    title: "a sale that takes the place of a pixel's",
    campaign: { goals: [aGoal(PERCENT)] },
    before: [({ network, click_id }) => pixel(network, { click_id, sale_amount: '1' })],
    act: report({ ...T1, sale_amount: '100' }),
    ends: [['pending 100000', 'approved 10000000']],
    conversion: { txnId: 'T1', reportedBy: 'sender' },
  },
  {
    title: 'another sale of the same click',
    before: [report(T1)],
    act: report({ txn_id: 'T2' }),
    ends: [['approved 2500000'], ['approved 2500000']],
  },
  {
    title: 'an approval',
    before: [report({ ...T1, status: 'pending' })],
    act: report({ ...T1, status: 'approved' }),
    ends: [['pending 2500000', 'approved 2500000']],
  },
  {
    title: 'a rejection',
    before: [report(T1)],
    act: report({ ...T1, status: 'rejected' }),
    ends: [['approved 2500000', 'rejected 0']],
  },
  {
    title: 'another amount',
    campaign: { goals: [aGoal(PERCENT)] },
    before: [report({ ...T1, sale_amount: '100' })],
    act: report({ ...T1, sale_amount: '60', action: 'change' }),
    ends: [['approved 10000000', 'approved 6000000']],
  },
  {
    title: 'a rejection before its sale',
    act: report({ ...T1, status: 'rejected' }),
    after: [report(T1)],
    ends: [['rejected 0']],
    conversion: { code: 'OK' },
  },
  {
    title: 'a sale that was rejected before',
    before: [report({ ...T1, status: 'rejected' })],
    act: report(T1),
    ends: [['rejected 0']],
  },
  {
    title: 'a sale before its click',
    campaign: capped,
    clickIsStored: false,
    act: report(T1),
    after: [storeClick, wait(DAY), sweep],
    ends: [['approved 2500000']],
  },
  {
    title: 'a parked sale whose click has come',
    campaign: capped,
    clickIsStored: false,
    before: [report(T1), storeClick, wait(MINUTE)],
    act: sweep,
    ends: [['approved 2500000']],
    hit: 'OK',
  },
  {
    title: "an operator's approval beyond a cap",
    campaign: full,
    before: [report(T1)],
    act: decide({ status: 'approved' }),
    ends: [['rejected 0', 'approved 2500000']],
    conversion: { locked: true, code: 'OVER_CAP', countedIn: ['UTC'] },
  },
  {
    title: "an operator's rejection",
    before: [report(T1)],
    act: decide({ status: 'rejected', reason: 'fraud' }),
    ends: [['approved 2500000', 'rejected 0']],
    conversion: { locked: true, reason: 'fraud' },
  },
  {
    title: "an operator's amounts",
    campaign: capped,
    before: [report(T1)],
    act: decide({ payout: '3', revenue: '5' }),
    ends: [['approved 2500000', 'approved 3000000']],
    conversion: { locked: true },
  },
  {
    title: 'the end of a hold period',
    campaign: { ...held, ...capped },
    before: [report(T1), wait(8 * DAY)],
    act: sweep,
    ends: [['pending 2500000', 'approved 2500000']],
    conversion: { holdUntil: null },
  },
  {
    title: 'a sale with a coupon',
    campaign: { ...shared, ...capped },
    act: report({ ...T1, click_id: '', campaign_id: 'summer', coupon: 'tia20' }),
    ends: [['approved 2500000']],
    conversion: { clickId: null, publisherId: 'tia' },
  },
  {
    title: 'a refused call that an operator corrects',
    campaign: capped,
    before: [report({ ...T1, goal: 'slae' })],
    act: retry({ goal: 'sale' }),
    ends: [['approved 2500000']],
    hit: 'OK',
  },
];

/** What must hold in the end, however it came to it. */
function expectEnd({ network, watch }: Scene, { ends, conversion = {}, hit }: Story) {
  watch.expectSound();
  const conversions = [...network.store.conversions.values()];
  expectSame(
    conversions.map(({ id }) => watch.announced(id).map(({ status, payout }) => `${status} ${payout}`)),
    ends,
  );
  expect(conversions.at(-1)).toMatchObject(conversion);
  if (hit !== undefined) expectSame([...network.hits.rows.values()][0]?.code, hit);
}

async function begin({ campaign = {}, clickIsStored, before = [] }: Story): Promise<Scene> {
  const scene = await aScene(campaign, clickIsStored);
  for (const earlier of before) await earlier(scene, scene.network.deps);
  return scene;
}

/** One try; whether it came to its end, and how many steps it took. */
async function attempt({ act }: Story, scene: Scene, fault: FaultAt) {
  const { deps, steps, writes } = instrumented(scene.network.deps, { fault });
  const ended = await act(scene, deps).then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof StorageUnavailable)) throw error;
      return false;
    },
  );
  return { ended, steps: steps(), writes: writes() };
}

/** The rest of a story after its faults: whoever was not told that it is done does it again, later. */
async function finish(story: Story, scene: Scene) {
  scene.network.advance(2 * 60 * MINUTE);
  await story.act(scene, scene.network.deps);
  for (const later of story.after ?? []) await later(scene, scene.network.deps);
  expectEnd(scene, story);
}

const noFault = () => null;

describe.each(stories)('$title', (story) => {
  it('is done once, also if it is done again', async () => {
    const scene = await begin(story);
    const { ended, steps } = await attempt(story, scene, noFault);
    expect(ended).toBe(true);
    expect(steps).toBeGreaterThan(3);
    await finish(story, scene);
  });

  it.each(['before', 'after'] as const)('is done once although any one call fails %s its effect', async (when) => {
    for (let at = 1, more = true; more; at++) {
      const scene = await begin(story);
      const { ended, steps } = await attempt(story, scene, failureAt(at, when));
      // Invariant 3: what was answered is there, without a repeat.
      if (ended && story.after === undefined && !isSweep(story)) expectEnd(scene, story);
      await finish(story, scene);
      more = steps >= at;
    }
  });

  it('is done once although one environment dies at any step, and the next one at any other', async () => {
    const dieAt = async (first: number, second: number) => {
      const scene = await begin(story);
      const one = await attempt(story, scene, deathBefore(first));
      scene.network.advance(2 * 60 * MINUTE);
      const two = await attempt(story, scene, deathBefore(second));
      await finish(story, scene);
      return { writes: one.writes, died: one.steps >= first, diedAgain: two.steps >= second };
    };
    let known = -1;
    for (let first = 1, more = true; more; first++) {
      const { writes, died } = await dieAt(first, 1);
      more = died;
      // A death that leaves no more behind than the one a step before leads to the same.
      if (writes === known) continue;
      known = writes;
      for (let second = 2; (await dieAt(first, second)).diedAgain; second++);
    }
  });
});

/** A sweep that ends may have left a row to the next one. */
function isSweep({ act }: Story): boolean {
  return act === sweep;
}

describe('of two that come at once, one overtaking the other at any step', () => {
  const sale = report({ ...T1, sale_amount: '100' });
  const acts: Readonly<Record<string, Act>> = {
    'the sale': sale,
    'the sale without a txn_id': report({ sale_amount: '100' }),
    'another sale': report({ txn_id: 'T2', sale_amount: '70' }),
    'an approval': report({ ...T1, status: 'approved' }),
    'a rejection': report({ ...T1, status: 'rejected' }),
    'another amount': report({ ...T1, sale_amount: '60', action: 'change' }),
    "an operator's approval": decide({ status: 'approved' }),
    "an operator's rejection": decide({ status: 'rejected' }),
    "an operator's amount": decide({ sale_amount: '80' }),
    'the end of the hold': sweep,
  };
  const campaign = { goals: [aGoal({ ...PERCENT, holdDays: 7 })], caps: [aCap({ limit: '1' })] };
  const starts: Readonly<Record<string, readonly Act[]>> = {
    'before there is a sale': [],
    'after a sale without a txn_id': [report({ sale_amount: '100' })],
    'when the hold of the sale is over': [sale, wait(8 * DAY)],
    'after the sale was approved': [sale, report({ ...T1, status: 'approved' })],
  };

  const given = async (before: readonly Act[]) => {
    const scene = await aScene(campaign);
    for (const act of before) await act(scene, scene.network.deps);
    return scene;
  };
  /** Both answers, and all that anybody could see of the conversions. */
  const outcomeOf = ({ network, watch }: Scene, one: unknown, other: unknown) => {
    watch.expectSound();
    const conversions = [...network.store.conversions.values()].map(
      ({ id, txnId, status, code, payout, revenue, saleAmount, version, locked, holdUntil }) => ({
        ...{ txnId, status, code, payout, revenue, saleAmount, version, locked, holdUntil },
        announced: watch.announced(id),
      }),
    );
    return { one, other, conversions: conversions.sort((a, b) => ((a.txnId ?? '') < (b.txnId ?? '') ? -1 : 1)) };
  };

  const pairs = Object.keys(acts).flatMap((one) => Object.keys(acts).map((other) => [one, other] as const));
  it.each(Object.keys(starts))('%s, it is as if one had come after the other', async (start) => {
    const before = starts[start] ?? [];
    for (const [one, other] of pairs) {
      const [first, second] = [acts[one] ?? sweep, acts[other] ?? sweep];
      const serially = async (firstGoes: boolean) => {
        const scene = await given(before);
        const { deps } = scene.network;
        const early = await (firstGoes ? first : second)(scene, deps);
        const late = await (firstGoes ? second : first)(scene, deps);
        return firstGoes ? outcomeOf(scene, early, late) : outcomeOf(scene, late, early);
      };
      const allowed = [await serially(true), await serially(false)];

      for (let at = 1, more = true; more; at++) {
        const scene = await given(before);
        const { network } = scene;
        let overtook: unknown;
        const between = async (step: number) => {
          if (step === at) overtook = await second(scene, network.deps);
        };
        // Only there can the one see of the other.
        const { deps: ports, steps } = instrumented({ store: network.store }, { between });
        const overtaken = await first(scene, { ...network.deps, ...ports });
        more = steps() >= at;
        if (!more) break;
        const outcome = outcomeOf(scene, overtaken, overtook);
        if (!allowed.some((serial) => isDeepStrictEqual(serial, outcome))) {
          expect({ first: one, second: other, at, ...outcome }).toEqual(allowed);
        }
      }
    }
  });
});
