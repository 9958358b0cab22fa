import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MalformedMessage, runBatch } from '../../../lambdas/runtime/batch.ts';
import { catchLogLines } from '../../support/log-lines.ts';

const record = (messageId: string, body = ''): SQSRecord => ({
  messageId,
  body,
  receiptHandle: '',
  messageAttributes: {},
  md5OfBody: '',
  awsRegion: '',
  eventSource: 'aws:sqs',
  eventSourceARN: '',
  attributes: { ApproximateReceiveCount: '1', SentTimestamp: '', SenderId: '', ApproximateFirstReceiveTimestamp: '' },
});
const event = (...ids: string[]): SQSEvent => ({ Records: ids.map((id) => record(id)) });

describe('a batch', () => {
  let lines: unknown[];
  beforeEach(() => {
    lines = catchLogLines();
  });
  afterEach(() => vi.restoreAllMocks());

  it('gives back only the messages whose work failed, and says why', async () => {
    const response = await runBatch(event('a', 'b', 'c', 'd'), async ({ messageId }) => {
      if (messageId === 'b') throw new Error('crashed');
      if (messageId === 'd') throw new MalformedMessage('no hint');
    });

    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'b' }, { itemIdentifier: 'd' }] });
    expect(lines).toEqual([
      { level: 'error', event: 'message_failed', message_id: 'b', error: 'Error', error_message: 'crashed' },
      {
        level: 'error',
        event: 'message_malformed',
        message_id: 'd',
        error: 'MalformedMessage',
        error_message: 'no hint',
      },
    ]);
  });

  it('lets each message that failed be given back in the way of its queue, whatever comes of that', async () => {
    const back: string[] = [];
    const work = async ({ messageId }: SQSRecord) => {
      if (messageId !== 'b') throw new MalformedMessage('no hint');
    };

    const response = await runBatch(event('a', 'b', 'c'), work, async ({ messageId }) => {
      back.push(messageId);
      throw new Error('gone');
    });

    expect(back).toEqual(['a', 'c']);
    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'c' }] });
  });

  it('works on all messages at once: a slow one holds up no other', async () => {
    const begun: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));

    const response = runBatch(event('slow', 'quick'), async ({ messageId }) => {
      begun.push(messageId);
      if (messageId === 'slow') await gate;
      else release();
    });

    expect(await response).toEqual({ batchItemFailures: [] });
    expect(begun).toEqual(['slow', 'quick']);
  });
});
