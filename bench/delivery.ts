import { setTimeout as sleep } from 'node:timers/promises';
import type { Bundles } from './bundles.ts';
import { addConsumed, countCalls, NOTHING } from './consumed.ts';
import type { Consumed } from './consumed.ts';
import { BATCH, HEALTHY, healthyName, POSTBACKS, startDeliveryWorld } from './delivery-world.ts';
import type { DeliveryWorld, Sale } from './delivery-world.ts';
import { PRICES, priceOf } from './prices.ts';
import { processTreeCpu } from './process-cpu.ts';
import { startEnvironment } from './processes.ts';
import type { Environment } from './processes.ts';
import type { Report, Table } from './report.ts';
import { median, percentile, spread } from './statistics.ts';

const ROUNDS = 12;
/** Of each round: one sale for each of 50 endpoints' postbacks, or two for those of one. */
const DELIVERIES = 2 * POSTBACKS;
const WARM_UP_ROUNDS = 3;
const BACKLOG = 20 * DELIVERIES;
/** Events of each kind whose calls are counted; fewer failures than open a breaker. */
const SAMPLES = 8;

const SALES_A_SECOND = 5;
const LATENCY_SALES = 100;
const ISOLATION_SALES = 200;
/** 500 deliveries. */
const DEAD_SALES = 20;

/** Publishers whose postbacks are at so many endpoints. */
const ENDPOINTS = { 1: ['one', 'one'], 50: ['manyA', 'manyB'] } as const;
type Endpoints = 1 | 50;

/** What a delivery costs and how fast it is, beside the least that any sender would do, and what a dead publisher does to others. */
export async function benchDelivery(bundles: Bundles): Promise<Report> {
  const world = await startDeliveryWorld();
  try {
    await warmUp(world);
    const latency = await salesToCalls(world, ['healthy0'], LATENCY_SALES);
    const alone = await salesToCalls(world, healthyNames, ISOLATION_SALES);
    await world.hold();
    const cpu = await deliveryCpu(bundles, world);
    const costs = await deliveryCosts(bundles, world);
    const local = [await drainBacklog(world, 1), await drainBacklog(world, 50)];
    const arrived = await queueDead(world);
    const besideDead = await salesToCalls(world, healthyNames, ISOLATION_SALES);
    return {
      name: 'delivery',
      demands: [
        {
          what: "from the postback's 200 to the publisher's request, p50",
          value: percentile(latency, 0.5),
          rule: 'at most',
          limit: 100,
          unit: 'ms',
        },
        {
          what: 'p99 of healthy publishers beside a dead one, times that without',
          value: percentile(besideDead, 0.99) / percentile(alone, 0.99),
          rule: 'at most',
          limit: 2,
          unit: '',
        },
      ],
      tables: [cpuTable(cpu), localTable(local), unitsTable(costs), latencyTable({ latency, alone, besideDead })],
      notes: [
        `Both handlers are bundled alike and run one after the other, each in a process of its own in front of one DynamoDB Local; rounds alternate. The delivery function gets batches of ${BATCH}, as from Lambda.`,
        'The bare minimum takes messages from a queue, calls the URL in each and deletes them: no row, lease, log, retry, slot, breaker or check of addresses. What Lambda does for the delivery function, receiving and deleting, it does itself.',
        'Units of reads and single writes are what DynamoDB Local reports; those of transactions come from the size of each row before and after (bench/consumed.ts).',
        `Prices of ${PRICES.region} as of ${PRICES.asOf}, without free tiers: units and messages that the function sends, not the hint by the conversion, the poller or Lambda.`,
        `Over the local run: four environments; ${SALES_A_SECOND} sales a second, each reported when it is due. Publishers, load and DynamoDB Local share the machine. The dead publisher never answers; its ${DEAD_SALES * POSTBACKS} deliveries came all at once, were looked at within ${Math.round(arrived)} ms, which others had to wait for, and wait when the load begins.`,
      ],
    };
  } finally {
    await world.stop();
  }
}

const healthyNames = Array.from({ length: HEALTHY }, (_, index) => healthyName(index));

/** Makes deliveries of a publisher's sales as fast as they are reported. */
async function sellAll(world: DeliveryWorld, publisher: string, count: number): Promise<void> {
  for (const sale of await world.click(publisher, count)) await world.report(sale);
}

async function warmUp(world: DeliveryWorld): Promise<void> {
  await Promise.all(healthyNames.map((publisher) => sellAll(world, publisher, 5)));
  await sleep(1_000);
}

