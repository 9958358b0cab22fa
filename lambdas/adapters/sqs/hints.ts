import {
  ChangeMessageVisibilityCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { StorageUnavailable } from '../../core/ports.ts';
import type { DeliveryHints } from '../../core/ports.ts';

/**
 * One client an environment. The endpoint comes from AWS_ENDPOINT_URL_SQS where that is set, and only from there:
 * without `useQueueUrlAsEndpoint: false` the client would go to the host in the queue's URL, from a test to AWS.
 */
export function createSqs(): SQSClient {
  return new SQSClient({
    useQueueUrlAsEndpoint: false,
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
  });
}

/** The Notifications queue. */
export function createDeliveryHints(client: SQSClient, queueUrl: string): DeliveryHints {
  return {
    async send({ deliveryId, postbackId, delaySeconds }) {
      await queueCall(() =>
        client.send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: JSON.stringify({ delivery_id: deliveryId }),
            DelaySeconds: delaySeconds,
            // Not FIFO: on a standard queue this is the tenant of fair queueing, so that one postback's backlog is
            // not in front of everybody. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
            MessageGroupId: postbackId,
          }),
        ),
      );
    },

    async backlog() {
      // Delayed messages are retries that wait for their time, not a backlog.
      const { Attributes } = await queueCall(() =>
        client.send(
          new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
        ),
      );
      return Number(Attributes?.ApproximateNumberOfMessages ?? 0);
    },
  };
}

/**
 * Lets a message that was received be received again after so many seconds, instead of after the queue's visibility
 * timeout. Throws {@link StorageUnavailable}.
 */
export async function hideMessage(
  client: SQSClient,
  queueUrl: string,
  message: { readonly receiptHandle: string; readonly seconds: number },
): Promise<void> {
  await queueCall(() =>
    client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queueUrl,
        ReceiptHandle: message.receiptHandle,
        VisibilityTimeout: message.seconds,
      }),
    ),
  );
}

/** The delivery that a message names, or null if the message is none of ours. */
export function parseDeliveryHint(body: string): string | null {
  let message: unknown;
  try {
    message = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof message !== 'object' || message === null || !('delivery_id' in message)) return null;
  return typeof message.delivery_id === 'string' ? message.delivery_id : null;
}

/** Throws StorageUnavailable instead of what the SDK throws. */
export async function queueCall<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new StorageUnavailable('SQS did not answer as hoped', { cause: error });
  }
}
