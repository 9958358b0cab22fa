import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFailingWorld } from '../test/support/click-outage.ts';
import type { FailingWorld } from '../test/support/click-outage.ts';
import type { Report } from './report.ts';
import { percentile } from './statistics.ts';

const FAULTS = ['ok', 'reject', 'hang', 'reset'] as const;
const CLICKS_A_SECOND = 100;
const SECONDS = { ok: 2, reject: 15, hang: 15, reset: 15 };
/** Until storage that is back is found to be so. */
const REST_MS = 500;

const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';

/** How long visitors wait while the storage of the local run is down. */
export async function benchOutage(): Promise<Report> {
  const world = await startFailingWorld();
  const agent = new Agent({ keepAlive: true });
  try {
    const outages: { fault: (typeof FAULTS)[number]; times: readonly number[]; others: number }[] = [];
    for (const fault of FAULTS) {
      world.dynamoDb.plan = (target) => (target.startsWith('DynamoDB_') ? fault : 'ok');
      const visits = await visitSteadily(world, agent, SECONDS[fault]);
      world.dynamoDb.plan = () => 'ok';
      const times = visits.filter(({ status }) => status === 302).map(({ milliseconds }) => milliseconds);
      outages.push({ fault, times, others: visits.length - times.length });
      await sleep(REST_MS);
    }
    const down = outages.filter(({ fault }) => fault !== 'ok');
    return {
      name: 'outage',
      demands: [
        ...down.map(({ fault, times }) => ({
          what: `p99 while storage would ${fault}`,
          value: percentile(times, 0.99),
          rule: 'at most' as const,
          limit: 700,
          unit: 'ms',
        })),
        {
          what: 'visitors without a redirect',
          value: down.reduce((sum, { others }) => sum + others, 0),
          rule: 'exactly',
          limit: 0,
          unit: '',
        },
      ],
      tables: [
        {
          title: `The local run at ${CLICKS_A_SECOND} clicks a second, milliseconds:`,
          columns: ['storage would', 'seconds', 'redirects', 'p50', 'p99', 'longest'],
          rows: outages.map(({ fault, times }) => [
            fault === 'ok' ? 'answer' : fault,
            SECONDS[fault],
            times.length,
            percentile(times, 0.5),
            percentile(times, 0.99),
            percentile(times, 1),
          ]),
        },
      ],
      notes: [
        'Each click starts when it is due, however many are open; four environments. That each is stored afterwards, once, is shown by test/e2e.',
      ],
    };
  } finally {
    agent.destroy();
    await world.stop();
  }
}

interface TimedVisit {
  /** 0: no answer. */
  readonly status: number;
  readonly milliseconds: number;
}

async function visitSteadily(world: FailingWorld, agent: Agent, seconds: number): Promise<TimedVisit[]> {
  const url = `${world.local.url}/c/${world.campaign}/${world.publisher}`;
  const start = performance.now();
  const visits = Array.from({ length: seconds * CLICKS_A_SECOND }, async (_, index) => {
    const due = (index / CLICKS_A_SECOND) * 1_000;
    await sleep(due);
    const status = await statusOf(url, agent);
    return { status, milliseconds: performance.now() - start - due };
  });
  return Promise.all(visits);
}

function statusOf(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    get(url, { agent, headers: { 'user-agent': USER_AGENT } }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', () => resolve(0));
  });
}
