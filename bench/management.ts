import openApi from '../docs/api/openapi.json' with { type: 'json' };
import { COUNTS, nameOf } from '../test/support/large-network.ts';
import type { Bundles } from './bundles.ts';
import { addConsumed, countCalls, NOTHING } from './consumed.ts';
import type { Consumed } from './consumed.ts';
import { startManagementWorld } from './management-world.ts';
import type { ManagementWorld } from './management-world.ts';
import { startEnvironment } from './processes.ts';
import type { Environment } from './processes.ts';
import { figure } from './report.ts';
import type { Report, Table } from './report.ts';
import { median, percentile } from './statistics.ts';

const ROUNDS = 10;
const REQUESTS = 10;
const WARM_UP = 3;
/** Milliseconds after which no further round of a list begins: some read tens of thousands of rows a page. */
const WORKING = 4_000;
/** Requests whose calls are counted. */
const SAMPLES = 4;
/** Rows of a page unless somebody asks for more. */
const PAGE = 50;

/** The query that finds what a page of a list shows. */
interface BareQuery {
  /** Variable that names the table. */
  readonly table: string;
  readonly index?: string;
  readonly key: string;
  readonly value: string;
  readonly limit?: number;
}

interface List {
  /** As the OpenAPI document has it. */
  readonly path: string;
  /** Of the n-th request. @default - none */
  readonly query?: (n: number) => string;
  /** The id in the route's path. */
  readonly id?: (n: number) => string;
  /** Whether the key is bound to a publisher. @default - the administrator's */
  readonly bound?: boolean;
  readonly bare: (n: number) => BareQuery;
}

const ofKind = (value: string, limit?: number) => () => ({
  table: 'CATALOG_TABLE',
  key: 'pk',
  value,
  ...(limit !== undefined && { limit }),
});
const month = () => new Date().toISOString().slice(0, 7);
const ofMonth = (table: string) => () => ({ table, index: 'by_month', key: 'month', value: month() });

/** One after the other of those that have the most. */
const big = (kind: string) => (n: number) => nameOf(kind, n % 10);
const campaign = big('campaign');
const publisher = big('publisher');
const advertiser = big('advertiser');

function listsOf({ conversions }: ManagementWorld): readonly List[] {
  const told = (n: number) => conversions[n % conversions.length] ?? { id: '', clickId: '', txnId: '' };
  const by = (table: string, key: string, value: (n: number) => string, prefix = '') => ({
    query: (n: number) => `${key}=${value(n)}`,
    bare: (n: number) => ({ table, index: key.replace(/^(.*)_id$/, 'by_$1'), key, value: prefix + value(n) }),
  });
  const ofConversions = (key: string, value: (n: number) => string) => by('CONVERSIONS_TABLE', key, value);
  const adjustments = { table: 'CONVERSIONS_TABLE', index: 'by_month', key: 'month', value: 'adjustment#' };
  const audit = { table: 'AUDIT_TABLE', key: 'pk', value: month() };
  const hour = () => ({
    table: 'HITS_TABLE',
    key: 'pk',
    value: new Date(Date.now() - 3_600_000).toISOString().slice(0, 13),
  });
  return [
    { path: '/v1/advertisers', bare: ofKind('advertiser') },
    { path: '/v1/senders', bare: ofKind('sender') },
    { path: '/v1/senders', query: (n) => `advertiser_id=${advertiser(n)}`, bare: ofKind('sender', 1) },
    { path: '/v1/publishers', bare: ofKind('publisher') },
    { path: '/v1/publishers', query: () => 'limit=200', bare: ofKind('publisher', 200) },
    { path: '/v1/publishers', query: () => 'status=active', bare: ofKind('publisher') },
    { path: '/v1/publishers', query: () => 'status=paused', bare: ofKind('publisher') },
    { path: '/v1/campaigns', bare: ofKind('campaign') },
    { path: '/v1/campaigns', query: () => 'status=active', bare: ofKind('campaign') },
    { path: '/v1/campaigns', query: (n) => `advertiser_id=${advertiser(n)}`, bare: ofKind('campaign', 10) },
    { path: '/v1/campaigns', bound: true, bare: ofKind('campaign') },
    { path: '/v1/postbacks', bare: ofKind('postback') },
    {
      path: '/v1/postbacks',
      query: (n) => `publisher_id=${nameOf('publisher', 5 * n)}`,
      bare: ofKind('postback', 1),
    },
    { path: '/v1/keys', bare: ofKind('api_key') },
    { path: '/v1/keys', query: (n) => `publisher_id=${publisher(n)}`, bare: ofKind('api_key', 1) },
    { path: '/v1/conversions', bare: ofMonth('CONVERSIONS_TABLE') },
    {
      path: '/v1/conversions',
      query: () => 'limit=200',
      bare: () => ({ ...ofMonth('CONVERSIONS_TABLE')(), limit: 200 }),
    },
    { path: '/v1/conversions', ...ofConversions('campaign_id', campaign) },
    { path: '/v1/conversions', ...ofConversions('publisher_id', publisher) },
    { path: '/v1/conversions', ...ofConversions('advertiser_id', advertiser) },
    { path: '/v1/conversions', ...ofConversions('click_id', (n) => told(n).clickId) },
    {
      path: '/v1/conversions',
      query: (n) => `campaign_id=${campaign(n)}&status=rejected`,
      bare: ofConversions('campaign_id', campaign).bare,
    },
    { path: '/v1/conversions', query: () => 'status=rejected', bare: ofMonth('CONVERSIONS_TABLE') },
    {
      path: '/v1/conversions',
      query: (n) => `txn_id=${told(n).txnId}`,
      bare: ofConversions('click_id', (n) => told(n).clickId).bare,
    },
    {
      path: '/v1/conversions',
      bound: true,
      bare: ofConversions('publisher_id', () => nameOf('publisher', 0)).bare,
    },
    { path: '/v1/deliveries', bare: ofMonth('DELIVERIES_TABLE') },
    { path: '/v1/deliveries', ...by('DELIVERIES_TABLE', 'publisher_id', publisher) },
    {
      path: '/v1/deliveries',
      query: (n) => `conversion_id=${told(n).id}`,
      bare: (n) => ({ table: 'DELIVERIES_TABLE', key: 'pk', value: told(n).id }),
    },
    { path: '/v1/deliveries', query: () => 'state=exhausted', bare: ofMonth('DELIVERIES_TABLE') },
    { path: '/v1/hits', bare: hour },
    { path: '/v1/hits', query: () => 'code=CLICK_NOT_FOUND', bare: hour },
    { path: '/v1/adjustments', bare: () => adjustments },
    { path: '/v1/adjustments', ...by('CONVERSIONS_TABLE', 'campaign_id', campaign, 'adjustment#') },
    { path: '/v1/audit', bare: () => audit },
    {
      path: '/v1/audit',
      query: (n) => `kind=campaign&subject_id=${campaign(n)}`,
      bare: (n) => ({ ...audit, index: 'by_subject', key: 'subject', value: `campaign#${campaign(n)}` }),
    },
    {
      path: '/v1/campaigns/{id}/caps',
      id: campaign,
      query: (n) => `publisher_id=${publisher(n)}`,
      bare: ofKind('campaign', 1),
    },
  ];
}

