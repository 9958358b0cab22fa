import { StartError } from '../errors.ts';
import type { Properties } from '../json.ts';
import type { Resource, ResourceHandler, World } from '../world.ts';
import type { FunctionDefinition } from './function-definition.ts';
import { LambdaFunction } from './lambda-function.ts';

const lambdaFunction: ResourceHandler = {
  type: 'AWS::Lambda::Function',
  provision: async (resource, world) => {
    const definition = await define(resource, world);
    world.functions.set(definition.name, new LambdaFunction(definition, (text) => world.log(definition.name, text)));
    return { ref: definition.name, attributes: { Arn: definition.arn } };
  },
};

export const lambdaHandlers: readonly ResourceHandler[] = [lambdaFunction];

/**
 * The function that an ARN means, with or without a version, or API Gateway's URI of it.
 *
 * @throws StartError if it is not one of the stack's
 */
export function functionByArn(arn: string, world: World, where: string): LambdaFunction {
  const name = /function:([A-Za-z0-9_-]+)/.exec(arn)?.[1] ?? arn;
  const found = world.functions.get(name);
  if (found === undefined) throw new StartError(`${where}: ${arn} is no function of this stack`);
  return found;
}

async function define({ logicalId, properties }: Resource, world: World): Promise<FunctionDefinition> {
  const name = world.nameOf(logicalId);
  const code = properties.object('Code');
  const runtime = properties.string('Runtime');
  if (!runtime.startsWith('nodejs')) throw new StartError(`${logicalId}: the local run does not know ${runtime}`);
  for (const unsupported of ['Layers', 'VpcConfig', 'FileSystemConfigs']) {
    if (properties.has(unsupported)) throw new StartError(`${logicalId}: the local run does not know ${unsupported}`);
  }
  const { options } = world;
  const memoryMb = properties.number('MemorySize', 128);
  const reserved = properties.optionalNumber('ReservedConcurrentExecutions') ?? Infinity;
  const taskRoot = taskRootOf(code, world);
  const handler = properties.string('Handler');
  return {
    name,
    arn: `arn:aws:lambda:${world.region}:${world.accountId}:function:${name}`,
    taskRoot,
    source: code.optionalString('ZipFile'),
    handler,
    memoryMb,
    timeoutMs: properties.number('Timeout', 3) * 1000,
    maxEnvironments: Math.min(options.environments, reserved),
    environment: {
      ...reservedVariables(name, memoryMb, taskRoot, handler, runtime, world.region),
      ...loggingVariables(properties.optionalObject('LoggingConfig')),
      ...(await endpoints(world)),
      ...overrides(properties.optionalObject('Environment')?.stringMap('Variables') ?? {}, world),
    },
  };
}

function taskRootOf(code: Properties, world: World): string {
  if (code.has('ZipFile')) return '/var/task';
  const key = code.string('S3Key');
  const directory = world.assets.get(key);
  if (directory === undefined) throw new StartError(`${code.where}: the assembly has no asset ${key}`);
  return directory;
}

/** What Lambda sets. */
function reservedVariables(
  name: string,
  memoryMb: number,
  taskRoot: string,
  handler: string,
  runtime: string,
  region: string,
): Record<string, string> {
  return {
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    LAMBDA_TASK_ROOT: taskRoot,
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    _HANDLER: handler,
    // On AWS the runtime is newer than what starts us.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    PATH: '/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin',
  };
}

function loggingVariables(logging: Properties | undefined): Record<string, string> {
  if (logging?.optionalString('LogFormat') !== 'JSON') return { AWS_LAMBDA_LOG_FORMAT: 'Text' };
  return {
    AWS_LAMBDA_LOG_FORMAT: 'JSON',
    AWS_LAMBDA_LOG_LEVEL: logging.optionalString('ApplicationLogLevel') ?? 'INFO',
  };
}

/** Where the engines are. Any other service leads nowhere, so that local code never reaches AWS. */
async function endpoints(world: World): Promise<Record<string, string>> {
  const [dynamodb, sqs] = await Promise.all([world.dynamodb(), world.sqs()]);
  return {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

/** The template's variables, and what the runner's options change in them. */
function overrides(variables: Record<string, string>, { options }: World): Record<string, string> {
  const changed = { ...variables };
  if (changed.NETWORK !== undefined) changed.NETWORK = options.network;
  if (changed.CACHE_SECONDS !== undefined && options.cacheSeconds !== undefined) {
    changed.CACHE_SECONDS = String(options.cacheSeconds);
  }
  if (!options.strictEgress) changed.LOCAL_EGRESS = 'loopback';
  if (options.retrySchedule !== undefined) changed.LOCAL_RETRY_SCHEDULE = options.retrySchedule;
  return changed;
}
