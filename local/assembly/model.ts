import type { Json, JsonObject } from '../json.ts';

/** A resource as the template has it, intrinsic functions included. */
export interface TemplateResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: JsonObject;
  readonly dependsOn: readonly string[];
  readonly condition: string | undefined;
}

/** A synthesized stack: its template and its assets. */
export interface Stack {
  readonly name: string;
  readonly resources: ReadonlyMap<string, TemplateResource>;
  /** Values of the outputs by logical id. */
  readonly outputs: ReadonlyMap<string, Json>;
  /** Default values of the parameters. */
  readonly parameters: ReadonlyMap<string, Json>;
  readonly conditions: JsonObject;
  readonly mappings: JsonObject;
  /** Absolute path of the directory that an asset's object key stands for. */
  readonly assets: ReadonlyMap<string, string>;
}
