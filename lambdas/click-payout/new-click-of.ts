import type { DynamoDBRecord } from 'aws-lambda';
import { fromClickItem } from '../adapters/dynamodb/click-item.ts';
import type { Click } from '../core/entities.ts';
import { describeError, log } from '../runtime/log.ts';

/**
 * The click of a record; null: a row that went, or an item that cannot be read. That is passed over with a log line: it
 * will never be another one, and to fail it would keep good clicks of its shard waiting for a day, to end as a place in
 * the stream. The item itself stays in Clicks.
 */
export function newClickOf({ dynamodb }: DynamoDBRecord): Click | null {
  const image = dynamodb?.NewImage;
  // A row that went.
  if (image === undefined) return null;
  try {
    return fromClickItem(image);
  } catch (error) {
    log('click_payout_malformed', { click_id: image['id']?.S ?? null, ...describeError(error) });
    return null;
  }
}