/** Milliseconds from the 200 of each sale to the call of the publisher, at a steady rate. */
async function salesToCalls(world: DeliveryWorld, publishers: readonly string[], count: number): Promise<number[]> {
  const each = Math.ceil(count / publishers.length);
  const clicked: (readonly Sale[])[] = [];
  for (const publisher of publishers) clicked.push(await world.click(publisher, each));
  const sales = Array.from({ length: count }, (_, index) => {
    const sale = clicked[index % publishers.length]?.[Math.floor(index / publishers.length)];
    if (sale === undefined) throw new Error('too few clicks');
    return sale;
  });
  const start = performance.now();
  const answered = await Promise.all(
    sales.map(async (sale, index) => {
      await sleep(start + (1_000 * index) / SALES_A_SECOND - performance.now());
      return world.report(sale);
    }),
  );
  const isHeard = ({ name }: Sale) => world.heardOf(name).length > 0;
  for (const until = performance.now() + 30_000; !sales.every(isHeard) && performance.now() < until;) await sleep(20);
  return sales.map(({ name }, index) => Math.max(0, (world.heardOf(name)[0] ?? Infinity) - (answered[index] ?? 0)));
}

type Handler = 'bare' | 'delivery';

interface Round {
  /** Microseconds a delivery. */
  readonly cpu: number;
  readonly deliveriesASecond: number;
}

type DeliveryCpu = Readonly<Record<Handler, Readonly<Record<Endpoints, Round[]>>>>;

async function deliveryCpu(bundles: Bundles, world: DeliveryWorld): Promise<DeliveryCpu> {
  const variables = world.variables(false);
  const [delivery, bare] = await Promise.all(
    [bundles.delivery, bundles.bareDelivery].map((code) => startEnvironment(bundles.environment, code, variables)),
  );
  if (delivery === undefined || bare === undefined) throw new Error('no environments');
  const cpu: DeliveryCpu = { bare: { 1: [], 50: [] }, delivery: { 1: [], 50: [] } };
  const runs: Readonly<Record<Handler, (endpoints: Endpoints) => Promise<Round>>> = {
    bare: async (endpoints) => {
      await world.fillBareQueue(DELIVERIES, endpoints);
      return timed(bare, [{ count: DELIVERIES }]);
    },
    delivery: async (endpoints) => timed(delivery, await newBatches(world, endpoints, BATCH)),
  };
  try {
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      // The one who goes first changes, so that what disturbs the machine disturbs both.
      for (const name of round % 2 === 0 ? (['delivery', 'bare'] as const) : (['bare', 'delivery'] as const)) {
        for (const endpoints of [1, 50] as const) {
          const result = await runs[name](endpoints);
          if (round >= 0) cpu[name][endpoints].push(result);
        }
      }
    }
    return cpu;
  } finally {
    for (const environment of [delivery, bare]) environment.stop();
  }
}

/** Hints of new deliveries, {@link DELIVERIES} of them. */
async function newBatches(world: DeliveryWorld, endpoints: Endpoints, batch: number) {
  for (const publisher of ENDPOINTS[endpoints]) await sellAll(world, publisher, 1);
  return world.takeHints(DELIVERIES, batch);
}

async function timed(environment: Environment, events: readonly object[]): Promise<Round> {
  const start = performance.now();
  const { cpu, statuses } = await environment.handle({ events });
  const seconds = (performance.now() - start) / 1_000;
  if (statuses['0 failed'] !== events.length) throw new Error(`not all went well: ${JSON.stringify(statuses)}`);
  return { cpu: cpu / DELIVERIES, deliveriesASecond: DELIVERIES / seconds };
}

function cpuTable(cpu: DeliveryCpu): Table {
  const row = (handler: Handler, endpoints: Endpoints) => {
    const cpuOf = (of: Handler) => cpu[of][endpoints].map((round) => round.cpu);
    return [
      `${handler === 'bare' ? 'bare minimum' : 'delivery'}, ${endpoints === 1 ? '1 endpoint' : `${endpoints} endpoints`}`,
      ...spread(cpuOf(handler)),
      median(cpuOf(handler)) / median(cpuOf('bare')),
      median(cpu[handler][endpoints].map((round) => round.deliveriesASecond)),
    ];
  };
  return {
    title: `CPU of the process a delivery, microseconds, of ${ROUNDS} rounds of ${DELIVERIES} deliveries each, and deliveries of one environment:`,
    columns: ['handler', 'median', 'best', 'p90', 'times the bare minimum', 'deliveries/s'],
    rows: [row('bare', 1), row('delivery', 1), row('bare', 50), row('delivery', 50)],
  };
}

interface Cost {
  readonly name: string;
  /** Of one delivery. */
  readonly consumed: Consumed;
}