type Handler = 'management' | 'bare';
const HANDLERS = ['management', 'bare'] as const;

/** One list, by either handler. */
interface Figures {
  readonly list: List;
  readonly milliseconds: Readonly<Record<Handler, readonly number[]>>;
  readonly consumed: Readonly<Record<Handler, Consumed>>;
  /** Rows of a page. */
  readonly shown: number;
}

/** What the lists of the API cost in a network of some size, beside the least that any handler would do. */
export async function benchManagement(bundles: Bundles): Promise<Report> {
  const world = await startManagementWorld();
  try {
    const lists = listsOf(world);
    requireAll(lists);
    const figures = await measure(lists, bundles, world);
    return {
      name: 'management',
      demands: [],
      tables: [table(figures)],
      notes: [
        `A network with ${sizes()}, in DynamoDB Local. Facts lie in the last 90 days, hits in the last 30; a few campaigns and publishers have most. A publisher may run a tenth of the campaigns, and four or so more.`,
        `First pages, 50 rows unless the query says more. Both handlers are bundled alike and take the same HTTP API events, one after the other, each in a process of its own; rounds of ${REQUESTS} alternate, for ${WORKING / 1_000} s or ${ROUNDS} rounds.`,
        'The bare minimum is one eventually consistent query of as many rows, of the table or index that finds them, shown as they are stored: no key, role, filter, cursor or projection. Where no index finds what is asked for, it shows as many others.',
        `Calls and read units are means of ${SAMPLES} requests, as DynamoDB Local reports them. One call is the check of the key; what the API reads of Catalog is strongly consistent, which doubles its units.`,
      ],
    };
  } finally {
    await world.stop();
  }
}

function sizes(): string {
  return Object.entries(COUNTS)
    .map(([kind, count]) => `${figure(count)} ${kind === 'audit' ? 'rows of the audit trail' : kind}`)
    .join(', ');
}

function requireAll(lists: readonly List[]): void {
  const paged = Object.entries(openApi.paths).filter(
    ([, path]) => 'get' in path && JSON.stringify(path.get).includes('"next_cursor"'),
  );
  const missing = paged.map(([path]) => path).filter((path) => !lists.some((list) => list.path === path));
  if (missing.length > 0) throw new Error(`lists that are not measured: ${missing.join(', ')}`);
}

