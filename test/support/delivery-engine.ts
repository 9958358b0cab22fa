import { deliverHinted } from '../../lambdas/core/deliver.ts';
import type { DeliverDeps, DeliveryNews } from '../../lambdas/core/deliver.ts';
import type { Delivery } from '../../lambdas/core/delivery.ts';
import { createDetours } from '../../lambdas/core/detours.ts';
import { createEndpoints } from '../../lambdas/core/endpoints.ts';
import type { Postback } from '../../lambdas/core/entities.ts';
import type { DeliveryHints, OutboundRequest, OutboundResponse } from '../../lambdas/core/ports.ts';
import { createPostbackWatch } from '../../lambdas/core/postback-health.ts';
import { DEFAULT_SCHEDULE } from '../../lambdas/core/retry-schedule.ts';
import { sweepDeliveries } from '../../lambdas/core/sweep.ts';
import { aDelivery, aPostback, NOON } from './deliveries.ts';
import { fakeDeliveries } from './fakes/deliveries.ts';
import { fakeEndpoints } from './fakes/endpoints.ts';
import { fakeHints } from './fakes/hints.ts';
import { fakePostbackHealth } from './fakes/postback-health.ts';
import { fakePostbacks } from './fakes/postbacks.ts';

const MINUTE = 60_000;

export interface GivenEngine {
  /** @default - one that is due now */
  readonly deliveries?: readonly Delivery[];
  /** @default - an active one */
  readonly postbacks?: readonly Postback[];
  /** What a receiver says to a call. @default - 200 */
  readonly receive?: (request: OutboundRequest, at: number) => Partial<OutboundResponse>;
  /** @default - 0.5 always */
  readonly random?: () => number;
  /** @default 2 */
  readonly slots?: number;
  readonly deps?: Partial<DeliverDeps>;
}

/** The delivery engine over fakes, with a clock that the test moves and a queue whose messages it hands out. */
export function anEngine({
  deliveries: rows = [aDelivery()],
  postbacks: entities = [aPostback()],
  receive = () => ({ status: 200 }),
  random = () => 0.5,
  slots = 2,
  deps: more,
}: GivenEngine = {}) {
  const clock = { now: NOON };
  const now = () => clock.now;
  const hints = fakeHints();
  const messages: { readonly at: number; readonly deliveryId: string; readonly postbackId: string }[] = [];
  const calls: (OutboundRequest & { readonly at: number })[] = [];
  const news: DeliveryNews[] = [];
  const queue: DeliveryHints = {
    async send(hint) {
      await hints.send(hint);
      messages.push({ ...hint, at: clock.now + hint.delaySeconds * 1_000 });
    },
    backlog: async () => messages.filter(({ at }) => at <= clock.now).length,
  };
  const ports = {
    deliveries: fakeDeliveries(...rows),
    postbacks: fakePostbacks(...entities),
    endpoints: fakeEndpoints(),
    health: fakePostbackHealth(),
    hints: queue,
    caller: {
      async call(request: OutboundRequest): Promise<OutboundResponse> {
        const answer = receive(request, clock.now);
        calls.push({ ...request, at: clock.now });
        return { status: null, error: null, body: null, retryAfterSeconds: null, durationMs: 40, ...answer };
      },
    },
  };
  let leases = 0;
  let sweptAt = NOON;
  const sleep = async (milliseconds: number) => void (clock.now += milliseconds);

  /** One execution environment. */
  const detours = createDetours({ now, random });
  /** What one invocation works with. */
  const worker = (over: typeof ports = ports): DeliverDeps => {
    const common = { ...over, slots, now, random, sleep, tell: (item: DeliveryNews) => void news.push(item) };
    return {
      ...common,
      endpoints: createEndpoints({ ...common, store: over.endpoints }),
      watch: createPostbackWatch({ ...common, store: over.health }),
      detours,
      schedule: DEFAULT_SCHEDULE,
      rules: { allowLoopback: false, ownHosts: ['track.own.example'] },
      userAgent: 'Flowback/1.2.3',
      newLease: () => `lease ${++leases}`,
      ...more,
    };
  };
  const receiveBatch = () => {
    const due = messages.filter(({ at }) => at <= clock.now).slice(0, 10);
    for (const message of due) messages.splice(messages.indexOf(message), 1);
    return due;
  };
  const runBatch = async (batch: ReturnType<typeof receiveBatch>) => {
    const deps = worker();
    await Promise.all(batch.map((message) => deliverHinted(message, deps)));
  };
  const sweep = () => sweepDeliveries({ ...ports, now }, Infinity);

  /** Lets queue, workers and the sweeper, which comes each minute, run for so long. */
  const live = async (milliseconds: number): Promise<void> => {
    const end = clock.now + milliseconds;
    for (;;) {
      const dueAt = Math.min(...[...ports.deliveries.rows.values()].map((row) => row.dueAt ?? Infinity));
      // The sweeper's other minutes change nothing.
      const sweepAt = Math.max(Math.ceil(dueAt / MINUTE) * MINUTE, sweptAt + MINUTE);
      const at = Math.min(sweepAt, ...messages.map((message) => message.at));
      if (at > end) break;
      clock.now = Math.max(clock.now, at);
      if (clock.now >= sweepAt) {
        await sweep();
        sweptAt = sweepAt;
      }
      for (let batch = receiveBatch(); batch.length > 0; batch = receiveBatch()) await runBatch(batch);
    }
    clock.now = end;
  };

  return {
    ...{ clock, calls, news, hints, messages, ports, worker, sweep, live },
    row: (id = rows[0]?.id ?? '') => ports.deliveries.rows.get(id),
    attempts: (id = rows[0]?.id ?? '') => ports.deliveries.attempts.get(id) ?? [],
  };
}
