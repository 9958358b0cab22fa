import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { click, createWorld, field, list, reportUntilAnswered } from '../support/deployment.ts';
import { startLocal } from '../support/local.ts';
import type { Local } from '../support/local.ts';
import { descendantsOf, stillRunning } from '../support/processes.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A publisher's server: keeps what it was told and the id of each delivery. */
async function startPublisher() {
  const calls: { readonly p1: string; readonly id: string }[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://publisher');
    calls.push({ p1: searchParams.get('p1') ?? '', id: String(request.headers['webhook-id']) });
    response.end('thanks');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/told?p1={p1}`, calls };
}

function newDataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), 'flowback-kill-'));
  cleanUps.push(() => rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return data;
}

/** A network whose first attempt waits a moment, so that the kill comes before it. */
async function start(data: string): Promise<Local & { adminKey: string }> {
  const local = await startLocal({ data, retrySchedule: [5, 1, 1, 1] });
  cleanUps.push(() => local.kill());
  if (local.adminKey === null) throw new Error('the admin key is not known');
  return { ...local, adminKey: local.adminKey };
}

test('a network killed between the 200 and the delivery delivers after its restart, once, and leaves no process (invariants 3, 4, 7)', async () => {
  const publisher = await startPublisher();
  const data = newDataDirectory();
  const before = await start(data);
  const world = await createWorld(before, { postbackUrl: publisher.url });
  const followers = Array.from({ length: 12 }, (_, i) => `follower-${i}`);
  const clickIds = await Promise.all(followers.map((p1) => click(before, world, `p1=${p1}`)));

  // Five are answered, others are under way when the network is killed.
  const answered = new Map<string, unknown>();
  const order = (clickId: string) => ({ txn_id: `order-${clickId}` });
  await new Promise<void>((resolve) => {
    for (const clickId of clickIds) {
      reportUntilAnswered(before, world, clickId, order(clickId)).then(
        (answer) => {
          answered.set(clickId, field(answer, 'conversion_id'));
          if (answered.size === 5) resolve();
        },
        () => undefined,
      );
    }
  });
  const processes = descendantsOf(before.pid);
  await before.kill();
  expect(publisher.calls).toEqual([]);
  expect(processes.length).toBeGreaterThanOrEqual(1);
  await expect.poll(() => stillRunning(processes), { timeout: 2_000, interval: 50 }).toEqual([]);

  const after = await start(data);
  // What was answered is delivered although nobody asks again; if the kill cut off an attempt, when its lease is over.
  const told = () => publisher.calls.map(({ p1 }) => p1);
  const nameOf = (clickId: string) => followers[clickIds.indexOf(clickId)];
  const promised = [...answered.keys()].map(nameOf);
  await expect.poll(told, { timeout: 120_000 }).toEqual(expect.arrayContaining(promised));

  // A sender whose call was cut off reports again; one that was answered may do so, too.
  for (const clickId of clickIds) {
    const again = await reportUntilAnswered(after, world, clickId, order(clickId));
    if (answered.has(clickId)) expect(field(again, 'conversion_id')).toBe(answered.get(clickId));
    // Recorded now: it is told now. Recorded by the call that was cut off: by its message, or else by the sweeper, later.
    if (field(again, 'code') === 'OK') promised.push(nameOf(clickId));
  }
  await expect.poll(told, { timeout: 120_000 }).toEqual(expect.arrayContaining(promised));
  expect(new Set(told()).size).toBe(told().length);

  const listed = (kind: string) => list(after, `${kind}&limit=200`);
  const conversions = await listed(`conversions?campaign_id=${world.campaign}`);
  const summary = conversions.map(({ p1, payout, status }) => `${String(p1)} ${String(payout)} ${String(status)}`);
  expect(summary.sort()).toEqual(followers.map((p1) => `${p1} 2.50 approved`).sort());
  const deliveries = await listed(`deliveries?publisher_id=${world.publisher}`);
  const ids = deliveries.map(({ conversion_id: id }) => String(id)).sort();
  expect(ids).toEqual(conversions.map(({ id }) => String(id)).sort());
  expect(await after.stop()).toBe(0);
}, 300_000);
