import { DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { DynamodbLocal } from '../../local/engines/dynamodb-local.ts';
import { startDynamodbLocal } from '../../local/engines/dynamodb-local.ts';
import { createWorld } from '../support/deployment.ts';
import type { World } from '../support/deployment.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { Local } from '../support/local.ts';
import { startLocal } from '../support/local.ts';

let engine: DynamodbLocal;
let proxy: FaultProxy;
let client: DynamoDBClient;
let local: Local;

// No route shows the ledger yet: the test looks into the engine itself.
beforeAll(async () => {
  engine = await startDynamodbLocal();
  proxy = await startFaultProxy(engine.endpoint);
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  client = new DynamoDBClient({ endpoint: engine.endpoint, region: 'us-east-1', credentials });
  local = await startLocal({ dynamodbEndpoint: proxy.endpoint });
});

afterAll(async () => {
  await local.stop();
  client.destroy();
  await proxy.stop();
  await engine.stop();
});

const WAIT = { timeout: 20_000 };
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

async function ledger() {
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  const TableName = TableNames.find((name) => /Conversions/.test(name));
  const { Items = [] } = await client.send(new ScanCommand({ TableName }));
  return Items.filter(({ sk }) => sk?.S?.startsWith('ledger#'));
}

test('each click that counts is paid once, also when the stream is read twice and storage fails meanwhile (invariants 4, 5)', async () => {
  const world = await createWorld(
    { ...local, adminKey: local.adminKey ?? '' },
    { campaign: { click_payout: { model: 'fixed', amount: '0.02' }, duplicate_click_window_seconds: 3_600 } },
  );
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

  // In memory the runner has forgotten how far it was: another one gets the whole stream again.
  await local.stop();
  local = await startLocal({ dynamodbEndpoint: proxy.endpoint });
  let puts = 0;
  proxy.plan = (target) => {
    if (!target.endsWith('.PutItem')) return 'ok';
    puts += 1;
    return puts % 3 === 0 ? 'dropAnswer' : puts % 2 === 0 ? 'throttle' : 'ok';
  };
  await vi.waitUntil(() => puts >= 2 * payable.length, WAIT);
  proxy.plan = () => 'ok';
  expect(await ledger()).toEqual(booked);
}, 60_000);
