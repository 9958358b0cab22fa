import type { Item } from './api.ts';
import { Failure, UsageError } from './terminal.ts';
import type { World } from './world.ts';

export interface Option {
  readonly description: string;
  /** What stands for its value in the help. */
  readonly valueHint: string;
}

/** An option that becomes a field of the API's document. */
export interface Field extends Option {
  /** @default - the option's name in snake_case */
  readonly field?: string;
  /** @default - the text as it was given: the API says what is wrong with it */
  readonly read?: (text: string) => unknown;
}

export type Fields = Readonly<Record<string, Field>>;

/** Options as citty has them. */
export function optionArgs(options: Readonly<Record<string, Option>>) {
  const args = Object.entries(options).map(
    ([name, { description, valueHint }]) => [name, { type: 'string', description, valueHint }] as const,
  );
  return Object.fromEntries(args);
}

export const DOCUMENT_ARGS = {
  data: { type: 'string', description: "The API's document; options win over it", valueHint: 'JSON' },
  file: { type: 'string', description: 'The same from a file; -: standard input', valueHint: 'FILE' },
} as const;

type Given = Readonly<Record<string, unknown>>;

/** The document of --data or --file, with the fields of the options in it. */
export async function documentOf(fields: Fields, given: Given, world: World): Promise<Item> {
  const document = { ...(await wholeOf(given, world)) };
  for (const [option, { field = option.replaceAll('-', '_'), read = asGiven }] of Object.entries(fields)) {
    const value = given[option];
    if (typeof value === 'string') document[field] = read(value);
  }
  return document;
}

const asGiven = (text: string): unknown => text;

async function wholeOf({ data, file }: Given, world: World): Promise<Item> {
  if (typeof data === 'string' && typeof file === 'string') throw new UsageError('--data or --file, not both');
  if (typeof data === 'string') return parse(data, '--data');
  return typeof file === 'string' ? parse(await textOf(file, world), file === '-' ? 'standard input' : file) : {};
}

/** What stands in a file, or with `-` on standard input. Throws a {@link Failure} if it cannot be read. */
export async function textOf(file: string, { readText }: World): Promise<string> {
  try {
    return (await readText(file)).replace(/^\u{FEFF}/u, '');
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${messageOf(error)}`);
  }
}

function parse(text: string, origin: string): Item {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${origin} is no JSON: ${messageOf(error)}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new UsageError(`${origin} must be a JSON object`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `a,b` as a list. */
export function words(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

/** A whole number as JSON has it. */
export function wholeNumber(text: string): unknown {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/** What an option that may be given several times says as `name=value`. `wrong`: what to say of anything else. */
export function pairs(
  option: string,
  repeated: (option: string) => readonly string[],
  wrong = (text: string) => `--${option} ${text}: must be name=value`,
): Record<string, string> {
  return Object.fromEntries(
    repeated(option).map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (name === undefined || value === undefined) throw new UsageError(wrong(text));
      return [name, value];
    }),
  );
}

/** {@link pairs} as a merge patch: a name without a value is taken away. */
export function patchOfPairs(...given: Parameters<typeof pairs>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(pairs(...given)).map(([name, value]) => [name, value || null]));
}
