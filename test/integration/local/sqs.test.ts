import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startSqsServer } from '../../../local/engines/sqs/server.ts';

interface Engine {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

async function startFauxqs(): Promise<Engine> {
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' });
  return { endpoint, stop: () => app.close() };
}

// The same calls against an engine of other authors: what both answer is not only our own idea of SQS.
describe.each([
  ['our SQS', () => startSqsServer()],
  ['fauxqs', startFauxqs],
])('%s, as the SDK sees it,', (name, start) => {
  let engine: Engine;
  let sqs: SQSClient;
  let queues = 0;

  beforeAll(async () => {
    engine = await start();
    sqs = new SQSClient({
      endpoint: engine.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      useQueueUrlAsEndpoint: false,
    });
  });

  afterAll(async () => {
    sqs.destroy();
    await engine.stop();
  });

  async function create(Attributes: Record<string, string> = {}): Promise<string> {
    queues += 1;
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `queue-${queues}`, Attributes }));
    return QueueUrl ?? '';
  }

  const receive = async (QueueUrl: string, more: object = {}) =>
    (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...more }))).Messages ?? [];

  it('creates a queue once and finds it again', async () => {
    const url = await create({ VisibilityTimeout: '7' });
    const QueueName = `queue-${queues}`;
    const again = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '7' } }));
    const found = await sqs.send(new GetQueueUrlCommand({ QueueName }));
    expect([again.QueueUrl, found.QueueUrl]).toEqual([url, url]);
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
    expect(Attributes).toMatchObject({
      VisibilityTimeout: '7',
      QueueArn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}`,
      ApproximateNumberOfMessages: '0',
    });
  });

  it('knows no other queue', async () => {
    const sent = sqs.send(new SendMessageCommand({ QueueUrl: 'http://127.0.0.1/000000000000/none', MessageBody: 'x' }));
    await expect(sent).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });

  it('sends, receives with attributes and deletes', async () => {
    const QueueUrl = await create();
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: 'é' },
      bytes: { DataType: 'Binary', BinaryValue: Buffer.from([0, 255]) },
    };
    const sent = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'body é', MessageAttributes }));
    const [message] = await receive(QueueUrl, { MessageAttributeNames: ['All'], AttributeNames: ['All'] });
    expect(message).toMatchObject({
      MessageId: sent.MessageId,
      Body: 'body é',
      MD5OfBody: sent.MD5OfMessageBody,
      MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
      MessageAttributes: { text: { StringValue: 'é' } },
      Attributes: { ApproximateReceiveCount: '1' },
    });
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    expect(Attributes).toMatchObject({ ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0' });
  });

  it('works in batches', async () => {
    const QueueUrl = await create();
    const Entries = ['a', 'b', 'c'].map((Id) => ({ Id, MessageBody: Id }));
    const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['a', 'b', 'c']);
    const messages = await receive(QueueUrl);
    const deleted = await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
    expect(deleted.Successful).toHaveLength(3);
  });

  it('hands out again what was made visible', async () => {
    const QueueUrl = await create({ VisibilityTimeout: '600' });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    const [message] = await receive(QueueUrl);
    expect(await receive(QueueUrl)).toEqual([]);
    const ReceiptHandle = message?.ReceiptHandle;
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    expect(await receive(QueueUrl)).toHaveLength(1);
  });

  it('waits for a message', async () => {
    const QueueUrl = await create();
    const waiting = receive(QueueUrl, { WaitTimeSeconds: 5 });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'at last', DelaySeconds: 1 }));
    expect(await waiting).toMatchObject([{ Body: 'at last' }]);
  });

  it('gives up into the dead-letter queue', async () => {
    const dead = await create();
    const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:queue-${queues}`;
    const QueueUrl = await create({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 }) });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }));
    expect(await receive(QueueUrl, { VisibilityTimeout: 0 })).toHaveLength(1);
    expect(await receive(QueueUrl)).toEqual([]);
    expect(await receive(dead)).toMatchObject([{ Body: 'poison' }]);
  });

  it('purges', async () => {
    const QueueUrl = await create();
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    expect(await receive(QueueUrl)).toEqual([]);
  });

  // What AWS does and fauxqs does not.
  if (name === 'fauxqs') return;

  it('refuses delays over 15 minutes, keeps the message group', async () => {
    const QueueUrl = await create();
    const late = sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', DelaySeconds: 901 }));
    await expect(late).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageGroupId: 'g' }));
    expect(await receive(QueueUrl, { AttributeNames: ['All'] })).toMatchObject([
      { Attributes: { MessageGroupId: 'g' } },
    ]);
  });
});
