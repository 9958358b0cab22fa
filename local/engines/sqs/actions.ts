import { randomUUID } from 'node:crypto';

import type { Json, JsonObject } from '../../json.ts';
import { isJsonObject, parseJson } from '../../json.ts';
import type { FileJournal } from './journal.ts';
import { NO_JOURNAL } from './journal.ts';
import type { Message, MessageAttribute } from './message.ts';
import { md5, md5OfAttributes, sizeOf } from './message.ts';
import type { QueueSettings } from './queue.ts';
import { Queue } from './queue.ts';

const ACCOUNT = '000000000000';

/** What the service refuses; `legacy` is the code of the older query protocol, which the SDK still reads. */
export class SqsError extends Error {
  override readonly name = 'SqsError';
  readonly code: string;
  readonly legacy: string;

  constructor(code: string, message: string, legacy = code) {
    super(message);
    this.code = code;
    this.legacy = legacy;
  }
}

const MAX_DELAY = 900;
const MAX_BATCH_BYTES = 1_048_576;
const BATCH_ID = /^[A-Za-z0-9_-]{1,80}$/;
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html: all of XML 1.0's characters.
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** The queues of one region and what can be done with them, in the terms of SQS's JSON protocol. */
export class SqsActions {
  private readonly region: string;
  private readonly journal: FileJournal | undefined;
  private readonly queues = new Map<string, Queue>();
  /** Base of the queue URLs; known once the server listens. */
  baseUrl = '';

  constructor(region: string, journal: FileJournal | undefined) {
    this.region = region;
    this.journal = journal;
  }

  /**
   * Carries out one action.
   *
   * @param closed aborted when the caller is gone: a long poll ends then
   * @throws SqsError for what SQS refuses
   */
  async perform(action: string, input: JsonObject, closed: AbortSignal): Promise<JsonObject> {
    switch (action) {
      case 'CreateQueue':
        return this.createQueue(input);
      case 'GetQueueUrl':
        return { QueueUrl: this.urlOf(this.queueNamed(text(input, 'QueueName'))) };
      case 'ListQueues': {
        const prefix = optionalText(input, 'QueueNamePrefix') ?? '';
        const queues = [...this.queues.values()].filter(({ name }) => name.startsWith(prefix));
        return queues.length === 0 ? {} : { QueueUrls: queues.map((queue) => this.urlOf(queue)) };
      }
      case 'DeleteQueue': {
        const queue = this.queueOf(input);
        queue.purge();
        queue.close();
        this.queues.delete(queue.name);
        return {};
      }
      case 'GetQueueAttributes':
        return attributesOf(this.queueOf(input), list(input, 'AttributeNames').map(String));
      case 'SetQueueAttributes': {
        const queue = this.queueOf(input);
        queue.attributes = { ...queue.attributes, ...stringMap(input.Attributes) };
        queue.settings = settingsOf(queue.attributes);
        return {};
      }
      case 'PurgeQueue':
        this.queueOf(input).purge();
        return {};
      case 'SendMessage':
        return this.send(this.queueOf(input), input);
      case 'SendMessageBatch':
        return this.sendBatch(this.queueOf(input), input);
      case 'ReceiveMessage':
        return receive(this.queueOf(input), input, closed);
      case 'DeleteMessage':
        this.queueOf(input).delete(text(input, 'ReceiptHandle'));
        return {};
      case 'DeleteMessageBatch':
        return batch(input, (queueEntry) => this.queueOf(input).delete(text(queueEntry, 'ReceiptHandle')));
      case 'ChangeMessageVisibility':
        changeVisibility(this.queueOf(input), input);
        return {};
      case 'ChangeMessageVisibilityBatch':
        return batch(input, (queueEntry) => changeVisibility(this.queueOf(input), queueEntry));
      case 'ListQueueTags':
      case 'TagQueue':
      case 'UntagQueue':
        this.queueOf(input);
        return {};
      default:
        throw new SqsError('UnsupportedOperation', `The local SQS does not know the action ${action}.`);
    }
  }

  close(): void {
    for (const queue of this.queues.values()) queue.close();
    this.journal?.close();
  }

