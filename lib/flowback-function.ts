import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Stack } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import { Architecture, Function, LoggingFormat, Runtime, SystemLogLevel, Tracing } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { FilterPattern, LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { LogEvent } from '../lambdas/runtime/log.ts';
import type { FunctionName } from './function-code.ts';
import { functionCode } from './function-code.ts';

/**
 * What a function may be allowed on a table. `Scan` is left out on purpose: a `dynamodb:LeadingKeys` condition does not
 * bound it, and nothing here needs it. Transactions are authorized by the action of each of their items.
 */
type TableAction = 'ConditionCheckItem' | 'DeleteItem' | 'GetItem' | 'PutItem' | 'Query' | 'UpdateItem';

type QueueAction =
  'ChangeMessageVisibility' | 'DeleteMessage' | 'GetQueueAttributes' | 'ReceiveMessage' | 'SendMessage';

interface TableAccess {
  readonly actions: readonly TableAction[];
  /** Partition keys that the actions are bound to; `*` stands for any characters. @default - every partition */
  readonly partitions?: readonly string[];
  /** Attributes that the actions are bound to, those of the keys included. @default - every attribute */
  readonly attributes?: readonly string[];
  /** Indexes that may be queried as well. @default - none */
  readonly indexes?: readonly string[];
}

/** What all functions of a stage share. */
interface FunctionDefaults {
  readonly logRetention: RetentionDays;
  /** Of the log group. */
  readonly removalPolicy: RemovalPolicy;
}

export interface FlowbackFunctionProps extends FunctionDefaults {
  /** Folder under lambdas/ with the handler. */
  readonly code: FunctionName;
  readonly description: string;
  /** Files of this machine that lie beside the code, by the name that they get there. @default - none */
  readonly files?: Readonly<Record<string, string>>;
  /** Megabytes. */
  readonly memorySize: number;
  readonly timeout: Duration;
  /** @default - none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lambda's own lines (start, end, report) from this level on. @default SystemLogLevel.INFO */
  readonly systemLogLevel?: SystemLogLevel;
  /** Retries of an asynchronous invocation, 0 to 2. @default - as Lambda has it: 2 */
  readonly retryAttempts?: number;
  /** How long an asynchronous invocation may wait. @default - as Lambda has it: 6 hours */
  readonly maxEventAge?: Duration;
  /** @default - as Lambda has it: stopped after about 16 rounds */
  readonly recursiveLoop?: RecursiveLoop;
}

/** The house function: runtime, architecture, bundle, log group and a role of its own that may do nothing else. */
export class FlowbackFunction extends Construct {
  readonly resource: Function;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: FlowbackFunctionProps) {
    super(scope, id);

    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
    });

    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Execution role of ${id}`,
    });
    this.#allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [this.logGroup.logGroupArn]);

    this.resource = new Function(this, 'Function', {
      description: props.description,
      code: functionCode(props.code, props.files),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize,
      timeout: props.timeout,
      role: this.role,
      environment: { ...props.environment },
      logGroup: this.logGroup,
      // Our lines are JSON on standard output, which Lambda passes on as they are. JSON makes Lambda's own lines JSON
      // too and lets them be filtered by level; console.log would be wrapped and is not used.
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: props.systemLogLevel ?? SystemLogLevel.INFO,
      tracing: Tracing.DISABLED,
      retryAttempts: props.retryAttempts,
      maxEventAge: props.maxEventAge,
      recursiveLoop: props.recursiveLoop,
    });
  }

  /** Allows exactly these actions on this table, its named indexes included. */
  allowTable(table: ITableV2, access: TableAccess): void {
    const indexes = (access.indexes ?? []).map((index) => `${table.tableArn}/index/${index}`);
    this.#allow(
      access.actions.map((action) => `dynamodb:${action}`),
      [table.tableArn, ...indexes],
      boundTo(access),
    );
  }

  /** Allows exactly these actions on this queue. */
  allowQueue(queue: IQueue, actions: readonly QueueAction[]): void {
    this.#allow(
      actions.map((action) => `sqs:${action}`),
      [queue.queueArn],
    );
  }

  /** Allows a mapping to read this table's stream. */
  allowStream(table: ITableV2): void {
    if (table.tableStreamArn === undefined) throw new Error(`${table.node.path} has no stream`);
    this.#allow(
      // Lambda demands the last one, too, when the mapping is made; CDK's own grant allows it on every table.
      // https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
      ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
      [table.tableStreamArn],
    );
  }

  /** A metric of how many lines of one event this function logs, apart by a field of them if one is named. */
  countLines(metricName: string, event: LogEvent, field?: string): Metric {
    return new MetricFilter(this, metricName, {
      logGroup: this.logGroup,
      filterPattern: FilterPattern.stringValue('$.event', '=', event),
      metricNamespace: Stack.of(this).stackName,
      metricName,
      dimensions: field === undefined ? undefined : { [field]: `$.${field}` },
    }).metric({ statistic: Stats.SUM });
  }

  #allow(actions: readonly string[], resources: readonly string[], conditions?: Record<string, unknown>): void {
    this.role.addToPrincipalPolicy(
      new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources], conditions }),
    );
  }
}

function boundTo({ partitions, attributes }: TableAccess): Record<string, unknown> | undefined {
  if (partitions === undefined && attributes === undefined) return undefined;
  return {
    ...(partitions && { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': partitions } }),
    ...(attributes && {
      'ForAllValues:StringEquals': { 'dynamodb:Attributes': attributes },
      // Else an answer could have attributes that were not asked for.
      // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
      StringEqualsIfExists: {
        'dynamodb:Select': 'SPECIFIC_ATTRIBUTES',
        'dynamodb:ReturnValues': ['NONE', 'UPDATED_OLD', 'UPDATED_NEW'],
      },
    }),
    // ForAllValues is true of a request without the key: demand the key.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    Null: {
      ...(partitions && { 'dynamodb:LeadingKeys': 'false' }),
      ...(attributes && { 'dynamodb:Attributes': 'false' }),
    },
  };
}
