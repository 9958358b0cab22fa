import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { create, createWorld } from '../support/deployment.ts';
import type { World } from '../support/deployment.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { Local } from '../support/local.ts';
import { startLocal } from '../support/local.ts';
import type { Publisher } from '../support/publisher.ts';
import { startPublisher } from '../support/publisher.ts';
import { clientOf, inSharedStorage, tablesOf } from '../support/storage.ts';

let proxy: FaultProxy;
let client: DynamoDBClient;
let network: string;
let local: Local;
let publisher: Publisher;

// No route shows the ledger yet: the test looks into the engine itself.
beforeAll(async () => {
  publisher = await startPublisher();
  const shared = await inSharedStorage();
  network = shared.network;
  client = clientOf(shared.dynamodbEndpoint);
  proxy = await startFaultProxy(shared.dynamodbEndpoint);
  local = await startLocal({ network, dynamodbEndpoint: proxy.endpoint });
});

afterAll(async () => {
  await local.stop();
  client.destroy();
  await proxy.stop();
  await publisher.stop();
});

const WAIT = { timeout: 60_000 };
const browser = (version: number) =>
  `Mozilla/5.0 (X11; Linux x86_64; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`;

/** A visit; answers the click ID that the destination got. */
async function visit(world: World, agent: string, options: { method?: string; purpose?: string } = {}) {
  const { method = 'GET', purpose } = options;
  const response = await fetch(`${local.url}/c/${world.campaign}/${world.publisher}`, {
    method,
    redirect: 'manual',
    headers: { 'user-agent': agent, ...(purpose === undefined ? {} : { 'sec-purpose': purpose }) },
  });
  expect(response.status).toBe(302);
  return new URL(response.headers.get('location') ?? '').searchParams.get('cid');
}

async function rows(table: RegExp, kind: string) {
  const TableName = (await tablesOf(network, client)).find((name) => table.test(name));
  const { Items = [] } = await client.send(new ScanCommand({ TableName }));
  return Items.filter(({ sk }) => sk?.S?.startsWith(`${kind}#`));
}
const ledger = () => rows(/Conversions/, 'ledger');
const deliveries = () => rows(/Deliveries/, 'delivery');

test('each click that counts is paid and told once, also when the stream is read twice and storage fails meanwhile (invariants 4, 5, 7)', async () => {
  const at = { ...local, adminKey: local.adminKey ?? '' };
  const world = await createWorld(at, {
    campaign: { click_payout: { model: 'fixed', amount: '0.02' }, duplicate_click_window_seconds: 3_600 },
  });
  const url = `${publisher.url}/?cid={txn_id}&event={event}&sum={payout}&p1={p1}&conversion={conversion_id}&goal={goal}`;
  await create(at, 'postbacks', { publisher_id: world.publisher, url, fire_on: ['click_payout'] });
  const payable: (string | null)[] = [];
  for (let version = 120; version < 128; version += 1) payable.push(await visit(world, browser(version)));
  for (let version = 120; version < 124; version += 1) await visit(world, browser(version));
  for (let n = 0; n < 4; n += 1) await visit(world, 'Mozilla/5.0 (compatible; Googlebot/2.1)');
  for (let n = 0; n < 2; n += 1) await visit(world, browser(128), { purpose: 'prefetch' });
  for (let n = 0; n < 2; n += 1) await visit(world, browser(129), { method: 'HEAD' });

  await vi.waitUntil(async () => (await ledger()).length >= payable.length, WAIT);
  const booked = await ledger();
  expect(booked.map(({ click_id }) => click_id?.S).sort()).toEqual(payable.sort());
  for (const row of booked) {
    expect(row).toMatchObject({
      payout: { N: '20000' },
      revenue: { N: '0' },
      currency: { S: 'USD' },
      campaign_id: { S: world.campaign },
      publisher_id: { S: world.publisher },
      advertiser_id: { S: world.advertiser },
    });
  }

  await vi.waitUntil(() => publisher.calls.length >= payable.length, WAIT);
  expect(publisher.calls.map(({ query }) => query)).toEqual(
    expect.arrayContaining(
      payable.map((cid) => ({ cid, event: 'click_payout', sum: '0.02', p1: '', conversion: '', goal: '' })),
    ),
  );
  const delivered = async () => (await deliveries()).filter(({ state }) => state?.S === 'delivered');
  await vi.waitUntil(async () => (await delivered()).length === payable.length, WAIT);
  const told = await deliveries();

  // In memory the runner has forgotten how far it was: another one gets the whole stream again.
  await local.stop();
  local = await startLocal({ network, dynamodbEndpoint: proxy.endpoint });
  let puts = 0;
  proxy.plan = (target) => {
    if (!target.endsWith('.TransactWriteItems')) return 'ok';
    puts += 1;
    return puts % 3 === 0 ? 'dropAnswer' : puts % 2 === 0 ? 'throttle' : 'ok';
  };
  await vi.waitUntil(() => puts >= 2 * payable.length, WAIT);
  proxy.plan = () => 'ok';
  expect(await ledger()).toEqual(booked);
  expect(await deliveries()).toEqual(told);
  expect(publisher.calls.map(({ webhookId }) => webhookId).sort()).toEqual(payable.map((cid) => `${cid}_1`).sort());
}, 180_000);
