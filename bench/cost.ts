import type { Bundles } from './bundles.ts';
import type { CampaignKind } from './catalog.ts';
import { BILLED, PRICES, priceOf, totalPrice, UNIT_NAMES } from './prices.ts';
import type { BilledUnits } from './prices.ts';
import { functionEnvironment, startEnvironment, startStorage } from './processes.ts';
import type { Storage } from './processes.ts';
import type { Report, Table } from './report.ts';

const CLICKS = 10_000;
/** 100 clicks a second, the rate that the price of a click is given for. */
const MILLISECONDS_PER_CLICK = 10;
/** As the stack has it. */
const CACHE_SECONDS = 30;
const MEMORY_GIGABYTES = 256 / 1_024;
/** How long a click is billed on a quarter of a core; not to be had without an account. */
const ASSUMED_SECONDS = 0.008;

const NAMES: Readonly<Record<CampaignKind, string>> = {
  plain: 'the click alone',
  capped: 'with a click cap of the campaign',
  windowed: 'with a duplicate window',
  paying: 'with a click payout',
};
const KINDS = Object.keys(NAMES) as CampaignKind[];

/**
 * What books a click's payout, a click: a write of the ledger row, and its share of a call of the function behind the
 * stream. At 100 clicks a second in four shards a batch of two seconds holds 50; 200 ms at 512 MB are assumed for it.
 */
const BOOKING = { writeUnits: 1, lambdaRequests: 1 / 50, gigabyteSeconds: (0.2 * 0.5) / 50 };

/** Dollars for a million clicks, from the billed units of 10,000 that the redirect function handles. */
export async function benchCost(bundles: Bundles): Promise<Report> {
  const storage = await startStorage(bundles.storage);
  const units = new Map<CampaignKind, BilledUnits>();
  try {
    for (const kind of KINDS) units.set(kind, await billedUnits(kind, bundles, storage));
  } finally {
    storage.stop();
  }
  const plain = units.get('plain');
  if (plain === undefined) throw new Error('the click alone was not measured');
  return {
    name: 'cost',
    demands: [
      { what: 'a million clicks', value: perMillion(totalPrice(plain)), rule: 'at most', limit: 1.95, unit: 'USD' },
    ],
    tables: [
      partsOf('The click alone:', 'click', plain, CLICKS),
      {
        title: 'What the terms of a campaign make of it, a click and a million:',
        columns: ['campaign', 'write units', 'read units', 'Lambda requests', 'USD a million'],
        rows: [...units].map(([kind, of]) => [
          NAMES[kind],
          ...[of.writeUnits, of.readUnits, of.lambdaRequests].map((amount) => amount / CLICKS),
          perMillion(totalPrice(of)),
        ]),
      },
      NOT_COUNTED,
    ],
    notes: [
      `Prices of ${PRICES.region} as of ${PRICES.asOf}, without free tiers; sources in bench/prices.ts.`,
      `Counted: the redirect function handled ${CLICKS.toLocaleString('en-US')} clicks in front of a stub of DynamoDB, with the clock of 100 clicks a second, so that its catalog cache expires as often as it would then.`,
      'Assumed: 8 ms at 256 MB a click; what books a payout (bench/cost.ts). Bytes to visitors are those of the answer, without TLS and TCP.',
    ],
  };
}

async function billedUnits(campaign: CampaignKind, bundles: Bundles, storage: Storage): Promise<BilledUnits> {
  const environment = await startEnvironment(
    bundles.environment,
    bundles.redirect,
    functionEnvironment(storage.endpoint, CACHE_SECONDS),
    MILLISECONDS_PER_CLICK,
  );
  try {
    const visited = await environment.handle({ first: 0, count: CLICKS, campaign, parameters: 'usual' });
    const { calls } = await storage.report();
    if (visited.statuses['302'] !== CLICKS)
      throw new Error(`not every click was redirected: ${JSON.stringify(visited)}`);
    const named = (pattern: RegExp) => Object.entries(calls).flatMap(([name, of]) => (pattern.test(name) ? [of] : []));
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    const booked = campaign === 'paying' ? CLICKS : 0;
    return {
      apiRequests: CLICKS,
      lambdaRequests: CLICKS + booked * BOOKING.lambdaRequests,
      gigabyteSeconds: CLICKS * ASSUMED_SECONDS * MEMORY_GIGABYTES + booked * BOOKING.gigabyteSeconds,
      writeUnits:
        booked * BOOKING.writeUnits +
        sum(named(/^(PutItem|UpdateItem|TransactWriteItems|DeleteItem)/).map((of) => of.units)),
      readUnits: sum(named(/^(GetItem|Query)/).map((of) => of.units)),
      queueRequests: sum(named(/^SendMessage/).map((of) => of.count)),
      logBytes: environment.logBytes(),
      trafficBytes: visited.answerBytes,
    };
  } finally {
    environment.stop();
  }
}

/** @param units - of `count` of what is priced, each a `one` */
export function partsOf(title: string, one: string, units: BilledUnits, count: number): Table {
  const perMillion = (dollars: number) => (dollars / count) * 1e6;
  return {
    title,
    columns: ['part', `units a ${one}`, 'USD a million'],
    rows: [
      ...BILLED.map((unit) => [UNIT_NAMES[unit], units[unit] / count, perMillion(priceOf(unit, units[unit]))]),
      ['together', '', perMillion(totalPrice(units))],
    ],
  };
}

function perMillion(dollars: number): number {
  return (dollars / CLICKS) * 1e6;
}

const NOT_COUNTED: Table = {
  title: 'Not part of it:',
  columns: ['part', 'USD a million', 'why'],
  rows: [
    ['rollups of clicks', '0.03', 'not built; as designed'],
    ['keeping the clicks', '0.14-0.28 a month', 'as designed'],
    ['access logs', '0.15', 'a setting, off by default'],
  ],
};
