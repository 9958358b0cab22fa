import { randomBytes } from 'node:crypto';
import type { Bundles } from './bundles.ts';
import { countCalls } from './consumed.ts';
import type { Consumed } from './consumed.ts';
import { postbackEvent, postbackPath, startConversionWorld } from './conversion-world.ts';
import type { ConversionWorld, Link, PostbackParameters } from './conversion-world.ts';
import { partsOf } from './cost.ts';
import { load } from './load.ts';
import { PRICES, totalPrice } from './prices.ts';
import type { BilledUnits } from './prices.ts';
import { startEnvironment } from './processes.ts';
import type { Environment } from './processes.ts';
import type { Report, Table } from './report.ts';
import { median, percentile, spread } from './statistics.ts';

const WARM_UP = 300;
const ROUNDS = 25;
const POSTBACKS = 40;
/** Of each kind of postback whose calls are counted. */
const SAMPLES = 25;
/** Postbacks over HTTP by the number of connections. */
const LOADS = [
  [1, 300],
  [16, 1_000],
] as const;

const MEMORY_GIGABYTES = 512 / 1_024;
/** How long a postback is billed, mostly waiting for storage; not to be had without an account. */
const ASSUMED_SECONDS = 0.08;

const ACCEPTED = 'OK';
const DUPLICATE = 'DUPLICATE_CONVERSION';

/** What a postback costs the conversion function, beside the least that any handler would do. */
export async function benchConversion(bundles: Bundles): Promise<Report> {
  const world = await startConversionWorld();
  try {
    const cpu = await postbackCpu(bundles, world);
    const costs = await postbackCosts(bundles, world);
    const latency = await postbackLatency(world);
    return {
      name: 'conversion',
      demands: [],
      tables: [cpuTable(cpu), unitsTable(costs), callsTable(costs), priceTable(costs), latency],
      notes: [
        'Both handlers are bundled alike and take the same HTTP API events, one after the other, each in a process of its own in front of one DynamoDB Local; rounds alternate. A duplicate is the same event once more.',
        'The bare minimum looks for the key of the transaction and puts key and conversion in one transaction, through the same SDK: no sender, click, goal, money, caps, history or hit.',
        'Calls and units are those of the usual postback, medians. Units of reads and single writes are what DynamoDB Local reports; those of transactions, which it gets wrong, come from the size of each row before and after (bench/consumed.ts). One conversion in 32 also tidies its counters.',
        `Prices of ${PRICES.region} as of ${PRICES.asOf}, without free tiers. Assumed: ${ASSUMED_SECONDS * 1_000} ms at 512 MB a postback. Not part of it: the calls of publisher postbacks, keeping the rows, backups.`,
        'Over HTTP: the local run with four environments; its CPU is that of the load and of DynamoDB Local too.',
      ],
    };
  } finally {
    await world.stop();
  }
}

type Handler = 'bare' | 'conversion';

/** Microseconds a postback of each round. */
type PostbackCpu = Readonly<Record<Handler, Readonly<Record<'accepted' | 'duplicate', number[]>>>>;

async function postbackCpu(bundles: Bundles, world: ConversionWorld): Promise<PostbackCpu> {
  const variables = world.variables(false);
  const [conversion, bare] = await Promise.all(
    [bundles.conversion, bundles.barePostback].map((code) => startEnvironment(bundles.environment, code, variables)),
  );
  if (conversion === undefined || bare === undefined) throw new Error('no environments');
  const environments = { conversion, bare };
  const cpu: PostbackCpu = {
    bare: { accepted: [], duplicate: [] },
    conversion: { accepted: [], duplicate: [] },
  };
  try {
    const warmUp = await newSales(world, WARM_UP);
    for (const environment of [conversion, bare]) {
      for (const code of [ACCEPTED, DUPLICATE]) await handle(environment, warmUp, code);
    }
    for (let round = 0; round < ROUNDS; round++) {
      const sales = await newSales(world, POSTBACKS);
      // The one who goes first changes, so that what disturbs the machine disturbs both.
      for (const name of round % 2 === 0 ? (['conversion', 'bare'] as const) : (['bare', 'conversion'] as const)) {
        cpu[name].accepted.push((await handle(environments[name], sales, ACCEPTED)).cpu);
        cpu[name].duplicate.push((await handle(environments[name], sales, DUPLICATE)).cpu);
      }
    }
    return cpu;
  } finally {
    for (const environment of [conversion, bare]) environment.stop();
  }
}

