import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Capture, Match } from 'aws-cdk-lib/assertions';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import { FlowbackFunction } from '../../lib/flowback-function.ts';
import { FlowbackQueue } from '../../lib/flowback-queue.ts';
import { templateOf } from './synthesize.ts';

const synthesize = () =>
  templateOf((stack) => {
    const timeout = Duration.seconds(60);
    const removalPolicy = RemovalPolicy.RETAIN;
    const queue = new FlowbackQueue(stack, 'Notifications', {
      receiverTimeout: timeout,
      retention: Duration.days(4),
      maxReceiveCount: 5,
      removalPolicy,
    });
    const receiver = new FlowbackFunction(stack, 'Delivery', {
      code: 'delivery',
      description: 'Receives',
      memorySize: 512,
      timeout,
      removalPolicy,
      logRetention: RetentionDays.ONE_WEEK,
    });
    queue.deliverTo(receiver, 7);
  });

const DAY = 24 * 60 * 60;

describe('FlowbackQueue', () => {
  it('hides a message for six times the time that its receiver may take', () => {
    synthesize().hasResourceProperties('AWS::SQS::Queue', { VisibilityTimeout: 360, MessageRetentionPeriod: 4 * DAY });
  });

  it('gives a message up after so many receipts and keeps it as long as SQS can', () => {
    const template = synthesize();
    const target = new Capture();

    template.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': [target, 'Arn'] }, maxReceiveCount: 5 },
    });

    expect(template.findResources('AWS::SQS::Queue')[target.asString()]).toMatchObject({
      Properties: { MessageRetentionPeriod: 14 * DAY },
    });
  });

  it('encrypts both queues, refuses plain HTTP and names neither', () => {
    const template = synthesize();

    template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true, QueueName: Match.absent() });
    template.allResources('AWS::SQS::Queue', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    template.resourceCountIs('AWS::SQS::QueuePolicy', 2);
    template.allResourcesProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: [
          Match.objectLike({
            Effect: 'Deny',
            Action: 'sqs:*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ],
      },
    });
  });

  it('hands batches of ten to the receiver, each message answered for by itself, bounded by maxConcurrency', () => {
    const template = synthesize();

    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 7 },
      MaximumBatchingWindowInSeconds: Match.absent(),
    });
    template.allResourcesProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
  });
});
