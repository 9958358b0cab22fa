import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildApp } from 'fauxqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startDynamodbLocal } from '../../../local/engines/dynamodb-local.ts';
import type { FixtureAssembly } from '../../support/fixture-assembly.ts';
import { writeFixtureAssembly } from '../../support/fixture-assembly.ts';
import type { Local, LocalOptions } from '../../support/local.ts';
import { startLocal } from '../../support/local.ts';

let fixture: FixtureAssembly;
let data: string;
const running: Local[] = [];

beforeEach(() => {
  fixture = writeFixtureAssembly();
  data = mkdtempSync(join(tmpdir(), 'flowback-data-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((local) => local.kill()));
  fixture.remove();
  rmSync(data, { recursive: true, force: true });
});

async function start(options: LocalOptions = {}): Promise<Local> {
  const local = await startLocal({ assembly: fixture.directory, ...options });
  running.push(local);
  return local;
}

/** Lets a function call an engine. */
async function aws(local: Local, service: 'DYNAMODB' | 'SQS', action: string, input: object) {
  const target = `${service === 'SQS' ? 'AmazonSQS' : 'DynamoDB_20120810'}.${action}`;
  const response = await fetch(`${local.url}/aws`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ service, target, input }),
  });
  return (await response.json()) as Record<string, unknown>;
}

const queueUrl = (name: string) => `http://any.example/000000000000/local-${name}`;
const send = (local: Local, queue: string, body: string, DelaySeconds = 0) =>
  aws(local, 'SQS', 'SendMessage', { QueueUrl: queueUrl(queue), MessageBody: body, DelaySeconds });

async function count(local: Local, queue: string): Promise<number[]> {
  const output = await aws(local, 'SQS', 'GetQueueAttributes', { QueueUrl: queueUrl(queue), AttributeNames: ['All'] });
  const attributes = output.Attributes as Record<string, string>;
  return ['', 'NotVisible', 'Delayed'].map((kind) => Number(attributes[`ApproximateNumberOfMessages${kind}`]));
}

