import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bytesOf } from './bundles.ts';
import type { Bundles } from './bundles.ts';
import { TABLES } from './catalog.ts';
import { UNIT_BYTES } from './item-size.ts';
import { functionEnvironment, startEnvironment, startStorage } from './processes.ts';
import type { Environment, Storage } from './processes.ts';
import type { Report } from './report.ts';
import { median, spread } from './statistics.ts';

const WARM_UP = 4_000;
const ROUNDS = 25;
const CLICKS = 300;
const STARTS = 31;
/** Longer than the bench takes: the warm path reads nothing. */
const CACHE_SECONDS = 3_600;

/** What a click costs the redirect function, beside the least that any handler would do. */
export async function benchClick(bundles: Bundles): Promise<Report> {
  const storage = await startStorage(bundles.storage);
  const variables = functionEnvironment(storage.endpoint, CACHE_SECONDS);
  const start = (code: string) => startEnvironment(bundles.environment, code, variables);
  const [redirect, bare] = await Promise.all([start(bundles.redirect), start(bundles.bareMinimum)]);
  try {
    const cpu = await clickCpu(redirect, bare, storage);
    const largestClick = await everyParameter(redirect, storage);
    const starts = await startTimes(bundles, variables);
    const ratio = median(cpu.redirect) / median(cpu.bare);
    const clicks = ROUNDS * CLICKS;
    const itemBytes = Object.values(largestClick).reduce((sum, bytes) => sum + bytes, 0);
    // Neighbours in time are compared: what else the machine does changes from one to the next the least.
    const init = median(starts.redirect.total.map((total, index) => total - (starts.empty.total[index] ?? NaN)));

    return {
      name: 'click',
      demands: [
        { what: 'CPU of a click, times the bare minimum', value: ratio, rule: 'at most', limit: 2.5, unit: '' },
        { what: 'redirect bundle', value: bytesOf(bundles.redirect) / 1_024, rule: 'at most', limit: 60, unit: 'KB' },
        { what: 'start over an empty script', value: init, rule: 'at most', limit: 12, unit: 'ms' },
        {
          what: 'DynamoDB requests a click, warm',
          value: cpu.requests / clicks,
          rule: 'exactly',
          limit: 1,
          unit: '',
        },
        { what: 'item with every parameter', value: itemBytes, rule: 'at most', limit: UNIT_BYTES, unit: 'bytes' },
        { what: 'log of good clicks', value: redirect.logBytes(), rule: 'exactly', limit: 0, unit: 'bytes' },
      ],
      tables: [
        {
          title: `CPU of the process a click, microseconds, of ${ROUNDS} rounds of ${CLICKS} clicks each:`,
          columns: ['handler', 'median', 'best', 'p90'],
          rows: [
            ['bare minimum', ...spread(cpu.bare)],
            ['redirect', ...spread(cpu.redirect)],
          ],
        },
        {
          title: `Start of a process that loads the bundle, medians of ${STARTS}, milliseconds:`,
          columns: ['script', 'whole process', 'its CPU', 'loading alone'],
          rows: [
            ['empty', ...medians(starts.empty)],
            ['bare minimum', ...medians(starts.bare)],
            ['redirect', ...medians(starts.redirect)],
            ['redirect with TLS', ...medians(starts.redirectWithTls)],
          ],
        },
        {
          title: 'Bytes of a click with every parameter, by attribute:',
          columns: ['attribute', 'bytes'],
          rows: Object.entries(largestClick).sort(([, a], [, b]) => b - a),
        },
      ],
      notes: [
        'Both handlers are bundled alike and take the same HTTP API events, one after the other, each in a process of its own; rounds alternate. Storage is a stub in a third process.',
        'The bare minimum parses campaign and publisher, makes a random id, signs one conditional put by hand and answers 302: no rules, no catalog, no macros.',
        'Most of the start is node:crypto and node:http, which any signed put needs: the row of the bare minimum says how long they take on this machine.',
        'Loading a function ends where init goes on to what is done once, whatever the code: the first TLS connection, the keys. The last row has it.',
      ],
    };
  } finally {
    for (const process of [redirect, bare, storage]) process.stop();
  }
}

