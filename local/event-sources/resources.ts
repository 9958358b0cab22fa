import { randomUUID } from 'node:crypto';

import { StartError } from '../errors.ts';
import type { Properties } from '../json.ts';
import { functionByArn } from '../lambda-host/resources.ts';
import type { ResourceHandler, World } from '../world.ts';
import { DynamodbEventSource } from './dynamodb-event-source.ts';
import { readFilter } from './event-filter.ts';
import { SqsEventSource } from './sqs-event-source.ts';

/** What the local run knows of a mapping that reads a stream; anything else would silently be another behaviour. */
const STREAM_PROPERTIES = new Set([
  'BatchSize',
  'BisectBatchOnFunctionError',
  'DestinationConfig',
  'Enabled',
  'EventSourceArn',
  'FilterCriteria',
  'FunctionName',
  'FunctionResponseTypes',
  'MaximumBatchingWindowInSeconds',
  'MaximumRecordAgeInSeconds',
  'MaximumRetryAttempts',
  'ParallelizationFactor',
  'StartingPosition',
  'Tags',
]);

const eventSourceMapping: ResourceHandler = {
  type: 'AWS::Lambda::EventSourceMapping',
  provision: async ({ logicalId, properties }, world) => {
    const arn = properties.string('EventSourceArn');
    const source = /^arn:aws:sqs:/.test(arn)
      ? await sqsEventSource(logicalId, properties, arn, world)
      : /^arn:aws:dynamodb:.*\/stream\//.test(arn)
        ? await dynamodbEventSource(logicalId, properties, arn, world)
        : undefined;
    if (source === undefined) {
      throw new StartError(`${logicalId}: the local run reads events from SQS and DynamoDB only, not from ${arn}`);
    }
    if (properties.boolean('Enabled', true)) world.eventSources.push(source);
    const id = randomUUID();
    return { ref: id, attributes: { Id: id } };
  },
};

export const eventSourceHandlers: readonly ResourceHandler[] = [eventSourceMapping];

async function sqsEventSource(
  logicalId: string,
  properties: Properties,
  queueArn: string,
  world: World,
): Promise<SqsEventSource> {
  const lambda = functionByArn(properties.string('FunctionName'), world, logicalId);
  const most = properties.optionalObject('ScalingConfig')?.optionalNumber('MaximumConcurrency') ?? Infinity;
  return new SqsEventSource({
    queueUrl: await queueUrlOf(queueArn, world, logicalId),
    queueArn,
    region: world.region,
    lambda,
    sqs: await world.sqs(),
    batchSize: properties.number('BatchSize', 10),
    windowSeconds: properties.number('MaximumBatchingWindowInSeconds', 0),
    concurrency: Math.min(most, lambda.definition.maxEnvironments),
    partialFailures: reportsFailures(properties),
    filter: readFilter(properties.optionalObject('FilterCriteria')),
    log: (text) => world.log(logicalId, text),
  });
}

async function dynamodbEventSource(
  logicalId: string,
  properties: Properties,
  streamArn: string,
  world: World,
): Promise<DynamodbEventSource> {
  const unknown = Object.keys(properties.values).filter((name) => !STREAM_PROPERTIES.has(name));
  if (unknown.length > 0) {
    throw new StartError(`${logicalId}: the local run does not know ${unknown.join(', ')} of a stream's mapping`);
  }
  const start = properties.string('StartingPosition');
  if (start !== 'TRIM_HORIZON' && start !== 'LATEST') {
    throw new StartError(`${logicalId}: a stream is read from TRIM_HORIZON or LATEST, not from ${start}`);
  }
  const source = new DynamodbEventSource({
    name: world.nameOf(logicalId),
    streamArn,
    region: world.region,
    lambda: functionByArn(properties.string('FunctionName'), world, logicalId),
    streams: await world.streams(),
    positions: world.streamPositions,
    filter: readFilter(properties.optionalObject('FilterCriteria')),
    batchSize: properties.number('BatchSize', 100),
    windowSeconds: properties.number('MaximumBatchingWindowInSeconds', 0),
    parallelization: properties.number('ParallelizationFactor', 1),
    rules: {
      bisect: properties.boolean('BisectBatchOnFunctionError', false),
      maxRetries: orInfinity(properties.number('MaximumRetryAttempts', -1)),
      maxAgeMs: orInfinity(properties.number('MaximumRecordAgeInSeconds', -1)) * 1000,
      partialFailures: reportsFailures(properties),
    },
    onFailure: await failureDestination(logicalId, properties, world),
    log: (text) => world.log(logicalId, text),
  });
  if (start === 'LATEST') await source.skipExisting();
  return source;
}

async function failureDestination(
  logicalId: string,
  properties: Properties,
  world: World,
): Promise<((message: string) => Promise<void>) | undefined> {
  const arn = properties
    .optionalObject('DestinationConfig')
    ?.optionalObject('OnFailure')
    ?.optionalString('Destination');
  if (arn === undefined) return undefined;
  if (!arn.startsWith('arn:aws:sqs:')) {
    throw new StartError(`${logicalId}: the local run knows SQS queues as failure destinations only, not ${arn}`);
  }
  const sqs = await world.sqs();
  const queueUrl = await queueUrlOf(arn, world, logicalId);
  return async (message) => {
    await sqs.call('SendMessage', { QueueUrl: queueUrl, MessageBody: message });
  };
}

async function queueUrlOf(arn: string, world: World, where: string): Promise<string> {
  const name = arn.slice(arn.lastIndexOf(':') + 1);
  const sqs = await world.sqs();
  const { QueueUrl: queueUrl } = await sqs.call('GetQueueUrl', { QueueName: name });
  if (typeof queueUrl !== 'string') throw new StartError(`${where}: there is no queue ${name}`);
  return queueUrl;
}

function reportsFailures(properties: Properties): boolean {
  return properties.strings('FunctionResponseTypes').includes('ReportBatchItemFailures');
}

/** Lambda writes -1 for "without a limit". */
function orInfinity(value: number): number {
  return value === -1 ? Infinity : value;
}
