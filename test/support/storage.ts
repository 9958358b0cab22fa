import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startDynamodbLocal } from '../../local/engines/dynamodb-local.ts';
import { resourcesOf, stackTemplate } from '../infra/synthesize.ts';

const TABLES = ['catalog', 'clicks', 'conversions', 'deliveries', 'hits', 'counters'] as const;
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
  const engine = await startDynamodbLocal();
  const { endpoint } = engine;
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const inputs = tableInputs();
  await Promise.all(Object.values(inputs).map((input) => client.send(new CreateTableCommand(input))));
  return {
    client,
    endpoint,
    tables: Object.fromEntries(TABLES.map((name) => [name, inputs[name].TableName])) as Storage['tables'],
    async stop() {
      client.destroy();
      await engine.stop();
    },
  };
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
