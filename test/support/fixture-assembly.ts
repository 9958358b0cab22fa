import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Path of a function for the tracking API of the fixture: what it does is chosen by the request's path. */
const WEB = `
const fs = require('node:fs');
let calls = 0, ticks = 0, stalls = 0;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
setInterval(() => { ticks += 1; }, 5).unref();
async function aws(service, target, input) {
  const response = await fetch(process.env['AWS_ENDPOINT_URL_' + service], {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target,
      authorization: 'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/x/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify(input),
  });
  return response.json();
}
exports.handler = async (event, context) => {
  calls += 1;
  const path = event.rawPath;
  if (path === '/env') return { variables: process.env, calls, remaining: context.getRemainingTimeInMillis(), name: context.functionName };
  if (path === '/ticks') { const before = ticks; await sleep(Number(event.queryStringParameters?.ms ?? 0)); return { before, ticks, calls }; }
  if (path === '/sleep') { await sleep(Number(event.queryStringParameters.ms)); return { calls }; }
  if (path === '/throw') throw new TypeError('broken on purpose');
  if (path === '/exit') process.exit(3);
  if (path === '/reject') { Promise.reject(new Error('nobody listens')); await sleep(500); }
  if (path === '/spin') for (;;) calls += 1;
  if (path === '/hog') { const hog = []; for (;;) hog.push(new Array(1e6).fill(calls)); }
  if (path === '/log') { console.log('first line\\nsecond line'); console.error('to stderr'); return 'logged'; }
  if (path === '/answer') return JSON.parse(event.body);
  if (path === '/aws') { const { service, target, input } = JSON.parse(event.body); return { body: JSON.stringify(await aws(service, target, input)), statusCode: 200 }; }
  return { event };
};`;

const BOOTSTRAP = `
const fs = require('node:fs');
exports.handler = async (event) => {
  fs.appendFileSync(process.env.OUT + '/bootstrap', JSON.stringify(event) + '\\n');
  if (fs.existsSync(process.env.OUT + '/has-keys')) return { admin_key: null };
  fs.writeFileSync(process.env.OUT + '/has-keys', '');
  return { admin_key: event.admin_key ?? 'generated-key-0123456789' };
};`;

/** Fails the messages whose body begins with `fail`; notes each that it sees. */
const CONSUMER = `
const fs = require('node:fs');
exports.handler = async (event) => {
  const note = (line) => fs.appendFileSync(process.env.OUT + '/consumed', line + '\\n');
  note(JSON.stringify(event.Records.map(({ body, attributes, messageAttributes }) =>
    ({ body, count: attributes.ApproximateReceiveCount, group: attributes.MessageGroupId, messageAttributes }))));
  if (event.Records.some(({ body }) => body === 'crash')) process.exit(1);
  if (event.Records.some(({ body }) => body.startsWith('slow'))) await new Promise((resolve) => setTimeout(resolve, 60_000));
  return { batchItemFailures: event.Records.filter(({ body }) => body.startsWith('fail')).map(({ messageId }) => ({ itemIdentifier: messageId })) };
};`;

/**
 * Notes the keys of each batch of changes. A key that begins with `throw` breaks the batch, `fail` is reported as failed,
 * `slow` takes a minute unless there is a file `quick`.
 */
const CHANGES = `
const fs = require('node:fs');
exports.handler = async (event) => {
  const keys = event.Records.map(({ dynamodb }) => dynamodb.Keys.pk.S);
  fs.appendFileSync(process.env.OUT + '/changed', JSON.stringify(keys) + '\\n');
  if (keys.some((key) => key.startsWith('throw'))) throw new Error('broken on purpose');
  if (keys.some((key) => key.startsWith('slow')) && !fs.existsSync(process.env.OUT + '/quick')) await new Promise((resolve) => setTimeout(resolve, 60_000));
  return { batchItemFailures: event.Records.filter(({ dynamodb }) => dynamodb.Keys.pk.S.startsWith('fail')).map(({ dynamodb }) => ({ itemIdentifier: dynamodb.SequenceNumber })) };
};`;

const TIMER = `
const fs = require('node:fs');
exports.handler = async (event) => { fs.appendFileSync(process.env.OUT + '/ticked', JSON.stringify(event) + '\\n'); };`;

export interface FixtureAssembly {
  /** For `--assembly`. */
  readonly directory: string;
  /** Where the functions write what happened to them. */
  readonly out: string;
  /** Removes both. */
  readonly remove: () => void;
}

type Template = Record<string, Record<string, unknown>>;

/**
 * Writes a small cloud assembly: two HTTP APIs, a queue with its dead-letter queue and consumer, a table, a schedule.
 *
 * @param change alters the template before it is written
 */
export function writeFixtureAssembly(change: (template: Template) => void = () => undefined): FixtureAssembly {
  const root = mkdtempSync(join(tmpdir(), 'flowback-fixture-'));
  const directory = join(root, 'cdk.out');
  const out = join(root, 'out');
  mkdirSync(out);
  const assets = { web: WEB, bootstrap: BOOTSTRAP, consumer: CONSUMER, changes: CHANGES, timer: TIMER };
  for (const [name, source] of Object.entries(assets)) {
    mkdirSync(join(directory, `asset.${name}`), { recursive: true });
    writeFileSync(join(directory, `asset.${name}`, 'index.js'), source);
  }
  const template = fixtureTemplate(out);
  change(template);
  const files = Object.keys(assets).map((name): [string, unknown] => [
    name,
    {
      source: { path: `asset.${name}`, packaging: 'zip' },
      destinations: { current: { bucketName: 'assets', objectKey: `${name}.zip` } },
    },
  ]);
  writeJson(join(directory, 'fixture.assets.json'), { version: '36.0.0', files: Object.fromEntries(files) });
  writeJson(join(directory, 'fixture.template.json'), template);
  writeJson(join(directory, 'manifest.json'), {
    version: '36.0.0',
    artifacts: {
      'fixture.assets': { type: 'cdk:asset-manifest', properties: { file: 'fixture.assets.json' } },
      fixture: {
        type: 'aws:cloudformation:stack',
        properties: { templateFile: 'fixture.template.json', stackName: 'fixture' },
      },
      Tree: { type: 'cdk:tree', properties: { file: 'tree.json' } },
    },
  });
  return { directory, out, remove: () => rmSync(root, { recursive: true, force: true }) };
}

