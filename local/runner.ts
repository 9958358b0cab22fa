import { join } from 'node:path';

import type { ObtainedAssembly } from './assembly/cache.ts';
import { obtainAssembly } from './assembly/cache.ts';
import { readCloudAssembly } from './assembly/cloud-assembly.ts';
import type { Stack } from './assembly/model.ts';
import { DataDirectory } from './data-directory.ts';
import { dynamodbClient, dynamodbStreamsClient, sqsClient } from './engines/aws-json-client.ts';
import type { DynamodbLocal } from './engines/dynamodb-local.ts';
import { startDynamodbLocal } from './engines/dynamodb-local.ts';
import type { SqsServer } from './engines/sqs/server.ts';
import { startSqsServer } from './engines/sqs/server.ts';
import { StartError } from './errors.ts';
import { StreamPositions } from './event-sources/stream-positions.ts';
import { HttpApi } from './http-api/http-api.ts';
import { deployApi } from './http-api/resources.ts';
import type { TlsKeyPair } from './http-api/tls.ts';
import { readKeyPair } from './http-api/tls.ts';
import type { Json } from './json.ts';
import { isJsonObject, parseJson } from './json.ts';
import type { Options } from './options.ts';
import { apiOfOutput, checkStack, provisionStack } from './provision.ts';
import type { World } from './world.ts';

/** What a runner tells when it is ready. */
interface Ready {
  /** Base URL of the tracking API. */
  readonly url: string;
  /** Base URL of the management API. */
  readonly apiUrl: string;
  /** Null if there are keys already and none of them is known. */
  readonly adminKey: string | null;
}

interface RunnerEvents {
  /** Lines of functions and of the runner itself. */
  readonly log: (source: string, text: string) => void;
  /** Something that the runner cannot do without has ended by itself. */
  readonly failed: (reason: string) => void;
}

const REGION = 'us-east-1';
const ACCOUNT = '000000000000';
/** How long the answers under way may take when the runner stops. */
const GRACE_MS = 1_500;

/** One network on this machine. */
export class Runner {
  private readonly options: Options;
  private readonly events: RunnerEvents;
  private readonly aborted = new AbortController();
  private readonly apis: HttpApi[] = [];
  private data: DataDirectory | undefined;
  private assembly: ObtainedAssembly | undefined;
  private dynamodbLocal: Promise<DynamodbLocal> | undefined;
  private sqsServer: Promise<SqsServer> | undefined;
  private world: World | undefined;
  private stopping = false;

  constructor(options: Options, events: RunnerEvents) {
    this.options = options;
    this.events = events;
  }

  /** @throws StartError; call `stop` then, too */
  async start(): Promise<Ready> {
    const { port, data, tls } = this.options;
    if (data !== undefined) this.data = await DataDirectory.open(data);
    // Ports first: they are what most often fails, and functions need to know them.
    const tracking = await this.listen(port, tls && readKeyPair(tls));
    const management = await this.listen(port === 0 ? 0 : port + 1);
    const dynamodbEndpoint = this.startDynamodb();
    const sqsEndpoint = this.startSqs();
    const [stack] = await Promise.all([this.readStack(), dynamodbEndpoint, sqsEndpoint]);
    const ports = new Map([
      [apiOfOutput(stack, 'TrackingUrl'), tracking],
      [apiOfOutput(stack, 'ApiUrl'), management],
    ]);
    const world = this.makeWorld(stack, ports, await dynamodbEndpoint, await sqsEndpoint);
    this.world = world;
    const { outputs } = await provisionStack(stack, world);
    const adminKey = await this.bootstrap(outputs, world);
    // Only now: until there are keys every answer would be a misleading one instead of 503.
    for (const [apiId, parts] of world.apis) deployApi(apiId, parts, world);
    this.aborted.signal.throwIfAborted();
    for (const source of world.eventSources) source.start();
    for (const schedule of world.schedules) schedule.start();
    return { url: tracking.url, apiUrl: management.url, adminKey };
  }