async function deliveryCosts(bundles: Bundles, world: DeliveryWorld): Promise<readonly Cost[]> {
  const environment = await startEnvironment(bundles.environment, bundles.delivery, world.variables(true));
  try {
    const costOf = async (name: string, publisher: string, postbacks: number, batch: number): Promise<Cost> => {
      await sellAll(world, publisher, Math.ceil((SAMPLES * batch) / postbacks));
      const events = await world.takeHints(Math.ceil((SAMPLES * batch) / postbacks) * postbacks, batch);
      world.meter.take();
      const full = events.filter(({ Records }) => Records.length === batch);
      let consumed = NOTHING;
      for (const event of full) {
        await environment.handle({ events: [event] });
        consumed = addConsumed(consumed, world.meter.take());
      }
      return { name, consumed: divide(consumed, full.length * batch) };
    };
    return [
      await costOf('delivered, alone in its batch', 'healthy0', 1, 1),
      await costOf(`delivered, ${BATCH} in a batch, one endpoint`, 'one', POSTBACKS, BATCH),
      await costOf(`delivered, ${BATCH} in a batch, ${BATCH} endpoints`, 'manyA', POSTBACKS, BATCH),
      await costOf('failed, alone in its batch', 'refusing', 1, 1),
    ];
  } finally {
    environment.stop();
  }
}

function divide(consumed: Consumed, count: number): Consumed {
  return {
    calls: Object.fromEntries(Object.entries(consumed.calls).map(([name, calls]) => [name, calls / count])),
    rows: consumed.rows / count,
    readUnits: consumed.readUnits / count,
    writeUnits: consumed.writeUnits / count,
    indexUnits: consumed.indexUnits / count,
  };
}

function unitsTable(costs: readonly Cost[]): Table {
  const operations = ['GetItem', 'UpdateItem', 'PutItem', 'TransactWriteItems', 'SendMessage'];
  return {
    title: 'Calls of DynamoDB and SQS, and units that a delivery is billed:',
    columns: [
      ...['delivery', 'calls', ...operations, 'rows in transactions'],
      ...['read units', 'write units', 'index units', 'USD a million'],
    ],
    rows: costs.map(({ name, consumed }) => [
      name,
      countCalls(consumed),
      ...operations.map((operation) => countCalls(consumed, operation)),
      consumed.rows,
      consumed.readUnits,
      consumed.writeUnits,
      consumed.indexUnits,
      1e6 *
        (priceOf('readUnits', consumed.readUnits) +
          priceOf('writeUnits', consumed.writeUnits + consumed.indexUnits) +
          priceOf('queueRequests', countCalls(consumed, 'SendMessage'))),
    ]),
  };
}

/** How fast the local run works off what has queued up. */
async function drainBacklog(world: DeliveryWorld, endpoints: Endpoints) {
  for (const publisher of ENDPOINTS[endpoints]) await sellAll(world, publisher, BACKLOG / DELIVERIES);
  world.takeCalls();
  const before = processTreeCpu(world.pid);
  world.release();
  const times: number[] = [];
  while (times.length < BACKLOG) {
    await sleep(20);
    times.push(...world.takeCalls());
  }
  const after = processTreeCpu(world.pid);
  await world.hold();
  const total = (cpu: typeof after) => Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0);
  const seconds = (Math.max(...times) - Math.min(...times)) / 1_000;
  return { endpoints, deliveriesASecond: BACKLOG / seconds, cpu: (1_000 * (total(after) - total(before))) / BACKLOG };
}

function localTable(backlogs: readonly Awaited<ReturnType<typeof drainBacklog>>[]): Table {
  return {
    title: `The local run works off ${BACKLOG.toLocaleString('en-US')} deliveries that have queued up:`,
    columns: ['endpoints', 'deliveries/s', 'CPU ms a delivery, without DynamoDB Local and SQS'],
    rows: backlogs.map(({ endpoints, deliveriesASecond, cpu }) => [endpoints, deliveriesASecond, cpu]),
  };
}

/**
 * Lets the deliveries of the dead publisher come, all at once, while its calls hang. Answers after how many milliseconds
 * each was looked at once.
 */
async function queueDead(world: DeliveryWorld): Promise<number> {
  await sellAll(world, 'dead', DEAD_SALES);
  const start = performance.now();
  world.release();
  while ((await world.queued()) > 0) await sleep(20);
  return performance.now() - start;
}

function latencyTable(times: Readonly<Record<'latency' | 'alone' | 'besideDead', readonly number[]>>): Table {
  const row = (name: string, of: readonly number[]) => [
    name,
    of.length,
    percentile(of, 0.5),
    percentile(of, 0.99),
    percentile(of, 1),
  ];
  return {
    title: "From the postback's 200 to the publisher's request, milliseconds:",
    columns: ['over the local run', 'sales', 'p50', 'p99', 'longest'],
    rows: [
      row('one publisher', times.latency),
      row('ten publishers', times.alone),
      row('ten publishers beside a dead one', times.besideDead),
    ],
  };
}
