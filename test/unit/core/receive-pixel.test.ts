import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Campaign } from '../../../lambdas/core/entities.ts';
import type { PixelHit } from '../../../lambdas/core/pixel-hit.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { judgePixel, receivePixel } from '../../../lambdas/core/receive-pixel.ts';
import type { PixelDeps } from '../../../lambdas/core/receive-pixel.ts';
import { retryHit } from '../../../lambdas/core/retry-hit.ts';
import { runParked } from '../../../lambdas/core/run-parked.ts';
import { aWatchedNetwork, onlyConversion } from '../../support/conversion-reports.ts';
import { TOKEN } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCampaign, aCap, aGoal } from '../../support/entities.ts';
import { Interleaving } from '../../support/interleaving.ts';
import { aPixel, aTagCall } from '../../support/pixels.ts';
import { deathBefore, failureAt, instrumented } from '../../support/port-faults.ts';

const MINUTE = 60_000;
const T1 = { txn_id: 'T1' };
const FOREIGN = 'a'.repeat(32);

const onlyHit = ({ hits }: Network) => {
  expect(hits.rows.size).toBe(1);
  return [...hits.rows.values()][0];
};

describe('a call of a browser', () => {
  it.each<[string, (click: string) => [parameters: Record<string, string>, cookie?: string], string]>([
    ['that names no click and no campaign', () => [T1], 'MISSING_PARAMETER'],
    ['that names a placeholder for a campaign', () => [{ ...T1, campaign_id: '{campaign_id}' }], 'MISSING_PARAMETER'],
    ['without a cookie', () => [{ campaign_id: 'summer' }], 'NO_CLICK'],
    ['with a cookie of other campaigns', (click) => [{ campaign_id: 'winter' }, click], 'NO_CLICK'],
    ['with a forged cookie', () => [{ campaign_id: 'summer' }, FOREIGN], 'INVALID_CLICK_ID'],
    [
      'with a placeholder for its click',
      (click) => [{ click_id: '{click_id}', campaign_id: 'summer' }, click],
      'INVALID_CLICK_ID',
    ],
    ['with a foreign click', (click) => [{ click_id: FOREIGN, campaign_id: 'summer' }, click], 'INVALID_CLICK_ID'],
    ['with a wrong amount', (click) => [{ click_id: click, sale_amount: '-1' }], 'INVALID_AMOUNT'],
    ['with a wrong transaction', (click) => [{ click_id: click, txn_id: 'null' }], 'INVALID_TXN_ID'],
    ['with a goal that is none', (click) => [{ click_id: click, goal: 'slae' }], 'UNKNOWN_GOAL'],
  ])('%s is refused, and a hit', async (_, call, code) => {
    const network = aWatchedNetwork();
    const pixel = aPixel(network, ...callOf(call(await network.click())));
    expect(await judgePixel(pixel, network.deps)).toMatchObject({ code, conversion: null });
    expect(onlyHit(network)).toMatchObject({ id: pixel.id, at: NOON, route: 'GET /pixel.gif', code, senderId: null });
    expect(network.store.conversions.size).toBe(0);
  });

  it.each<[string, (click: string) => [parameters: Record<string, string>, cookie?: string]]>([
    ['by its click', (click) => [{ click_id: click }]],
    ['by its click, whatever campaign it names', (click) => [{ click_id: click, campaign_id: 'winter' }]],
    ['by its click, whatever cookie it has', (click) => [{ click_id: click, campaign_id: 'summer' }, FOREIGN]],
    ['by the cookie', (click) => [{ campaign_id: 'summer' }, click]],
    [
      'whatever it says of what pays',
      (click) => [{ click_id: click, status: 'paid', action: 'purchase', payout: '-' }],
    ],
    ['by the cookie, if its click is empty', (click) => [{ click_id: '', campaign_id: ' summer ' }, click]],
  ])('is a conversion %s, pending and with the id of its hit', async (_, call) => {
    const network = aWatchedNetwork();
    const click = await network.click();
    const pixel = aPixel(network, ...callOf(call(click)));
    network.advance(MINUTE);
    expect(await judgePixel(pixel, network.deps)).toMatchObject({ code: 'OK' });
    const { id } = pixel;
    expect(onlyConversion(network)).toMatchObject({ id, clickId: click, status: 'pending', createdAt: NOON });
    expect(onlyHit(network)).toMatchObject({ id, conversionId: id, clickId: click, advertiserId: 'xyz', code: 'OK' });
    expect(network.store.history).toMatchObject([{ by: 'pixel' }]);
  });

  it('is read from the JSON of the tag likewise', async () => {
    const network = aWatchedNetwork();
    const click_id = await network.click();
    for (const [json, code] of [
      ['[]', 'MALFORMED_REQUEST'],
      [`{"click_id":"${click_id}","sale_amount":10}`, 'INVALID_AMOUNT'],
      [`{"click_id":"${click_id}","txn_id":{"id":1}}`, 'MALFORMED_REQUEST'],
      [`{"click_id":"${click_id}","txn_id":"\\ud800"}`, 'INVALID_TXN_ID'],
      [`{"click_id":"${click_id}","sale_amount":"10","status":{"paid":1},"revenue":[],"payout":1}`, 'OK'],
    ] as const) {
      expect(await judgePixel(aTagCall(network, json), network.deps), json).toMatchObject({ code });
    }
  });

  it('shows no token that somebody pasted into it (invariant 12)', async () => {
    const network = aWatchedNetwork();
    const secret = 'b'.repeat(32);
    const pasted: Record<string, string>[] = [
      { security_token: TOKEN, sub1: TOKEN },
      { token: TOKEN },
      { secret: TOKEN },
      { click_id: TOKEN },
      { click_id: secret },
    ];
    for (const parameters of pasted) {
      const pixel = aPixel(network, { campaign_id: 'summer', ip: '203.0.113.7', ...parameters });
      for (const text of [TOKEN, secret, '203.0.113.7']) expect(JSON.stringify(pixel)).not.toContain(text);
      await judgePixel(pixel, network.deps);
    }
    const hits = JSON.stringify([...network.hits.rows.values()]);
    for (const text of [TOKEN, secret, '203.0.113.7']) expect(hits).not.toContain(text);
    expect(hits).toContain('203.0.113.0');
  });
});

