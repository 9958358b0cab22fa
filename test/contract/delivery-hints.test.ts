import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import type { FauxqsServer } from 'fauxqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDeliveryHints, createSqs, hideMessage, parseDeliveryHint } from '../../lambdas/adapters/sqs/hints.ts';
import { StorageUnavailable } from '../../lambdas/core/ports.ts';
import type { DeliveryHints } from '../../lambdas/core/ports.ts';
import { fakeHints } from '../support/fakes/hints.ts';

interface Subject {
  readonly hints: DeliveryHints;
  /** Ids of the deliveries in the messages that may be received now. */
  received(): Promise<readonly string[]>;
  breakDown(): void;
}

const fake = async (): Promise<Subject> => {
  const hints = fakeHints();
  return {
    hints,
    received: async () => hints.sent.filter((hint) => hint.delaySeconds === 0).map((hint) => hint.deliveryId),
    breakDown: () => (hints.down = true),
  };
};

let server: FauxqsServer;
let client: SQSClient;
let queues = 0;

beforeAll(async () => {
  server = await startFauxqs({ port: 0, logger: false });
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', `http://127.0.0.1:${server.port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  client = createSqs();
});
afterAll(async () => {
  client.destroy();
  await server.stop();
  vi.unstubAllEnvs();
});

const real = async (): Promise<Subject> => {
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `hints-${++queues}` }));
  let broken = false;
  return {
    // Where the queue's own host does not resolve: the client must go to the endpoint instead.
    get hints() {
      return createDeliveryHints(client, broken ? `${QueueUrl}-gone` : QueueUrl);
    },
    async received() {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
      );
      return Messages.map(({ Body }) => parseDeliveryHint(Body ?? '') ?? 'malformed');
    },
    breakDown: () => (broken = true),
  };
};

describe.each([
  ['in memory', fake],
  ['on SQS', real],
])('the queue of hints %s', (_, create) => {
  let subject: Subject;
  beforeEach(async () => {
    subject = await create();
  });

  it('carries the id of a delivery', async () => {
    await subject.hints.send({ deliveryId: 'a2b3c4d5e6f7g2h3i4j5k6l7_1', postbackId: 'pb1', delaySeconds: 0 });

    expect(await subject.received()).toEqual(['a2b3c4d5e6f7g2h3i4j5k6l7_1']);
  });

  it('holds a hint back for its delay, and does not count it as backlog', async () => {
    await subject.hints.send({ deliveryId: 'later', postbackId: 'pb1', delaySeconds: 900 });
    expect(await subject.hints.backlog()).toBe(0);
    expect(await subject.received()).toEqual([]);

    await subject.hints.send({ deliveryId: 'now', postbackId: 'pb1', delaySeconds: 0 });
    expect(await subject.hints.backlog()).toBe(1);
    expect(await subject.received()).toEqual(['now']);
  });

  it('says so when it cannot be reached', async () => {
    subject.breakDown();

    const hint = { deliveryId: 'x', postbackId: 'pb1', delaySeconds: 0 };
    await expect(subject.hints.send(hint)).rejects.toThrow(StorageUnavailable);
    await expect(subject.hints.backlog()).rejects.toThrow(StorageUnavailable);
  });
});

describe('a message', () => {
  it('that failed comes again when it is told to, not after the visibility timeout of its queue', async () => {
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `hints-${++queues}` }));
    await createDeliveryHints(client, QueueUrl).send({ deliveryId: 'x', postbackId: 'pb1', delaySeconds: 0 });
    const receive = async () => (await client.send(new ReceiveMessageCommand({ QueueUrl }))).Messages?.[0];
    const receiptHandle = (await receive())?.ReceiptHandle ?? '';
    expect(await receive()).toBeUndefined();

    await hideMessage(client, QueueUrl, { receiptHandle, seconds: 0 });

    expect(await receive()).toMatchObject({ Body: '{"delivery_id":"x"}' });
    const gone = hideMessage(client, `${QueueUrl}-gone`, { receiptHandle, seconds: 0 });
    await expect(gone).rejects.toThrow(StorageUnavailable);
  });

  it.each(['', 'null', '[]', '"x"', '{}', '{"delivery_id":1}', '{"delivery_id":', 'x_1'])('is no hint: %s', (body) => {
    expect(parseDeliveryHint(body)).toBeNull();
  });
});
