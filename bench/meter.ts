import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TableDescription } from '@aws-sdk/client-dynamodb';
import { addConsumed, consumedByCall, consumedByTransaction, NOTHING } from './consumed.ts';
import type { Consumed, Item, ReportedCapacity, RowChange, TableIndex } from './consumed.ts';

/** Stands between a function and DynamoDB and SQS, and counts what the function asks for. */
export interface Meter {
  readonly endpoint: string;
  /** What was consumed since the last time. Throws if that could not be told of each call. */
  take(): Consumed;
  stop(): Promise<void>;
}

interface Upstreams {
  readonly dynamoDb: string;
  readonly sqs: string;
}

interface TableCall {
  readonly TableName: string;
  readonly ConsistentRead?: boolean;
}

interface Transaction {
  readonly TransactItems: readonly Readonly<Record<string, { TableName: string; Key?: Item; Item?: Item }>>[];
}

const PREFIX = 'DynamoDB_20120810.';

/** @param tables - by the name that calls are counted under */
export async function startMeter(upstreams: Upstreams, tables: Readonly<Record<string, string>>): Promise<Meter> {
  const shapes = new Map<string, TableShape>();
  for (const [name, table] of Object.entries(tables)) {
    const { Table } = (await ask(upstreams.dynamoDb, 'DescribeTable', { TableName: table })) as DescribedTable;
    shapes.set(table, shapeOf(name, Table));
  }
  const shapeNamed = (table: string): TableShape => {
    const shape = shapes.get(table);
    if (shape === undefined) throw new Error(`a table that nobody named: ${table}`);
    return shape;
  };
  /** What reads each row of a transaction. */
  const readsOf = ({ TransactItems }: Transaction) =>
    TransactItems.flatMap((item) => Object.values(item)).map(({ TableName, Key, Item = {} }) => {
      const { keys } = shapeNamed(TableName);
      const key = Object.fromEntries(Object.entries(Item).filter(([name]) => keys.includes(name)));
      return { TableName, Key: Key ?? key, ConsistentRead: true };
    });
  const readRows = (reads: ReturnType<typeof readsOf>) =>
    Promise.all(reads.map((read) => ask(upstreams.dynamoDb, 'GetItem', read) as Promise<{ Item?: Item }>));

  let consumed = NOTHING;
  let failed: unknown = null;

  const transact = async (input: Transaction): Promise<[string, Consumed]> => {
    const reads = readsOf(input);
    const before = await readRows(reads);
    const answer = await post(upstreams.dynamoDb, `${PREFIX}TransactWriteItems`, input);
    const after = await readRows(reads);
    const changes = reads.map(({ TableName }, row): RowChange => {
      const { indexes } = shapeNamed(TableName);
      return { before: before[row]?.Item ?? null, after: after[row]?.Item ?? null, indexes };
    });
    return [answer, consumedByTransaction(changes)];
  };

  const callTable = async (operation: string, input: TableCall): Promise<[string, Consumed]> => {
    const answer = await post(upstreams.dynamoDb, PREFIX + operation, { ...input, ReturnConsumedCapacity: 'INDEXES' });
    const { ConsumedCapacity } = JSON.parse(answer) as { ConsumedCapacity: ReportedCapacity };
    const of = { table: shapeNamed(input.TableName).name, consistent: input.ConsistentRead === true };
    return [answer, consumedByCall(operation, of, ConsumedCapacity)];
  };

  const callQueue = async (target: string, operation: string, input: object): Promise<[string, Consumed]> => {
    return [await post(upstreams.sqs, target, input), { ...NOTHING, calls: { [operation]: 1 } }];
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const target = String(request.headers['x-amz-target']);
    const operation = target.slice(target.indexOf('.') + 1);
    const input = JSON.parse(await text(request)) as TableCall | Transaction;
    const [answer, billed] = !target.startsWith(PREFIX)
      ? await callQueue(target, operation, input)
      : 'TransactItems' in input
        ? await transact(input)
        : await callTable(operation, input);
    consumed = addConsumed(consumed, billed);
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(answer);
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      failed ??= error;
      // An error that the function does not try again and logs.
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: 'ValidationException', message: String(error) }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      if (failed !== null) throw new Error('a call could not be counted', { cause: failed });
      const taken = consumed;
      consumed = NOTHING;
      return taken;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface TableShape {
  readonly name: string;
  readonly keys: readonly string[];
  readonly indexes: readonly TableIndex[];
}

interface DescribedTable {
  readonly Table: TableDescription;
}

function shapeOf(name: string, { KeySchema = [], GlobalSecondaryIndexes = [] }: TableDescription): TableShape {
  const namesOf = (schema: TableDescription['KeySchema']) =>
    (schema ?? []).map(({ AttributeName = '' }) => AttributeName);
  const keys = namesOf(KeySchema);
  const indexes = GlobalSecondaryIndexes.map((index) => {
    const { ProjectionType, NonKeyAttributes = [] } = index.Projection ?? {};
    const own = namesOf(index.KeySchema);
    return { keys: own, projected: ProjectionType === 'ALL' ? null : [...keys, ...own, ...NonKeyAttributes] };
  });
  return { name, keys, indexes };
}

/** The emulators check no signature but want one. */
const AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/any/aws4_request, SignedHeaders=host, Signature=none';

/** The body of the answer. Nothing is told of what a call that failed is billed: it throws. */
async function post(endpoint: string, target: string, input: object): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      authorization: AUTHORIZATION,
      'x-amz-date': '20261122T230405Z',
      'x-amz-target': target,
    },
    body: JSON.stringify(input),
  });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${target} was answered with ${answer.status}: ${body}`);
  return body;
}

async function ask(endpoint: string, operation: string, input: object): Promise<unknown> {
  return JSON.parse(await post(endpoint, PREFIX + operation, input)) as unknown;
}