  private createQueue(input: JsonObject): JsonObject {
    const name = text(input, 'QueueName');
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(name)) {
      throw new SqsError(
        'InvalidParameterValue',
        'Queue names have 1 to 80 letters, digits, - and _; FIFO is not supported.',
      );
    }
    const attributes = stringMap(input.Attributes);
    const existing = this.queues.get(name);
    if (existing !== undefined) {
      const differs = Object.entries(attributes).find(([key, value]) => existing.attributes[key] !== value);
      if (differs === undefined) return { QueueUrl: this.urlOf(existing) };
      throw new SqsError(
        'QueueNameExists',
        `A queue already exists with the same name and a different value for attribute ${differs[0]}`,
        'QueueAlreadyExists',
      );
    }
    const arn = `arn:aws:sqs:${this.region}:${ACCOUNT}:${name}`;
    const settings = settingsOf(attributes);
    const find = (target: string) => this.queues.get(target.slice(target.lastIndexOf(':') + 1));
    const queue = new Queue(name, arn, attributes, settings, this.journal ?? NO_JOURNAL, find);
    this.queues.set(name, queue);
    for (const message of this.journal?.messagesOf(name) ?? []) queue.add(message);
    return { QueueUrl: this.urlOf(queue) };
  }

  private send(queue: Queue, input: JsonObject): JsonObject {
    const message = toMessage(queue, input);
    queue.send([message]);
    return { MessageId: message.id, ...digests(message) };
  }

  private sendBatch(queue: Queue, input: JsonObject): JsonObject {
    const entries = batchEntries(input);
    const size = entries.reduce(
      (sum, entry) => sum + sizeOf(optionalText(entry, 'MessageBody') ?? '', messageAttributes(entry)),
      0,
    );
    if (size > MAX_BATCH_BYTES) {
      const message = `Batch requests cannot be longer than ${MAX_BATCH_BYTES} bytes.`;
      throw new SqsError('BatchRequestTooLong', message, 'AWS.SimpleQueueService.BatchRequestTooLong');
    }
    const messages: Message[] = [];
    const result = eachEntry(entries, (entry) => {
      const message = toMessage(queue, entry);
      messages.push(message);
      return { MessageId: message.id, ...digests(message) };
    });
    queue.send(messages);
    return result;
  }

  private queueOf(input: JsonObject): Queue {
    // The host in the URL may be a proxy's: the name says it all.
    const url = text(input, 'QueueUrl');
    return this.queueNamed(url.slice(url.lastIndexOf('/') + 1));
  }

  private queueNamed(name: string): Queue {
    const queue = this.queues.get(name);
    if (queue !== undefined) return queue;
    const message = 'The specified queue does not exist.';
    throw new SqsError('QueueDoesNotExist', message, 'AWS.SimpleQueueService.NonExistentQueue');
  }

  private urlOf(queue: Queue): string {
    return `${this.baseUrl}/${ACCOUNT}/${queue.name}`;
  }
}

function settingsOf(attributes: Readonly<Record<string, string>>): QueueSettings {
  const seconds = (name: string, otherwise: number, least: number, most: number) => {
    const value = Number(attributes[name] ?? otherwise);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new SqsError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);
  };
  if (attributes.FifoQueue === 'true') {
    throw new SqsError('UnsupportedOperation', 'The local SQS does not know FIFO queues.');
  }
  return {
    visibilityTimeout: seconds('VisibilityTimeout', 30, 0, 43_200),
    delay: seconds('DelaySeconds', 0, 0, MAX_DELAY),
    retention: seconds('MessageRetentionPeriod', 345_600, 60, 1_209_600),
    receiveWait: seconds('ReceiveMessageWaitTimeSeconds', 0, 0, 20),
    maximumMessageSize: seconds('MaximumMessageSize', MAX_BATCH_BYTES, 1_024, MAX_BATCH_BYTES),
    redrive: redriveOf(attributes.RedrivePolicy),
  };
}

function redriveOf(policy: string | undefined): QueueSettings['redrive'] {
  if (policy === undefined || policy === '') return undefined;
  const value = parseJson(policy);
  const maxReceiveCount = isJsonObject(value) ? Number(value.maxReceiveCount) : NaN;
  if (!isJsonObject(value) || typeof value.deadLetterTargetArn !== 'string' || !(maxReceiveCount >= 1)) {
    throw new SqsError('InvalidAttributeValue', 'Invalid value for the parameter RedrivePolicy.');
  }
  return { deadLetterArn: value.deadLetterTargetArn, maxReceiveCount };
}

