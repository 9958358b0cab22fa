import { DeleteMessageCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetterQueue } from '../../core/management-ports.ts';
import { parseDeliveryHint, queueCall } from './hints.ts';

const SHOWN_BODY = 200;

/** The dead-letter queue of Notifications. */
export function createDeadLetterQueue(client: SQSClient, queueUrl: string): DeadLetterQueue {
  return {
    async count() {
      const command = new GetQueueAttributesCommand({
        QueueUrl: queueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      });
      const { Attributes = {} } = await queueCall(() => client.send(command));
      return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
    },

    async receive(hiddenSeconds) {
      const command = new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: hiddenSeconds,
        // Without waiting SQS asks some of its servers only, and may say that there is nothing when there is.
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ['SentTimestamp'],
      });
      const { Messages = [] } = await queueCall(() => client.send(command));
      return Messages.map(({ MessageId = '', Body = '', ReceiptHandle = '', Attributes }) => ({
        messageId: MessageId,
        deliveryId: parseDeliveryHint(Body),
        body: Body.slice(0, SHOWN_BODY),
        sentAt: Attributes?.SentTimestamp === undefined ? null : Number(Attributes.SentTimestamp),
        receipt: ReceiptHandle,
      }));
    },

    async delete({ receipt }) {
      await queueCall(() => client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt })));
    },
  };
}
