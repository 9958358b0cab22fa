import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { AwsJsonClient } from '../engines/aws-json-client.ts';
import { AwsError } from '../engines/aws-json-client.ts';
import { messageOf } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { isJsonObject } from '../json.ts';
import type { InvocationResult, LambdaFunction } from '../lambda-host/lambda-function.ts';
import type { EventFilter } from './event-filter.ts';
import type { EventSource } from './sqs-event-source.ts';
import type { BatchRules, Discarded, StreamRecord } from './stream-batch.ts';
import { handleBatch } from './stream-batch.ts';
import type { StreamPositions } from './stream-positions.ts';

interface DynamodbEventSourceOptions {
  /** Names the consumer in the stored positions. */
  readonly name: string;
  readonly streamArn: string;
  readonly region: string;
  readonly lambda: LambdaFunction;
  readonly streams: AwsJsonClient;
  readonly positions: StreamPositions;
  readonly filter: EventFilter;
  /** Most records of one invocation. */
  readonly batchSize: number;
  /** How long to wait for a batch to fill, in seconds. */
  readonly windowSeconds: number;
  /** Most invocations at a time for one shard; the changes of one item stay in order. */
  readonly parallelization: number;
  readonly rules: BatchRules;
  /** Takes what is said of records that are given up; undefined: nobody hears of them. */
  readonly onFailure: ((message: string) => Promise<void>) | undefined;
  readonly log: (text: string) => void;
}

interface Shard {
  readonly id: string;
  readonly parentId: string | undefined;
}

interface Page {
  readonly records: readonly StreamRecord[];
  /** Undefined: the shard has ended. */
  readonly next: string | undefined;
}

/** A page holds at most so many records. */
const PAGE = 1_000;
/** Without new records a shard is read ever less often. Lambda reads four times a second. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 500;
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5_000;
/** How often to look for new shards; those that follow one that ended are found at once. */
const RESHARD_MS = 30_000;
const CALL_MS = 5_000;

/**
 * Reads a table's stream and calls the function with batches, as Lambda's event source mapping does: one batch of a
 * shard at a time, in order, children after their parents. A position is stored once everything up to it was handled,
 * so that after a kill a record may come twice and none is left out.
 */
export class DynamodbEventSource implements EventSource {
  private readonly options: DynamodbEventSourceOptions;
  private readonly stopping = new AbortController();
  private readonly shards: Map<string, string | null>;
  private readonly reading = new Map<string, Promise<void>>();
  private polling: Promise<void> | undefined;

  constructor(options: DynamodbEventSourceOptions) {
    this.options = options;
    this.shards = new Map(Object.entries(options.positions.get(options.name, options.streamArn) ?? {}));
  }

  /** For `StartingPosition: LATEST`, before the first start: passes over what is in the stream, once and for all. */
  async skipExisting(): Promise<void> {
    const { positions, name, streamArn } = this.options;
    if (positions.get(name, streamArn) !== undefined) return;
    for (const { id } of await this.listShards()) {
      let next: string | undefined = await this.iteratorOf(id);
      while (next !== undefined) {
        const page = await this.readPage(next);
        const last = page.records.at(-1);
        if (last === undefined) break;
        this.shards.set(id, last.sequenceNumber);
        next = page.next;
      }
    }
    this.store();
  }

  start(): void {
    this.polling ??= this.follow();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.polling;
  }

