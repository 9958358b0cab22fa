import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SqsActions } from '../../../../local/engines/sqs/actions.ts';
import { FileJournal } from '../../../../local/engines/sqs/journal.ts';
import type { JsonObject } from '../../../../local/json.ts';

const NEVER = new AbortController().signal;
const url = (name: string) => `http://any.example/000000000000/${name}`;

interface Received {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  Attributes: Record<string, string>;
}

/** One queue `work` with the dead-letter queue `dead`, and short ways to use it. */
async function open(journal?: FileJournal, attributes: Record<string, string> = {}) {
  const actions = new SqsActions('us-east-1', journal);
  const call = (action: string, input: JsonObject) => actions.perform(action, input, NEVER);
  const redrive = JSON.stringify({
    deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
    maxReceiveCount: 2,
  });
  await call('CreateQueue', { QueueName: 'dead', Attributes: {} });
  await call('CreateQueue', {
    QueueName: 'work',
    Attributes: { VisibilityTimeout: '30', RedrivePolicy: redrive, ...attributes },
  });
  return {
    call,
    close: () => actions.close(),
    send: (body: string, more: JsonObject = {}) =>
      call('SendMessage', { QueueUrl: url('work'), MessageBody: body, ...more }),
    receive: async (more: JsonObject = {}, queue = 'work') => {
      const input = { QueueUrl: url(queue), MaxNumberOfMessages: 10, AttributeNames: ['All'], ...more };
      return ((await call('ReceiveMessage', input)).Messages ?? []) as unknown as Received[];
    },
    bodies: async (queue = 'work') => {
      const input = { QueueUrl: url(queue), MaxNumberOfMessages: 10, VisibilityTimeout: 0 };
      const output = await call('ReceiveMessage', input);
      return ((output.Messages ?? []) as unknown as Received[]).map(({ Body }) => Body);
    },
    counts: async (queue = 'work') => {
      const output = await call('GetQueueAttributes', { QueueUrl: url(queue), AttributeNames: ['All'] });
      const all = output.Attributes as Record<string, string>;
      const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, ApproximateNumberOfMessagesDelayed } =
        all;
      return [
        ApproximateNumberOfMessages,
        ApproximateNumberOfMessagesNotVisible,
        ApproximateNumberOfMessagesDelayed,
      ].map(Number);
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('SqsActions', () => {
  it.each<[string, JsonObject, string]>([
    ['SendMessage', { MessageBody: 'x', DelaySeconds: 901 }, 'InvalidParameterValue'],
    ['SendMessage', { MessageBody: 'x', DelaySeconds: -1 }, 'InvalidParameterValue'],
    ['SendMessage', { MessageBody: '' }, 'MissingParameter'],
    ['SendMessage', { MessageBody: 'bad \u0000' }, 'InvalidMessageContents'],
    ['SendMessage', { MessageBody: 'x'.repeat(1_048_577) }, 'InvalidParameterValue'],
    ['SendMessage', { MessageBody: 'x', QueueUrl: url('none') }, 'QueueDoesNotExist'],
    ['SendMessageBatch', { Entries: [] }, 'EmptyBatchRequest'],
    ['SendMessageBatch', { Entries: [{ Id: 'a b', MessageBody: 'x' }] }, 'InvalidBatchEntryId'],
    ['SendMessageBatch', { Entries: ['a', 'a'].map((Id) => ({ Id, MessageBody: 'x' })) }, 'BatchEntryIdsNotDistinct'],
    [
      'SendMessageBatch',
      { Entries: Array.from({ length: 11 }, (_, id) => ({ Id: String(id), MessageBody: 'x' })) },
      'TooManyEntriesInBatchRequest',
    ],
    [
      'SendMessageBatch',
      { Entries: ['a', 'b'].map((Id) => ({ Id, MessageBody: 'x'.repeat(600_000) })) },
      'BatchRequestTooLong',
    ],
    ['ReceiveMessage', { MaxNumberOfMessages: 11 }, 'InvalidParameterValue'],
    ['ReceiveMessage', { WaitTimeSeconds: 21 }, 'InvalidParameterValue'],
    ['ChangeMessageVisibility', { ReceiptHandle: 'x.y', VisibilityTimeout: 1 }, 'MessageNotInflight'],
    ['StartMessageMoveTask', {}, 'UnsupportedOperation'],
  ])('refuses %s as SQS does', async (action, input, code) => {
    const { call } = await open();
    await expect(call(action, { QueueUrl: url('work'), ...input })).rejects.toMatchObject({ code });
  });

  it('fails only the entries of a batch that are wrong', async () => {
    const { call, bodies } = await open();
    const entries: JsonObject[] = [
      { Id: 'good', MessageBody: 'good' },
      { Id: 'late', MessageBody: 'late', DelaySeconds: 901 },
    ];
    expect(await call('SendMessageBatch', { QueueUrl: url('work'), Entries: entries })).toMatchObject({
      Successful: [{ Id: 'good' }],
      Failed: [{ Id: 'late', SenderFault: true, Code: 'InvalidParameterValue' }],
    });
    expect(await bodies()).toEqual(['good']);
  });

  it('hands a message out with its attributes and hides it for the visibility timeout', async () => {
    const { send, receive } = await open();
    await send('hello', {
      MessageGroupId: 'group',
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'x' } },
    });
    const [message] = await receive({ MessageAttributeNames: ['All'] });
    expect(message).toMatchObject({
      Body: 'hello',
      MD5OfBody: '5d41402abc4b2a76b9719d911017c592',
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'x' } },
      Attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1000000000000', MessageGroupId: 'group' },
    });
    vi.advanceTimersByTime(29_999);
    expect(await receive()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect((await receive())[0]?.Attributes.ApproximateReceiveCount).toBe('2');
  });

  it('forgets a message that was deleted', async () => {
    const { call, send, receive } = await open();
    await send('x');
    const [message] = await receive();
    await call('DeleteMessage', { QueueUrl: url('work'), ReceiptHandle: message?.ReceiptHandle ?? '' });
    vi.advanceTimersByTime(60_000);
    expect(await receive()).toEqual([]);
  });

  it('delays a message', async () => {
    const { send, bodies, counts } = await open();
    await send('later', { DelaySeconds: 900 });
    expect([await bodies(), await counts()]).toEqual([[], [0, 0, 1]]);
    vi.advanceTimersByTime(900_000);
    expect([await bodies(), await counts()]).toEqual([['later'], [1, 0, 0]]);
  });

  it('lets a consumer choose when a message comes back', async () => {
    const { call, send, receive, bodies } = await open();
    await send('x');
    const [message] = await receive();
    const change = { QueueUrl: url('work'), ReceiptHandle: message?.ReceiptHandle ?? '' };
    await call('ChangeMessageVisibility', { ...change, VisibilityTimeout: 100 });
    vi.advanceTimersByTime(99_000);
    expect(await bodies()).toEqual([]);
    await call('ChangeMessageVisibility', { ...change, VisibilityTimeout: 0 });
    expect(await bodies()).toEqual(['x']);
  });

  it('moves a message to the dead-letter queue after maxReceiveCount receives', async () => {
    const { send, receive, counts } = await open();
    await send('poison');
    for (let count = 1; count <= 2; count += 1) {
      expect(await receive()).toHaveLength(1);
      vi.advanceTimersByTime(30_000);
    }
    expect(await receive()).toEqual([]);
    expect([await counts('work'), await counts('dead')]).toEqual([
      [0, 0, 0],
      [1, 0, 0],
    ]);
    expect((await receive({}, 'dead'))[0]).toMatchObject({
      Body: 'poison',
      Attributes: { DeadLetterQueueSourceArn: 'arn:aws:sqs:us-east-1:000000000000:work' },
    });
  });

  it('wakes who waits when a message arrives or is due', async () => {
    const { send, receive } = await open();
    const first = receive({ WaitTimeSeconds: 20 });
    await send('now');
    expect(await first).toMatchObject([{ Body: 'now' }]);
    const second = receive({ WaitTimeSeconds: 20 });
    await send('soon', { DelaySeconds: 2 });
    await vi.advanceTimersByTimeAsync(2_001);
    expect(await second).toMatchObject([{ Body: 'soon' }]);
    const third = receive({ WaitTimeSeconds: 20 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await third).toEqual([]);
  });

  it('gives no message to a caller that is gone', async () => {
    const actions = new SqsActions('us-east-1', undefined);
    await actions.perform('CreateQueue', { QueueName: 'q' }, NEVER);
    const gone = new AbortController();
    const waiting = actions.perform('ReceiveMessage', { QueueUrl: url('q'), WaitTimeSeconds: 20 }, gone.signal);
    gone.abort();
    expect(await waiting).toEqual({});
    await actions.perform('SendMessage', { QueueUrl: url('q'), MessageBody: 'x' }, NEVER);
    expect(await actions.perform('ReceiveMessage', { QueueUrl: url('q') }, NEVER)).toHaveProperty('Messages');
  });

  it('forgets messages after the retention period', async () => {
    const { send, bodies } = await open(undefined, { MessageRetentionPeriod: '60' });
    await send('old');
    vi.advanceTimersByTime(60_001);
    expect(await bodies()).toEqual([]);
  });

  it('keeps the order of many messages with many delays', async () => {
    const { send, receive } = await open();
    const delays = Array.from({ length: 200 }, (_, index) => (index * 37) % 101);
    for (const delay of delays) await send(String(delay), { DelaySeconds: delay });
    const seen: number[] = [];
    for (let second = 0; second <= 101; second += 1) {
      const messages = await receive({ VisibilityTimeout: 1000 });
      seen.push(...messages.map(({ Body }) => Number(Body)));
      vi.advanceTimersByTime(1_000);
    }
    expect(seen).toEqual(delays.sort((a, b) => a - b));
  });
});

