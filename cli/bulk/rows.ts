import type { Item } from '../api.ts';
import { readCsv } from '../read-csv.ts';
import { Failure, UsageError } from '../terminal.ts';

export const MATCHES = ['id', 'txn_id', 'click_id'] as const;

/** By which of its names conversions are meant. */
export type Match = (typeof MATCHES)[number];

/** A line of the list that says what becomes of a conversion. */
export interface Row {
  readonly line: number;
  readonly key: string;
  /** As the API takes it. */
  readonly item: Item;
}

const COLUMNS = [...MATCHES, 'goal', 'campaign_id', 'status', 'sale_amount', 'payout', 'revenue', 'reason'] as const;

/**
 * The rows of a CSV file whose first line names the fields of the API; an empty cell says nothing.
 *
 * @param match - undefined: the one that the file has
 * @param status - of rows that name none
 */
export function readRows(
  text: string,
  { match, status }: { readonly match: Match | undefined; readonly status: string | undefined },
): { readonly match: Match; readonly rows: readonly Row[] } {
  const [header, ...records] = readCsv(text);
  const names = namesOf(header?.cells ?? []);
  const by = match ?? matchOf(names);
  if (records.length === 0) throw new Failure('the file has no rows');
  const rows = records.map(({ line, cells }): Row => {
    if (cells.length !== names.length) {
      throw new Failure(`line ${line} has ${cells.length} cells, the first line ${names.length}`);
    }
    if (cells.some((cell) => cell.includes('\u{FFFD}'))) {
      throw new Failure(`line ${line} is not in UTF-8`, { details: ['Save the file again as CSV UTF-8.'] });
    }
    const given = names
      .map((name, i) => [name, cells[i]?.trim() ?? ''] as const)
      .filter(([name, value]) => value !== '' && (name === by || !isMatch(name)));
    const item: Item = { ...(status !== undefined && { status }), ...Object.fromEntries(given) };
    const key = item[by];
    return { line, key: typeof key === 'string' ? key : '', item };
  });
  return { match: by, rows };
}

/** Throws a {@link Failure} for columns that are not known: what they were to change would silently stay. */
function namesOf(cells: readonly string[]): string[] {
  const names = cells.map((cell) => cell.trim().toLowerCase());
  if (names.length < 2 && /[;\t]/.test(names[0] ?? '')) {
    throw new Failure('the columns of the file must be separated by commas', {
      details: ['Export it again as CSV with commas; spreadsheets take ";" in some languages.'],
    });
  }
  const wrong = names.find((name, i) => !COLUMNS.some((known) => known === name) || names.indexOf(name) !== i);
  if (wrong === undefined) return names;
  throw new Failure(
    names.indexOf(wrong) === names.lastIndexOf(wrong)
      ? `there is no field '${wrong}' for the column of that name`
      : `the file has the column '${wrong}' twice`,
    { details: [`The first line names the columns: ${COLUMNS.join(', ')}. Take out or rename others.`] },
  );
}

function matchOf(names: readonly string[]): Match {
  const [one, ...others] = MATCHES.filter((name) => names.includes(name));
  if (one !== undefined && others.length === 0) return one;
  throw new UsageError(
    one === undefined
      ? `the file has no column ${MATCHES.join(', ')} to know conversions by`
      : `the file has several of ${MATCHES.join(', ')}: say which by --match`,
  );
}

function isMatch(name: string): boolean {
  return MATCHES.some((match) => match === name);
}