function attributesOf(queue: Queue, names: readonly string[]): JsonObject {
  const { visible, inFlight, delayed } = queue.counts();
  const { settings } = queue;
  const created = String(Math.floor(queue.createdAt / 1000));
  const all: Record<string, string> = {
    VisibilityTimeout: String(settings.visibilityTimeout),
    DelaySeconds: String(settings.delay),
    MessageRetentionPeriod: String(settings.retention),
    ReceiveMessageWaitTimeSeconds: String(settings.receiveWait),
    MaximumMessageSize: String(settings.maximumMessageSize),
    ...queue.attributes,
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: created,
    LastModifiedTimestamp: created,
  };
  const wanted = names.includes('All') ? Object.keys(all) : names;
  const found = wanted.flatMap((name) => (all[name] === undefined ? [] : ([[name, all[name]]] as const)));
  return { Attributes: Object.fromEntries(found) };
}

function toMessage(queue: Queue, input: JsonObject): Message {
  const body = input.MessageBody;
  if (typeof body !== 'string' || body === '') {
    throw new SqsError('MissingParameter', 'The request must contain the parameter MessageBody.');
  }
  if (FORBIDDEN.test(body) || !body.isWellFormed()) {
    throw new SqsError('InvalidMessageContents', 'Invalid characters found.');
  }
  const delay = optionalNumber(input, 'DelaySeconds') ?? queue.settings.delay;
  if (!Number.isInteger(delay) || delay < 0 || delay > MAX_DELAY) {
    const range = `DelaySeconds must be >= 0 and <= ${MAX_DELAY}`;
    throw new SqsError(
      'InvalidParameterValue',
      `Value ${delay} for parameter DelaySeconds is invalid. Reason: ${range}.`,
    );
  }
  const attributes = messageAttributes(input);
  if (sizeOf(body, attributes) > queue.settings.maximumMessageSize) {
    const limit = queue.settings.maximumMessageSize;
    throw new SqsError(
      'InvalidParameterValue',
      `One or more parameters are invalid. Reason: Message must be shorter than ${limit} bytes.`,
    );
  }
  const now = Date.now();
  return {
    id: randomUUID(),
    body,
    attributes,
    groupId: optionalText(input, 'MessageGroupId'),
    sentAt: now,
    visibleAt: delay === 0 ? 0 : now + delay * 1000,
    receives: 0,
    firstReceivedAt: undefined,
    receipt: undefined,
    deadLetterOf: undefined,
  };
}

function messageAttributes(input: JsonObject): Record<string, MessageAttribute> {
  const attributes: Record<string, MessageAttribute> = {};
  for (const [name, value] of Object.entries(isJsonObject(input.MessageAttributes) ? input.MessageAttributes : {})) {
    if (!isJsonObject(value) || typeof value.DataType !== 'string' || !/^(String|Number|Binary)/.test(value.DataType)) {
      throw new SqsError('InvalidParameterValue', `The message attribute '${name}' has no valid type.`);
    }
    attributes[name] = {
      DataType: value.DataType,
      ...(typeof value.StringValue === 'string' ? { StringValue: value.StringValue } : {}),
      ...(typeof value.BinaryValue === 'string' ? { BinaryValue: value.BinaryValue } : {}),
    };
  }
  return attributes;
}

function digests(message: Message): JsonObject {
  const attributes = md5OfAttributes(message.attributes);
  return {
    MD5OfMessageBody: md5(message.body),
    ...(attributes === undefined ? {} : { MD5OfMessageAttributes: attributes }),
  };
}

async function receive(queue: Queue, input: JsonObject, closed: AbortSignal): Promise<JsonObject> {
  const limit = within(input, 'MaxNumberOfMessages', 1, 1, 10);
  const wait = within(input, 'WaitTimeSeconds', queue.settings.receiveWait, 0, 20);
  const visibility = within(input, 'VisibilityTimeout', queue.settings.visibilityTimeout, 0, 43_200);
  const messages = await queue.receive(limit, wait, visibility, closed);
  if (messages.length === 0) return {};
  const system = [...list(input, 'AttributeNames'), ...list(input, 'MessageSystemAttributeNames')].map(String);
  const own = list(input, 'MessageAttributeNames').map(String);
  return { Messages: messages.map((message) => toReceived(message, system, own)) };
}