const callOf = ([parameters, cookie]: [Record<string, string>, string?]) =>
  [parameters, cookie === undefined ? {} : { cookie }] as const;

/** What has to become of a call that is judged as often as it takes. */
interface Story {
  readonly title: string;
  readonly campaign?: Partial<Campaign>;
  readonly clickIsStored?: false;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly code: string;
  readonly conversions: number;
}

const stories: readonly Story[] = [
  { title: 'a sale', parameters: T1, code: 'OK', conversions: 1 },
  { title: 'a sale without txn_id', code: 'OK', conversions: 1 },
  {
    title: 'one that is approved at once',
    campaign: { goals: [aGoal({ pixelStatus: 'approved' })] },
    code: 'OK',
    conversions: 1,
  },
  { title: 'one over a cap', campaign: { caps: [aCap({ limit: '0' })] }, code: 'OVER_CAP', conversions: 1 },
  { title: 'the last one under a cap', campaign: { caps: [aCap({ limit: '1' })] }, code: 'OK', conversions: 1 },
  { title: 'one of an unknown goal', parameters: { goal: 'slae' }, code: 'UNKNOWN_GOAL', conversions: 0 },
  { title: 'one whose click is late', clickIsStored: false, parameters: T1, code: 'OK', conversions: 1 },
];

const begin = async ({ campaign, clickIsStored, parameters }: Story) => {
  const network = aWatchedNetwork(campaign);
  const click_id = clickIsStored === false ? network.mint() : await network.click();
  return { network, click_id, pixel: aPixel(network, { click_id, ...parameters }) };
};
type Scene = Awaited<ReturnType<typeof begin>>;

/** The spool brings it until it is judged; then the click comes, if it had not. */
async function finish({ code, conversions, clickIsStored }: Story, { network, click_id, pixel }: Scene): Promise<void> {
  await judgePixel(pixel, network.deps);
  if (clickIsStored === false) {
    await network.click({ id: click_id });
    network.advance(MINUTE);
    for (const parked of await network.store.dueParked(network.deps.now(), 10)) await runParked(parked, network.deps);
  }
  network.watch.expectSound();
  expect(network.store.conversions.size).toBe(conversions);
  expect(onlyHit(network)).toMatchObject({ id: pixel.id, code, conversionId: conversions === 1 ? pixel.id : null });
}

