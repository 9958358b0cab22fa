import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildBundles } from './bundles.ts';
import { benchClick } from './click.ts';
import { benchConversion } from './conversion.ts';
import { benchCost } from './cost.ts';
import { benchDelivery } from './delivery.ts';
import { benchLocal } from './local.ts';
import { benchOutage } from './outage.ts';
import { benchManagement } from './management.ts';
import { isMet, renderReport, replaceSection } from './report.ts';
import type { Report } from './report.ts';
import { benchTag } from './tag.ts';

const USAGE = `npm run bench -- click|conversion|delivery|management|local|tag|cost|outage [--write]

  click       CPU, start, requests and item of a click, beside the least that any handler would do
  conversion  CPU, storage units, price and latency of postbacks, beside the least that any handler would do
  delivery    deliveries a second, CPU, storage units and latency of deliveries, and what a dead publisher does to others
  management  latency, calls and storage units of the lists of the API, beside the least that any handler would do
  local       requests a second, latency and CPU of the local run
  tag         bytes of the tag
  outage      how long visitors wait while storage is down
  cost        dollars for a million clicks, from the units that they are billed
  --write     put the result into docs/performance.md

Ends with 1 if a demand is missed. JSON goes to bench/results/.`;

const ROOT = resolve(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/performance.md');

const BENCHES: Readonly<Record<string, () => Promise<Report>>> = {
  click: withBundles(benchClick),
  conversion: withBundles(benchConversion),
  delivery: withBundles(benchDelivery),
  management: withBundles(benchManagement),
  local: benchLocal,
  tag: benchTag,
  outage: benchOutage,
  cost: withBundles(benchCost),
};

function withBundles(bench: (bundles: ReturnType<typeof buildBundles>) => Promise<Report>) {
  return async () => {
    const bundles = buildBundles();
    return bench(bundles).finally(bundles.remove);
  };
}

async function main(args: readonly string[]): Promise<number> {
  const [name = '', option] = args;
  const bench = BENCHES[name];
  if (bench === undefined || args.length > 2 || (option !== undefined && option !== '--write')) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const report = await bench();
  const at = new Date();
  const section = renderReport(report, at);
  process.stdout.write(section);
  mkdirSync(join(ROOT, 'bench/results'), { recursive: true });
  const { tables, demands } = report;
  const result = { name, at: at.toISOString(), node: process.versions.node, demands, tables };
  writeFileSync(join(ROOT, `bench/results/${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  if (option === '--write') writeFileSync(PAGE, replaceSection(readFileSync(PAGE, 'utf8'), section));
  return report.demands.every(isMet) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
