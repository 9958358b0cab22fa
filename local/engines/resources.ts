import { setTimeout as delay } from 'node:timers/promises';

import { StartError } from '../errors.ts';
import type { Json, JsonObject, Properties } from '../json.ts';
import { isJsonObject } from '../json.ts';
import type { Provisioned, Resource, ResourceHandler, World } from '../world.ts';
import type { AwsJsonClient } from './aws-json-client.ts';
import { AwsError } from './aws-json-client.ts';

const queue: ResourceHandler = {
  type: 'AWS::SQS::Queue',
  provision: async ({ logicalId, properties }, world) => {
    if (properties.boolean('FifoQueue', false)) throw new StartError(`${logicalId}: FIFO queues are not supported`);
    const name = world.nameOf(logicalId);
    const output = await createQueue(await world.sqs(), name, queueAttributes(properties));
    const arn = `arn:aws:sqs:${world.region}:${world.accountId}:${name}`;
    return { ref: output, attributes: { Arn: arn, QueueName: name, QueueUrl: output } };
  },
};

const table: ResourceHandler = {
  type: 'AWS::DynamoDB::Table',
  provision: (resource, world) => provisionTable(resource, world),
};

/** What `TableV2` becomes. */
const globalTable: ResourceHandler = {
  type: 'AWS::DynamoDB::GlobalTable',
  provision: async (resource, world) => {
    if (resource.properties.objects('Replicas').length !== 1) {
      throw new StartError(`${resource.logicalId}: the local run has one region, the table needs one replica`);
    }
    return provisionTable(resource, world);
  },
};

export const engineHandlers: readonly ResourceHandler[] = [queue, table, globalTable];

function queueAttributes(properties: Properties): Record<string, string> {
  const attributes: Record<string, string> = {};
  const names: Readonly<Record<string, string>> = {
    VisibilityTimeout: 'VisibilityTimeout',
    MessageRetentionPeriod: 'MessageRetentionPeriod',
    DelaySeconds: 'DelaySeconds',
    ReceiveMessageWaitTimeSeconds: 'ReceiveMessageWaitTimeSeconds',
    MaximumMessageSize: 'MaximumMessageSize',
  };
  for (const [property, attribute] of Object.entries(names)) {
    const value = properties.optionalNumber(property);
    if (value !== undefined) attributes[attribute] = String(value);
  }
  const redrive = properties.optionalObject('RedrivePolicy');
  if (redrive !== undefined) {
    attributes.RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: redrive.string('deadLetterTargetArn'),
      maxReceiveCount: redrive.number('maxReceiveCount', 10),
    });
  }
  return attributes;
}

async function createQueue(sqs: AwsJsonClient, name: string, attributes: Record<string, string>): Promise<string> {
  try {
    return queueUrl(await sqs.call('CreateQueue', { QueueName: name, Attributes: attributes }));
  } catch (error) {
    // Another engine may still have the queue from before the stack changed.
    if (!(error instanceof AwsError) || !/QueueNameExists|QueueAlreadyExists/.test(error.code)) throw error;
    const url = queueUrl(await sqs.call('GetQueueUrl', { QueueName: name }));
    await sqs.call('SetQueueAttributes', { QueueUrl: url, Attributes: attributes });
    return url;
  }
}

function queueUrl(output: JsonObject): string {
  if (typeof output.QueueUrl !== 'string') throw new StartError('SQS named no queue URL');
  return output.QueueUrl;
}

async function provisionTable({ logicalId, properties }: Resource, world: World): Promise<Provisioned> {
  const name = world.nameOf(logicalId);
  const dynamodb = await world.dynamodb();
  const wanted = tableInput(name, properties);
  let description: JsonObject;
  try {
    description = objectAt(await dynamodb.call('CreateTable', wanted), 'TableDescription');
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== 'ResourceInUseException') throw error;
    description = await updateTable(dynamodb, name, wanted);
  }
  await setTimeToLive(dynamodb, name, properties.optionalObject('TimeToLiveSpecification'));
  const { TableArn, LatestStreamArn } = description;
  return {
    ref: name,
    attributes: {
      Arn: typeof TableArn === 'string' ? TableArn : '',
      ...(typeof LatestStreamArn === 'string' ? { StreamArn: LatestStreamArn } : {}),
    },
  };
}

