import type { AttributeValue } from '@aws-sdk/client-dynamodb';

type Item = Readonly<Record<string, AttributeValue>>;

/** The largest item that one write unit pays. */
export const UNIT_BYTES = 1_024;

/**
 * Bytes of an item as DynamoDB bills it: UTF-8 names and values; a number takes a byte for two digits and one more;
 * lists and maps take three and one for each element.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemSize(item: Item): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + attributeSize(name, value), 0);
}

/** Bytes of one attribute, its name included. */
export function attributeSize(name: string, value: AttributeValue): number {
  return utf8(name) + valueSize(value);
}

/** Units of a write; every started kilobyte is one. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / UNIT_BYTES));
}

/** Units of a strongly consistent read; every started four kilobytes are one, and finding nothing is one too. */
export function readUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 4_096));
}

function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return utf8(value.S);
  if (value.N !== undefined) return numberSize(value.N);
  // Base64 in JSON, bytes in the SDK.
  if (value.B !== undefined) return Buffer.from(value.B as unknown as string, 'base64').length;
  if (value.L !== undefined) return value.L.reduce((sum, element) => sum + 1 + valueSize(element), 3);
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemSize(value.M);
  return 1;
}

function numberSize(text: string): number {
  const digits = text.replace(/^-|e.*$|\./gi, '').replace(/^0+|0+$/g, '');
  return Math.ceil(digits.length / 2) + 1 + (text.startsWith('-') ? 1 : 0);
}

function utf8(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}
