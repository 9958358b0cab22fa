import { setTimeout as sleep } from 'node:timers/promises';
import type { Item } from '../dynamodb/items.ts';
import { createAwsJson, refused } from './client.ts';
import type { JsonAnswer } from './client.ts';

type Operation = 'GetItem' | 'PutItem' | 'Query' | 'TransactWriteItems' | 'UpdateItem';

interface Answer {
  readonly Item?: Item;
  readonly Items?: readonly Item[];
  readonly Attributes?: Item;
  /** A condition was lost, and nothing was written. */
  readonly refusal?: Refusal;
}

export interface Refusal {
  /** What stood there, if that was asked for. */
  readonly Item?: Item;
  /** Of a transaction: one for each of its items. */
  readonly CancellationReasons?: readonly { readonly Code?: string; readonly Item?: Item }[];
}

/**
 * A single write met a transaction on the same item, and did nothing: even what must not happen twice is tried again.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
 */
const CONFLICT = 'TransactionConflictException';
/** Milliseconds between two tries, at most. */
const CONFLICT_WAIT = 20;

const REFUSALS = ['ConditionalCheckFailedException', 'TransactionCanceledException'];

export interface DynamoDb {
  /**
   * `timeout` in milliseconds, over all tries. `repeatable`: whether the same call twice does no more than once; else it
   * is never sent twice. Throws {@link StorageUnavailable}.
   */
  call(operation: Operation, input: object, timeout: number, repeatable?: boolean): Promise<Answer>;
}

/** One client an environment; see `awsEndpoint`. */
export function createDynamoDb(endpoint: string, region: string): DynamoDb {
  const client = createAwsJson({ service: 'dynamodb', target: 'DynamoDB_20120810', endpoint, region });
  return {
    async call(operation, input, timeout, repeatable = true) {
      const end = Date.now() + timeout;
      for (let left = timeout; ; left = end - Date.now()) {
        const answer = await client.call(operation, input, { timeout: left, repeatable });
        if (answer.status === 200) return answer.body;
        if (isRefusal(answer)) return { refusal: answer.body };
        const wait = Math.random() * CONFLICT_WAIT;
        // A try that began late might lose its answer, and that counts as done.
        if (answer.error !== CONFLICT || end - Date.now() - wait < timeout / 2) throw refused('DynamoDB', answer);
        await sleep(wait);
      }
    },
  };
}

function isRefusal({ error }: JsonAnswer): boolean {
  return REFUSALS.includes(error);
}
