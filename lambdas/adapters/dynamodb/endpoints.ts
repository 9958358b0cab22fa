import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Breaker, EndpointState, EndpointStore } from '../../core/ports.ts';
import { fromItem, toItem } from './items.ts';
import type { Item } from './items.ts';
import { unchanged, update, updateOnce } from './update.ts';

/** An endpoint that nobody called for a day is forgotten. */
const KEPT_SECONDS = 24 * 60 * 60;

/**
 * Endpoints in the Deliveries table, one item each: `s<n>`, when the lease of slot n ends; `openings` and `open_until` of
 * the breaker, absent while it is closed; `m<bucket>` and `f<bucket>`, calls made and failed.
 */
export function createEndpointStore(client: DynamoDBClient, table: string): EndpointStore {
  const itemOf = (endpoint: string) => ({ TableName: table, Key: toItem({ pk: `endpoint#${endpoint}`, sk: 'gate' }) });

  return {
    async take(endpoint, { slot, now, leaseUntil, breaker }) {
      const name = `s${slot}`;
      const [condition, values, names] = unchanged(breakerAttributes(breaker));
      const input = {
        ...itemOf(endpoint),
        ...update(
          {
            [name]: leaseUntil,
            expires_at: Math.ceil(leaseUntil / 1_000) + KEPT_SECONDS,
            ...(breaker.openUntil !== null && { open_until: leaseUntil }),
          },
          `(attribute_not_exists(#${name}) OR #${name} <= :now) AND ${condition}`,
          { ...values, ':now': now },
          names,
        ),
      };
      const { done, item } = await updateOnce(client, input, (stored) => stored[name]?.N === String(leaseUntil));
      return { taken: done, state: toState(item) };
    },

    async settle(endpoint, { slot, leaseUntil, bucket, made, failed, forget }) {
      const counts = Object.entries({ m: made, f: failed }).filter(([, count]) => count > 0);
      const input = {
        ...itemOf(endpoint),
        UpdateExpression:
          `REMOVE ${[`s${slot}`, ...bucketAttributes(forget)].join(', ')}` +
          (counts.length === 0 ? '' : ` ADD ${counts.map(([kind]) => `${kind}${bucket} :${kind}`).join(', ')}`),
        // Sent again after its answer was lost it finds the slot given back, and counts nothing twice.
        ConditionExpression: `s${slot} = :lease`,
        ExpressionAttributeValues: toItem({
          ':lease': leaseUntil,
          ...Object.fromEntries(counts.map(([kind, count]) => [`:${kind}`, count])),
        }),
      };
      return toState((await updateOnce(client, input, () => true)).item);
    },

    async turn(endpoint, from, to, forget) {
      const forgotten = Object.fromEntries(bucketAttributes(forget).map((name) => [name, null]));
      const input = {
        ...itemOf(endpoint),
        ...update({ ...breakerAttributes(to), ...forgotten }, ...unchanged(breakerAttributes(from))),
      };
      const { done } = await updateOnce(client, input, (stored) => {
        const { openings, openUntil } = toState(stored).breaker;
        return openings === to.openings && openUntil === to.openUntil;
      });
      return done;
    },
  };
}

const bucketAttributes = (buckets: readonly number[]): string[] =>
  buckets.flatMap((bucket) => [`m${bucket}`, `f${bucket}`]);

function breakerAttributes({ openings, openUntil }: Breaker) {
  return { openings: openings === 0 ? null : openings, open_until: openUntil };
}

function toState(item: Item): EndpointState {
  const numbers = Object.entries(fromItem(item)).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  const attributes = new Map(numbers);
  /** Numbers of the attributes that are this letter and a number. */
  const numbered = (letter: string): [number, number][] =>
    numbers.flatMap(([name, value]) =>
      new RegExp(`^${letter}\\d+$`).test(name) ? [[Number(name.slice(1)), value]] : [],
    );
  return {
    slots: new Map(numbered('s')),
    breaker: { openings: attributes.get('openings') ?? 0, openUntil: attributes.get('open_until') ?? null },
    calls: new Map(
      numbered('m').map(([bucket, made]) => [bucket, { made, failed: attributes.get(`f${bucket}`) ?? 0 }]),
    ),
  };
}
