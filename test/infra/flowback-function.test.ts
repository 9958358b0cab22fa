import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { AttributeType, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { RecursiveLoop, SystemLogLevel } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import type { FlowbackFunctionProps } from '../../lib/flowback-function.ts';
import { FlowbackFunction } from '../../lib/flowback-function.ts';
import { resourcesOf, templateOf } from './synthesize.ts';

const FUNCTION = 'AWS::Lambda::Function';
const POLICY = 'AWS::IAM::Policy';

const synthesize = (props: Partial<FlowbackFunctionProps> = {}, use?: (fn: FlowbackFunction) => void) =>
  templateOf((stack) => {
    const fn = new FlowbackFunction(stack, 'Redirect', {
      code: 'redirect',
      description: 'Redirects',
      memorySize: 256,
      timeout: Duration.seconds(5),
      logRetention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.RETAIN,
      ...props,
    });
    use?.(fn);
  });

describe('FlowbackFunction', () => {
  it('runs on arm64 under the newest Node.js with what it was given', () => {
    synthesize({ environment: { NETWORK: 'n1' } }).hasResourceProperties(FUNCTION, {
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      MemorySize: 256,
      Timeout: 5,
      Environment: { Variables: { NETWORK: 'n1' } },
    });
  });

  it('takes no concurrency away from the account', () => {
    synthesize().hasResourceProperties(FUNCTION, { ReservedConcurrentExecutions: Match.absent() });
  });

  it('logs JSON to a log group of its own with a stated lifetime', () => {
    const template = synthesize();

    template.hasResourceProperties(FUNCTION, {
      LoggingConfig: { LogFormat: 'JSON', SystemLogLevel: 'INFO', LogGroup: { Ref: Match.stringLikeRegexp('Logs') } },
    });
    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30, LogGroupName: Match.absent() });
    template.hasResource('AWS::Logs::LogGroup', { DeletionPolicy: 'Retain' });
  });

  it("drops Lambda's own lines where they would cost too much", () => {
    synthesize({ systemLogLevel: SystemLogLevel.WARN }).hasResourceProperties(FUNCTION, {
      LoggingConfig: { SystemLogLevel: 'WARN' },
    });
  });

  it('has a role of its own that may write its log and nothing else (invariant 13)', () => {
    const template = synthesize();

    template.resourceCountIs('AWS::IAM::Role', 1);
    template.hasResourceProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent(), Policies: Match.absent() });
    template.hasResourceProperties(POLICY, {
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^RedirectLogs'), 'Arn'] },
          },
        ],
      },
    });
  });

  it('may use a table only within the partitions that were named, and never without naming one', () => {
    const template = synthesize({}, (fn) => {
      const table = new TableV2(fn, 'Table', { partitionKey: { name: 'pk', type: AttributeType.STRING } });
      fn.allowTable(table, { actions: ['GetItem'], partitions: ['settings', 'postback_of#*'] });
    });

    template.hasResourceProperties(POLICY, {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'dynamodb:GetItem',
            Condition: {
              'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['settings', 'postback_of#*'] },
              Null: { 'dynamodb:LeadingKeys': 'false' },
            },
          }),
        ]),
      },
    });
  });

  it('may touch only the attributes that were named, and see no others in an answer', () => {
    const template = synthesize({}, (fn) => {
      const table = new TableV2(fn, 'Table', { partitionKey: { name: 'pk', type: AttributeType.STRING } });
      fn.allowTable(table, { actions: ['UpdateItem'], partitions: ['postback'], attributes: ['pk', 'status'] });
    });

    template.hasResourceProperties(POLICY, {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'dynamodb:UpdateItem',
            Condition: {
              'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['postback'] },
              'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['pk', 'status'] },
              Null: { 'dynamodb:LeadingKeys': 'false', 'dynamodb:Attributes': 'false' },
              StringEqualsIfExists: {
                'dynamodb:Select': 'SPECIFIC_ATTRIBUTES',
                'dynamodb:ReturnValues': ['NONE', 'UPDATED_OLD', 'UPDATED_NEW'],
              },
            },
          }),
        ]),
      },
    });
  });

  it('may read the stream of a table and no other stream', () => {
    const template = synthesize({}, (fn) => {
      const partitionKey = { name: 'pk', type: AttributeType.STRING };
      fn.allowStream(new TableV2(fn, 'Table', { partitionKey, dynamoStream: StreamViewType.NEW_IMAGE }));
    });

    template.hasResourceProperties(POLICY, {
      PolicyDocument: {
        Statement: Match.arrayWith([
          {
            Effect: 'Allow',
            Action: ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map(
              (name) => `dynamodb:${name}`,
            ),
            Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^RedirectTable'), 'StreamArn'] },
          },
        ]),
      },
    });
  });

  it('may query only the indexes that were named', () => {
    const template = synthesize({}, (fn) => {
      const table = new TableV2(fn, 'Table', { partitionKey: { name: 'pk', type: AttributeType.STRING } });
      fn.allowTable(table, { actions: ['Query'], indexes: ['by_due'] });
    });

    const policy = JSON.stringify(Object.values(resourcesOf(template, POLICY)));
    expect(policy).toContain('/index/by_due');
    expect(policy).not.toContain('*');
  });

  it('leaves retries and loops to Lambda unless it is told otherwise', () => {
    const template = synthesize();

    template.resourceCountIs('AWS::Lambda::EventInvokeConfig', 0);
    template.hasResourceProperties(FUNCTION, { RecursiveLoop: Match.absent() });
  });

  it('bounds retries and allows loops if it is told so', () => {
    const template = synthesize({
      retryAttempts: 0,
      maxEventAge: Duration.minutes(1),
      recursiveLoop: RecursiveLoop.ALLOW,
    });

    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
    template.hasResourceProperties(FUNCTION, { RecursiveLoop: 'Allow' });
  });
});
