import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { click, createWorld, list, report } from '../support/deployment.ts';
import type { Answer } from '../support/deployment.ts';
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
  const local = await startLocal({ data, retrySchedule: [2, 1, 1, 1] });
  cleanUps.push(() => local.kill());
  if (local.adminKey === null) throw new Error('the admin key is not known');
  return { ...local, adminKey: local.adminKey };
}

const conversionId = (answer: Answer) => (answer.body as Record<string, unknown>).conversion_id;

test('a network killed between the 200 and the delivery delivers after its restart, once, and leaves no process (invariants 3, 4, 7)', async () => {
  const publisher = await startPublisher();
  const data = newDataDirectory();
  const before = await start(data);
  const world = await createWorld(before, { postbackUrl: publisher.url });
  const followers = Array.from({ length: 20 }, (_, i) => `follower-${i}`);
  const clickIds = await Promise.all(followers.map((p1) => click(before, world, `p1=${p1}`)));

  // Some are answered, others are under way when the network is killed.
  const answered = new Map<string, unknown>();
  const half = new Promise<void>((resolve) => {
    for (const clickId of clickIds) {
      report(before, world, clickId, { txn_id: `order-${clickId}` }).then(
        (answer) => {
          if (answer.status === 200) answered.set(clickId, conversionId(answer));
          if (answered.size === 10) resolve();
        },
        () => undefined,
      );
    }
  });
  await half;
  const processes = descendantsOf(before.pid);
  await before.kill();
  expect(publisher.calls).toEqual([]);
  expect(processes.length).toBeGreaterThanOrEqual(1);
  await expect.poll(() => stillRunning(processes), { timeout: 2_000, interval: 50 }).toEqual([]);

  const after = await start(data);
  // What was answered is delivered without anybody asking again.
  await expect.poll(() => publisher.calls.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(answered.size);
  // A sender whose call was cut off reports again; one that was answered may do so, too.
  for (const clickId of clickIds) {
    const again = await report(after, world, clickId, { txn_id: `order-${clickId}` });
    expect(again.status).toBe(200);
    if (answered.has(clickId)) expect(conversionId(again)).toBe(answered.get(clickId));
  }
  await expect.poll(() => publisher.calls.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(followers.length);

  expect(publisher.calls.map(({ p1 }) => p1).sort()).toEqual([...followers].sort());
  expect(new Set(publisher.calls.map(({ id }) => id)).size).toBe(followers.length);
  const conversions = await list(after, `conversions?campaign_id=${world.campaign}&limit=200`);
  expect(
    conversions.map(({ p1, payout, status }) => `${String(p1)} ${String(payout)} ${String(status)}`).sort(),
  ).toEqual(followers.map((p1) => `${p1} 2.50 approved`).sort());
  const deliveries = await list(after, `deliveries?publisher_id=${world.publisher}&limit=200`);
  await expect
    .poll(
      async () => (await list(after, `deliveries?publisher_id=${world.publisher}&state=delivered&limit=200`)).length,
    )
    .toBe(followers.length);
  expect(deliveries).toHaveLength(followers.length);
  expect(await after.stop()).toBe(0);
}, 60_000);
