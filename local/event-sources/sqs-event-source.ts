import { setTimeout as delay } from 'node:timers/promises';

import type { AwsJsonClient } from '../engines/aws-json-client.ts';
import { messageOf } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { isJsonObject, parseJson } from '../json.ts';
import type { LambdaFunction } from '../lambda-host/lambda-function.ts';
import type { EventFilter } from './event-filter.ts';
import { failedIds } from './failed-ids.ts';

/** Something that reads events and calls a function with them. */
export interface EventSource {
  readonly start: () => void;
  /** Stops reading; resolves when the invocations under way have ended. */
  readonly stop: () => Promise<void>;
}

interface SqsEventSourceOptions {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly region: string;
  readonly lambda: LambdaFunction;
  readonly sqs: AwsJsonClient;
  /** Most messages of one invocation. */
  readonly batchSize: number;
  /** How long to wait for a batch to fill, in seconds. */
  readonly windowSeconds: number;
  /** Most invocations at a time. */
  readonly concurrency: number;
  /** Whether the function tells which messages failed. */
  readonly partialFailures: boolean;
  /** What it refuses is deleted. */
  readonly filter: EventFilter;
  readonly log: (text: string) => void;
}

/** SQS hands out at most so many messages at a time. */
const MOST = 10;
const WAIT_SECONDS = 20;
const RETRY_MS = 1_000;

/**
 * Polls a queue and calls the function with batches, as Lambda's event source mapping does: what the function did not
 * fail is deleted, what it failed comes back after the queue's visibility timeout.
 */
export class SqsEventSource implements EventSource {
  private readonly options: SqsEventSourceOptions;
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private polling: Promise<void> | undefined;

  constructor(options: SqsEventSourceOptions) {
    this.options = options;
  }

  start(): void {
    this.polling ??= this.poll();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.polling;
    await Promise.all(this.running);
  }

  private async poll(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      while (this.running.size >= this.options.concurrency) await Promise.race(this.running);
      try {
        const messages = await this.receiveBatch(signal);
        if (messages.length === 0) continue;
        const run = this.handle(messages)
          .catch((error: unknown) => this.options.log(`${messageOf(error)}\n`))
          .finally(() => this.running.delete(run));
        this.running.add(run);
      } catch (error) {
        if (signal.aborted) return;
        this.options.log(`the queue cannot be read: ${messageOf(error)}\n`);
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async receiveBatch(signal: AbortSignal): Promise<JsonObject[]> {
    const { batchSize, windowSeconds } = this.options;
    const messages = await this.receive(Math.min(batchSize, MOST), WAIT_SECONDS, signal);
    const deadline = Date.now() + windowSeconds * 1000;
    while (messages.length > 0 && messages.length < batchSize && !signal.aborted) {
      const left = Math.ceil((deadline - Date.now()) / 1000);
      // Without a window a batch has what is there: one more look suffices.
      const more = await this.receive(Math.min(batchSize - messages.length, MOST), Math.max(0, left), signal).catch(
        () => [],
      );
      messages.push(...more);
      if (left <= 0 && more.length === 0) break;
    }
    return messages;
  }

  private async receive(limit: number, waitSeconds: number, signal: AbortSignal): Promise<JsonObject[]> {
    const { sqs, queueUrl } = this.options;
    const output = await sqs.call(
      'ReceiveMessage',
      {
        QueueUrl: queueUrl,
        MaxNumberOfMessages: limit,
        WaitTimeSeconds: Math.min(waitSeconds, WAIT_SECONDS),
        AttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      },
      signal,
    );
    return Array.isArray(output.Messages) ? output.Messages.filter(isJsonObject) : [];
  }

  private async handle(received: readonly JsonObject[]): Promise<void> {
    const { lambda, filter, queueArn, region } = this.options;
    const records = new Map(received.map((message) => [message, toRecord(message, queueArn, region)]));
    const refused = received.filter((message) => !filter({ ...records.get(message), body: parseBody(message.Body) }));
    await this.delete(refused);
    const messages = received.filter((message) => !refused.includes(message));
    if (messages.length === 0) return;
    const event = { Records: messages.map((message) => records.get(message)) };
    const result = await lambda.invoke(JSON.stringify(event));
    if (result.kind !== 'success') return;
    const failed = this.options.partialFailures ? failedIds(result.payload, messages.map(idOf)) : new Set<string>();
    if (failed === undefined) {
      this.options.log('the answer names no valid batchItemFailures: the whole batch counts as failed\n');
      return;
    }
    await this.delete(messages.filter((message) => !failed.has(idOf(message))));
  }

  private async delete(messages: readonly JsonObject[]): Promise<void> {
    const { sqs, queueUrl } = this.options;
    for (let first = 0; first < messages.length; first += MOST) {
      const entries = messages
        .slice(first, first + MOST)
        .map((message, index) => ({ Id: String(index), ReceiptHandle: message.ReceiptHandle ?? '' }));
      await sqs.call('DeleteMessageBatch', { QueueUrl: queueUrl, Entries: entries });
    }
  }
}

function idOf({ MessageId: id }: JsonObject): string {
  return typeof id === 'string' ? id : '';
}

/** A filter sees into a body that is JSON. */
function parseBody(body: Json | undefined): Json {
  if (typeof body !== 'string') return null;
  try {
    return parseJson(body);
  } catch {
    return body;
  }
}

/** A message as the function gets it. */
export function toRecord(message: JsonObject, queueArn: string, region: string): JsonObject {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: message.Attributes ?? {},
    messageAttributes: toMessageAttributes(message.MessageAttributes),
    md5OfBody: message.MD5OfBody ?? '',
    ...(message.MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  };
}

function toMessageAttributes(attributes: Json | undefined): JsonObject {
  const converted: JsonObject = {};
  for (const [name, value] of Object.entries(isJsonObject(attributes) ? attributes : {})) {
    if (!isJsonObject(value)) continue;
    converted[name] = {
      ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
      ...(value.BinaryValue === undefined ? {} : { binaryValue: value.BinaryValue }),
      stringListValues: [],
      binaryListValues: [],
      dataType: value.DataType ?? 'String',
    };
  }
  return converted;
}