function lines(name: string): unknown[] {
  const path = join(fixture.out, name);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const consumed = () => (lines('consumed') as { body: string; count: string }[][]).flat();
/** Bodies with how often each had been received. */
const seen = () => consumed().map(({ body, count: times }) => `${body} ${times}`);
const WAIT = { timeout: 15_000 };

/** The processes that run with this in their command line. */
function processes(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('the runner', () => {
  it('runs what the template has until it is told to stop', async () => {
    const local = await start({ adminKey: 'given-key-0123456789', data });
    expect(lines('bootstrap')).toEqual([{ network_name: 'local', admin_key: 'given-key-0123456789' }]);
    expect(local.adminKey).toBe('given-key-0123456789');

    // Tables with indexes, streams and lifetimes.
    const { Table } = await aws(local, 'DYNAMODB', 'DescribeTable', { TableName: 'local-Table' });
    expect(Table).toMatchObject({
      GlobalSecondaryIndexes: [{ IndexName: 'by_due' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    });
    const ttl = await aws(local, 'DYNAMODB', 'DescribeTimeToLive', { TableName: 'local-Table' });
    expect(ttl).toMatchObject({ TimeToLiveDescription: { AttributeName: 'expires_at', TimeToLiveStatus: 'ENABLED' } });

    // Schedules.
    await expect.poll(() => lines('ticked')).toMatchObject([{ 'detail-type': 'Scheduled Event' }]);

    // Messages: again what failed, crashed or timed out, and at last into the dead-letter queue; filtered ones never.
    for (const body of ['unwanted', 'good', 'fail']) await send(local, 'Queue', body);
    await expect.poll(() => seen().sort(), WAIT).toEqual(['fail 1', 'fail 2', 'good 1']);
    for (const body of ['crash', 'slow']) await send(local, 'Queue', body);
    await expect.poll(() => count(local, 'DeadLetters'), WAIT).toEqual([3, 0, 0]);
    expect(await count(local, 'Queue')).toEqual([0, 0, 0]);
    expect(new Set(seen().slice(3))).toEqual(new Set(['crash 1', 'crash 2', 'slow 1', 'slow 2']));

    // Only one runner uses a data directory.
    const refused = `flowback: --data ${data} is in use by the runner with process id ${local.pid}\n`;
    expect(fails(['--port', '0', '--assembly', fixture.directory, '--data', data])).toBe(refused);

    const before = Date.now();
    expect(await local.stop()).toBe(0);
    expect(Date.now() - before).toBeLessThan(5_000);
    expect(processes(data)).toEqual([]);
    expect(existsSync(join(data, 'lock'))).toBe(false);
  });

  it('keeps rows, messages, delays and the admin key over SIGKILL, and leaves no process', async () => {
    const first = await start({ data });
    await aws(first, 'DYNAMODB', 'PutItem', { TableName: 'local-Table', Item: { pk: { S: 'kept' } } });
    await send(first, 'DeadLetters', 'waiting');
    await send(first, 'Queue', 'delayed', 3);
    await send(first, 'Queue', 'slow in flight');
    await expect.poll(() => consumed().map(({ body }) => body)).toEqual(['slow in flight']);
    expect(processes(data)).toContain(first.pid);
    await first.kill();

    const second = await start({ data });
    expect(second.adminKey).toBe(first.adminKey);
    expect(statSync(join(data, 'admin-key-local')).mode & 0o777).toBe(0o600);
    const key = { TableName: 'local-Table', Key: { pk: { S: 'kept' } } };
    expect(await aws(second, 'DYNAMODB', 'GetItem', key)).toEqual({ Item: { pk: { S: 'kept' } } });
    expect(await count(second, 'DeadLetters')).toEqual([1, 0, 0]);
    await expect.poll(() => consumed().map(({ body }) => body), WAIT).toContain('delayed');
    expect(seen()).toContain('slow in flight 2');

    await second.kill();
    await expect.poll(() => processes(data), { timeout: 2_000 }).toEqual([]);
  });

  it('uses other engines', async () => {
    const fauxqs = buildApp({ logger: false });
    const sqsEndpoint = await fauxqs.listen({ port: 0, host: '127.0.0.1' });
    const dynamodb = await startDynamodbLocal();
    try {
      const local = await start({ sqsEndpoint, dynamodbEndpoint: dynamodb.endpoint });
      expect(await aws(local, 'DYNAMODB', 'ListTables', {})).toEqual({ TableNames: ['local-Table'] });
      const { QueueUrl } = await aws(local, 'SQS', 'GetQueueUrl', { QueueName: 'local-Queue' });
      await aws(local, 'SQS', 'SendMessage', { QueueUrl, MessageBody: 'elsewhere' });
      await expect.poll(seen, WAIT).toEqual(['elsewhere 1']);
      expect(await local.stop()).toBe(0);
    } finally {
      await dynamodb.stop();
      await fauxqs.close();
    }
  });

  it('ends when the process is gone that started it with a channel', async () => {
    const script = `import { startLocal } from './test/support/local.ts';
      const local = await startLocal({ assembly: ${JSON.stringify(fixture.directory)}, data: ${JSON.stringify(data)} });
      console.log(local.pid); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    expect(processes(data)).toContain(Number(output.toString()));
    parent.kill('SIGKILL');
    await expect.poll(() => processes(data), { timeout: 5_000 }).toEqual([]);
  });
});

describe('a start that fails', () => {
  it('names a bad option', () => {
    expect(fails(['--port', 'x'])).toBe("flowback: --port must be a whole number from 0 to 65534, not 'x'\n");
  });

  it('names a busy port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(fails(['--port', String(port), '--assembly', fixture.directory])).toBe(
      `flowback: port ${port} is in use; choose another with --port\n`,
    );
    server.close();
  });

  it('says that Java is missing', () => {
    const env = { PATH: '/nowhere' };
    expect(fails(['--port', '0', '--assembly', fixture.directory], env)).toBe(
      'flowback: Java is missing: DynamoDB Local needs Java 17 or newer, or use --dynamodb-endpoint\n',
    );
  });

  it('names a resource type that it does not know', () => {
    fixture.remove();
    fixture = writeFixtureAssembly(({ Resources }) =>
      Object.assign(Resources ?? {}, { Bucket: { Type: 'AWS::S3::Bucket' } }),
    );
    expect(fails(['--port', '0', '--assembly', fixture.directory])).toMatch(
      /^flowback: the local run does not know these resources of the stack: AWS::S3::Bucket \(Bucket\).*\n$/,
    );
  });
});

/** The standard error of a runner that ends with 1. */
function fails(args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const command = ['--import', 'tsx', 'local/main.ts', '--json', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8', env });
  expect([status, stdout]).toEqual([1, '']);
  return stderr;
}