async function newSales(world: ConversionWorld, count: number): Promise<readonly PostbackParameters[]> {
  return (await world.clicks({ campaign: 'plain', publisher: 'none' }, count)).map(saleOf);
}

function saleOf(clickId: string): PostbackParameters {
  return { ...saleWithoutTxn(clickId), txn_id: `order-${randomBytes(8).toString('hex')}` };
}

function saleWithoutTxn(clickId: string): PostbackParameters {
  return { click_id: clickId, sale_amount: '129.90', currency: 'USD' };
}

/** Microseconds of CPU and bytes of answer of one postback. Throws unless all are answered with this code. */
async function handle(environment: Environment, postbacks: readonly PostbackParameters[], code: string) {
  const { cpu, statuses, answerBytes } = await environment.handle({ events: postbacks.map(postbackEvent) });
  const count = postbacks.length;
  if (statuses[`200 ${code}`] !== count) throw new Error(`not every answer was ${code}: ${JSON.stringify(statuses)}`);
  return { cpu: cpu / count, answerBytes: answerBytes / count };
}

function cpuTable({ bare, conversion }: PostbackCpu): Table {
  const rowsOf = (kind: 'accepted' | 'duplicate') => [
    [`${kind}, bare minimum`, ...spread(bare[kind]), 1],
    [kind, ...spread(conversion[kind]), median(conversion[kind]) / median(bare[kind])],
  ];
  return {
    title: `CPU of the process a postback, microseconds, of ${ROUNDS} rounds of ${POSTBACKS} postbacks each:`,
    columns: ['postback', 'median', 'best', 'p90', 'times the bare minimum'],
    rows: [...rowsOf('accepted'), ...rowsOf('duplicate')],
  };
}

interface Kind {
  readonly name: string;
  readonly handler: Handler;
  readonly link: Link;
  /** What was reported of the click before. @default - nothing */
  readonly before?: PostbackParameters;
  readonly parameters: PostbackParameters;
  readonly withTxn: boolean;
  readonly code: string;
}

const plain: Kind = {
  name: 'accepted',
  handler: 'conversion',
  link: { campaign: 'plain', publisher: 'none' },
  parameters: {},
  withTxn: true,
  code: ACCEPTED,
};
const bareMinimum: Kind = { ...plain, name: 'accepted, bare minimum', handler: 'bare' };
const duplicate: Kind = { ...plain, name: 'duplicate', before: {}, code: DUPLICATE };

const KINDS: readonly Kind[] = [
  bareMinimum,
  plain,
  { ...plain, name: 'accepted, no txn_id', withTxn: false },
  { ...plain, name: 'accepted, 3 caps', link: { campaign: 'capped', publisher: 'none' } },
  { ...plain, name: 'accepted, 1 publisher postback', link: { campaign: 'plain', publisher: 'one' } },
  { ...plain, name: 'accepted, 3 publisher postbacks', link: { campaign: 'plain', publisher: 'three' } },
  { ...duplicate, name: 'duplicate, bare minimum', handler: 'bare' },
  duplicate,
  { ...duplicate, name: 'duplicate, no txn_id', withTxn: false },
  { ...duplicate, name: 'duplicate, 3 publisher postbacks', link: { campaign: 'plain', publisher: 'three' } },
  {
    ...plain,
    name: 'pending to approved, 1 publisher postback',
    link: { campaign: 'plain', publisher: 'one' },
    before: { status: 'pending' },
    parameters: { status: 'approved' },
    code: 'STATUS_CHANGED',
  },
];

/** One postback of a kind. */
interface PostbackCost {
  readonly kind: Kind;
  readonly consumed: Consumed;
  readonly billed: BilledUnits;
}

async function postbackCosts(bundles: Bundles, world: ConversionWorld): Promise<readonly PostbackCost[]> {
  const costs: PostbackCost[] = [];
  for (const kind of KINDS) {
    const code = kind.handler === 'bare' ? bundles.barePostback : bundles.conversion;
    const environment = await startEnvironment(bundles.environment, code, world.variables(true));
    try {
      costs.push(await costOf(kind, environment, world));
    } finally {
      environment.stop();
    }
  }
  return costs;
}

