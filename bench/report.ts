import { cpus } from 'node:os';

/** A figure that a bench has to reach. */
export interface Demand {
  readonly what: string;
  readonly value: number;
  readonly rule: 'at most' | 'exactly';
  readonly limit: number;
  readonly unit: string;
}

type Cell = string | number;

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** What a bench found. */
export interface Report {
  /** As in `npm run bench -- click`. */
  readonly name: string;
  readonly demands: readonly Demand[];
  readonly tables: readonly Table[];
  /** How to read the figures. */
  readonly notes: readonly string[];
}

export function isMet({ value, rule, limit }: Demand): boolean {
  return rule === 'exactly' ? value === limit : value <= limit;
}

/** The report as a section of a Markdown page that people can read as it is. */
export function renderReport(report: Report, at: Date): string {
  const { name, demands, tables, notes } = report;
  const model = cpus()[0]?.model ?? 'unknown CPU';
  const machine = `${model}, ${cpus().length} cores, Node.js ${process.versions.node}`;
  const demanded: Table = {
    title: '',
    columns: ['demand', 'is', 'must be', ''],
    rows: demands.map((demand) => [
      demand.what,
      withUnit(demand.value, demand.unit),
      `${demand.rule} ${withUnit(demand.limit, demand.unit)}`,
      isMet(demand) ? 'met' : '**missed**',
    ]),
  };
  return [
    `## npm run bench -- ${name}`,
    `${at.toISOString().slice(0, 10)}, ${machine}.`,
    ...(demands.length === 0 ? [] : [renderTable(demanded)]),
    ...tables.map(renderTable),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
    '',
  ].join('\n\n');
}

function renderTable({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows].map((row) => row.map((cell) => (typeof cell === 'number' ? figure(cell) : cell)));
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = columns.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const line = (row: readonly string[]) => {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return isNumber[column] === true ? cell.padStart(width) : cell.padEnd(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) =>
    isNumber[column] === true ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  const [head = [], ...body] = cells;
  const table = [line(head), line(rule), ...body.map(line)].join('\n');
  return title === '' ? table : `${title}\n\n${table}`;
}

function withUnit(value: number, unit: string): string {
  return unit === '' ? figure(value) : `${figure(value)} ${unit}`;
}

/** Three digits that count, more for large numbers. */
export function figure(value: number): string {
  const decimals =
    Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** The page with this section in the place of the one with the same heading, or at its end. */
export function replaceSection(page: string, section: string): string {
  const [heading = ''] = section.split('\n', 1);
  const sections = page.split(/^(?=## )/m);
  const index = sections.findIndex((text) => text.split('\n', 1)[0] === heading);
  if (index === -1) return `${page.trimEnd()}\n\n${section.trimEnd()}\n`;
  sections[index] = `${section.trimEnd()}\n\n`;
  return `${sections.join('').trimEnd()}\n`;
}
