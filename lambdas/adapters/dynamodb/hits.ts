import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Hit } from '../../core/hit.ts';
import { timeOfSortableId } from '../../core/ids.ts';
import type { HitStore, HitWriter } from '../../core/ports.ts';
import { fromWire, toWire } from '../../core/wire.ts';
import { unlessConditionLost } from './conflicts.ts';
import { storageCall } from './errors.ts';
import { fromItem, toItem, withoutAttributes } from './items.ts';
import type { Item } from './items.ts';
import { readItem } from './reads.ts';

const KEPT_SECONDS = 30 * 24 * 60 * 60;

/**
 * The Hits table, by UTC hour; a hit's id carries its time, so it is found without an index. Kept from its last write:
 * the hit of a parked call gets its end when the click's retention ends, and somebody has to be able to see it then.
 */
export function createHitWriter(client: DynamoDBClient, table: string): HitWriter {
  return {
    async put(hit) {
      await storageCall(() => client.send(new PutItemCommand({ TableName: table, Item: toHitItem(hit) })));
    },

    async putUntried(hit) {
      const command = new PutItemCommand({
        TableName: table,
        Item: toHitItem(hit),
        ConditionExpression: 'attribute_not_exists(retries)',
      });
      await unlessConditionLost(() => client.send(command));
    },
  };
}

export function createHitStore(client: DynamoDBClient, table: string): HitStore {
  return {
    async hit(id) {
      const time = timeOfSortableId(id);
      const item = time === null ? null : await readItem(client, table, toItem(hitKey(id, time)));
      return item === null ? null : fromHitItem(item);
    },

    async replace(hit, { code, retries = [] }) {
      const command = new PutItemCommand({
        TableName: table,
        Item: toHitItem(hit),
        ConditionExpression: `#code = :code AND ${retries.length === 0 ? 'attribute_not_exists(retries)' : 'size(retries) = :retries'}`,
        ExpressionAttributeNames: { '#code': 'code' },
        ExpressionAttributeValues: toItem({ ':code': code, ':retries': retries.length || undefined }),
      });
      return (await unlessConditionLost(() => client.send(command))) !== null;
    },
  };
}

function hitKey(id: string, at: number): { readonly pk: string; readonly sk: string } {
  return { pk: new Date(at).toISOString().slice(0, 13), sk: id };
}

/** A hit as its row. */
export function toHitItem(hit: Hit): Item {
  const wire = toWire(hit) as Record<string, unknown>;
  return toItem({ ...wire, ...hitKey(hit.id, hit.at), expires_at: Math.floor(Date.now() / 1_000) + KEPT_SECONDS });
}

function fromHitItem(item: Item): Hit {
  return fromWire(fromItem(withoutAttributes(item, ['pk', 'sk', 'expires_at']))) as Hit;
}
