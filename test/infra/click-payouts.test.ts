import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { AttributeType, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import { ClickPayouts } from '../../lib/click-payouts.ts';
import { FlowbackFunction } from '../../lib/flowback-function.ts';
import { resourcesOf, templateOf } from './synthesize.ts';

const MAPPING = 'AWS::Lambda::EventSourceMapping';
const removalPolicy = RemovalPolicy.RETAIN;

const template = templateOf((stack) => {
  const clicks = new TableV2(stack, 'Clicks', {
    partitionKey: { name: 'id', type: AttributeType.STRING },
    dynamoStream: StreamViewType.NEW_IMAGE,
  });
  const receiver = new FlowbackFunction(stack, 'ClickPayout', {
    code: 'click-payout',
    description: 'Receives',
    memorySize: 256,
    timeout: Duration.seconds(30),
    removalPolicy,
    logRetention: RetentionDays.ONE_WEEK,
  });
  new ClickPayouts(stack, 'ClickPayouts', { clicks, receiver, removalPolicy });
});

describe('ClickPayouts', () => {
  it('gives up a part of the stream only when it is soon lost, and says so (invariant 3)', () => {
    template.hasResourceProperties(MAPPING, {
      MaximumRetryAttempts: -1,
      MaximumRecordAgeInSeconds: 20 * 60 * 60,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ClickPayoutsFailures'), 'Arn'] } },
      },
    });
  });

  it('finds the click that fails in a batch, and answers for each by itself', () => {
    template.hasResourceProperties(MAPPING, {
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
  });

  it('begins with the oldest click that the stream of Clicks has', () => {
    template.hasResourceProperties(MAPPING, {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Clicks'), 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
    });
  });

  it('asks the function for new clicks with a payout alone', () => {
    const [mapping] = Object.values(resourcesOf(template, MAPPING));
    const { Filters } = mapping?.Properties['FilterCriteria'] as { Filters: readonly { readonly Pattern: string }[] };

    expect(Filters.map(({ Pattern }) => JSON.parse(Pattern) as unknown)).toEqual([
      { eventName: ['INSERT'], dynamodb: { NewImage: { po: { N: [{ exists: true }] } } } },
    ]);
  });

  it('keeps what was given up for 14 days, encrypted, and refuses plain HTTP', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      MessageRetentionPeriod: 14 * 24 * 60 * 60,
      SqsManagedSseEnabled: true,
      QueueName: Match.absent(),
    });
    template.hasResource('AWS::SQS::Queue', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    template.resourceCountIs('AWS::SQS::QueuePolicy', 1);
  });
});