function tableInput(name: string, properties: Properties): JsonObject {
  const indexes = properties.objects('GlobalSecondaryIndexes').map(({ values }) => ({
    IndexName: values.IndexName ?? '',
    KeySchema: values.KeySchema ?? [],
    Projection: values.Projection ?? { ProjectionType: 'ALL' },
  }));
  const local = properties.objects('LocalSecondaryIndexes').map(({ values }) => values);
  const stream = properties.optionalObject('StreamSpecification')?.string('StreamViewType');
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: properties.objects('AttributeDefinitions').map(({ values }) => values),
    KeySchema: properties.objects('KeySchema').map(({ values }) => values),
    ...(indexes.length === 0 ? {} : { GlobalSecondaryIndexes: indexes }),
    ...(local.length === 0 ? {} : { LocalSecondaryIndexes: local }),
    ...(stream === undefined ? {} : { StreamSpecification: { StreamEnabled: true, StreamViewType: stream } }),
  };
}

/** Brings a table of an earlier start up to date: adds the indexes and the stream that the stack has got since. */
async function updateTable(dynamodb: AwsJsonClient, name: string, wanted: JsonObject): Promise<JsonObject> {
  const describe = async () => objectAt(await dynamodb.call('DescribeTable', { TableName: name }), 'Table');
  const table = await describe();
  if (keysOf(table.KeySchema) !== keysOf(wanted.KeySchema)) {
    throw new StartError(`the table ${name} has another key than the stack's: use another --data directory`);
  }
  const present = new Set(listAt(table, 'GlobalSecondaryIndexes').map((index) => index.IndexName));
  for (const index of listAt(wanted, 'GlobalSecondaryIndexes')) {
    if (present.has(index.IndexName)) continue;
    await dynamodb.call('UpdateTable', {
      TableName: name,
      AttributeDefinitions: wanted.AttributeDefinitions ?? [],
      GlobalSecondaryIndexUpdates: [{ Create: index }],
    });
    const isActive = (current: JsonObject) =>
      listAt(current, 'GlobalSecondaryIndexes').every(({ IndexStatus }) => IndexStatus === 'ACTIVE');
    while (!isActive(await describe())) await delay(50);
  }
  const { StreamSpecification: stream } = wanted;
  if (stream === undefined || objectAt(table, 'StreamSpecification').StreamEnabled === true) return table;
  return objectAt(
    await dynamodb.call('UpdateTable', { TableName: name, StreamSpecification: stream }),
    'TableDescription',
  );
}

async function setTimeToLive(dynamodb: AwsJsonClient, name: string, wanted: Properties | undefined): Promise<void> {
  if (wanted?.boolean('Enabled', true) !== true) return;
  const attribute = wanted.string('AttributeName');
  const output = await dynamodb.call('DescribeTimeToLive', { TableName: name });
  if (objectAt(output, 'TimeToLiveDescription').AttributeName === attribute) return;
  await dynamodb.call('UpdateTimeToLive', {
    TableName: name,
    TimeToLiveSpecification: { Enabled: true, AttributeName: attribute },
  });
}

function keysOf(schema: Json | undefined): string {
  return (Array.isArray(schema) ? schema : [])
    .map((key) => (isJsonObject(key) ? JSON.stringify([key.KeyType, key.AttributeName]) : ''))
    .sort()
    .join();
}

function objectAt(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  return isJsonObject(value) ? value : {};
}

function listAt(parent: JsonObject, name: string): JsonObject[] {
  const value = parent[name];
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