async function measure(lists: readonly List[], bundles: Bundles, world: ManagementWorld): Promise<readonly Figures[]> {
  const start = async (metered: boolean) => {
    const codes = [bundles.management, bundles.bareList];
    const [management, bare] = await Promise.all(
      codes.map((code) => startEnvironment(bundles.environment, code, world.variables(metered))),
    );
    if (management === undefined || bare === undefined) throw new Error('no environments');
    return { management, bare };
  };
  const [timed, metered] = [await start(false), await start(true)];
  try {
    const found: Figures[] = [];
    for (const list of lists) {
      const milliseconds = { management: [] as number[], bare: [] as number[] };
      for (const handler of HANDLERS) await ask(timed[handler], handler, list, world, 0, WARM_UP);
      const end = performance.now() + WORKING;
      for (let round = 0; round < ROUNDS && (round === 0 || performance.now() < end); round++) {
        // The one who goes first changes, so that what disturbs the machine disturbs both.
        for (const handler of round % 2 === 0 ? HANDLERS : HANDLERS.toReversed()) {
          const { milliseconds: times } = await ask(timed[handler], handler, list, world, round * REQUESTS, REQUESTS);
          milliseconds[handler].push(...times);
        }
      }
      found.push({ list, milliseconds, ...(await count(metered, list, world)) });
    }
    return found;
  } finally {
    for (const environment of [...Object.values(timed), ...Object.values(metered)]) environment.stop();
  }
}

async function count(environments: Readonly<Record<Handler, Environment>>, list: List, world: ManagementWorld) {
  const consumed: Record<Handler, Consumed> = { management: NOTHING, bare: NOTHING };
  let shown = 0;
  for (const handler of HANDLERS) {
    // What is read once an environment, and the note of the key's use, are no part of a page.
    await ask(environments[handler], handler, list, world, 0, 1);
    world.meter.take();
    const { listed } = await ask(environments[handler], handler, list, world, 0, SAMPLES);
    consumed[handler] = addConsumed(consumed[handler], world.meter.take());
    if (handler === 'management') shown = listed / SAMPLES;
  }
  return { consumed, shown };
}

/** So many requests from the n-th on. Throws unless all are answered with 200. */
async function ask(
  environment: Environment,
  handler: Handler,
  list: List,
  world: ManagementWorld,
  first: number,
  requests: number,
) {
  const events = Array.from({ length: requests }, (_, i) => eventOf(handler, list, world, first + i));
  const handled = await environment.handle({ events });
  if (handled.statuses['200'] !== requests) {
    throw new Error(`${handler} ${nameOfList(list)}: not every answer was 200: ${JSON.stringify(handled.statuses)}`);
  }
  return handled;
}

/** As a function gets it from an HTTP API, payload format 2.0. */
function eventOf(handler: Handler, list: List, world: ManagementWorld, n: number): object {
  const bare = list.bare(n);
  const query = new URLSearchParams({ ...bare, limit: String(bare.limit ?? PAGE) }).toString();
  const path = list.path.replace('{id}', list.id?.(n) ?? '');
  const key = list.bound === true ? world.publisherKey : world.adminKey;
  return {
    version: '2.0',
    routeKey: 'ANY /v1/{proxy+}',
    rawPath: path,
    rawQueryString: handler === 'bare' ? query : (list.query?.(n) ?? ''),
    headers: { host: 'api.example', authorization: `Bearer ${key}`, 'user-agent': 'flowback/1.0' },
    requestContext: {
      http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.9', userAgent: 'flowback/1.0' },
      requestId: 'UbmNxhAaIAMEVqQ=',
      timeEpoch: Date.now(),
    },
    isBase64Encoded: false,
  };
}

/** With the names of its filters: their values change from request to request. */
function nameOfList({ path, query, bound }: List): string {
  const given = (query?.(0) ?? '').replaceAll(/_id=[^&]*/g, '_id');
  return `${path.replace('/v1', '')}${given === '' ? '' : `?${given}`}${bound === true ? ', a publisher’s key' : ''}`;
}

function table(figures: readonly Figures[]): Table {
  return {
    title: 'Pages of the lists; in brackets the bare minimum:',
    columns: [
      ...[
        'list',
        'requests',
        'rows shown',
        'calls',
        'read units',
        '(read units)',
        'p50 ms',
        '(p50)',
        'p99 ms',
        '(p99)',
      ],
      'p50, times the bare minimum',
    ],
    rows: figures.map(({ list, milliseconds, consumed, shown }) => [
      nameOfList(list),
      milliseconds.management.length,
      shown,
      countCalls(consumed.management) / SAMPLES,
      consumed.management.readUnits / SAMPLES,
      consumed.bare.readUnits / SAMPLES,
      ...[0.5, 0.99].flatMap((share) => HANDLERS.map((handler) => percentile(milliseconds[handler], share))),
      median(milliseconds.management) / median(milliseconds.bare),
    ]),
  };
}
