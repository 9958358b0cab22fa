import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { StorageUnavailable } from '../../core/ports.ts';

/** Runs a call; every failure but a lost condition becomes {@link StorageUnavailable} with its cause. */
export async function storageCall<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException || error instanceof TransactionCanceledException) throw error;
    throw new StorageUnavailable('DynamoDB did not answer as hoped', { cause: error });
  }
}
