import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { messageOf, StartError } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { isJsonObject, parseJson } from '../json.ts';
import type { Stack, TemplateResource } from './model.ts';

/**
 * Reads the one stack of a cloud assembly.
 *
 * @param directory what `cdk synth --output` wrote
 * @throws StartError if there is no assembly or not exactly one stack
 */
export async function readCloudAssembly(directory: string): Promise<Stack> {
  const manifest = await readObject(join(directory, 'manifest.json'));
  const artifacts = Object.entries(objectAt(manifest, 'artifacts'));
  const stacks = artifacts.filter(
    ([, artifact]) => isJsonObject(artifact) && artifact.type === 'aws:cloudformation:stack',
  );
  const [stack] = stacks;
  if (stack === undefined || stacks.length !== 1) {
    throw new StartError(`${directory}: the local run serves one stack, the assembly has ${stacks.length}`);
  }
  const [id, artifact] = stack;
  const properties = objectAt(isJsonObject(artifact) ? artifact : {}, 'properties');
  const template = await readObject(join(directory, stringAt(properties, 'templateFile')));
  return toStack(
    typeof properties.stackName === 'string' ? properties.stackName : id,
    template,
    await readAssets(directory, artifacts),
  );
}

/** The typed model of a template. */
export function toStack(name: string, template: JsonObject, assets: ReadonlyMap<string, string>): Stack {
  const resources = Object.entries(objectAt(template, 'Resources')).map(
    ([id, value]) => [id, toResource(id, value)] as const,
  );
  const outputs = Object.entries(objectAt(template, 'Outputs')).map(
    ([id, output]) => [id, (isJsonObject(output) ? output.Value : undefined) ?? null] as const,
  );
  const parameters = Object.entries(objectAt(template, 'Parameters')).flatMap(([id, parameter]) =>
    isJsonObject(parameter) && parameter.Default !== undefined ? [[id, parameter.Default] as const] : [],
  );
  return {
    name,
    resources: new Map(resources),
    outputs: new Map<string, Json>(outputs),
    parameters: new Map<string, Json>(parameters),
    conditions: objectAt(template, 'Conditions'),
    mappings: objectAt(template, 'Mappings'),
    assets,
  };
}

function toResource(logicalId: string, value: Json): TemplateResource {
  if (!isJsonObject(value) || typeof value.Type !== 'string') throw new StartError(`${logicalId}: no resource type`);
  const dependsOn = typeof value.DependsOn === 'string' ? [value.DependsOn] : (value.DependsOn ?? []);
  return {
    logicalId,
    type: value.Type,
    properties: objectAt(value, 'Properties'),
    dependsOn: (Array.isArray(dependsOn) ? dependsOn : []).filter((item) => typeof item === 'string'),
    condition: typeof value.Condition === 'string' ? value.Condition : undefined,
  };
}

/** Directories of the file assets by object key, from the manifests that name where each is uploaded to. */
async function readAssets(
  directory: string,
  artifacts: readonly (readonly [string, Json])[],
): Promise<Map<string, string>> {
  const assets = new Map<string, string>();
  for (const [, artifact] of artifacts) {
    if (!isJsonObject(artifact) || artifact.type !== 'cdk:asset-manifest') continue;
    const manifest = await readObject(join(directory, stringAt(objectAt(artifact, 'properties'), 'file')));
    for (const file of Object.values(objectAt(manifest, 'files'))) {
      if (!isJsonObject(file)) continue;
      const path = objectAt(file, 'source').path;
      if (typeof path !== 'string') continue;
      for (const destination of Object.values(objectAt(file, 'destinations'))) {
        if (isJsonObject(destination) && typeof destination.objectKey === 'string') {
          assets.set(destination.objectKey, resolve(directory, path));
        }
      }
    }
  }
  return assets;
}

async function readObject(path: string): Promise<JsonObject> {
  try {
    const value = parseJson(await readFile(path, 'utf8'));
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw new StartError(`no cloud assembly: ${messageOf(error)}`);
  }
  throw new StartError(`no cloud assembly: ${path} is not an object`);
}

function objectAt(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  return isJsonObject(value) ? value : {};
}

function stringAt(parent: JsonObject, name: string): string {
  const value = parent[name];
  if (typeof value !== 'string') throw new StartError(`no cloud assembly: ${name} is missing`);
  return value;
}
