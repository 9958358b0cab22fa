import type { RemovalPolicy } from 'aws-cdk-lib';
import { Duration, Validations } from 'aws-cdk-lib';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { EventSourceMapping, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FlowbackFunction } from './flowback-function.ts';

/** New clicks with a payout (docs/data-model.md). The function is not called, and costs nothing, for any other change. */
const PAID_CLICKS = { eventName: ['INSERT'], dynamodb: { NewImage: { po: { N: [{ exists: true }] } } } };

interface ClickPayoutsProps {
  /** With a stream of new images. */
  readonly clicks: ITableV2;
  /** Puts the ledger rows, each once however often it gets a click. */
  readonly receiver: FlowbackFunction;
  readonly removalPolicy: RemovalPolicy;
}

/** Hands the new clicks that publishers are paid for from the stream of Clicks to the function that puts their ledger rows. */
export class ClickPayouts extends Construct {
  /** Says of which part of the stream was given up, not what it held. */
  readonly failures: Queue;

  constructor(scope: Construct, id: string, props: ClickPayoutsProps) {
    super(scope, id);

    this.failures = new Queue(this, 'Failures', {
      retentionPeriod: Duration.days(14),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: props.removalPolicy,
    });
    Validations.of(this.failures).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is where failures end; no function reads it.',
    });

    const { receiver, clicks } = props;
    const { failures } = this;
    receiver.allowStream(clicks);
    receiver.allowQueue(failures, ['SendMessage']);
    new EventSourceMapping(this, 'Receiver', {
      target: receiver.resource,
      eventSourceArn: clicks.tableStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(2),
      filters: [{ pattern: JSON.stringify(PAID_CLICKS) }],
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // A storage outage must cost no payout: tried again until the stream is about to lose the click after 24 hours. The
      // last four are for the runbook, because the queue below is told where in the stream the clicks are and no more.
      retryAttempts: -1,
      maxRecordAge: Duration.hours(20),
      onFailure: { bind: () => ({ destination: failures.queueArn }) },
    });
  }
}
