import type { ClickSpool } from '../../core/ports.ts';
import { toClickMessage } from '../click-message.ts';
import { createAwsJson, refused } from './client.ts';

/** The queue of clicks that storage did not take in time, without the SDK. `endpoint`: see `awsEndpoint`. */
export function createClickSpool(endpoint: string, region: string, queueUrl: string): ClickSpool {
  const client = createAwsJson({ service: 'sqs', target: 'AmazonSQS', endpoint, region });
  return {
    async send(spooled, timeout) {
      // To the service's endpoint, never to the host in the queue's URL, which on one machine does not exist.
      const input = { QueueUrl: queueUrl, MessageBody: toClickMessage(spooled) };
      // A click that is sent twice is stored once.
      const answer = await client.call('SendMessage', input, { timeout, repeatable: true });
      if (answer.status !== 200) throw refused('SQS', answer);
    },
  };
}
