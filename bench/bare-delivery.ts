import { get } from 'node:http';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse } from 'aws-lambda';

/**
 * The least that a delivery can be: a loop that takes messages, calls the URL in each and deletes them. No row, no lease,
 * no log, no retry, no slot, no check of addresses.
 */
const queue = process.env['BARE_QUEUE'] ?? '';
const client = new SQSClient({ useQueueUrlAsEndpoint: false });

/** Works until so many were delivered. */
export const handler = async ({ count }: { readonly count: number }): Promise<SQSBatchResponse> => {
  for (let done = 0; done < count;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 }),
    );
    if (Messages.length === 0) throw new Error(`the queue held only ${done} of ${count}`);
    await Promise.all(Messages.map(({ Body = '' }) => call(Body)));
    const Entries = Messages.map(({ ReceiptHandle = '' }, index) => ({ Id: String(index), ReceiptHandle }));
    await client.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries }));
    done += Messages.length;
  }
  return { batchItemFailures: [] };
};

function call(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 204) resolve();
        else reject(new Error(`a publisher answered ${response.statusCode}`));
      });
    }).once('error', reject);
  });
}
