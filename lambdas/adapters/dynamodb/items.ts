import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

/** Object to item; undefined properties are left out, bigints become numbers. */
export function toItem(value: Readonly<Record<string, unknown>>): Item {
  return marshall(value, { removeUndefinedValues: true });
}

/** Item to object; numbers beyond 2^53 (money) come back as bigints, all others as numbers. */
export function fromItem(item: Item): Record<string, unknown> {
  return unmarshall(item, {
    wrapNumbers: (text) => {
      const value = Number(text);
      return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : BigInt(text);
    },
  });
}

/** An item without what belongs to its row: keys, index attributes, time to live. */
export function withoutAttributes(item: Item, names: readonly string[]): Item {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)));
}
