import { execFile } from 'node:child_process';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClickSpool } from '../../lambdas/adapters/aws-json/click-spool.ts';
import { fromClickMessage, toClickMessage } from '../../lambdas/adapters/click-message.ts';
import { createSqs } from '../../lambdas/adapters/sqs/hints.ts';
import { CLICK_VALUES } from '../../lambdas/core/entities.ts';
import { toMicros } from '../../lambdas/core/money.ts';
import { StorageUnavailable } from '../../lambdas/core/ports.ts';
import type { SpooledClick } from '../../lambdas/core/ports.ts';
import { startSqsServer } from '../../local/engines/sqs/server.ts';
import type { SqsServer } from '../../local/engines/sqs/server.ts';
import { aClick } from '../support/entities.ts';

let server: SqsServer;
let client: SQSClient;
let queueUrl: string;
let queues = 0;

beforeAll(async () => {
  server = await startSqsServer();
  const environment = {
    AWS_ENDPOINT_URL_SQS: server.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  client = createSqs();
});

afterAll(async () => {
  client.destroy();
  vi.unstubAllEnvs();
  await server.stop();
});

beforeEach(async () => {
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `spool-${++queues}` }));
  // As on AWS: another host than the endpoint's, to which nothing must go.
  queueUrl = QueueUrl.replace(/^http:\/\/[^/]+/, 'https://sqs.us-east-1.amazonaws.com.invalid');
});

const spool = () => createClickSpool(server.endpoint, 'us-east-1', queueUrl);

async function received(): Promise<string[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
  );
  return Messages.map(({ Body = '' }) => Body);
}

const PENDING: SpooledClick = {
  click: aClick({ payout: { amount: toMicros(10n ** 15n), currency: 'USD' } }),
  claims: {
    visit: { key: 'k', keyBefore: 'b', windowSeconds: 3_600 },
    slots: [
      { key: { pk: 'clicks#summer', sk: 'tia' }, adds: [{ attribute: 'nt', amount: 1n, limit: 10n ** 30n }] },
      {
        key: { pk: 'clicks#summer', sk: '*' },
        adds: [
          { attribute: 'nd1', amount: 1n, limit: null },
          { attribute: 'nt', amount: 1n, limit: 0n },
        ],
      },
    ],
  },
};

describe('the click spool', () => {
  it('says so when the queue cannot be reached', async () => {
    const gone = createClickSpool(server.endpoint, 'us-east-1', `${queueUrl}-gone`);
    await expect(gone.send(PENDING, 2_000)).rejects.toThrow(StorageUnavailable);
    const nobody = createClickSpool('http://127.0.0.1:1', 'us-east-1', queueUrl);
    await expect(nobody.send(PENDING, 2_000)).rejects.toThrow(StorageUnavailable);
  });

  it.each([
    ['all that a click may still claim', PENDING],
    ['a visit without slots', { ...PENDING, claims: { visit: PENDING.claims?.visit ?? null, slots: [] } }],
    ['slots without a visit', { ...PENDING, claims: { visit: null, slots: PENDING.claims?.slots ?? [] } }],
    ['a click whose code is final', { click: aClick({ code: 'TARGETING', payable: false }), claims: null }],
  ] satisfies [string, SpooledClick][])('carries %s', async (_, spooled) => {
    await spool().send(spooled, 2_000);
    expect((await received()).map(fromClickMessage)).toEqual([spooled]);
  });

  it('carries the longest values of the oddest characters within the limit of a message', async () => {
    const odd = String.fromCharCode(...Array.from({ length: 32 }, (_, i) => i), 0x7f, 0xfffd, 0xfffe, 0xffff);
    for (const text of [odd, '\u0001', '\uffff', '💸', '"\\\u2028']) {
      const value = text.repeat(Math.ceil(512 / text.length)).slice(0, 512);
      const values = Object.fromEntries(CLICK_VALUES.map((name) => [name, value]));
      const spooled = { ...PENDING, click: aClick({ values }) };
      expect(Buffer.byteLength(toClickMessage(spooled))).toBeLessThan(262_144);
      await spool().send(spooled, 2_000);
      expect((await received()).map(fromClickMessage)).toEqual([spooled]);
    }
  });

  it.each([
    ...['', 'null', '[]', '"x"', '{}', '{"click":', '{"click":{},"claims":null}', '{"delivery_id":"x_1"}'],
    toClickMessage({ ...PENDING, claims: null }).replace('"claims":null', '"claims":{}'),
    toClickMessage(PENDING).replace('"limit":"0"', '"limit":0'),
    toClickMessage(PENDING).replace('"window_seconds":3600', '"window_seconds":"3600"'),
    toClickMessage(PENDING).replace('"OK"', '"FINE"'),
  ])('takes for no click what it did not send: %s', (body) => {
    expect(() => fromClickMessage(body)).toThrow();
  });
});

describe('the replay of clicks that are only in the log', () => {
  const run = (args: string[], input = '') =>
    new Promise<{ code: number | null; out: string; errors: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        ['--import', 'tsx', 'tools/replay.ts', 'clicks', ...args],
        (_, out, errors) => resolve({ code: child.exitCode, out, errors }),
      );
      child.stdin?.end(input);
    });
  const line = (id: string) => {
    const spooled = toClickMessage({ ...PENDING, click: aClick({ id, values: { p1: '\ufffe\u0000"' } }) });
    return `${JSON.stringify({ level: 'error', event: 'click_not_stored', click_id: id, spooled })}\n`;
  };

  it.each([
    ['no queue', [], 'queue'],
    ['a file that is not there', ['--queue-url', 'http://127.0.0.1:1/q', '/nowhere/log'], '/nowhere/log'],
  ])('refuses %s, sends nothing and exits with 2', async (_, args, said) => {
    const { code, errors } = await run(args, line('a'.repeat(32)));
    expect(code).toBe(2);
    expect(errors).toContain(said);
  });

  it('exits with 1 if a click could not be read or sent, and sends the others', async () => {
    const cutOff = await run(['--queue-url', queueUrl], `${line('a'.repeat(32))}${line('b'.repeat(32)).slice(0, 200)}`);
    expect(cutOff).toMatchObject({ code: 1, out: '1 of 1 clicks sent, 1 lines unreadable\n' });
    expect(await received()).toHaveLength(1);
    const gone = await run(['--queue-url', `${queueUrl}-gone`], line('a'.repeat(32)));
    expect(gone).toMatchObject({ code: 1, out: expect.stringContaining('0 of 1 clicks sent') as string });
  });

  it('sends each click that it finds, once a run, to the endpoint and not to the queue’s host', async () => {
    const input = ['a', 'b', 'a', 'c'].map((letter) => line(letter.repeat(32))).join('');
    expect(await run(['--queue-url', queueUrl], input)).toMatchObject({
      code: 0,
      out: '3 of 3 clicks sent, 0 lines unreadable\n',
    });
    const clicks = (await received()).map((body) => fromClickMessage(body).click);
    expect(clicks.map(({ id }) => id.charAt(0)).sort()).toEqual(['a', 'b', 'c']);
    expect(clicks[0]?.values).toEqual({ p1: '\ufffe\u0000"' });
  });
});