describe('FileJournal', () => {
  let directory = '';
  let path = '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'flowback-journal-'));
    path = join(directory, 'queues.jsonl');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('brings back what was not deleted, with its delay, receive count and group', async () => {
    const before = await open(new FileJournal(path));
    await before.send('plain', { MessageGroupId: 'g' });
    await before.send('gone');
    await before.send('delayed', { DelaySeconds: 60 });
    for (const { Body, ReceiptHandle } of await before.receive()) {
      if (Body === 'gone') await before.call('DeleteMessage', { QueueUrl: url('work'), ReceiptHandle });
    }
    // Killed: nothing is closed.
    const after = await open(new FileJournal(path));
    expect(await after.counts()).toEqual([1, 0, 1]);
    expect(await after.receive()).toMatchObject([
      {
        Body: 'plain',
        Attributes: { ApproximateReceiveCount: '2', MessageGroupId: 'g', SentTimestamp: '1000000000000' },
      },
    ]);
    vi.advanceTimersByTime(60_000);
    expect((await after.receive()).map(({ Body }) => Body)).toContain('delayed');
  });

  it('remembers dead letters, chosen visibility and purges', async () => {
    const before = await open(new FileJournal(path));
    await before.send('poison');
    for (let count = 0; count < 2; count += 1) {
      await before.receive();
      vi.advanceTimersByTime(30_000);
    }
    await before.receive();
    await before.send('hidden');
    const [hidden] = await before.receive();
    const change = { QueueUrl: url('work'), ReceiptHandle: hidden?.ReceiptHandle ?? '', VisibilityTimeout: 500 };
    await before.call('ChangeMessageVisibility', change);

    const after = await open(new FileJournal(path));
    expect(await after.bodies('work')).toEqual([]);
    expect(await after.bodies('dead')).toEqual(['poison']);
    vi.advanceTimersByTime(500_000);
    expect(await after.bodies('work')).toEqual(['hidden']);
    await after.call('PurgeQueue', { QueueUrl: url('work') });

    const last = await open(new FileJournal(path));
    expect([await last.bodies('work'), await last.bodies('dead')]).toEqual([[], ['poison']]);
  });

  it('drops a line that a kill cut off', async () => {
    const before = await open(new FileJournal(path));
    await before.send('whole');
    await before.send('cut off');
    truncateSync(path, readFileSync(path).length - 5);
    const after = await open(new FileJournal(path));
    expect(await after.bodies()).toEqual(['whole']);
    await after.send('next');
    expect(await (await open(new FileJournal(path))).bodies()).toEqual(['whole', 'next']);
  });

  it('is compacted at start', async () => {
    const before = await open(new FileJournal(path));
    for (let index = 0; index < 50; index += 1) await before.send('x');
    for (let index = 0; index < 5; index += 1) {
      for (const { ReceiptHandle } of await before.receive()) {
        await before.call('DeleteMessage', { QueueUrl: url('work'), ReceiptHandle });
      }
    }
    await before.send('the only one');
    new FileJournal(path).close();
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(1);
  });

  it('is compacted while it grows', async () => {
    const queue = await open(new FileJournal(path));
    const body = 'x'.repeat(1_000_000);
    for (let index = 0; index < 40; index += 1) {
      await queue.send(body);
      const [message] = await queue.receive();
      await queue.call('DeleteMessage', { QueueUrl: url('work'), ReceiptHandle: message?.ReceiptHandle ?? '' });
    }
    await queue.send('last');
    expect(readFileSync(path).length).toBeLessThan(20_000_000);
    expect(await (await open(new FileJournal(path))).bodies()).toEqual(['last']);
  });

  it('keeps the messages of queues that this start does not create', async () => {
    const before = await open(new FileJournal(path));
    await before.send('kept');
    new FileJournal(path).close();
    expect(await (await open(new FileJournal(path))).bodies()).toEqual(['kept']);
  });

  it('refuses a file that is none of its own', () => {
    writeFileSync(path, 'something else\n');
    expect(() => new FileJournal(path)).toThrow(/JSON/);
  });
});