async function costOf(kind: Kind, environment: Environment, world: ConversionWorld): Promise<PostbackCost> {
  const samples: Consumed[] = [];
  const bytes: number[] = [];
  for (const clickId of await world.clicks(kind.link, SAMPLES)) {
    const sale = kind.withTxn ? saleOf(clickId) : saleWithoutTxn(clickId);
    if (kind.before !== undefined) await handle(environment, [{ ...sale, ...kind.before }], ACCEPTED);
    world.meter.take();
    const { answerBytes } = await handle(environment, [{ ...sale, ...kind.parameters }], kind.code);
    samples.push(world.meter.take());
    bytes.push(answerBytes);
  }
  const consumed = medianOf(samples);
  const billed = {
    apiRequests: 1,
    lambdaRequests: 1,
    gigabyteSeconds: ASSUMED_SECONDS * MEMORY_GIGABYTES,
    writeUnits: consumed.writeUnits + consumed.indexUnits,
    readUnits: consumed.readUnits,
    queueRequests: countCalls(consumed, 'SendMessage'),
    logBytes: environment.logBytes() / SAMPLES,
    trafficBytes: median(bytes),
  };
  return { kind, consumed, billed };
}

function medianOf(samples: readonly Consumed[]): Consumed {
  const names = [...new Set(samples.flatMap(({ calls }) => Object.keys(calls)))];
  const usual = (value: (of: Consumed) => number) => median(samples.map(value));
  const calls = names.map((name) => [name, usual((of) => of.calls[name] ?? 0)] as const);
  return {
    calls: Object.fromEntries(calls.filter(([, count]) => count > 0)),
    rows: usual(({ rows }) => rows),
    readUnits: usual(({ readUnits }) => readUnits),
    writeUnits: usual(({ writeUnits }) => writeUnits),
    indexUnits: usual(({ indexUnits }) => indexUnits),
  };
}

function unitsTable(costs: readonly PostbackCost[]): Table {
  const operations = ['GetItem', 'Query', 'PutItem', 'TransactWriteItems'];
  return {
    title: 'Calls of DynamoDB and units that a postback is billed:',
    columns: [
      ...['postback', 'calls', ...operations, 'rows in transactions'],
      ...['read units', 'write units', 'index units', 'USD a million'],
    ],
    rows: costs.map(({ kind, consumed, billed }) => [
      kind.name,
      countCalls(consumed) - countCalls(consumed, 'SendMessage'),
      ...operations.map((operation) => countCalls(consumed, operation)),
      consumed.rows,
      consumed.readUnits,
      consumed.writeUnits,
      consumed.indexUnits,
      1e6 * totalPrice(billed),
    ]),
  };
}

function callsTable(costs: readonly PostbackCost[]): Table {
  const shown = costs.filter(({ kind }) => [plain, duplicate, KINDS.at(-1)].includes(kind));
  const names = [...new Set(shown.flatMap(({ consumed }) => Object.keys(consumed.calls)))].sort();
  return {
    title: 'What they call:',
    columns: ['call', ...shown.map(({ kind }) => kind.name)],
    rows: names.map((name) => [name, ...shown.map(({ consumed }) => consumed.calls[name] ?? 0)]),
  };
}

function priceTable(costs: readonly PostbackCost[]): Table {
  const accepted = costs.find(({ kind }) => kind === plain);
  if (accepted === undefined) throw new Error('accepted postbacks were not measured');
  const thousand = (1_000 * totalPrice(accepted.billed)).toFixed(4);
  return partsOf(`What accepted postbacks cost, ${thousand} USD a thousand:`, 'postback', accepted.billed, 1);
}

async function postbackLatency(world: ConversionWorld): Promise<Table> {
  const rows: (readonly (string | number)[])[] = [];
  await timed(world, (await newSales(world, WARM_UP)).map(postbackPath), 16);
  for (const [connections, count] of LOADS) {
    const paths = (await newSales(world, count)).map(postbackPath);
    for (const [name, code] of [
      ['accepted', ACCEPTED],
      ['duplicate', DUPLICATE],
    ] as const) {
      const { answers, seconds } = await timed(world, paths, connections);
      const times = answers.filter(({ body }) => body.includes(`"${code}"`)).map(({ milliseconds }) => milliseconds);
      rows.push([
        name,
        connections,
        times.length,
        times.length / seconds,
        percentile(times, 0.5),
        percentile(times, 0.99),
        answers.length - times.length,
      ]);
    }
  }
  return {
    title: 'Over HTTP:',
    columns: ['postback', 'connections', 'answers', 'answers/s', 'p50 ms', 'p99 ms', 'other answers'],
    rows,
  };
}

async function timed(world: ConversionWorld, paths: readonly string[], connections: number) {
  const start = performance.now();
  const answers = await load(world.url, paths, connections);
  return { answers, seconds: (performance.now() - start) / 1_000 };
}
