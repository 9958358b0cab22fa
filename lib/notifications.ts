import type { RemovalPolicy } from 'aws-cdk-lib';
import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface NotificationsProps {
  /** Timeout of the function that receives; the visibility timeout follows from it. */
  readonly receiverTimeout: Duration;
  readonly removalPolicy: RemovalPolicy;
}

/** The queue of hints that something is to be delivered, and where hints end that crashed us again and again. */
export class Notifications extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: NotificationsProps) {
    super(scope, id);

    this.deadLetters = new Queue(this, 'DeadLetters', {
      // Longer than the source's: a message keeps the time at which it was first sent.
      retentionPeriod: Duration.days(14),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: props.removalPolicy,
    });

    this.queue = new Queue(this, 'Queue', {
      // At least six times the receiver's timeout, or a throttled batch is handed out twice.
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(props.receiverTimeout.toSeconds() * 6),
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 5 },
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: props.removalPolicy,
    });
  }

  /** Hands the messages to a function, at most `maxConcurrency` batches at once. */
  deliverTo(receiver: IFunction, maxConcurrency: number): void {
    receiver.addEventSource(
      new SqsEventSource(this.queue, { batchSize: 10, reportBatchItemFailures: true, maxConcurrency }),
    );
  }
}
