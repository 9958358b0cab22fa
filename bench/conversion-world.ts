import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { connectApi } from '../examples/chain/api.ts';
import type { Api } from '../examples/chain/api.ts';
import { startAll } from '../test/support/clean-ups.ts';
import { startLocal } from '../test/support/local.ts';
import { startEngines } from './engines.ts';
import { load } from './load.ts';
import { startMeter } from './meter.ts';
import type { Meter } from './meter.ts';
import { functionEnvironment } from './processes.ts';

const ENVIRONMENTS = 4;
/** Of the engines on this machine, which check none. */
export const CREDENTIALS = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const TABLES = ['Catalog', 'Clicks', 'Conversions', 'Deliveries', 'Hits', 'Counters'] as const;
const BARE_TABLE = 'BareConversions';
/** As the stack has it. */
const CACHE_SECONDS = 30;

const ADVERTISER = 'xyz-outdoor';
const TOKEN = randomBytes(24).toString('base64url');

const cap = (metric: string, limit: string, scope: string) => ({ metric, period: 'day', limit, scope });

const CAMPAIGNS = {
  plain: {},
  capped: {
    caps: [
      cap('conversions', '1000000', 'campaign'),
      cap('payout', '1000000', 'campaign'),
      cap('conversions', '1000000', 'each_publisher'),
    ],
  },
} as const;

/** Publishers by how many postbacks they have. */
const PUBLISHERS = { none: 0, one: 1, three: 3 } as const;

export interface Link {
  readonly campaign: keyof typeof CAMPAIGNS;
  readonly publisher: keyof typeof PUBLISHERS;
}

/** A network with its storage, beside which other processes may run its functions. */
export interface ConversionWorld {
  /** Of the tracking API. */
  readonly url: string;
  /** In front of the storage that the network has; only who is sent there is counted. */
  readonly meter: Meter;
  /** What a conversion function of this network gets, its calls counted or not. */
  variables(metered: boolean): Readonly<Record<string, string>>;
  /** Ids of so many new clicks. */
  clicks(link: Link, count: number): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export function startConversionWorld(): Promise<ConversionWorld> {
  return startAll(async (cleanUps) => {
    const { engine, queues } = await startEngines(cleanUps);
    const local = await startLocal({
      dynamodbEndpoint: engine.endpoint,
      sqsEndpoint: queues.endpoint,
      environments: ENVIRONMENTS,
    });
    cleanUps.push(() => local.stop());
    const receiver = createServer((_, response) => response.writeHead(204).end()).listen(0, '127.0.0.1');
    cleanUps.push(() => receiver.close());
    await once(receiver, 'listening');
    const api = connectApi(local.apiUrl, local.adminKey ?? '');
    await setUpCampaigns(api);
    await setUpPublishers(api, `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/postback`);

    const tables = await tableNames(engine.endpoint, TABLES);
    await createBareTable(engine.endpoint);
    const sqs = new SQSClient({ ...CREDENTIALS, endpoint: queues.endpoint, useQueueUrlAsEndpoint: false });
    cleanUps.push(() => sqs.destroy());
    const queue = await notificationsQueue(sqs);
    const upstreams = { dynamoDb: engine.endpoint, sqs: queues.endpoint };
    const meter = await startMeter(upstreams, { ...tables, [BARE_TABLE]: BARE_TABLE });
    cleanUps.push(() => meter.stop());

    return {
      url: local.url,
      meter,
      variables: (metered) => ({
        ...functionEnvironment(metered ? meter.endpoint : engine.endpoint, CACHE_SECONDS),
        ...(!metered && { AWS_ENDPOINT_URL_SQS: queues.endpoint }),
        CATALOG_TABLE: tables.Catalog,
        CLICKS_TABLE: tables.Clicks,
        CONVERSIONS_TABLE: tables.Conversions,
        DELIVERIES_TABLE: tables.Deliveries,
        HITS_TABLE: tables.Hits,
        COUNTERS_TABLE: tables.Counters,
        BARE_TABLE,
        NOTIFICATIONS_QUEUE_URL: queue,
      }),
      async clicks({ campaign, publisher }, count) {
        const path = (index: number) =>
          `/c/${campaign}/${publisher}?p1=${randomBytes(16).toString('hex')}&p2=feed&source=site-${index % 50}`;
        const paths = Array.from({ length: count }, (_, index) => path(index));
        return (await load(local.url, paths, ENVIRONMENTS)).map(({ status, location }) => {
          const id = location === null ? null : new URL(location).searchParams.get('cid');
          if (id === null) throw new Error(`a click answered ${status} without a click ID`);
          return id;
        });
      },
    };
  });
}

/** Parameters of a postback beside `security_token`. */
export type PostbackParameters = Readonly<Record<string, string>>;

/** The postback as advertisers are told to call it: `postback_url` of the management API, and the token. */
export function postbackPath(parameters: PostbackParameters): string {
  const query = new URLSearchParams({ ...parameters, security_token: TOKEN });
  return `/postback/${ADVERTISER}?${query.toString()}`;
}

/** The same call as a function gets it from an HTTP API, payload format 2.0. */
export function postbackEvent(parameters: PostbackParameters): APIGatewayProxyEventV2 {
  const [path = '', query = ''] = postbackPath(parameters).split('?');
  const routeKey = 'ANY /postback/{sender_id}';
  const [sourceIp, userAgent] = ['203.0.113.9', 'Java-http-client/21.0.4'];
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: query,
    headers: {
      'accept-encoding': 'gzip',
      'content-length': '0',
      host: 'go.example',
      'user-agent': userAgent,
      'x-amzn-trace-id': 'Root=1-69224a05-0f1e2d3c4b5a69788796a5b4',
      'x-forwarded-for': sourceIp,
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    queryStringParameters: Object.fromEntries(new URLSearchParams(query)),
    pathParameters: { sender_id: ADVERTISER },
    requestContext: {
      accountId: '123456789012',
      apiId: 'a1b2c3d4e5',
      domainName: 'go.example',
      domainPrefix: 'go',
      http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp, userAgent },
      requestId: 'UbmNxhAaIAMEVqQ=',
      routeKey,
      stage: '$default',
      time: '22/Nov/2026:23:04:05 +0000',
      timeEpoch: 1_795_388_645_000,
    },
    isBase64Encoded: false,
  };
}

