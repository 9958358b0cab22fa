import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { PixelSpool } from '../../core/ports.ts';
import { toPixelMessage } from '../pixel-message.ts';
import { queueCall } from './hints.ts';

/** The queue of browsers' calls that storage did not take in time. */
export function createPixelSpool(client: SQSClient, queueUrl: string): PixelSpool {
  return {
    async send(pixel) {
      const command = new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: toPixelMessage(pixel) });
      await queueCall(() => client.send(command));
    },
  };
}
