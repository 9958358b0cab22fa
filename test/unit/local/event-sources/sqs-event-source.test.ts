import { describe, expect, it } from 'vitest';

import { toRecord } from '../../../../local/event-sources/sqs-event-source.ts';

describe('toRecord', () => {
  it('has the form that Lambda gives to messages', () => {
    const message = {
      MessageId: 'id',
      ReceiptHandle: 'handle',
      Body: 'text',
      MD5OfBody: 'md5',
      Attributes: { ApproximateReceiveCount: '1' },
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'x' } },
    };
    expect(toRecord(message, 'arn:aws:sqs:us-east-1:000000000000:queue', 'us-east-1')).toEqual({
      messageId: 'id',
      receiptHandle: 'handle',
      body: 'text',
      attributes: { ApproximateReceiveCount: '1' },
      messageAttributes: { kind: { stringValue: 'x', stringListValues: [], binaryListValues: [], dataType: 'String' } },
      md5OfBody: 'md5',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:queue',
      awsRegion: 'us-east-1',
    });
  });
});