  /** Stops everything, in at most some 4 s. What was acknowledged is kept if there is a data directory. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.aborted.abort(new StartError('stopped'));
    const { world } = this;
    for (const schedule of world?.schedules ?? []) schedule.stop();
    const grace = new Promise((resolve) => setTimeout(resolve, GRACE_MS).unref());
    await Promise.all([
      Promise.race([grace, Promise.all((world?.eventSources ?? []).map((source) => source.stop()))]),
      ...this.apis.map((api) => api.stop(GRACE_MS)),
    ]);
    await Promise.all([...(world?.functions.values() ?? [])].map((lambda) => lambda.stop()));
    const engines = await Promise.allSettled([this.dynamodbLocal, this.sqsServer].map(async (engine) => engine));
    await Promise.all(
      engines.map(async (engine) => (engine.status === 'fulfilled' ? engine.value?.stop() : undefined)),
    );
    await this.assembly?.dispose();
    this.data?.unlock();
  }

  private async listen(port: number, tls?: TlsKeyPair): Promise<HttpApi> {
    const api = await HttpApi.listen(port, tls);
    this.apis.push(api);
    return api;
  }

  private async startDynamodb(): Promise<string> {
    const { dynamodbEndpoint } = this.options;
    if (dynamodbEndpoint !== undefined) return dynamodbEndpoint;
    const directory = this.data === undefined ? undefined : join(this.data.path, 'dynamodb');
    this.dynamodbLocal = startDynamodbLocal(directory, this.aborted.signal, (pid) => this.data?.addEngine(pid));
    const engine = await this.dynamodbLocal;
    void engine.failed.then((said) => {
      if (!this.stopping) this.events.failed(`DynamoDB Local ended: ${said.split('\n').at(-1) ?? ''}`);
    });
    return engine.endpoint;
  }

  private async startSqs(): Promise<string> {
    const { sqsEndpoint } = this.options;
    if (sqsEndpoint !== undefined) return sqsEndpoint;
    const journal = this.data === undefined ? {} : { journal: join(this.data.path, 'queues.jsonl') };
    this.sqsServer = startSqsServer({ region: REGION, ...journal });
    return (await this.sqsServer).endpoint;
  }

  private async readStack(): Promise<Stack> {
    this.assembly = this.options.assembly === undefined ? await obtainAssembly(this.aborted.signal) : undefined;
    const stack = await readCloudAssembly(this.assembly?.directory ?? this.options.assembly ?? '');
    checkStack(stack);
    return stack;
  }

  private makeWorld(stack: Stack, ports: ReadonlyMap<string, HttpApi>, dynamodb: string, sqs: string): World {
    const { options } = this;
    const clients = {
      dynamodb: dynamodbClient(dynamodb, REGION),
      streams: dynamodbStreamsClient(dynamodb, REGION),
      sqs: sqsClient(sqs, REGION),
    };
    return {
      options,
      region: REGION,
      accountId: ACCOUNT,
      nameOf: (logicalId) => `${options.network}-${logicalId}`,
      assets: stack.assets,
      log: this.events.log,
      apiFor: (logicalId) => ports.get(logicalId) ?? this.listen(0),
      dynamodb: () => Promise.resolve(clients.dynamodb),
      streams: () => Promise.resolve(clients.streams),
      streamPositions: new StreamPositions(this.data && join(this.data.path, 'streams.json')),
      sqs: () => Promise.resolve(clients.sqs),
      functions: new Map(),
      apis: new Map(),
      eventSources: [],
      schedules: [],
    };
  }

  /** Calls the stack's bootstrap function, which makes the keys and settings that are missing. */
  private async bootstrap(outputs: ReadonlyMap<string, Json>, world: World): Promise<string | null> {
    const { data } = this;
    const { network } = this.options;
    const known = this.options.adminKey === undefined ? data?.readAdminKey(network) : undefined;
    // A key that is known already is not given again: the operator may have deleted it.
    const adminKey = this.options.adminKey ?? (known === undefined ? data?.newAdminKey(network) : undefined);
    const name = outputs.get('BootstrapFunctionName');
    const lambda = typeof name === 'string' ? world.functions.get(name) : undefined;
    if (lambda === undefined) throw new StartError("the stack's output BootstrapFunctionName does not name a function");
    const event = { network_name: network, ...(adminKey === undefined ? {} : { admin_key: adminKey }) };
    const result = await lambda.invoke(JSON.stringify(event));
    if (result.kind !== 'success') {
      const reason = result.kind === 'error' ? result.payload : 'no environment';
      throw new StartError(`the bootstrap function failed: ${reason}`);
    }
    const answer = parseJson(result.payload);
    const made = isJsonObject(answer) && typeof answer.admin_key === 'string' ? answer.admin_key : undefined;
    if (made !== undefined) data?.saveAdminKey(network, made);
    return made ?? known ?? null;
  }
}
