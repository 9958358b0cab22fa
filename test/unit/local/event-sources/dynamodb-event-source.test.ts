import { describe, expect, it } from 'vitest';

import { toStreamRecord } from '../../../../local/event-sources/dynamodb-event-source.ts';

const ARN = 'arn:aws:dynamodb:ddblocal:000000000000:table/local-Table/stream/2026-11-22T23:00:00.000';
const RECORD = {
  eventID: '1f97b7e7-16bd-47e0-aa18-320737fdaa36',
  eventName: 'INSERT',
  eventVersion: '1.1',
  eventSource: 'aws:dynamodb',
  awsRegion: 'ddblocal',
  dynamodb: {
    ApproximateCreationDateTime: 1795400160,
    Keys: { pk: { S: 'a' } },
    NewImage: { pk: { S: 'a' }, po: { N: '5' } },
    SequenceNumber: '000000000000000000001',
    SizeBytes: 14,
    StreamViewType: 'NEW_IMAGE',
  },
};

describe('toStreamRecord', () => {
  it('has the form that Lambda gives to records', () => {
    expect(toStreamRecord(RECORD, ARN, 'us-east-1')).toEqual({
      ...RECORD,
      awsRegion: 'us-east-1',
      eventSourceARN: ARN,
    });
  });

  it("says of a row whose time to live is over what AWS says, not DynamoDB Local's own word", () => {
    expect(toStreamRecord({ ...RECORD, eventName: 'UNKNOWN_TO_SDK_VERSION' }, ARN, 'us-east-1')).toMatchObject({
      eventName: 'REMOVE',
      userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
    });
  });
});
