import { randomBytes } from 'node:crypto';
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startAll } from '../test/support/clean-ups.ts';
import { makeLargeNetwork } from '../test/support/large-network.ts';
import { startLocal } from '../test/support/local.ts';
import { CREDENTIALS, tableNames } from './conversion-world.ts';
import { startEngines } from './engines.ts';
import { startMeter } from './meter.ts';
import type { Meter } from './meter.ts';
import { functionEnvironment } from './processes.ts';

const TABLES = ['Catalog', 'Clicks', 'Conversions', 'Deliveries', 'Hits', 'Counters', 'Audit'] as const;
type TableName = (typeof TABLES)[number];

/** The most that one call takes, and how many calls are under way at once. */
const BATCH = 25;
const AT_ONCE = 8;

/** A network of some size in storage, and what a management function gets there. */
export interface ManagementWorld {
  readonly meter: Meter;
  readonly adminKey: string;
  /** Bound to the publisher that sends most. */
  readonly publisherKey: string;
  /** Of some conversions with a click and a delivery. */
  readonly conversions: readonly { readonly id: string; readonly clickId: string; readonly txnId: string }[];
  variables(metered: boolean): Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export function startManagementWorld(): Promise<ManagementWorld> {
  return startAll(async (cleanUps) => {
    const { engine, queues } = await startEngines(cleanUps);
    // Makes the tables and the first key; its functions are not needed.
    const local = await startLocal({ dynamodbEndpoint: engine.endpoint, sqsEndpoint: queues.endpoint });
    const adminKey = local.adminKey ?? '';
    await local.stop();
    const tables = await tableNames(engine.endpoint, TABLES);
    const seeded = await seed(engine.endpoint, tables);
    const upstreams = { dynamoDb: engine.endpoint, sqs: queues.endpoint };
    const meter = await startMeter(upstreams, tables);
    cleanUps.push(() => meter.stop());
    return {
      ...seeded,
      meter,
      adminKey,
      variables: (metered) => ({
        ...functionEnvironment(metered ? meter.endpoint : engine.endpoint, 30),
        CATALOG_TABLE: tables.Catalog,
        CLICKS_TABLE: tables.Clicks,
        CONVERSIONS_TABLE: tables.Conversions,
        DELIVERIES_TABLE: tables.Deliveries,
        HITS_TABLE: tables.Hits,
        COUNTERS_TABLE: tables.Counters,
        AUDIT_TABLE: tables.Audit,
        NOTIFICATIONS_QUEUE_URL: `${queues.endpoint}/000000000000/notifications`,
        NOTIFICATIONS_DEAD_LETTERS_URL: `${queues.endpoint}/000000000000/dead-letters`,
        TRACKING_URL: 'https://go.example',
        API_URL: 'https://api.example',
      }),
    };
  });
}

async function seed(endpoint: string, tables: Readonly<Record<TableName, string>>) {
  const publisherKey = `fb_${randomBytes(20).toString('hex')}`;
  const { rows, conversions } = makeLargeNetwork(publisherKey, Date.now());
  const client = new DynamoDBClient({ ...CREDENTIALS, endpoint });
  try {
    const batches = Object.entries(rows).flatMap(([name, items]) =>
      Array.from({ length: Math.ceil(items.length / BATCH) }, (_, batch) => ({
        table: tables[name as keyof typeof rows],
        items: items.slice(batch * BATCH, (batch + 1) * BATCH),
      })),
    );
    // One iterator for all: each takes the next batch that is left.
    const left = batches.values();
    const write = async () => {
      for (const { table, items } of left) {
        const puts = items.map((item) => ({ PutRequest: { Item: item } }));
        const command = new BatchWriteItemCommand({ RequestItems: { [table]: puts } });
        const { UnprocessedItems = {} } = await client.send(command);
        if (Object.keys(UnprocessedItems).length > 0) throw new Error(`not all rows were taken by ${table}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, write));
  } finally {
    client.destroy();
  }
  return { publisherKey, conversions };
}
