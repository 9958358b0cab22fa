import type { Item } from './api.ts';
import { hanging, printable, shown } from './text.ts';
import { TEXT_WIDTH } from './terminal.ts';

/** Lines that show one thing with all its fields: names on the left, what is nested below its name. */
export function outline(item: Item, columns: number | null): string[] {
  return linesOf(item, '', columns ?? TEXT_WIDTH);
}

function linesOf(item: Item, indent: string, columns: number): string[] {
  const width = Math.max(0, ...Object.keys(item).map(({ length }) => length));
  return membersOf(item).flatMap(([name, value]) => {
    const first = `${indent}${printable(name).padEnd(width)}  `;
    const nested = nestedOf(value);
    if (nested === null) {
      const text = printable(isItem(value) ? inLine(value) : shown(value));
      // What is one word stays one, because people copy it: ids, tokens and URLs.
      return text.includes(' ') ? hanging(first, text, columns) : [first + text];
    }
    const lines = nested.flatMap((inner) => {
      const below = linesOf(inner, `${indent}    `, columns);
      return Array.isArray(value) ? dashed(below, indent.length + 2) : below;
    });
    return [`${indent}${printable(name)}`, ...lines];
  });
}

/** The lines of one of several things: a dash says where it begins. */
function dashed(lines: readonly string[], at: number): string[] {
  return lines.map((line, i) => (i === 0 ? `${' '.repeat(at)}- ${line.slice(at + 2)}` : line));
}

/** Things to be shown below their name, or null: the value fits beside it. */
function nestedOf(value: unknown): Item[] | null {
  if (isItem(value)) return Object.values(value).every(isSimple) ? null : [value];
  return Array.isArray(value) && value.length > 0 && value.every(isItem) ? value : null;
}

/** An object without another one in it: `amount 2.50, model fixed`. */
function inLine(item: Item): string {
  const members = membersOf(item).filter(([, value]) => shown(value) !== '-');
  return members.map(([name, value]) => `${name} ${shown(value)}`).join(', ') || '-';
}

/** What names a thing comes first: members of what was stored have no order of their own. */
function membersOf(item: Item): [string, unknown][] {
  const first = ['id', 'name'].filter((name) => name in item);
  return Object.entries({ ...Object.fromEntries(first.map((name) => [name, null])), ...item });
}

function isSimple(value: unknown): boolean {
  return Array.isArray(value) ? !value.some(isItem) : !isItem(value);
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without the fields that have no value, and those that are shown elsewhere. */
export function present(item: Item, ...elsewhere: readonly string[]): Item {
  return Object.fromEntries(
    Object.entries(item).filter(([name, value]) => value !== null && !elsewhere.includes(name)),
  );
}
