import { conversionCounterKey } from '../../core/counters.ts';
import type { ConversionCountReader, ConversionCounts } from '../../core/ports.ts';
import { fromCounterItem } from '../dynamodb/counter-update.ts';
import type { DynamoDb } from './dynamodb.ts';

/** As for the catalog: see `cacheConversionCounts` for who waits for it. */
const TIMEOUT = 1_000;

/** Eventually consistent: what is read is used for as long as the cache keeps it. */
export function createConversionCountReader(db: DynamoDb, tableName: string): ConversionCountReader {
  const countsOf = async (campaignId: string, publisherId: string | null): Promise<readonly ConversionCounts[]> => {
    const all = conversionCounterKey(campaignId, publisherId, null);
    // Every goal's key begins alike.
    const prefix = conversionCounterKey(campaignId, publisherId, '').sk;
    const { Items } = await db.call(
      'Query',
      {
        TableName: tableName,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: { ':pk': { S: all.pk }, ':prefix': { S: prefix } },
      },
      TIMEOUT,
    );
    return (Items ?? []).map((item) => {
      const sk = item['sk']?.S ?? '';
      return { publisherId, goal: sk === all.sk ? null : sk.slice(prefix.length), counts: fromCounterItem(item) };
    });
  };

  return {
    async conversionCounts(campaignId, publisherId) {
      const counts = await Promise.all([countsOf(campaignId, null), countsOf(campaignId, publisherId)]);
      return counts.flat();
    },
  };
}
