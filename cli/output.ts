import { csvLine } from './csv.ts';
import type { Item } from './api.ts';
import { outline } from './outline.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './terminal.ts';
import { jsonText, printable } from './text.ts';

export type Format = 'text' | 'json' | 'csv';

/** The options by which every command that shows something can be told how. */
export const FORMAT_ARGS = {
  json: { type: 'boolean', description: 'Print JSON for scripts' },
  csv: { type: 'boolean', description: 'Print CSV' },
} as const;

export function formatOf({
  json,
  csv,
}: {
  readonly json?: boolean | undefined;
  readonly csv?: boolean | undefined;
}): Format {
  if (json === true && csv === true) throw new UsageError('--json or --csv, not both');
  if (json === true) return 'json';
  return csv === true ? 'csv' : 'text';
}

/** How people see several things: a table, or lines for each. */
export type View = readonly Column[] | ((item: Item, columns: number | null) => readonly string[]);

/** Results, in the form that was asked for: JSON and CSV have what the API answered, text what fits and helps. */
export interface Output {
  readonly format: Format;
  /** Several things: for people as `view` has it, a JSON array, or CSV. Answers how many there were. */
  list(view: View, items: AsyncIterable<Item> | Iterable<Item>): Promise<number>;
  /** One thing; `text` replaces what is printed for people. */
  item(item: Item, text?: string): void;
  /** Something for people alone: nothing in JSON or CSV. */
  note(text: string): void;
}

export function createOutput(format: Format, terminal: Terminal): Output {
  const printCsv = (items: readonly Item[]) => {
    // A file gets what there is; a terminal would obey it.
    for (const line of csvOf(items)) terminal.out(terminal.columns === null ? line : printable(line));
  };
  return {
    format,
    async list(view, items) {
      const all: Item[] = [];
      for await (const item of items) {
        all.push(item);
        if (all.length % 200 === 0) terminal.progress(`${all.length} read`);
      }
      terminal.progress('');
      if (format === 'json') for (const line of jsonOf(all)) terminal.out(line);
      else if (format === 'csv') printCsv(all);
      else if (all.length === 0) terminal.err('Nothing found');
      else terminal.out(linesOf(view, all, terminal.columns).join('\n'));
      return all.length;
    },
    item(item, text) {
      if (format === 'json') terminal.out(jsonText(item));
      else if (format === 'csv') printCsv([item]);
      else terminal.out(text ?? outline(item, terminal.columns).join('\n'));
    },
    note(text) {
      if (format === 'text') terminal.err(text);
    },
  };
}

function linesOf(view: View, items: readonly Item[], columns: number | null): readonly string[] {
  return typeof view === 'function' ? items.flatMap((item) => view(item, columns)) : table(view, items, columns);
}

/** A JSON array piece by piece: one string cannot hold as much as there may be. */
function* jsonOf(items: readonly Item[]): Generator<string> {
  if (items.length === 0) {
    yield '[]';
    return;
  }
  yield '[';
  for (const [i, item] of items.entries()) {
    yield `${jsonText([item]).slice('[\n'.length, -'\n]'.length)}${i < items.length - 1 ? ',' : ''}`;
  }
  yield ']';
}

/** All fields of all items, in the order in which they first come. */
function csvOf(items: readonly Item[]): string[] {
  const all = new Set<string>();
  for (const item of items) for (const name of Object.keys(item)) all.add(name);
  const names = [...all];
  return [csvLine(names), ...items.map((item) => csvLine(names.map((name) => item[name])))];
}
