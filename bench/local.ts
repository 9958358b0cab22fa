import autocannon from 'autocannon';
import { connectApi } from '../examples/chain/api.ts';
import { startLocal } from '../test/support/local.ts';
import type { Local } from '../test/support/local.ts';
import { processTreeCpu } from './process-cpu.ts';
import type { Report } from './report.ts';
import { percentile } from './statistics.ts';

const CONNECTIONS = [1, 8, 32];
const SECONDS = 8;
const WARM_UP_SECONDS = 3;
const ENVIRONMENTS = 4;

const USER_AGENT =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36';

/** How fast the whole local run, DynamoDB Local included, redirects on this machine. */
export async function benchLocal(): Promise<Report> {
  const local = await startLocal({ environments: ENVIRONMENTS });
  try {
    await setUp(local);
    await load(local, 8, WARM_UP_SECONDS);
    const rows: (readonly (string | number)[])[] = [];
    for (const connections of CONNECTIONS) {
      const { redirects, others, errors, seconds, times, cpu } = await load(local, connections, SECONDS);
      const perThousand = (command: RegExp) =>
        (1_000 / redirects) * sum(Object.entries(cpu).map(([name, value]) => (command.test(name) ? value : 0)));
      rows.push([
        connections,
        redirects / seconds,
        percentile(times, 0.5),
        percentile(times, 0.99),
        perThousand(/^(?!java)/),
        perThousand(/^java/),
        others,
        errors,
      ]);
    }
    return {
      name: 'local',
      demands: [],
      tables: [
        {
          title: `The local run with ${ENVIRONMENTS} environments, ${SECONDS} s for each number of connections:`,
          columns: [
            ...['connections', 'redirects/s', 'p50 ms', 'p99 ms'],
            ...['CPU s/1,000: Node.js', 'CPU s/1,000: DynamoDB Local', 'other answers', 'errors'],
          ],
          rows,
        },
      ],
      notes: [
        'Each redirect is an answer of 302 whose click is stored in DynamoDB Local. The load comes from the same machine; its CPU is not counted.',
      ],
    };
  } finally {
    await local.stop();
  }
}

async function setUp({ apiUrl, adminKey }: Local): Promise<void> {
  const api = connectApi(apiUrl, adminKey ?? '');
  await api.ensure('advertisers', 'xyz', { name: 'XYZ' });
  await api.ensure('publishers', 'tia', { name: 'Tia' });
  await api.ensure('campaigns', 'summer', {
    name: 'Summer sale',
    advertiser_id: 'xyz',
    destination_url: 'https://shop.example/?cid={click_id}&sub={p1}&site={source}&device={device}',
    goals: [{ id: 'sale', name: 'Sale', default: true }],
  });
}

async function load({ url, pid }: Local, connections: number, duration: number) {
  const before = processTreeCpu(pid);
  const times: number[] = [];
  let others = 0;
  const run = autocannon({
    url,
    connections,
    duration,
    headers: { 'user-agent': USER_AGENT, 'accept-language': 'de-DE,de;q=0.9,en;q=0.7' },
    requests: [{ path: '/c/summer/tia?p1=c384efv6jhqodrn70575ok6ug5cqr2x1&p2=feed&source=site-48211' }],
  });
  run.on('response', (_client, status, _bytes, milliseconds) => {
    if (status === 302) times.push(milliseconds);
    else others += 1;
  });
  const { duration: seconds, errors } = await run;
  const after = processTreeCpu(pid);
  const cpu = Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]));
  return { redirects: times.length, others, errors, seconds, times, cpu };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
