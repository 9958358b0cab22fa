import { startSqsServer } from '../../local/engines/sqs/server.ts';
import { startAll } from './clean-ups.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { FaultPlan } from './fault-proxy.ts';
import { startLocal } from './local.ts';
import type { Local, LocalOptions } from './local.ts';
import { inSharedStorage } from './storage.ts';

/** A local run whose calls of DynamoDB and SQS are watched and can fail. */
interface WatchedRun {
  readonly local: Local;
  readonly adminKey: string;
  /** How often each operation of DynamoDB was called until now, by its name. */
  readonly operations: ReadonlyMap<string, number>;
  /** Queries whose key condition does not begin with the one value of a partition key. */
  readonly unboundQueries: readonly string[];
  /** From now on. */
  fail(dynamodb: FaultPlan, sqs?: FaultPlan): void;
  stop(): Promise<void>;
}

const WELL: FaultPlan = () => 'ok';

export function startWatchedRun(options: LocalOptions = {}): Promise<WatchedRun> {
  return startAll(async (cleanUps) => {
    const { network, dynamodbEndpoint } = await inSharedStorage();
    const queues = await startSqsServer();
    cleanUps.push(() => queues.stop());
    const dynamodb = await startFaultProxy(dynamodbEndpoint);
    cleanUps.push(() => dynamodb.stop());
    const sqs = await startFaultProxy(queues.endpoint);
    cleanUps.push(() => sqs.stop());
    const operations = new Map<string, number>();
    const unboundQueries: string[] = [];
    let plan = WELL;
    dynamodb.plan = (target, body) => {
      const operation = target.slice(target.indexOf('.') + 1);
      operations.set(operation, (operations.get(operation) ?? 0) + 1);
      if (operation === 'Query' && !isBound(body)) unboundQueries.push(body.toString());
      return plan(target, body);
    };
    const endpoints = { dynamodbEndpoint: dynamodb.endpoint, sqsEndpoint: sqs.endpoint };
    const local = await startLocal({ network, ...endpoints, ...options });
    cleanUps.push(() => local.stop());
    if (local.adminKey === null) throw new Error('a new network without its admin key');
    return {
      local,
      adminKey: local.adminKey,
      operations,
      unboundQueries,
      fail(next, ofQueues = WELL) {
        plan = next;
        sqs.plan = ofQueues;
      },
    };
  });
}

function isBound(body: Buffer): boolean {
  const { KeyConditionExpression = '' } = JSON.parse(body.toString()) as { KeyConditionExpression?: string };
  return /^#?\w+ = :\w+( AND |$)/.test(KeyConditionExpression);
}