export async function setUpCampaigns(api: Api): Promise<void> {
  await api.ensure('advertisers', ADVERTISER, { name: 'XYZ Outdoor' }, { security_token: TOKEN });
  for (const [id, terms] of Object.entries(CAMPAIGNS)) {
    await api.ensure('campaigns', id, {
      name: `Autumn sale, ${id}`,
      advertiser_id: ADVERTISER,
      destination_url: 'https://shop.example/landing?cid={click_id}&sub={p1}',
      goals: [
        {
          id: 'sale',
          name: 'Sale',
          default: true,
          payout: { model: 'fixed', amount: '2.50' },
          revenue: { model: 'percent', percent: '10' },
        },
      ],
      ...terms,
    });
  }
}

async function setUpPublishers(api: Api, receiver: string): Promise<void> {
  for (const [publisher, postbacks] of Object.entries(PUBLISHERS)) {
    await api.ensure('publishers', publisher, { name: `With postbacks: ${publisher}` });
    for (let number = 1; number <= postbacks; number++) {
      await api.ensure('postbacks', `${publisher}-${number}`, {
        publisher_id: publisher,
        mode: 'add',
        url: `${receiver}?clickid={p1}&payout={payout}&goal={goal}&txid={txn_id}&sub={source}`,
      });
    }
  }
}

/** Of the network's tables by name. */
export async function tableNames<Name extends string>(
  endpoint: string,
  names: readonly Name[],
): Promise<Readonly<Record<Name, string>>> {
  const client = new DynamoDBClient({ ...CREDENTIALS, endpoint });
  try {
    const { TableNames = [] } = await client.send(new ListTablesCommand({}));
    const find = (name: string) => {
      const found = TableNames.find((table) => table !== BARE_TABLE && table.includes(name));
      if (found === undefined) throw new Error(`the network has no table ${name}: ${TableNames.join(', ')}`);
      return found;
    };
    return Object.fromEntries(names.map((name) => [name, find(name)])) as Record<Name, string>;
  } finally {
    client.destroy();
  }
}

/** A table that nothing else uses. */
async function createBareTable(endpoint: string): Promise<void> {
  const client = new DynamoDBClient({ ...CREDENTIALS, endpoint });
  try {
    await client.send(
      new CreateTableCommand({
        TableName: BARE_TABLE,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      }),
    );
  } finally {
    client.destroy();
  }
}

/** The URL of the queue of hints. */
export async function notificationsQueue(client: SQSClient): Promise<string> {
  const { QueueUrls = [] } = await client.send(new ListQueuesCommand({}));
  const url = QueueUrls.find((of) => /notifications(?!.*dead)/i.test(of));
  if (url === undefined) throw new Error(`the network has no queue of notifications: ${QueueUrls.join(', ')}`);
  return url;
}
