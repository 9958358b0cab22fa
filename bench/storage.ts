import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { catalogItems, TABLES } from './catalog.ts';
import { attributeSize, itemSize, readUnits, writeUnits } from './item-size.ts';

/**
 * Stands in for DynamoDB and SQS on loopback, in a process of its own so that its work is not counted as the redirect's. It
 * serves one catalog, takes every write, and counts.
 */
export interface StorageReport {
  /** By operation and table or queue: `PutItem Clicks`, `SendMessage`. */
  readonly calls: Readonly<Record<string, Calls>>;
  /** Bytes of the attributes of the largest click. */
  readonly largestClick: Readonly<Record<string, number>>;
}

export interface Calls {
  count: number;
  /** Read or write units of DynamoDB; 0 for SQS. */
  units: number;
}

type Item = Record<string, AttributeValue>;

interface Input {
  readonly TableName?: string;
  readonly Key?: Item;
  readonly Item?: Item;
  readonly ConsistentRead?: boolean;
  readonly TransactItems?: readonly Record<string, Input>[];
}

const { items, macKeys } = catalogItems();
let calls: Record<string, Calls> = {};
let largestClick: Item = {};

/** Answers as DynamoDB does, as far as the redirect looks, and says what the call is billed. */
function answer(operation: string, input: Input): { readonly body: object; readonly units: number } {
  switch (operation) {
    case 'GetItem': {
      const found = items.get(`${input.Key?.['pk']?.S ?? ''} ${input.Key?.['sk']?.S ?? ''}`);
      return { body: found === undefined ? {} : { Item: found }, units: unitsOfRead(input, found ? [found] : []) };
    }
    case 'Query': {
      const found = input.TableName === TABLES.catalog ? macKeys : [];
      return { body: { Items: found }, units: unitsOfRead(input, found) };
    }
    case 'PutItem': {
      const item = input.Item ?? {};
      if (input.TableName === TABLES.clicks && itemSize(item) > itemSize(largestClick)) largestClick = item;
      return { body: {}, units: writeUnits(itemSize(item)) };
    }
    // The items that are updated, counters, stay well under a kilobyte.
    case 'UpdateItem':
      return { body: {}, units: 1 };
    // Twice, once to prepare and once to commit.
    case 'TransactWriteItems': {
      const writes = (input.TransactItems ?? []).flatMap((write) => Object.values(write));
      return { body: {}, units: writes.reduce((sum, { Item: item }) => sum + 2 * writeUnits(itemSize(item ?? {})), 0) };
    }
    default:
      return { body: {}, units: 0 };
  }
}

function unitsOfRead({ ConsistentRead }: Input, found: readonly Item[]): number {
  return readUnits(found.reduce((sum, item) => sum + itemSize(item), 0)) * (ConsistentRead === true ? 1 : 0.5);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const text of request.setEncoding('utf8')) body += text;
  return body;
}

const server = createServer((request, response) => {
  void bodyOf(request).then((text) => {
    const operation = String(request.headers['x-amz-target']).replace(/^.*\./, '');
    const input = JSON.parse(text) as Input;
    const { body, units } = answer(operation, input);
    const called = (calls[[operation, input.TableName].join(' ').trim()] ??= { count: 0, units: 0 });
    called.count += 1;
    called.units += units;
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
  });
});
// A connection that is closed while the other side rests would be counted as its work.
server.keepAliveTimeout = 0;

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

/** Any message asks for the report and starts a new one. */
process.on('message', () => {
  const sizes = Object.entries(largestClick).map(([name, value]) => [name, attributeSize(name, value)]);
  const report: StorageReport = { calls, largestClick: Object.fromEntries(sizes) as Record<string, number> };
  calls = {};
  largestClick = {};
  process.send?.(report);
});
process.on('disconnect', () => process.exit());
