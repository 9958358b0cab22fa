import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPublisher, countStates, deliveriesOf, sell, tellAt, wholeDeliveries } from '../support/delivery-world.ts';
import { createWorld } from '../support/deployment.ts';
import type { World } from '../support/deployment.ts';
import { inTurns } from '../support/in-turns.ts';
import { startLocal } from '../support/local.ts';
import type { Local } from '../support/local.ts';
import { startPublisher } from '../support/publisher.ts';
import type { Publisher } from '../support/publisher.ts';

/** One that never answers, of whose sales each has so many deliveries. */
const DEAD = { sales: 20, postbacks: 25 };
const HEALTHY = 10;
const SALES = 30;
/** In the slots of one endpoint: two workers with ten calls each. */
const MOST_IN_FLIGHT = 2 * 10;
/** Those that ended before the tenth, which opens the breaker, and those in flight beside it. */
const MOST_CALLS = 9 + MOST_IN_FLIGHT;

let local: Local & { adminKey: string };
let dead: Publisher;
let healthy: readonly Publisher[];
let toDead: World;
let toHealthy: readonly World[];

beforeAll(async () => {
  const started = await startLocal();
  if (started.adminKey === null) throw new Error('a new network without its admin key');
  local = { ...started, adminKey: started.adminKey };
  dead = await startPublisher(() => 'hang');
  healthy = await Promise.all(Array.from({ length: HEALTHY }, () => startPublisher()));
  const world = await createWorld(local);
  const urls = Array.from({ length: DEAD.postbacks }, () => tellAt(dead.url));
  toDead = await addPublisher(local, world, 'dead', urls);
  toHealthy = await Promise.all(
    healthy.map(({ url }, index) => addPublisher(local, world, `healthy-${index}`, [tellAt(url)])),
  );
}, 60_000);
afterAll(async () => {
  await local.kill();
  await Promise.all([dead, ...healthy].map((publisher) => publisher.stop()));
});

const heard = () => healthy.flatMap(({ calls }) => calls.map(({ webhookId }) => webhookId));

const sellHealthy = (from: number) =>
  inTurns(
    Array.from({ length: SALES }, (_, index) => from + index),
    4,
    async (sale) => {
      const world = toHealthy[sale % HEALTHY];
      if (world !== undefined) await sell(local, world, `sale-${sale}`);
    },
  );

test('one publisher that hangs with 500 deliveries holds up none of ten others, and is soon left alone (invariant 8)', async () => {
  const queued = DEAD.sales * DEAD.postbacks;
  await inTurns(
    Array.from({ length: DEAD.sales }, (_, sale) => sale),
    4,
    (sale) => sell(local, toDead, `dead-${sale}`),
  );

  // While its calls hang.
  await sellHealthy(0);
  await expect.poll(() => heard().length, { timeout: 30_000, interval: 50 }).toBe(SALES);
  expect(dead.calls.length).toBeLessThanOrEqual(MOST_CALLS);
  expect(dead.calls.length).toBeGreaterThan(0);

  // Once they have failed.
  await expect.poll(() => local.stderr(), { timeout: 30_000 }).toMatch(/breaker_opened/);
  await sellHealthy(SALES);
  await expect.poll(() => heard().length, { timeout: 30_000, interval: 50 }).toBe(2 * SALES);

  // Each at the first attempt, and the dead one's still wait, none of them called twice.
  expect(new Set(heard()).size).toBe(2 * SALES);
  const deliveries = await wholeDeliveries(local, heard());
  expect(deliveries.map(({ state, attempts }) => `${state} ${attempts.length}`)).toEqual(
    deliveries.map(() => 'delivered 1'),
  );
  // Calls that were under way when the breaker opened may still hang, and a probe after them.
  const deliveriesOfDead = await deliveriesOf(local, `publisher_id=${toDead.publisher}`);
  const { waiting = 0, sending = 0, ...others } = countStates(deliveriesOfDead);
  expect(others).toEqual({});
  expect(waiting + sending).toBe(queued);
  expect(sending).toBeLessThanOrEqual(MOST_IN_FLIGHT);
  expect(dead.mostInFlight).toBeLessThanOrEqual(MOST_IN_FLIGHT);
  expect(dead.calls.length).toBeLessThanOrEqual(MOST_CALLS + 1);
}, 120_000);
