import { impressionCounterKey } from '../../core/counters.ts';
import type { ImpressionCounter } from '../../core/ports.ts';
import type { StorageGate } from '../../core/storage-gate.ts';
import type { DynamoDb } from './dynamodb.ts';

/** Milliseconds that a page waits for its pixel. */
const TIMEOUT = 250;
/** Seconds for which an hour's count is kept. */
const RETENTION = 400 * 86_400;

/** Impressions by hour, without the SDK. */
export function createImpressionCounter(db: DynamoDb, TableName: string, gate: StorageGate): ImpressionCounter {
  return {
    async count(campaignId, publisherId, at) {
      const { pk, sk } = impressionCounterKey(campaignId, publisherId, at);
      const input = {
        TableName,
        Key: { pk: { S: pk }, sk: { S: sk } },
        UpdateExpression: 'SET expires_at = if_not_exists(expires_at, :end) ADD n :one',
        ExpressionAttributeValues: {
          ':one': { N: '1' },
          ':end': { N: String(Math.floor(at / 1_000) + RETENTION) },
        },
      };
      try {
        await gate.pass(() => db.call('UpdateItem', input, TIMEOUT, false));
      } catch {
        // The gate tells. Nobody's money hangs on it.
      }
    },
  };
}
