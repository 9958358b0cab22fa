import { paginateScan } from '@aws-sdk/client-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ListQueuesCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { startSqsServer } from '../../local/engines/sqs/server.ts';
import { startAll } from './clean-ups.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { FaultPlan, FaultProxy } from './fault-proxy.ts';
import { startLocal } from './local.ts';
import type { Local, LocalOptions } from './local.ts';
import { clientOf, inSharedStorage, tablesOf } from './storage.ts';

/** A local run whose storage and queues can be made to fail. */
export interface FailingNetwork {
  readonly local: Local & { readonly adminKey: string };
  readonly dynamoDb: FaultProxy;
  readonly sqs: FaultProxy;
  /** Past the proxy. */
  readonly sqsClient: SQSClient;
  /** More workers for the same storage and queues, past the proxies: another run, which can be killed without this one. */
  startWorkers(): Promise<Local>;
  /** What all of them have logged. */
  logs(): string;
  /** A message of this queue that fails comes again after so many seconds, from the next poll on. */
  comesAgainAfter(queue: RegExp, seconds: number): Promise<void>;
  /** URLs of the queue of hints and of its dead letters. */
  readonly notifications: { readonly queue: string; readonly deadLetters: string };
  /** Every item of a table of the stack, whatever the proxy does. `kind`: what its name has, `Clicks`. */
  scan(kind: string): Promise<Record<string, AttributeValue>[]>;
  stop(): Promise<void>;
}

const CREDENTIALS = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };

/** `sqsPlan`: what the queues do from the beginning. */
export function startFailingNetwork(options: LocalOptions = {}, sqsPlan?: FaultPlan): Promise<FailingNetwork> {
  return startAll(async (cleanUps) => {
    const { network, dynamodbEndpoint } = await inSharedStorage();
    const queues = await startSqsServer();
    cleanUps.push(() => queues.stop());
    const dynamoDb = await startFaultProxy(dynamodbEndpoint);
    cleanUps.push(() => dynamoDb.stop());
    const sqs = await startFaultProxy(queues.endpoint);
    cleanUps.push(() => sqs.stop());
    if (sqsPlan !== undefined) sqs.plan = sqsPlan;

    const endpoints = { network, dynamodbEndpoint: dynamoDb.endpoint, sqsEndpoint: sqs.endpoint };
    const started = await startLocal({ ...options, ...endpoints });
    cleanUps.push(() => started.kill());
    const runs = [started];
    if (started.adminKey === null) throw new Error('a new network without its admin key');

    const client = clientOf(dynamodbEndpoint);
    cleanUps.push(() => client.destroy());
    const sqsClient = new SQSClient({ ...CREDENTIALS, endpoint: queues.endpoint, useQueueUrlAsEndpoint: false });
    cleanUps.push(() => sqsClient.destroy());
    const tables = await tablesOf(network, client);
    const { QueueUrls = [] } = await sqsClient.send(new ListQueuesCommand({}));
    const queueNamed = (name: RegExp) => {
      const url = QueueUrls.find((of) => name.test(of));
      if (url === undefined) throw new Error(`no queue ${String(name)}`);
      return url;
    };

    return {
      local: { ...started, adminKey: started.adminKey },
      ...{ dynamoDb, sqs, sqsClient },
      notifications: { queue: queueNamed(/NotificationsQueue/), deadLetters: queueNamed(/NotificationsDeadLetters/) },
      async comesAgainAfter(queue, seconds) {
        const Attributes = { VisibilityTimeout: String(seconds) };
        await sqsClient.send(new SetQueueAttributesCommand({ QueueUrl: queueNamed(queue), Attributes }));
      },
      async startWorkers() {
        const past = { network, dynamodbEndpoint, sqsEndpoint: queues.endpoint };
        const workers = await startLocal({ ...options, ...past });
        cleanUps.push(() => workers.kill());
        runs.push(workers);
        return workers;
      },
      logs: () => runs.map(({ stderr }) => stderr()).join(''),
      async scan(kind) {
        const TableName = tables.find((name) => name.toLowerCase().includes(kind.toLowerCase()));
        if (TableName === undefined) throw new Error(`no table of ${kind}`);
        const items = [];
        for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
          items.push(...(page.Items ?? []));
        }
        return items;
      },
    };
  });
}
