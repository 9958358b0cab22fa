import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { HitWriter } from '../../core/ports.ts';
import { toWire } from '../../core/wire.ts';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';

const KEPT_SECONDS = 30 * 24 * 60 * 60;

/**
 * The Hits table, by UTC hour; a hit's id carries its time, so it is found without an index. Kept from its last write:
 * the hit of a parked call gets its end when the click's retention ends, and somebody has to be able to see it then.
 */
export function createHitWriter(client: DynamoDBClient, table: string): HitWriter {
  return {
    async put(hit) {
      const Item = toItem({
        ...(toWire(hit) as Record<string, unknown>),
        pk: new Date(hit.at).toISOString().slice(0, 13),
        sk: hit.id,
        expires_at: Math.floor(Date.now() / 1_000) + KEPT_SECONDS,
      });
      await storageCall(() => client.send(new PutItemCommand({ TableName: table, Item })));
    },
  };
}
