import { StartError } from './errors.ts';

export type Json = null | boolean | number | string | Json[] | JsonObject;

export interface JsonObject {
  [name: string]: Json;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses JSON of an unknown shape. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}

/**
 * The properties of a resource, read by type. CloudFormation allows numbers and booleans as strings.
 *
 * Each method throws a StartError that names the property if it is missing or of another type.
 */
export class Properties {
  /** Where the properties stand, for messages: `MyQueue.RedrivePolicy`. */
  readonly where: string;
  readonly values: JsonObject;

  constructor(where: string, values: JsonObject) {
    this.where = where;
    this.values = values;
  }

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.missing(name);
  }

  optionalString(name: string): string | undefined {
    const value = this.values[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    return this.wrong(name, 'a string');
  }

  number(name: string, otherwise: number): number {
    return this.optionalNumber(name) ?? otherwise;
  }

  optionalNumber(name: string): number | undefined {
    const value = this.values[name];
    if (value === undefined) return undefined;
    const number = typeof value === 'string' && value !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : this.wrong(name, 'a number');
  }

  boolean(name: string, otherwise: boolean): boolean {
    const value = this.values[name];
    if (value === undefined) return otherwise;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    return this.wrong(name, 'true or false');
  }

  object(name: string): Properties {
    return this.optionalObject(name) ?? this.missing(name);
  }

  optionalObject(name: string): Properties | undefined {
    const value = this.values[name];
    if (value === undefined) return undefined;
    return isJsonObject(value) ? new Properties(`${this.where}.${name}`, value) : this.wrong(name, 'an object');
  }

  /** The elements of a list of objects; a missing list is empty. */
  objects(name: string): Properties[] {
    return this.list(name).map((value, index) =>
      isJsonObject(value)
        ? new Properties(`${this.where}.${name}[${index}]`, value)
        : this.wrong(name, 'a list of objects'),
    );
  }

  /** The elements of a list of strings; a missing list is empty. */
  strings(name: string): string[] {
    return this.list(name).map((value) => (typeof value === 'string' ? value : this.wrong(name, 'a list of strings')));
  }

  /** The object as a map of strings; a missing one is empty. */
  stringMap(name: string): Record<string, string> {
    const map = this.optionalObject(name);
    if (map === undefined) return {};
    return Object.fromEntries(Object.keys(map.values).map((key) => [key, map.string(key)]));
  }

  private list(name: string): Json[] {
    const value = this.values[name];
    if (value === undefined) return [];
    return Array.isArray(value) ? value : this.wrong(name, 'a list');
  }

  private missing(name: string): never {
    throw new StartError(`${this.where}: property ${name} is missing`);
  }

  private wrong(name: string, expected: string): never {
    throw new StartError(`${this.where}: property ${name} is not ${expected}`);
  }
}
