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
      const answer = await client.call(operation, input, { timeout, repeatable });
      if (answer.status === 200) return answer.body;
      if (isRefusal(answer)) return { refusal: answer.body };
      throw refused('DynamoDB', answer);
    },
  };
}

function isRefusal({ error }: JsonAnswer): boolean {
  return REFUSALS.includes(error);
}