function fixtureTemplate(out: string): Template {
  return {
    Resources: {
      ...api('Tracking', 'Web', ['ANY /click', 'ANY /c/{campaign_id}/{pub_id}', 'ANY /{proxy+}'], {
        rate: 5000,
        burst: 5000,
      }),
      ...api('Management', 'Web', ['ANY /v1/{proxy+}', 'GET /v1/health'], { rate: 1, burst: 5 }),
      Web: lambda('web', 3, {
        OUT: out,
        NETWORK: 'from-template',
        CACHE_SECONDS: '30',
        TABLE: { Ref: 'Table' },
        QUEUE_URL: { Ref: 'Queue' },
        TRACKING_URL: { 'Fn::GetAtt': ['TrackingApi', 'ApiEndpoint'] },
        ARN: { 'Fn::Sub': 'arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:${Queue.QueueName}' },
      }),
      Bootstrap: lambda('bootstrap', 10, { OUT: out }),
      Consumer: lambda('consumer', 2, { OUT: out }),
      // Reads nothing until a test adds a mapping.
      Changes: lambda('changes', 90, { OUT: out }),
      Timer: lambda('timer', 3, { OUT: out }),
      Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: {} } },
      Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { Threshold: 1 } },
      Queue: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          VisibilityTimeout: 1,
          RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['DeadLetters', 'Arn'] }, maxReceiveCount: 2 },
        },
      },
      DeadLetters: { Type: 'AWS::SQS::Queue', Properties: { MessageRetentionPeriod: 1_209_600 } },
      Mapping: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          BatchSize: 5,
          EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
          FilterCriteria: { Filters: [{ Pattern: '{"body":[{"anything-but":["unwanted"]}]}' }] },
          FunctionName: { Ref: 'Consumer' },
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ScalingConfig: { MaximumConcurrency: 2 },
        },
      },
      Table: {
        Type: 'AWS::DynamoDB::GlobalTable',
        Properties: {
          AttributeDefinitions: [
            { AttributeName: 'pk', AttributeType: 'S' },
            { AttributeName: 'due', AttributeType: 'N' },
          ],
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          GlobalSecondaryIndexes: [
            {
              IndexName: 'by_due',
              KeySchema: [
                { AttributeName: 'pk', KeyType: 'HASH' },
                { AttributeName: 'due', KeyType: 'RANGE' },
              ],
              Projection: { ProjectionType: 'KEYS_ONLY' },
            },
          ],
          StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
          TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
          Replicas: [{ Region: { Ref: 'AWS::Region' }, PointInTimeRecoverySpecification: {} }],
        },
      },
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          ScheduleExpression: 'rate(1 minute)',
          State: 'ENABLED',
          Targets: [{ Arn: { 'Fn::GetAtt': ['Timer', 'Arn'] }, Id: 'Target0' }],
        },
      },
    },
    Outputs: {
      TrackingUrl: { Value: { 'Fn::GetAtt': ['TrackingApi', 'ApiEndpoint'] } },
      ApiUrl: { Value: { 'Fn::GetAtt': ['ManagementApi', 'ApiEndpoint'] } },
      BootstrapFunctionName: { Value: { Ref: 'Bootstrap' } },
    },
  };
}

/** A mapping that hands the table's stream to the function that notes changes; for `change`. */
export function streamMapping(properties: Record<string, unknown>): Template {
  return {
    ChangesMapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: { 'Fn::GetAtt': ['Table', 'StreamArn'] },
        FunctionName: { Ref: 'Changes' },
        StartingPosition: 'TRIM_HORIZON',
        ...properties,
      },
    },
  };
}

function lambda(asset: string, timeout: number, variables: Record<string, unknown>) {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { S3Bucket: { 'Fn::Sub': 'assets-${AWS::AccountId}' }, S3Key: `${asset}.zip` },
      Handler: 'index.handler',
      MemorySize: 64,
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Runtime: 'nodejs24.x',
      Timeout: timeout,
      Environment: { Variables: variables },
    },
    DependsOn: ['Role'],
  };
}

function api(name: string, target: string, routes: readonly string[], throttle: { rate: number; burst: number }) {
  const apiId = { Ref: `${name}Api` };
  const routeResources = routes.map((key, index) => [
    `${name}Route${index}`,
    {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: apiId,
        AuthorizationType: 'NONE',
        RouteKey: key,
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: `${name}Integration` }]] },
      },
    },
  ]);
  return {
    [`${name}Api`]: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: name, ProtocolType: 'HTTP' } },
    [`${name}Stage`]: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: {
        ApiId: apiId,
        AutoDeploy: true,
        StageName: '$default',
        DefaultRouteSettings: { ThrottlingRateLimit: throttle.rate, ThrottlingBurstLimit: throttle.burst },
      },
    },
    [`${name}Integration`]: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: apiId,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::GetAtt': [target, 'Arn'] },
        PayloadFormatVersion: '2.0',
      },
    },
    ...(Object.fromEntries(routeResources) as Record<string, unknown>),
  };
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, JSON.stringify(value, null, 1));
}
