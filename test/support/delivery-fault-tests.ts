import { setTimeout as sleep } from 'node:timers/promises';
import { SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deadLetterTests } from './dead-letter-tests.ts';
import { addPublisher, countStates, deliveriesOf, sell, tellAt, wholeDeliveries } from './delivery-world.ts';
import type { ShownDelivery } from './delivery-world.ts';
import { createWorld, manage } from './deployment.ts';
import type { World } from './deployment.ts';
import { startFailingNetwork } from './failing-network.ts';
import type { FailingNetwork } from './failing-network.ts';
import { inTurns } from './in-turns.ts';
import type { Local } from './local.ts';
import { startPublisher } from './publisher.ts';
import type { Behaviour, Misbehaviour, Publisher, PublisherCall } from './publisher.ts';
import { oneOf, SEED, seededRandom } from './seeded-random.ts';

interface DeliveryFaultRun {
  readonly conversions: number;
  /** Dead letters that are redriven. */
  readonly letters: number;
  /** How often workers are killed in the middle of their calls. */
  readonly kills: number;
}

const SENDERS = 6;
const ENDPOINTS = 4;
const FAULTY_SHARE = 0.3;
/** Seconds before each attempt. */
const SCHEDULE = [0, 1, 1, 2];
/** Between the clocks of a call and of its log, in milliseconds; attempts of one delivery are a second apart. */
const LAG = 500;
/** Until hints come back that killed workers had received, in seconds: a little after the leases that these held. */
const VISIBILITY = 33;

const REDIRECT = { status: 302, headers: { location: 'http://10.0.0.1/' } };
const FAULTS: readonly [Behaviour, ...Behaviour[]] = [
  ...([500, 503, 429, 404, REDIRECT, 'reset', 'lose', 'close', 'garbage'] as const),
  ...(['endlessHead', 'endlessBody', 'halfBody'] as const),
];
/** What holds a call until its deadline, and of which sales' first calls. */
const SLOW: Readonly<Record<number, Misbehaviour>> = { 11: 'hang', 22: 'dripHead', 37: 'dripBody' };

/** From this sale on the first calls of as many sales as there are faults meet one each: chance might leave one out. */
const FIRST_FAULTED = 40;

/** Sales that are told to who has a bad certificate: too few to open its breaker. */
const BADLY_CERTIFIED = [0, 4];

/** Which attempt a caller must log of a misbehaviour. */
const LOGGED: Readonly<Partial<Record<Misbehaviour, Outcome>>> = {
  hang: { status: null, error: 'timeout' },
  dripHead: { status: null, error: 'timeout' },
  dripBody: { status: 200, error: null },
  endlessBody: { status: 200, error: null },
  halfBody: { status: 200, error: null },
  reset: { status: null, error: 'connection_reset' },
  lose: { status: null, error: 'connection_reset' },
  close: { status: null, error: 'connection_reset' },
  garbage: { status: null, error: 'invalid_response' },
  endlessHead: { status: null, error: 'invalid_response' },
};

interface Outcome {
  readonly status: number | null;
  readonly error: string | null;
}

