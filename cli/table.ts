import type { Item } from './api.ts';
import { clip, printable, shown } from './text.ts';

/** A column of a table for people. */
export interface Column {
  readonly header: string;
  readonly of: (item: Item) => unknown;
  /** Numbers and money stand on the right. */
  readonly right?: boolean;
  /** Never cut, because people copy it: ids. */
  readonly whole?: boolean;
}

const GAP = '  ';
const NARROWEST = 6;

/** A column that shows a field of its own name; `header` if it is called otherwise. */
export function field(name: string, more: Partial<Column> = {}): Column {
  return { header: name.replaceAll('_', ' '), of: (item) => item[name], ...more };
}

/** A moment to the minute. */
export function time(name: string, header: string): Column {
  return {
    header: `${header} (utc)`,
    of: (item) => {
      const moment = item[name];
      return typeof moment === 'string' ? moment.slice(0, 16).replace('T', ' ') : moment;
    },
    whole: true,
  };
}

/** An amount with its currency; never cut, because half an amount is a wrong one. */
export function money(name: string, currency = 'currency'): Column {
  return {
    header: name.replaceAll('_', ' '),
    of: (item) =>
      item[name] === null || item[name] === undefined ? null : `${shown(item[name])} ${shown(item[currency])}`,
    right: true,
    whole: true,
  };
}

/**
 * Lines of a table that is no wider than `columns` (null: as wide as it is): first the widest columns are cut, then the last
 * ones left out, which a line below says.
 */
export function table(columns: readonly Column[], items: readonly Item[], width: number | null): string[] {
  const cells = items.map((item) => columns.map(({ of }) => printable(shown(of(item)))));
  const natural = columns.map(({ header }, i) =>
    cells.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), header.length),
  );
  const widths = width === null ? natural : fit(natural, columns, width);
  const row = (texts: readonly string[]) =>
    widths
      .map((size, i) => {
        const shown = clip(texts[i] ?? '', size);
        return columns[i]?.right === true ? shown.padStart(size) : shown.padEnd(size);
      })
      .join(GAP)
      .trimEnd();
  const hidden = columns.slice(widths.length).map(({ header }) => header);
  return [
    row(columns.map(({ header }) => header.toUpperCase())),
    ...cells.map(row),
    ...(hidden.length === 0 ? [] : ['', `Not shown for want of room: ${hidden.join(', ')}`]),
  ];
}

/** A width for each column from the first on; fewer if not all have room. */
function fit(natural: readonly number[], columns: readonly Column[], room: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, size) => sum + size, 0) + GAP.length * Math.max(0, widths.length - 1);
  for (;;) {
    const over = total() - room;
    if (over <= 0) return widths;
    const narrow = widths.map((size, i) => (columns[i]?.whole === true ? 0 : size));
    const widest = Math.max(...narrow);
    if (widest > NARROWEST) {
      const second = Math.max(NARROWEST, ...narrow.filter((size) => size < widest));
      widths[narrow.indexOf(widest)] = Math.max(second, widest - over, NARROWEST);
      // Equally wide ones take turns, by one.
      if (second === widest) widths[narrow.indexOf(widest)] = widest - 1;
    } else if (widths.length === 1) {
      return widths;
    } else {
      return fit(natural.slice(0, widths.length - 1), columns, room);
    }
  }
}
