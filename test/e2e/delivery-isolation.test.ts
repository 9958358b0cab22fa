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
const SALES = 50;
/** At 10 calls each. */
const SLOTS = 2;

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

const deadStates = async () => countStates(await deliveriesOf(local, `publisher_id=${toDead.publisher}`));
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
  await inTurns(
    Array.from({ length: DEAD.sales }, (_, sale) => sale),
    4,
    (sale) => sell(local, toDead, `dead-${sale}`),
  );
  await expect.poll(() => dead.inFlight, { timeout: 10_000, interval: 20 }).toBeGreaterThanOrEqual(10);

  // While its calls hang.
  await sellHealthy(0);
  await expect.poll(() => heard().length, { timeout: 10_000, interval: 20 }).toBe(SALES);
  expect(Object.keys(await deadStates())).not.toContain('delivered');

  // Once they have failed.
  await expect.poll(() => dead.inFlight, { timeout: 20_000 }).toBe(0);
  await expect.poll(() => local.stderr(), { timeout: 5_000 }).toMatch(/breaker_opened/);
  await sellHealthy(SALES);
  await expect.poll(() => heard().length, { timeout: 10_000, interval: 20 }).toBe(2 * SALES);
  expect(await deadStates()).toEqual({ waiting: DEAD.sales * DEAD.postbacks });

  expect(new Set(heard()).size).toBe(2 * SALES);
  expect(dead.mostInFlight).toBeLessThanOrEqual(SLOTS * 10);
  expect(dead.calls.length).toBeLessThanOrEqual(SLOTS * 10);
  const deliveries = await wholeDeliveries(local, heard());
  expect(deliveries.map(({ state, attempts }) => ({ state, attempts: attempts.length }))).toEqual(
    deliveries.map(() => ({ state: 'delivered', attempts: 1 })),
  );
}, 60_000);