/** What must hold of deliveries while publishers fail in every way and workers are killed, by what the publishers saw. */
export function deliveryFaultTests({ conversions, letters, kills }: DeliveryFaultRun): void {
  let network: FailingNetwork;
  let workers: Local;
  let publishers: readonly Publisher[];
  /** Of each publisher; the last one's postback has a bad certificate. */
  let worlds: readonly World[];
  let holding = false;
  let failing = true;
  /** When workers were killed that had a delivery, by its id. */
  const cutOff = new Map<string, number>();

  const misbehave = (() => {
    const told = new Map<string, number>();
    return ({ webhookId, query }: Omit<PublisherCall, 'behaviour'>): Behaviour => {
      const attempt = told.get(webhookId) ?? 0;
      told.set(webhookId, attempt + 1);
      if (!failing) return 200;
      const sale = Number(query['p1']);
      const number = Number(webhookId.split('_')[1]);
      const isFirst = attempt === 0 && number === 1;
      const slow = isFirst ? SLOW[sale % 200] : undefined;
      if (slow !== undefined) return slow;
      const fault = isFirst ? FAULTS[sale - FIRST_FAULTED] : undefined;
      if (fault !== undefined) return fault;
      if (holding) return { status: 200, after: 400 };
      const random = seededRandom(SEED + 1_000 * sale + 10 * number + attempt);
      return random() < FAULTY_SHARE ? oneOf(FAULTS, random) : 200;
    };
  })();

  beforeAll(async () => {
    publishers = await Promise.all(Array.from({ length: ENDPOINTS }, () => startPublisher(misbehave)));
    network = await startFailingNetwork({ retrySchedule: SCHEDULE });
    worlds = await setUp(network, publishers);
  }, 120_000);
  afterAll(async () => {
    await network.stop();
    await Promise.all(publishers.map((publisher) => publisher.stop()));
  });

  const allCalls = () => publishers.flatMap(({ calls }) => calls);
  const allDeliveries = async () =>
    (await Promise.all(worlds.map(({ publisher }) => deliveriesOf(network.local, `publisher_id=${publisher}`)))).flat();

  const startWorkers = async () => {
    workers = await network.startWorkers();
    // A start sets it as the stack has it.
    const { queue: QueueUrl } = network.notifications;
    const Attributes = { VisibilityTimeout: String(VISIBILITY) };
    await network.sqsClient.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  };

  /** Kills workers in the middle of calls: while ours receive nothing, all calls are theirs. */
  const killWorkers = async () => {
    holding = true;
    network.sqs.plan = (target) => (target.endsWith('.ReceiveMessage') ? 'reject' : 'ok');
    const inFlight = () => publishers.reduce((sum, publisher) => sum + publisher.inFlight, 0);
    await expect.poll(inFlight, { timeout: 60_000, interval: 5 }).toBeGreaterThan(2);
    await sleep(600);
    await expect.poll(inFlight, { timeout: 60_000, interval: 5 }).toBeGreaterThan(2);
    await workers.kill();
    const at = Date.now();
    holding = false;
    network.sqs.plan = () => 'ok';
    for (const { id } of await deliveriesOf(network.local, 'state=sending')) cutOff.set(id, at);
  };

  const poisonTest = deadLetterTests(letters, kills, () => network);

  it(`are made for ${conversions} conversions while publishers fail and workers are killed`, async () => {
    await startWorkers();
    const sales = Array.from({ length: conversions }, (_, sale) => sale);
    let sold = 0;
    const killing = (async () => {
      for (let killed = 1; killed <= kills; killed++) {
        // For half a minute the slots of those that are killed are missed.
        await expect.poll(() => sold, { timeout: 600_000 }).toBeGreaterThan((0.85 * conversions * killed) / kills);
        await killWorkers();
        if (killed < kills) await startWorkers();
      }
    })();
    await inTurns(sales, SENDERS, async (sale) => {
      const link = worlds[BADLY_CERTIFIED.includes(sale) ? ENDPOINTS : sale % ENDPOINTS];
      if (link === undefined) throw new Error('no such link');
      const calls = sale % ENDPOINTS === 1 ? [{ status: 'pending' }, { status: 'approved' }] : [{}];
      await sell(network.local, link, String(sale), calls);
      sold++;
    });
    await killing;
  }, 900_000);

  it('arrive or end visibly, with every call in their logs but those whose worker was killed (invariant 7)', async () => {
    // What killed workers left behind is found by the sweeper, which comes each minute.
    const states = async () => Object.keys(countStates(await allDeliveries())).sort();
    await expect.poll(states, { timeout: 600_000, interval: 2_000 }).toEqual(['delivered', 'exhausted']);

    const found = await wholeDeliveries(
      network.local,
      (await allDeliveries()).map(({ id }) => id),
    );
    expect(found.length).toBe(conversions + conversions / ENDPOINTS);
    const cutOffCalls = found.flatMap((delivery) => checkCalls(delivery, allCalls(), cutOff));
    for (const { id } of found) checkOrder(id, allCalls());
    expect(cutOffCalls.length).toBeGreaterThanOrEqual(kills);
    expect(cutOffCalls.length).toBeLessThanOrEqual(cutOff.size);
    const kinds = new Set(allCalls().map(({ behaviour }) => JSON.stringify(behaviour)));
    for (const fault of [...FAULTS, ...Object.values(SLOW)]) expect(kinds).toContain(JSON.stringify(fault));
  }, 700_000);

  it('all arrive in the end, after a replay of those that were exhausted (invariant 7)', async () => {
    const exhausted = (await allDeliveries()).filter(({ state }) => state === 'exhausted');
    expect(exhausted.length).toBeGreaterThanOrEqual(2);
    failing = false;
    const [cured] = publishers;
    const mended = await manage(network.local, 'PATCH', `postbacks/publisher-${ENDPOINTS}-0`, {
      url: tellAt(cured?.url ?? ''),
    });
    expect(mended.status).toBe(200);
    const answers = await Promise.all(worlds.map(({ publisher }) => replay(network, `postbacks/${publisher}-0`)));
    const count = (name: string) => answers.reduce((sum, answer) => sum + Number(answer[name]), 0);
    // Old news of a sale of which there are newer ones is not told again unless somebody asks for it.
    expect(count('replayed') + count('skipped')).toBe(exhausted.length);
    const states = async () => countStates(await allDeliveries());
    const others = count('skipped') === 0 ? {} : { exhausted: count('skipped') };
    const delivered = expect.any(Number) as number;
    await expect.poll(states, { timeout: 120_000, interval: 500 }).toEqual({ delivered, ...others });
    const skipped = (await allDeliveries()).filter(({ state }) => state === 'exhausted');
    for (const { id } of skipped) await replay(network, `deliveries/${id}`);
    await expect.poll(states, { timeout: 120_000, interval: 500 }).toEqual({ delivered });
    for (const { publisher } of worlds) {
      expect(await replay(network, `postbacks/${publisher}-0`)).toMatchObject({ replayed: 0 });
    }

    const heard = new Set(allCalls().map(({ webhookId }) => webhookId));
    expect((await allDeliveries()).filter(({ id }) => !heard.has(id))).toEqual([]);
    const again = await wholeDeliveries(
      network.local,
      exhausted.map(({ id }) => id),
    );
    expect(again.map(({ attempts }) => attempts.length)).toEqual(again.map(() => SCHEDULE.length + 1));
    for (const delivery of again) checkCalls(delivery, allCalls(), cutOff);
  }, 180_000);

  poisonTest();
}

