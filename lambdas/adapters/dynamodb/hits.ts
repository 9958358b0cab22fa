import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { HitWriter } from '../../core/ports.ts';
import { toWire } from '../../core/wire.ts';
import { storageCall } from './errors.ts';
import { toItem } from './items.ts';

const KEPT_SECONDS = 30 * 24 * 60 * 60;

/** The Hits table, by UTC hour; a hit's id carries its time, so it is found without an index. */
export function createHitWriter(client: DynamoDBClient, table: string): HitWriter {
  return {
    async put(hit) {
      const Item = toItem({
        ...(toWire(hit) as Record<string, unknown>),
        pk: new Date(hit.at).toISOString().slice(0, 13),
        sk: hit.id,
        expires_at: Math.floor(hit.at / 1_000) + KEPT_SECONDS,
      });
      await storageCall(() => client.send(new PutItemCommand({ TableName: table, Item })));
    },
  };
}