  /** Reads every shard whose parent was handled. */
  private async follow(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      let pauseMs = RESHARD_MS;
      try {
        const shards = await this.listShards();
        const listed = new Set(shards.map(({ id }) => id));
        for (const id of this.shards.keys()) if (!listed.has(id)) this.shards.delete(id);
        for (const { id, parentId } of shards) {
          const parentDone = parentId === undefined || !listed.has(parentId) || this.shards.get(parentId) === null;
          if (!parentDone || this.shards.get(id) === null || this.reading.has(id)) continue;
          this.reading.set(
            id,
            this.readShard(id).finally(() => this.reading.delete(id)),
          );
        }
      } catch (error) {
        this.complain(error);
        pauseMs = RETRY_MS;
      }
      await Promise.race([this.pause(pauseMs), ...this.reading.values()]);
    }
    await Promise.all(this.reading.values());
  }

  /** Reads a shard until it ends or the source stops. */
  private async readShard(id: string): Promise<void> {
    const { signal } = this.stopping;
    let iterator: string | undefined;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        iterator ??= await this.iteratorOf(id);
        const { wanted, last, next } = await this.gather(iterator);
        await this.handle(id, wanted);
        if (signal.aborted) return;
        if (last !== undefined) this.moveTo(id, last.sequenceNumber);
        if (next === undefined) {
          this.moveTo(id, null);
          return;
        }
        iterator = next;
        pauseMs = last === undefined ? Math.min(2 * pauseMs, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
      } catch (error) {
        const outdated = iterator !== undefined && isOutdated(error);
        if (!outdated) this.complain(error);
        // What was read and not handled is read again.
        iterator = undefined;
        pauseMs = outdated ? FIRST_PAUSE_MS : RETRY_MS;
      }
      await this.pause(pauseMs);
    }
  }

  /** The next records that pass the filter, and the last one that was read. Waits for more as the mapping says. */
  private async gather(iterator: string) {
    const { filter, batchSize, windowSeconds } = this.options;
    const deadline = Date.now() + windowSeconds * 1000;
    const wanted: StreamRecord[] = [];
    let last: StreamRecord | undefined;
    let next: string | undefined = iterator;
    do {
      if (last !== undefined) await this.pause(Math.min(LONGEST_PAUSE_MS, deadline - Date.now()));
      const page: Page = await this.readPage(next);
      wanted.push(...page.records.filter(({ event }) => filter(event)));
      last = page.records.at(-1) ?? last;
      next = page.next;
    } while (
      next !== undefined &&
      wanted.length > 0 &&
      wanted.length < batchSize &&
      Date.now() < deadline &&
      !this.stopping.signal.aborted
    );
    return { wanted, last, next };
  }

  /** Moves the shard's position behind every record before which all were handled. */
  private async handle(shardId: string, records: readonly StreamRecord[]): Promise<void> {
    const open = new Set(records);
    const settle = (handled: readonly StreamRecord[]) => {
      for (const record of handled) open.delete(record);
      const firstOpen = records.findIndex((record) => open.has(record));
      const last = firstOpen === -1 ? records.at(-1) : records[firstOpen - 1];
      if (last !== undefined) this.moveTo(shardId, last.sequenceNumber);
    };
    const lanes = Array.from({ length: this.options.parallelization }, (_, lane) =>
      records.filter(({ event }) => laneOf(event, this.options.parallelization) === lane),
    );
    await Promise.all(lanes.map((lane) => this.handleLane(shardId, lane, settle)));
  }

  private async handleLane(
    shardId: string,
    records: readonly StreamRecord[],
    settle: (handled: readonly StreamRecord[]) => void,
  ): Promise<void> {
    const { batchSize, rules, lambda } = this.options;
    const { signal } = this.stopping;
    let requestId = '';
    let result: InvocationResult | undefined;
    for (let first = 0; first < records.length && !signal.aborted; first += batchSize) {
      await handleBatch(records.slice(first, first + batchSize), rules, {
        invoke: async (batch) => {
          requestId = randomUUID();
          result = await lambda.invoke(
            JSON.stringify({ Records: batch.map(({ event }) => event) }),
            Infinity,
            requestId,
          );
          return result;
        },
        checkpoint: (record) => settle(records.slice(0, records.indexOf(record) + 1)),
        discard: (discarded) => this.tell(this.describe(shardId, discarded, requestId, result)),
        pause: (failures) => this.pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_RETRY_MS)),
        now: Date.now,
        signal,
      });
    }
  }

  /** Sends to the failure destination, as often as it takes: on AWS what cannot be sent is lost. */
  private async tell(message: JsonObject): Promise<void> {
    const { onFailure, log } = this.options;
    const text = JSON.stringify(message);
    log(`records were discarded: ${text}\n`);
    while (onFailure !== undefined && !this.stopping.signal.aborted) {
      try {
        await onFailure(text);
        return;
      } catch (error) {
        log(`the failure destination does not answer: ${messageOf(error)}\n`);
        await this.pause(RETRY_MS);
      }
    }
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html */
  private describe(
    shardId: string,
    { records, condition, invocations }: Discarded,
    requestId: string,
    result: InvocationResult | undefined,
  ): JsonObject {
    const [first, last] = [records[0], records.at(-1)];
    return {
      requestContext: {
        requestId,
        functionArn: this.options.lambda.definition.arn,
        condition,
        approximateInvokeCount: invocations,
      },
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        functionError: result?.kind === 'error' ? 'Unhandled' : null,
      },
      version: '1.0',
      timestamp: new Date().toISOString(),
      DDBStreamBatchInfo: {
        shardId,
        startSequenceNumber: first?.sequenceNumber ?? null,
        endSequenceNumber: last?.sequenceNumber ?? null,
        approximateArrivalOfFirstRecord: arrivalOf(first),
        approximateArrivalOfLastRecord: arrivalOf(last),
        batchSize: records.length,
        streamArn: this.options.streamArn,
      },
    };
  }

  private async listShards(): Promise<Shard[]> {
    const shards: Shard[] = [];
    let start: Json | undefined;
    do {
      const output = await this.call('DescribeStream', {
        StreamArn: this.options.streamArn,
        ...(start === undefined ? {} : { ExclusiveStartShardId: start }),
      });
      const stream = isJsonObject(output.StreamDescription) ? output.StreamDescription : {};
      for (const shard of Array.isArray(stream.Shards) ? stream.Shards.filter(isJsonObject) : []) {
        if (typeof shard.ShardId === 'string')
          shards.push({ id: shard.ShardId, parentId: optional(shard.ParentShardId) });
      }
      start = stream.LastEvaluatedShardId;
    } while (start !== undefined);
    return shards;
  }

  /** An iterator for what follows the shard's position. */
  private async iteratorOf(shardId: string): Promise<string> {
    const from = { StreamArn: this.options.streamArn, ShardId: shardId };
    const after = this.shards.get(shardId);
    const oldest = () => this.call('GetShardIterator', { ...from, ShardIteratorType: 'TRIM_HORIZON' });
    const output =
      typeof after !== 'string'
        ? await oldest()
        : await this.call('GetShardIterator', {
            ...from,
            ShardIteratorType: 'AFTER_SEQUENCE_NUMBER',
            SequenceNumber: after,
          }).catch((error: unknown) => {
            // Stopped for longer than the stream keeps its records: go on with the oldest that is left.
            if (error instanceof AwsError && error.code === 'TrimmedDataAccessException') return oldest();
            throw error;
          });
    const iterator = optional(output.ShardIterator);
    if (iterator === undefined) throw new Error(`no iterator for ${shardId}`);
    return iterator;
  }

  private async readPage(iterator: string): Promise<Page> {
    const output = await this.call('GetRecords', { ShardIterator: iterator, Limit: PAGE });
    const { streamArn, region } = this.options;
    const readAt = Date.now();
    const records = (Array.isArray(output.Records) ? output.Records.filter(isJsonObject) : []).map((record) => ({
      sequenceNumber: sequenceNumberOf(record),
      readAt,
      event: toStreamRecord(record, streamArn, region),
    }));
    return { records, next: optional(output.NextShardIterator) };
  }

  private call(action: string, input: JsonObject): Promise<JsonObject> {
    return this.options.streams.call(action, input, AbortSignal.timeout(CALL_MS));
  }

  private moveTo(shardId: string, position: string | null): void {
    this.shards.set(shardId, position);
    this.store();
  }

  private store(): void {
    const { positions, name, streamArn } = this.options;
    positions.set(name, streamArn, Object.fromEntries(this.shards));
  }

  private complain(error: unknown): void {
    if (!this.stopping.signal.aborted) this.options.log(`the stream cannot be read: ${messageOf(error)}\n`);
  }

  private async pause(ms: number): Promise<void> {
    await delay(Math.max(0, ms), undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}

/** A record as the function gets it. */
export function toStreamRecord(record: JsonObject, streamArn: string, region: string): JsonObject {
  const event = { ...record, awsRegion: region, eventSourceARN: streamArn };
  if (record.eventName !== 'UNKNOWN_TO_SDK_VERSION') return event;
  // What DynamoDB Local makes of a row whose time to live is over.
  const userIdentity = { principalId: 'dynamodb.amazonaws.com', type: 'Service' };
  return { ...event, eventName: 'REMOVE', userIdentity };
}

function sequenceNumberOf(record: JsonObject): string {
  const change = isJsonObject(record.dynamodb) ? record.dynamodb : {};
  if (typeof change.SequenceNumber !== 'string') throw new Error('a record without a sequence number');
  return change.SequenceNumber;
}

/** The changes of one item share a lane. */
function laneOf(event: JsonObject, lanes: number): number {
  const keys = isJsonObject(event.dynamodb) ? JSON.stringify(event.dynamodb.Keys) : '';
  return createHash('sha256').update(keys).digest().readUInt32BE() % lanes;
}

function arrivalOf(record: StreamRecord | undefined): string | null {
  const change = record?.event.dynamodb;
  const seconds = isJsonObject(change) ? change.ApproximateCreationDateTime : undefined;
  return typeof seconds === 'number' ? `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` : null;
}

function optional(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The iterator is too old, which says nothing of the stream: DynamoDB Local drops those of an empty shard early. */
function isOutdated(error: unknown): boolean {
  return error instanceof AwsError && ['ExpiredIteratorException', 'TrimmedDataAccessException'].includes(error.code);
}
