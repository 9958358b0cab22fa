import type { EventSource } from './event-sources/sqs-event-source.ts';
import type { StreamPositions } from './event-sources/stream-positions.ts';
import type { AwsJsonClient } from './engines/aws-json-client.ts';
import type { HttpApi } from './http-api/http-api.ts';
import type { Properties } from './json.ts';
import type { LambdaFunction } from './lambda-host/lambda-function.ts';
import type { Options } from './options.ts';
import type { Schedule } from './schedules/schedule.ts';

/** A template's resource with its intrinsic functions replaced. */
export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Properties;
}

/** What other resources can refer to. */
export interface Provisioned {
  /** Value of `Ref`. */
  readonly ref: string;
  /** Values of `Fn::GetAtt`. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Makes the resources of one type. */
export interface ResourceHandler {
  readonly type: string;
  readonly provision: (resource: Resource, world: World) => Provisioned | Promise<Provisioned>;
}

/** Everything that runs, and what it needs to be made. */
export interface World {
  readonly options: Options;
  readonly region: string;
  readonly accountId: string;
  /** Physical name of a resource: `<network>-<logical id>`. */
  readonly nameOf: (logicalId: string) => string;
  /** Directory of an asset by its object key. */
  readonly assets: ReadonlyMap<string, string>;
  readonly log: (source: string, text: string) => void;
  /** The listening API for a logical id. */
  readonly apiFor: (logicalId: string) => HttpApi | Promise<HttpApi>;
  readonly dynamodb: () => Promise<AwsJsonClient>;
  /** The streams of its tables. */
  readonly streams: () => Promise<AwsJsonClient>;
  readonly streamPositions: StreamPositions;
  readonly sqs: () => Promise<AwsJsonClient>;
  /** By name. */
  readonly functions: Map<string, LambdaFunction>;
  readonly apis: Map<string, ApiParts>;
  readonly eventSources: EventSource[];
  readonly schedules: Schedule[];
}

/** The resources of an HTTP API, gathered until all are known. */
export interface ApiParts {
  readonly api: HttpApi;
  readonly properties: Properties;
  readonly integrations: Map<string, Properties>;
  readonly routes: Properties[];
  readonly stages: Properties[];
}
