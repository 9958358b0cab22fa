import { describe, expect, it } from 'vitest';

import { toStack } from '../../../local/assembly/cloud-assembly.ts';
import { StreamPositions } from '../../../local/event-sources/stream-positions.ts';
import type { Json, JsonObject } from '../../../local/json.ts';
import { parseOptions } from '../../../local/options.ts';
import { apiOfOutput, checkStack, provisionStack } from '../../../local/provision.ts';
import type { World } from '../../../local/world.ts';

/** A world without engines. */
const WORLD: World = {
  options: parseOptions([]),
  region: 'us-east-1',
  accountId: '000000000000',
  nameOf: (logicalId) => `net-${logicalId}`,
  assets: new Map(),
  log: () => undefined,
  apiFor: () => Promise.reject(new Error('no ports here')),
  dynamodb: () => Promise.reject(new Error('no DynamoDB here')),
  streams: () => Promise.reject(new Error('no DynamoDB here')),
  streamPositions: new StreamPositions(),
  sqs: () => Promise.reject(new Error('no SQS here')),
  functions: new Map(),
  apis: new Map(),
  eventSources: [],
  schedules: [],
};

const streamMapping = (properties: JsonObject): JsonObject => ({
  Type: 'AWS::Lambda::EventSourceMapping',
  Properties: {
    EventSourceArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-11-22T23:00:00.000',
    StartingPosition: 'TRIM_HORIZON',
    ...properties,
  },
});

const API: JsonObject = { Type: 'AWS::ApiGatewayV2::Api' };
const ROLE: JsonObject = { Type: 'AWS::IAM::Role' };

function stackOf(resources: JsonObject, outputs: Record<string, Json> = {}, more: JsonObject = {}) {
  const values = Object.fromEntries(Object.entries(outputs).map(([id, value]) => [id, { Value: value }]));
  return toStack('stack', { Resources: resources, Outputs: values, ...more }, new Map());
}

describe('checkStack', () => {
  const outputs = {
    TrackingUrl: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] },
    ApiUrl: { 'Fn::Sub': '${Api.ApiEndpoint}/v1' },
  };

  it('names every resource type that nobody handles', () => {
    const stack = stackOf({ Api: API, A: { Type: 'AWS::S3::Bucket' }, B: { Type: 'Custom::Thing' } }, outputs);
    expect(() => checkStack(stack)).toThrow('AWS::S3::Bucket (A), Custom::Thing (B)');
  });

  it('wants outputs that name the two APIs', () => {
    expect(() => checkStack(stackOf({ Api: API }))).toThrow("the stack's output TrackingUrl does not name an HTTP API");
    expect(apiOfOutput(stackOf({ Api: API }, outputs), 'ApiUrl')).toBe('Api');
    expect(() => checkStack(stackOf({ Api: API }, outputs))).not.toThrow();
  });
});

describe('provisionStack', () => {
  it('resolves references in whatever order the resources stand', async () => {
    const permission = {
      Type: 'AWS::Lambda::Permission',
      Properties: { FunctionName: { 'Fn::GetAtt': ['Later', 'Arn'] } },
    };
    const { outputs } = await provisionStack(
      stackOf(
        { First: permission, Later: ROLE },
        {
          Name: { Ref: 'Later' },
          Arn: { 'Fn::GetAtt': ['Later', 'Arn'] },
          Account: { Ref: 'AWS::AccountId' },
          Version: { Ref: 'BootstrapVersion' },
        },
        { Parameters: { BootstrapVersion: { Type: 'String', Default: '/path' } } },
      ),
      WORLD,
    );
    expect(Object.fromEntries(outputs)).toEqual({
      Name: 'net-Later',
      Arn: 'arn:aws:iam:us-east-1:000000000000:net-Later',
      Account: '000000000000',
      Version: '/path',
    });
  });

  it('leaves out resources whose condition does not hold', async () => {
    const stack = stackOf(
      { Never: { Type: 'AWS::SQS::Queue', Condition: 'No' } },
      {},
      { Conditions: { No: { 'Fn::Equals': [1, 2] } } },
    );
    await expect(provisionStack(stack, WORLD)).resolves.toBeDefined();
  });

  it.each<[string, JsonObject, RegExp]>([
    [
      'an intrinsic function',
      { A: { ...ROLE, Properties: { P: { 'Fn::ImportValue': 'x' } } } },
      /^A\.P: Fn::ImportValue is not/,
    ],
    [
      'an attribute',
      { A: ROLE, B: { ...ROLE, Properties: { P: { 'Fn::GetAtt': ['A', 'Color'] } } } },
      /B\.P: Fn::GetAtt of A\.Color/,
    ],
    ['a circle', { A: { ...ROLE, DependsOn: 'B' }, B: { ...ROLE, DependsOn: ['A'] } }, /circular reference/],
    [
      'what an engine refuses',
      { Q: { Type: 'AWS::SQS::Queue' } },
      /^Q \(AWS::SQS::Queue\) could not be made: no SQS here$/,
    ],
    ['a FIFO queue', { Q: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } } }, /^Q: FIFO queues/],
    [
      'another runtime',
      { F: { Type: 'AWS::Lambda::Function', Properties: { Code: {}, Runtime: 'python3.14' } } },
      /^F: .*python3\.14/,
    ],
    [
      'a missing asset',
      {
        F: {
          Type: 'AWS::Lambda::Function',
          Properties: { Code: { S3Key: 'k.zip' }, Runtime: 'nodejs24.x', Handler: 'i.h' },
        },
      },
      /^F\.Code: the assembly has no asset k\.zip$/,
    ],
    [
      'a source of events',
      { M: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { EventSourceArn: 'arn:aws:kinesis:x' } } },
      /^M: the local run reads events from SQS and DynamoDB only, not from arn:aws:kinesis:x$/,
    ],
    ['a property of a stream', { M: streamMapping({ TumblingWindowInSeconds: 5 }) }, /^M: .*TumblingWindowInSeconds/],
    ['a place in a stream', { M: streamMapping({ StartingPosition: 'AT_TIMESTAMP' }) }, /^M: .*not from AT_TIMESTAMP$/],
    [
      'an event pattern',
      { R: { Type: 'AWS::Events::Rule', Properties: { EventPattern: {} } } },
      /^R: .*event patterns/,
    ],
    ['a WebSocket API', { Api: { ...API, Properties: { ProtocolType: 'WEBSOCKET' } } }, /^Api: .*HTTP APIs only/],
  ])('says where it does not know %s', async (_title, resources, message) => {
    await expect(provisionStack(stackOf(resources), WORLD)).rejects.toThrow(message);
  });
});