describe.each(stories)('$title is recorded once, with one hit (invariant 4)', (story) => {
  it.each(['before', 'after', 'death'] as const)('although a try fails at any step: %s', async (when) => {
    for (let at = 1, more = true; more; at++) {
      const scene = await begin(story);
      const fault = when === 'death' ? deathBefore(at) : failureAt(at, when);
      const { deps, steps } = instrumented(scene.network.deps, { fault });
      await judgePixel(scene.pixel, deps).catch((error: unknown) => expect(error).toBeInstanceOf(StorageUnavailable));
      await finish(story, scene);
      more = steps() >= at;
    }
  });

  it('although it is judged twice at once, in any order of the steps', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        async (random) => {
          const scene = await begin(story);
          const turns = new Interleaving(NOON, () => Number(random.next().value));
          const { catalog, clicks, store, hits, hints } = scene.network.deps;
          const ports = { catalog, clicks, store, hits, hints };
          const inTurns = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, turns.inTurns(port)]));
          const deps = { ...scene.network.deps, ...inTurns };
          await turns.run([judgePixel(scene.pixel, deps), judgePixel(scene.pixel, deps)]);
          await finish(story, scene);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('what a browser is answered', () => {
  /** Storage and the queue as they are said to be. */
  const receive = async (storage: 'up' | 'down' | 'hangs', queue: 'up' | 'down' | 'hangs') => {
    const network = aWatchedNetwork();
    const pixel = aPixel(network, { click_id: await network.click() });
    const ways = {
      up: async () => undefined,
      down: () => Promise.reject(new StorageUnavailable('down')),
      hangs: () => forever,
    };
    if (storage !== 'up') network.store.clickGoals = async () => ways[storage]();
    const spooled: PixelHit[] = [];
    const kept: PixelHit[] = [];
    const deps: PixelDeps = {
      ...network.deps,
      spool: { send: async (sent) => (spooled.push(sent), ways[queue]()) },
      within: async (milliseconds, work) => {
        expect(milliseconds).toBeLessThanOrEqual(3_000);
        return Promise.race([
          work,
          new Promise<never>((_, late) => setTimeout(() => late(new StorageUnavailable('late')), 5)),
        ]);
      },
      notJudged: () => undefined,
      pixelNotStored: (lost) => kept.push(lost),
    };
    return { pixel, spooled, kept, network, outcome: await receivePixel(pixel, deps) };
  };
  const forever = new Promise<never>(() => undefined);

  it('is the judgement, and nothing is queued', async () => {
    expect(await receive('up', 'down')).toMatchObject({ outcome: { code: 'OK' }, spooled: [], kept: [] });
  });

  it.each(['down', 'hangs'] as const)('is QUEUED while storage %s, and true (invariant 3)', async (storage) => {
    const { outcome, pixel, spooled, kept } = await receive(storage, 'up');
    expect(outcome.code).toBe('QUEUED');
    expect([spooled, kept]).toEqual([[pixel], []]);
  });

  it.each(['down', 'hangs'] as const)(
    'is that it was not recorded if the queue %s, too: it is kept all the same',
    async (queue) => {
      const { outcome, pixel, kept } = await receive('down', queue);
      expect(outcome.code).toBe('TEMPORARILY_UNAVAILABLE');
      expect(kept).toEqual([pixel]);
    },
  );
});

describe('a call that waited in the queue', () => {
  it('is judged as of the time when it came', async () => {
    const network = aWatchedNetwork({ attributionWindowDays: 30 });
    const pixel = aPixel(network, { click_id: await network.click() });
    network.advance(40 * 24 * 60 * MINUTE);
    expect(await judgePixel(pixel, network.deps)).toMatchObject({ code: 'OK' });
  });

  it('leaves alone what an operator made of it meanwhile (invariant 4)', async () => {
    const network = aWatchedNetwork();
    const pixel = aPixel(network, { click_id: await network.click(), goal: 'lead' });
    await judgePixel(pixel, network.deps);
    const retry = { corrected: { goal: 'sale' }, senderId: null, attribution: null, by: 'key:k1' };
    await retryHit(pixel.id, retry, { ...network.deps, hits: network.hits });
    const tried = onlyHit(network);
    expect(tried).toMatchObject({ code: 'OK', conversionId: pixel.id });

    network.catalog.campaigns.set('summer', aCampaign({ goals: [aGoal(), aGoal({ id: 'lead', default: false })] }));
    expect(await judgePixel(pixel, network.deps)).toMatchObject({ code: 'OK' });

    expect(onlyHit(network)).toBe(tried);
    expect(onlyConversion(network)).toMatchObject({ goal: 'sale', status: 'pending', reportedBy: 'pixel' });
  });
});
