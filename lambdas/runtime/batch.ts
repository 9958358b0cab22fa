import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { describeError, log } from './log.ts';

/** The message is none of ours: it fails until it ends in the dead-letter queue, where somebody sees it. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** A message's body as `read` reads it; throws {@link MalformedMessage} where that throws. `what` it should be: for the log. */
export function readMessage<T>(body: string, read: (body: string) => T, what: string): T {
  try {
    return read(body);
  } catch (error) {
    throw new MalformedMessage(`no ${what}: ${String(error)}`, { cause: error });
  }
}

/**
 * Works on all messages of a batch at once; those whose work throws are given back to the queue, and only those.
 * `giveBack`, for each of them, may see to it that it comes again soon; what it throws is of no account.
 */
export async function runBatch(
  event: SQSEvent,
  work: (record: SQSRecord) => Promise<void>,
  giveBack: (record: SQSRecord) => Promise<void> = async () => undefined,
): Promise<SQSBatchResponse> {
  const failures = await Promise.all(
    event.Records.map(async (record) => {
      try {
        await work(record);
        return [];
      } catch (error) {
        const name = error instanceof MalformedMessage ? 'message_malformed' : 'message_failed';
        log(name, { message_id: record.messageId, ...describeError(error) });
        await Promise.allSettled([giveBack(record)]);
        return [{ itemIdentifier: record.messageId }];
      }
    }),
  );
  return { batchItemFailures: failures.flat() };
}