/** A publisher for each endpoint that fails now and then, and one whose certificate is bad. */
async function setUp({ local }: FailingNetwork, publishers: readonly Publisher[]): Promise<readonly World[]> {
  const world = await createWorld(local);
  const badCertificate = `https://127.0.0.1:${publishers[0]?.tlsPort}`;
  const origins = [...publishers.map(({ url }) => url), badCertificate];
  const methods = ['GET', 'GET', 'POST_FORM', 'POST_JSON', 'GET'];
  return Promise.all(
    origins.map((origin, index) =>
      addPublisher(local, world, `publisher-${index}`, [tellAt(origin)], {
        method: methods[index],
        fire_on: ['pending', 'approved'],
      }),
    ),
  );
}

async function replay({ local }: FailingNetwork, what: string): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await manage(local, 'POST', `${what}/replay`, {});
  expect(status, JSON.stringify(body)).toBe(202);
  return body as Record<string, unknown>;
}

/** Compares a delivery's log with the calls that its publisher saw; answers the calls whose worker was killed. */
function checkCalls(
  delivery: ShownDelivery,
  allCalls: readonly PublisherCall[],
  cutOff: ReadonlyMap<string, number>,
): PublisherCall[] {
  const { id, attempts, state } = delivery;
  const calls = allCalls.filter(({ webhookId }) => webhookId === id);
  const about = `${id}: ${JSON.stringify({ delivery, calls: calls.map(({ at, behaviour }) => ({ at, behaviour })) })}`;
  expect(
    attempts.map(({ number }) => number),
    about,
  ).toEqual(attempts.map((_, index) => index + 1));

  // What fails in the handshake never reaches it.
  const reached = attempts.filter(({ error }) => error !== 'tls_error');
  const isLogged = (call: PublisherCall) =>
    reached.some(({ at, duration_ms }) => Date.parse(at) <= call.at && call.at <= Date.parse(at) + duration_ms + LAG);
  const logged = calls.filter(isLogged);
  expect(
    reached.map(({ status, error }): Outcome => ({ status, error })),
    about,
  ).toEqual(logged.map(({ behaviour }) => outcomeOf(behaviour)));

  const unlogged = calls.filter((call) => !isLogged(call));
  for (const call of unlogged) expect(call.at, about).toBeLessThanOrEqual(cutOff.get(id) ?? 0);
  const answered = logged.filter(({ behaviour }) => isGood(outcomeOf(behaviour)));
  expect(answered.length, about).toBe(state === 'delivered' ? 1 : 0);
  if (answered.length > 0) expect(answered, about).toEqual(calls.slice(-1));
  // Exhausted: visibly so, with all its attempts.
  if (state === 'exhausted') expect(attempts.length, about).toBe(SCHEDULE.length);
  return unlogged;
}

/** The news of an approval waits for that of the pending sale. */
function checkOrder(id: string, allCalls: readonly PublisherCall[]): void {
  const callsOf = (delivery: string) => allCalls.filter(({ webhookId }) => webhookId === delivery).map(({ at }) => at);
  const [first = Infinity] = callsOf(id);
  if (id.endsWith('_2')) expect(first, id).toBeGreaterThanOrEqual(callsOf(id.replace(/2$/, '1')).at(-1) ?? 0);
}

function outcomeOf(behaviour: Behaviour): Outcome {
  if (typeof behaviour === 'number') return { status: behaviour, error: null };
  if (typeof behaviour !== 'string') return { status: behaviour.status, error: null };
  const outcome = LOGGED[behaviour];
  if (outcome === undefined) throw new Error(`what is logged of ${behaviour}?`);
  return outcome;
}

function isGood({ status }: Outcome): boolean {
  return status !== null && status >= 200 && status < 300;
}
