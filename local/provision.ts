import type { Stack, TemplateResource } from './assembly/model.ts';
import { messageOf, StartError } from './errors.ts';
import type { Scope } from './intrinsics/resolve.ts';
import { conditionHolds, referencesOf, resolveIntrinsics } from './intrinsics/resolve.ts';
import type { Json } from './json.ts';
import { isJsonObject, Properties } from './json.ts';
import { registry } from './registry.ts';
import type { Provisioned, World } from './world.ts';

/** A stack whose resources run. */
interface ProvisionedStack {
  /** Values of the stack's outputs. */
  readonly outputs: ReadonlyMap<string, Json>;
}

/**
 * Makes every resource of a stack, each as soon as those exist to which it refers.
 *
 * @throws StartError for a resource type, an intrinsic function or a property that the runner does not know
 */
export async function provisionStack(stack: Stack, world: World): Promise<ProvisionedStack> {
  const provisioned = new Map<string, Provisioned>();
  const scope = scopeOf(stack, world, provisioned);
  const started = new Map<string, Promise<void>>();

  const provision = (resource: TemplateResource, path: readonly string[]): Promise<void> => {
    const { logicalId } = resource;
    if (path.includes(logicalId)) throw new StartError(`${[...path, logicalId].join(' -> ')}: circular reference`);
    const known = started.get(logicalId);
    if (known !== undefined) return known;
    const names = new Set([...referencesOf(resource.properties), ...resource.dependsOn]);
    const needed = [...names].flatMap((name) => stack.resources.get(name) ?? []);
    const pending = needed.filter((other) => exists(other)).map((other) => provision(other, [...path, logicalId]));
    const done = Promise.all(pending).then(async () => {
      provisioned.set(logicalId, await make(resource, scope, world));
    });
    started.set(logicalId, done);
    return done;
  };
  const exists = ({ condition }: TemplateResource) => condition === undefined || conditionHolds(condition, scope);

  await Promise.all([...stack.resources.values()].filter(exists).map((resource) => provision(resource, [])));
  const outputs = [...stack.outputs].map(
    ([id, value]) => [id, resolveIntrinsics(value, scope, `Outputs.${id}`)] as const,
  );
  return { outputs: new Map(outputs) };
}

/** The HTTP API that an output names, by its logical id. */
export function apiOfOutput(stack: Stack, output: string): string {
  const api = [...referencesOf(stack.outputs.get(output) ?? null)].find(
    (id) => stack.resources.get(id)?.type === 'AWS::ApiGatewayV2::Api',
  );
  if (api === undefined) throw new StartError(`the stack's output ${output} does not name an HTTP API`);
  return api;
}

async function make(resource: TemplateResource, scope: Scope, world: World): Promise<Provisioned> {
  const { logicalId, type } = resource;
  const handler = registry.get(type);
  if (handler === undefined) throw new StartError(`${logicalId}: unknown resource type ${type}`);
  const values = resolveIntrinsics(resource.properties, scope, logicalId);
  try {
    const properties = new Properties(logicalId, isJsonObject(values) ? values : {});
    return await handler.provision({ logicalId, type, properties }, world);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`${logicalId} (${type}) could not be made: ${messageOf(error)}`);
  }
}

/**
 * Looks at what can be seen before anything runs.
 *
 * @throws StartError for resource types and outputs that the runner cannot serve
 */
export function checkStack(stack: Stack): void {
  for (const output of ['TrackingUrl', 'ApiUrl']) apiOfOutput(stack, output);
  const unknown = [...stack.resources.values()].filter(({ type }) => !registry.has(type));
  if (unknown.length === 0) return;
  const names = unknown.map(({ logicalId, type }) => `${type} (${logicalId})`).join(', ');
  throw new StartError(`the local run does not know these resources of the stack: ${names}; add a handler in local/`);
}

function scopeOf(stack: Stack, world: World, provisioned: ReadonlyMap<string, Provisioned>): Scope {
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::AccountId': world.accountId,
    'AWS::Region': world.region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stack.name,
    'AWS::StackId': `arn:aws:cloudformation:${world.region}:${world.accountId}:stack/${stack.name}/local`,
  };
  return {
    ref: (name) => provisioned.get(name)?.ref ?? pseudo[name] ?? stack.parameters.get(name),
    attribute: (resource, attribute) => provisioned.get(resource)?.attributes?.[attribute],
    conditions: stack.conditions,
    mappings: stack.mappings,
  };
}