interface ClickCpu {
  /** Microseconds a click of each round. */
  readonly redirect: readonly number[];
  readonly bare: readonly number[];
  /** Of the redirect in all rounds. */
  readonly requests: number;
}

async function clickCpu(redirect: Environment, bare: Environment, storage: Storage): Promise<ClickCpu> {
  const round = async (environment: Environment, first: number, count: number) => {
    const { cpu, statuses } = await environment.handle({ first, count, campaign: 'plain', parameters: 'usual' });
    if (statuses['302'] !== count) throw new Error(`not every click was redirected: ${JSON.stringify(statuses)}`);
    return cpu / count;
  };
  await round(redirect, 0, WARM_UP);
  await round(bare, 0, WARM_UP);
  await storage.report();
  const cpu = { redirect: [] as number[], bare: [] as number[] };
  for (let index = 0; index < ROUNDS; index++) {
    const first = WARM_UP + index * CLICKS;
    // The one who goes first changes, so that what disturbs the machine disturbs both.
    const order = index % 2 === 0 ? (['redirect', 'bare'] as const) : (['bare', 'redirect'] as const);
    for (const name of order) cpu[name].push(await round(name === 'redirect' ? redirect : bare, first, CLICKS));
  }
  const { calls } = await storage.report();
  const requests = Object.entries(calls)
    .filter(([name]) => !name.endsWith(TABLES.bare))
    .reduce((sum, [, { count }]) => sum + count, 0);
  return { ...cpu, requests };
}

async function everyParameter(redirect: Environment, storage: Storage): Promise<Readonly<Record<string, number>>> {
  await redirect.handle({ first: 0, count: 50, campaign: 'plain', parameters: 'every' });
  return (await storage.report()).largestClick;
}

interface StartTimes {
  readonly total: number[];
  readonly cpu: number[];
  readonly loading: number[];
}

/** Milliseconds of a process that loads a script and ends. */
async function startTimes(bundles: Bundles, variables: Readonly<Record<string, string>>) {
  const nowhere = (protocol: string) => ({
    ...variables,
    AWS_ENDPOINT_URL_DYNAMODB: `${protocol}://127.0.0.1:9`,
    AWS_ENDPOINT_URL_SQS: `${protocol}://127.0.0.1:9`,
  });
  const load = (bundle: string) => `require(${JSON.stringify(bundle)});`;
  const afterwards = 'setImmediate(() => setImmediate(end));';
  const scripts = {
    empty: { code: 'end();', env: nowhere('http') },
    bare: { code: `${load(bundles.bareMinimum)} end();`, env: nowhere('http') },
    redirect: { code: `${load(bundles.redirect)} end();`, env: nowhere('http') },
    // As on AWS, with what init does once the code is loaded.
    redirectWithTls: { code: load(bundles.redirect) + afterwards, env: nowhere('https') },
  };
  const none = (): StartTimes => ({ total: [], cpu: [], loading: [] });
  const times = { empty: none(), bare: none(), redirect: none(), redirectWithTls: none() };
  for (let index = 0; index < STARTS; index++) {
    for (const name of ['bare', 'redirect', 'empty', 'redirectWithTls'] as const) {
      const { total, cpu, loading } = await startOnce(scripts[name].code, scripts[name].env);
      times[name].total.push(total);
      times[name].cpu.push(cpu);
      times[name].loading.push(loading);
    }
  }
  return times;
}

/** Written at once: making the stream of standard output would be counted as loading. */
const MEASURE = `const start = process.hrtime.bigint();
const end = () => {
  const loading = Number(process.hrtime.bigint() - start) / 1e6;
  const { user, system } = process.cpuUsage();
  require('node:fs').writeSync(1, loading + ' ' + (user + system) / 1e3);
  process.exit();
};`;

async function startOnce(code: string, env: Readonly<Record<string, string>>) {
  const begin = process.hrtime.bigint();
  const child = spawn(process.execPath, ['-e', MEASURE + code], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  const total = Number(process.hrtime.bigint() - begin) / 1e6;
  const [loading = NaN, cpu = NaN] = output.split(' ').map(Number);
  return { total, cpu, loading };
}

function medians({ total, cpu, loading }: StartTimes): number[] {
  return [median(total), median(cpu), median(loading)];
}
