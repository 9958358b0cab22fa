import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { createWorld, field, manage, openDeployment } from '../support/deployment.ts';
import type { Deployment, World } from '../support/deployment.ts';

let deployment: Deployment;
beforeAll(async () => {
  deployment = await openDeployment({ cacheSeconds: 1, environments: 4 });
});
afterAll(() => deployment.stop());

interface Visit {
  readonly at: number;
  readonly admitted: boolean;
}

/** Clicks of a few visitors at once, one after the other, until told to stop. */
function visitAllTheTime({ campaign, publisher }: World) {
  const visits: Visit[] = [];
  let over = false;
  const visitor = async () => {
    while (!over) {
      const at = Date.now();
      const { status } = await fetch(`${deployment.url}/c/${campaign}/${publisher}`, { redirect: 'manual' });
      // 503: all environments were busy for too long, which a slow machine may see.
      if (status !== 503) visits.push({ at, admitted: status === 302 });
      await sleep(50);
    }
  };
  const visitors = Array.from({ length: 4 }, visitor);
  return {
    visits,
    stop: async () => {
      over = true;
      await Promise.all(visitors);
    },
  };
}

test.concurrent.each([
  ['a campaign that is paused', 'campaigns', { status: 'paused' }],
  ['a campaign that is archived', 'campaigns', { status: 'archived' }],
  ['a publisher that is paused', 'publishers', { status: 'paused' }],
])('every environment has %s at effective_by, though others read it just before', async (_, kind, change) => {
  const world = await createWorld(deployment);
  const { visits, stop } = visitAllTheTime(world);
  await vi.waitUntil(() => visits.filter(({ admitted }) => admitted).length >= 20, { timeout: 15_000 });
  // A lifetime more: every environment has read it again, at a time of its own.
  await sleep(1_000);
  const path = kind === 'campaigns' ? `campaigns/${world.campaign}` : `publishers/${world.publisher}`;
  const answer = await manage(deployment, 'PATCH', path, change);
  expect(answer.status).toBe(200);
  const effectiveBy = Date.parse(String(field(answer, 'effective_by')));
  await sleep(effectiveBy + 500 - Date.now());
  await stop();

  const after = visits.filter(({ at }) => at >= effectiveBy);
  expect(after.length).toBeGreaterThan(0);
  expect(after.filter(({ admitted }) => admitted)).toEqual([]);
});
