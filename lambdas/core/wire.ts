/**
 * Names on the wire and in Catalog are snake_case, in TypeScript camelCase. Keys inside these fields are data, not
 * names, and are left as they are.
 */
const DATA_FIELDS = new Set([
  'metadata',
  'parameters',
  'status_map',
  'status_words',
  'goal_words',
  'exchange_rates',
  'values',
]);

function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** camelCase object to its wire form, deep. */
export function toWire(value: unknown): unknown {
  return rename(value, toSnake, (key) => toSnake(key));
}

/** Wire form to camelCase, deep. The caller vouches for the shape: it was validated before it was stored. */
export function fromWire(value: unknown): unknown {
  return rename(value, toCamel, (key) => key);
}

function rename(value: unknown, name: (key: string) => string, wireName: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => rename(item, name, wireName));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      name(key),
      DATA_FIELDS.has(wireName(key)) ? inner : rename(inner, name, wireName),
    ]),
  );
}

type SnakeName<S extends string> = S extends `${infer Head}${infer Tail}`
  ? Tail extends Uncapitalize<Tail>
    ? `${Lowercase<Head>}${SnakeName<Tail>}`
    : `${Lowercase<Head>}_${SnakeName<Tail>}`
  : S;

/** The wire form of a type, as {@link toWire} makes it. */
export type Wire<T> = T extends readonly (infer Element)[]
  ? readonly Wire<Element>[]
  : T extends object
    ? { readonly [Key in keyof T as SnakeName<Key & string>]: Wire<T[Key]> }
    : T;
