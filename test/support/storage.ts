import { randomUUID } from 'node:crypto';
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { inject } from 'vitest';
import type { LocalOptions } from './local.ts';

export const TABLES = ['catalog', 'clicks', 'conversions', 'deliveries', 'hits', 'counters', 'audit'] as const;
export type TableName = (typeof TABLES)[number];
export type TableInputs = Readonly<Record<TableName, Omit<CreateTableCommandInput, 'TableName'>>>;

/** One DynamoDB Local for all test files, and what the stack's tables are made with. */
export interface SharedStorage {
  readonly endpoint: string;
  readonly inputs: TableInputs;
}

/** DynamoDB Local with the stack's tables, empty. */
export interface Storage {
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly tables: Readonly<Record<TableName, string>>;
  /** From then on there are no such tables: every call fails. */
  stop(): Promise<void>;
}

/** Tables of its own in the engine that all test files share. Once a test file; `stop` in afterAll. */
export async function startStorage(): Promise<Storage> {
  const { endpoint, inputs } = await sharedStorage();
  const client = clientOf(endpoint);
  const own = randomUUID();
  const names = TABLES.map((name) => [name, `${name}-${own}`] as const);
  await Promise.all(
    names.map(([name, TableName]) => client.send(new CreateTableCommand({ ...inputs[name], TableName }))),
  );
  let stopped: Promise<void> | undefined;
  return {
    client,
    endpoint,
    tables: Object.fromEntries(names) as Storage['tables'],
    stop: () => (stopped ??= remove()),
  };

  async function remove(): Promise<void> {
    await Promise.all(names.map(([, TableName]) => client.send(new DeleteTableCommand({ TableName }))));
    client.destroy();
  }
}

/** Options of a local run with tables of its own in the engine that all test files share; for one that asks little of it. */
export async function inSharedStorage(): Promise<Required<Pick<LocalOptions, 'network' | 'dynamodbEndpoint'>>> {
  const { endpoint } = await sharedStorage();
  return { network: `n${randomUUID().slice(0, 8)}`, dynamodbEndpoint: endpoint };
}

/** Names of the tables of a local run, in any engine. */
export async function tablesOf(network: string, client: DynamoDBClient): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { TableNames = [] } of paginateListTables({ client }, {})) names.push(...TableNames);
  return names.filter((name) => name.startsWith(`${network}-`));
}

/** For an engine on this machine. */
export function clientOf(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
}

async function sharedStorage(): Promise<SharedStorage> {
  const response = await fetch(inject('sharedStorage'));
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as SharedStorage;
}
