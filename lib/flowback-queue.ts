import type { RemovalPolicy } from 'aws-cdk-lib';
import { Duration } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FlowbackFunction } from './flowback-function.ts';

interface FlowbackQueueProps {
  /** Timeout of the function that receives; the visibility timeout follows from it. */
  readonly receiverTimeout: Duration;
  readonly retention: Duration;
  /** How often a message may fail. */
  readonly maxReceiveCount: number;
  readonly removalPolicy: RemovalPolicy;
}

/** The house queue: worked on by one function, with a place where messages end that failed again and again. */
export class FlowbackQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: FlowbackQueueProps) {
    super(scope, id);

    this.deadLetters = new Queue(this, 'DeadLetters', {
      // The longest there is: a message keeps the time at which it was first sent.
      retentionPeriod: Duration.days(14),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: props.removalPolicy,
    });

    this.queue = new Queue(this, 'Queue', {
      // At least six times the receiver's timeout, or a throttled batch is handed out twice.
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(props.receiverTimeout.toSeconds() * 6),
      retentionPeriod: props.retention,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: props.maxReceiveCount },
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: props.removalPolicy,
    });
  }

  /** Hands the messages to a function, at most `maxConcurrency` batches at once. */
  deliverTo(receiver: FlowbackFunction, maxConcurrency: number): void {
    // What the mapping needs and no more: SqsEventSource would also grant ChangeMessageVisibility and GetQueueUrl.
    receiver.allowQueue(this.queue, ['DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage']);
    new EventSourceMapping(this, 'Receiver', {
      target: receiver.resource,
      eventSourceArn: this.queue.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      // Not reserved concurrency: pollers would go on receiving, be throttled, and use up the messages' receive counts.
      maxConcurrency,
    });
  }
}
