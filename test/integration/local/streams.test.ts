import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import type { DynamodbLocal } from '../../../local/engines/dynamodb-local.ts';
import { startDynamodbLocal } from '../../../local/engines/dynamodb-local.ts';
import { toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FixtureAssembly } from '../../support/fixture-assembly.ts';
import { streamMapping, writeFixtureAssembly } from '../../support/fixture-assembly.ts';
import type { Local } from '../../support/local.ts';
import { startLocal } from '../../support/local.ts';

const WAIT = { timeout: 15_000 };
const DEAD_LETTERS = { OnFailure: { Destination: { 'Fn::GetAtt': ['DeadLetters', 'Arn'] } } };
const PAID = { Filters: [{ Pattern: '{"dynamodb":{"NewImage":{"po":{"N":[{"exists":true}]}}}}' }] };

let engine: DynamodbLocal;
let client: DynamoDBClient;
let fixture: FixtureAssembly;
let data: string;
let networks = 0;
let network: string;
const running: Local[] = [];

beforeAll(async () => {
  engine = await startDynamodbLocal();
  client = new DynamoDBClient({
    endpoint: engine.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});

afterAll(async () => {
  client.destroy();
  await engine.stop();
});

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'flowback-streams-'));
  // A network of its own has tables of its own on the one engine.
  network = `net${(networks += 1)}`;
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((local) => local.kill()));
  fixture.remove();
  rmSync(data, { recursive: true, force: true });
});

function withMapping(properties: Record<string, unknown>): void {
  fixture = writeFixtureAssembly(({ Resources }) => Object.assign(Resources ?? {}, streamMapping(properties)));
}

async function start(dynamodbEndpoint = engine.endpoint): Promise<Local> {
  const local = await startLocal({ assembly: fixture.directory, network, data, dynamodbEndpoint });
  running.push(local);
  return local;
}

/** Puts items, one after the other. */
async function put(...keys: string[]): Promise<void> {
  for (const key of keys) {
    // Only those that begin with `un` lack what the filter asks for.
    const Item = toItem({ pk: key, po: key.startsWith('un') ? undefined : 1 });
    await client.send(new PutItemCommand({ TableName: `${network}-Table`, Item }));
  }
}

function batches(): string[][] {
  const path = join(fixture.out, 'changed');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string[]);
}

const changed = () => batches().flat();

async function receive(local: Local): Promise<Record<string, unknown>[]> {
  const QueueUrl = `http://any.example/000000000000/${network}-DeadLetters`;
  const input = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 };
  const response = await fetch(`${local.url}/aws`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ service: 'SQS', target: 'AmazonSQS.ReceiveMessage', input }),
  });
  const { Messages = [] } = (await response.json()) as { Messages?: { Body: string }[] };
  return Messages.map(({ Body }) => JSON.parse(Body) as Record<string, unknown>);
}

it('tries a batch again, splits it, and tells the failure destination what was given up', async () => {
  withMapping({
    BatchSize: 4,
    MaximumBatchingWindowInSeconds: 1,
    MaximumRetryAttempts: 1,
    MaximumRecordAgeInSeconds: 3_600,
    BisectBatchOnFunctionError: true,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    FilterCriteria: PAID,
    DestinationConfig: DEAD_LETTERS,
  });
  const local = await start();
  await put('a', 'unpaid', 'b', 'throw', 'c', 'd', 'fail', 'unpaid too', 'e');

  // In order, each failure alone: nothing comes before what failed is through.
  await expect.poll(() => changed().at(-1), WAIT).toBe('e');
  const last = new Map(changed().map((key, index) => [key, index]));
  const order = [...last].sort(([, a], [, b]) => a - b).map(([key]) => key);
  expect(order).toEqual(['a', 'b', 'throw', 'c', 'd', 'fail', 'e']);
  expect(batches().every((batch) => batch.length <= 4)).toBe(true);
  expect(batches().filter((batch) => batch.join() === 'throw')).toHaveLength(2);

  await expect.poll(async () => (await receive(local)).length, WAIT).toBe(2);
  const given = await receive(local);
  expect(given).toContainEqual({
    requestContext: {
      requestId: expect.any(String) as string,
      functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${network}-Changes`,
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 2,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: expect.any(String) as string,
    DDBStreamBatchInfo: {
      shardId: expect.stringMatching(/^shardId-/) as string,
      startSequenceNumber: '000000000000000000004',
      endSequenceNumber: '000000000000000000004',
      approximateArrivalOfFirstRecord: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      approximateArrivalOfLastRecord: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      batchSize: 1,
      streamArn: expect.stringContaining(`table/${network}-Table/stream/`) as string,
    },
  });
  expect(given.map(({ responseContext }) => responseContext)).toContainEqual(
    expect.objectContaining({ functionError: null }),
  );
});

it('loses no record by a kill or a stop in a call, and does not begin anew after it', async () => {
  withMapping({ BatchSize: 1 });
  const first = await start();
  await put('a', 'b', 'slow', 'c');
  await expect.poll(changed, WAIT).toEqual(['a', 'b', 'slow']);
  await first.kill();
  await put('d');

  const second = await start();
  await expect.poll(changed, WAIT).toEqual(['a', 'b', 'slow', 'slow']);
  const before = Date.now();
  expect(await second.stop()).toBe(0);
  expect(Date.now() - before).toBeLessThan(5_000);
  writeFileSync(join(fixture.out, 'quick'), '');

  await start();
  await expect.poll(changed, WAIT).toEqual(['a', 'b', 'slow', 'slow', 'slow', 'c', 'd']);
});

it('passes over what was there before a mapping that reads the latest', async () => {
  withMapping({ StartingPosition: 'LATEST' });
  await client.send(
    new CreateTableCommand({
      TableName: `${network}-Table`,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  await put('old', 'older');
  await (await start()).stop();

  await put('meanwhile');
  await start();
  await put('new');

  await expect.poll(changed, WAIT).toEqual(['meanwhile', 'new']);
});

it('goes on when storage is back', async () => {
  withMapping({ ParallelizationFactor: 4 });
  const proxy = await startFaultProxy(engine.endpoint);
  const local = await start(proxy.endpoint);
  await put('before');
  await expect.poll(changed, WAIT).toEqual(['before']);

  for (const fault of ['reject', 'reset'] as const) {
    proxy.plan = () => fault;
    const seen = local.stderr().length;
    await put(fault);
    await expect.poll(() => local.stderr().slice(seen), WAIT).toContain('the stream cannot be read');
  }
  proxy.plan = () => 'ok';

  await expect.poll(changed, WAIT).toEqual(['before', 'reject', 'reset']);
  await local.stop();
  await proxy.stop();
});