function toReceived(message: Message, systemNames: readonly string[], names: readonly string[]): JsonObject {
  const system: Record<string, string | undefined> = {
    SenderId: ACCOUNT,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receives),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    MessageGroupId: message.groupId,
    DeadLetterQueueSourceArn: message.deadLetterOf,
  };
  const wanted = systemNames.includes('All') ? Object.keys(system) : systemNames;
  const attributes: JsonObject = {};
  for (const name of wanted) if (system[name] !== undefined) attributes[name] = system[name];
  const chosen = Object.entries(message.attributes).filter(([name]) =>
    names.some(
      (wish) => wish === 'All' || wish === name || (wish.endsWith('.*') && name.startsWith(wish.slice(0, -2))),
    ),
  );
  const digest = md5OfAttributes(Object.fromEntries(chosen));
  return {
    MessageId: message.id,
    ReceiptHandle: message.receipt ?? '',
    Body: message.body,
    MD5OfBody: md5(message.body),
    ...(Object.keys(attributes).length === 0 ? {} : { Attributes: attributes }),
    ...(digest === undefined
      ? {}
      : {
          MessageAttributes: Object.fromEntries(chosen.map(([name, value]) => [name, { ...value }])),
          MD5OfMessageAttributes: digest,
        }),
  };
}

function changeVisibility(queue: Queue, input: JsonObject): void {
  const seconds = within(input, 'VisibilityTimeout', NaN, 0, 43_200);
  if (!queue.changeVisibility(text(input, 'ReceiptHandle'), seconds)) {
    const message = 'The message referred to is not in flight.';
    throw new SqsError('MessageNotInflight', message, 'AWS.SimpleQueueService.MessageNotInflight');
  }
}

function batch(input: JsonObject, perform: (entry: JsonObject) => void): JsonObject {
  return eachEntry(batchEntries(input), (entry) => {
    perform(entry);
    return {};
  });
}

function batchEntries(input: JsonObject): JsonObject[] {
  const entries = list(input, 'Entries').filter(isJsonObject);
  const refuse = (code: string, message: string): never => {
    throw new SqsError(code, message, `AWS.SimpleQueueService.${code}`);
  };
  if (entries.length === 0) refuse('EmptyBatchRequest', 'There should be at least one entry in the request.');
  if (entries.length > 10) {
    refuse('TooManyEntriesInBatchRequest', 'Maximum number of entries per request are 10.');
  }
  const ids = entries.map((entry) => optionalText(entry, 'Id') ?? '');
  if (!ids.every((id) => BATCH_ID.test(id))) {
    refuse('InvalidBatchEntryId', 'A batch entry id has 1 to 80 letters, digits, hyphens and underscores.');
  }
  if (new Set(ids).size < ids.length) refuse('BatchEntryIdsNotDistinct', 'Two or more batch entries have the same Id.');
  return entries;
}

function eachEntry(entries: readonly JsonObject[], perform: (entry: JsonObject) => JsonObject): JsonObject {
  const successful: Json[] = [];
  const failed: Json[] = [];
  for (const entry of entries) {
    const id = text(entry, 'Id');
    try {
      successful.push({ Id: id, ...perform(entry) });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      failed.push({ Id: id, SenderFault: true, Code: error.legacy, Message: error.message });
    }
  }
  return { Successful: successful, ...(failed.length === 0 ? {} : { Failed: failed }) };
}

function text(input: JsonObject, name: string): string {
  const value = optionalText(input, name);
  if (value !== undefined) return value;
  throw new SqsError('MissingParameter', `The request must contain the parameter ${name}.`);
}

function optionalText(input: JsonObject, name: string): string | undefined {
  const value = input[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function optionalNumber(input: JsonObject, name: string): number | undefined {
  const value = input[name];
  return value === undefined || value === null ? undefined : Number(value);
}

function within(input: JsonObject, name: string, otherwise: number, least: number, most: number): number {
  const value = optionalNumber(input, name) ?? otherwise;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const reason = `Must be >= ${least} and <= ${most}, if provided`;
  throw new SqsError('InvalidParameterValue', `Value ${value} for parameter ${name} is invalid. Reason: ${reason}.`);
}

function list(input: JsonObject, name: string): Json[] {
  const value = input[name];
  return Array.isArray(value) ? value : [];
}

function stringMap(value: Json | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(isJsonObject(value) ? value : {}).map(([key, item]) => [
      key,
      typeof item === 'string' ? item : JSON.stringify(item),
    ]),
  );
}
