import { FORMULA } from './csv.ts';
import { Failure } from './terminal.ts';

interface CsvRecord {
  /** Where it begins; the first line of a text is 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Quoted or not, and what ends it. */
const CELL = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;

/** Reads CSV (RFC 4180), also what the command line writes; lines without text are none. Throws a {@link Failure}. */
export function readCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let cells: string[] = [];
  let line = 1;
  let next = 1;
  let isOpen = false;
  for (CELL.lastIndex = 0; CELL.lastIndex < text.length || isOpen;) {
    const at = CELL.lastIndex;
    const found = CELL.exec(text);
    if (found === null) throw new Failure(`line ${next} is no CSV: ${text[at] === '"' ? UNCLOSED : STRAY}`);
    const [all, quoted, plain = '', end] = found;
    cells.push(withoutGuard(quoted === undefined ? plain : quoted.replaceAll('""', '"')));
    next += all.match(/\r\n|\n|\r/g)?.length ?? 0;
    isOpen = end === ',';
    if (isOpen) continue;
    if (cells.length > 1 || cells[0]?.trim() !== '') records.push({ line, cells });
    cells = [];
    line = next;
  }
  return records;
}

const UNCLOSED = 'a quoted cell must end with " before the next comma or the end of the line';
const STRAY = 'a cell with " in it must be quoted, and the " doubled';

function withoutGuard(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}
