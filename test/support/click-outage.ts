import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ListTablesCommand, paginateScan } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, ListQueuesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startDynamodbLocal } from '../../local/engines/dynamodb-local.ts';
import { startSqsServer } from '../../local/engines/sqs/server.ts';
import { fromClickItem } from '../../lambdas/adapters/dynamodb/click-item.ts';
import type { Click } from '../../lambdas/core/entities.ts';
import { findLostClicks } from '../../tools/lost-clicks.ts';
import { createWorld } from './deployment.ts';
import type { World } from './deployment.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { startLocal } from './local.ts';
import type { Local } from './local.ts';

/** A local run whose storage and queues can be made to fail, with all its environments warm for one campaign. */
export interface FailingWorld extends World {
  readonly local: Local & { readonly adminKey: string };
  readonly dynamoDb: FaultProxy;
  readonly sqs: FaultProxy;
  /** Past the proxy. */
  readonly sqsClient: SQSClient;
  readonly clickSpoolUrl: string;
  /** The visits that warmed the environments up. */
  readonly warmUp: readonly Visit[];
  /** One GET of a tracking link; `campaign`: another one than the world's. */
  visit(campaign?: string): Promise<Visit>;
  /** What is stored, whatever the proxy does. */
  storedClicks(): Promise<Click[]>;
  /** Messages in all queues, dead letters included. */
  queuedMessages(): Promise<number>;
  stop(): Promise<void>;
}

export interface Visit {
  readonly status: number;
  /** Null: the destination, or the lack of one, names none. */
  readonly clickId: string | null;
}

const CREDENTIALS = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

export async function startFailingWorld(): Promise<FailingWorld> {
  const cleanUps: (() => unknown)[] = [];
  const stop = async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };
  try {
    const engine = await startDynamodbLocal();
    cleanUps.push(() => engine.stop());
    const queues = await startSqsServer();
    cleanUps.push(() => queues.stop());
    const dynamoDb = await startFaultProxy(engine.endpoint);
    cleanUps.push(() => dynamoDb.stop());
    const sqs = await startFaultProxy(queues.endpoint);
    cleanUps.push(() => sqs.stop());

    const started = await startLocal({ dynamodbEndpoint: dynamoDb.endpoint, sqsEndpoint: sqs.endpoint });
    cleanUps.push(() => started.kill());
    if (started.adminKey === null) throw new Error('a new network without its admin key');
    const local = { ...started, adminKey: started.adminKey };
    const world = await createWorld(local);

    const client = new DynamoDBClient({ ...CREDENTIALS, endpoint: engine.endpoint });
    cleanUps.push(() => client.destroy());
    const { TableNames = [] } = await client.send(new ListTablesCommand({}));
    const clicksTable = TableNames.find((name) => /clicks/i.test(name));
    const sqsClient = new SQSClient({ ...CREDENTIALS, endpoint: queues.endpoint, useQueueUrlAsEndpoint: false });
    cleanUps.push(() => sqsClient.destroy());
    const { QueueUrls = [] } = await sqsClient.send(new ListQueuesCommand({}));
    const clickSpoolUrl = QueueUrls.find((url) => /clickspool(?!.*dead)/i.test(url));
    if (clicksTable === undefined || clickSpoolUrl === undefined) throw new Error('no table of clicks, or no spool');

    const visit = async (campaign = world.campaign): Promise<Visit> => {
      const response = await fetch(`${local.url}/c/${campaign}/${world.publisher}`, {
        redirect: 'manual',
        headers: { 'user-agent': USER_AGENT },
      });
      await response.arrayBuffer();
      const location = response.headers.get('location');
      return { status: response.status, clickId: location && new URL(location).searchParams.get('cid') };
    };
    // More at once than there are environments, so that all of them start and read the link.
    const warmUp: Visit[] = [];
    for (let round = 0; round < 3; round++)
      warmUp.push(...(await Promise.all(Array.from({ length: 24 }, () => visit()))));

    return {
      ...world,
      ...{ local, dynamoDb, sqs, sqsClient, clickSpoolUrl, warmUp, visit, stop },
      async storedClicks() {
        const items = [];
        for await (const page of paginateScan({ client }, { TableName: clicksTable, ConsistentRead: true })) {
          items.push(...(page.Items ?? []));
        }
        return items.map(fromClickItem);
      },
      async queuedMessages() {
        const counts = await Promise.all(
          QueueUrls.map(async (QueueUrl) => {
            const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
            const { Attributes = {} } = await sqsClient.send(command);
            return (
              Number(Attributes['ApproximateNumberOfMessages']) +
              Number(Attributes['ApproximateNumberOfMessagesNotVisible'])
            );
          }),
        );
        return counts.reduce((sum, count) => sum + count, 0);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Of so many visits at once, none waits 5 seconds for one of four environments, which is when the runner answers 503. */
const OPEN_VISITS = 40;

/** Visits at a steady rate, or slower where the machine does not keep up; all answers, in any order. */
export async function visitSteadily(world: FailingWorld, aSecond: number, seconds: number): Promise<Visit[]> {
  const visits: Promise<Visit>[] = [];
  let open = 0;
  const from = performance.now();
  while (visits.length < aSecond * seconds) {
    const due = Math.min(((performance.now() - from) / 1_000) * aSecond, aSecond * seconds);
    while (visits.length < due && open < OPEN_VISITS) {
      open += 1;
      visits.push(world.visit().finally(() => (open -= 1)));
    }
    await sleep(5);
  }
  return Promise.all(visits);
}

/** Sends the clicks that are only in the log to the spool; answers how many. */
export async function replayLog({ local, sqsClient, clickSpoolUrl }: FailingWorld): Promise<number> {
  const { messages, unreadable } = findLostClicks(local.stderr());
  if (unreadable > 0) throw new Error('a line of the log cannot be read');
  for (const MessageBody of messages)
    await sqsClient.send(new SendMessageCommand({ QueueUrl: clickSpoolUrl, MessageBody }));
  return messages.size;
}
