import type { ArgsDef } from 'citty';

import type { Command, Group } from './command.ts';
import { hanging } from './text.ts';
import { TEXT_WIDTH } from './terminal.ts';

/** Wider first columns get the text below them. */
const WIDEST = 26;

/** How a word that stands for several commands is used. */
export function groupUsage(name: string, { description, commands, alone }: Group, columns: number | null): string {
  const rows = Object.entries(commands).map(
    ([word, command]) => [word, `${describe(command)}${word === alone ? ` (what ${name} alone does)` : ''}`] as const,
  );
  return [...paragraph(description, columns), '', `  ${name} COMMAND --help`, '', ...twoColumns(rows, columns)].join(
    '\n',
  );
}

/** How a command is used. citty's own text is coloured in files, too, and as wide as it likes. */
export function commandUsage(name: string, command: Command, columns: number | null): string {
  const definitions = Object.entries(argumentsOf(command));
  const positionals = definitions.filter(([, { type }]) => type === 'positional');
  const options = definitions.filter(([, { type }]) => type !== 'positional');
  const order = positionals.map(([word, { required }]) =>
    required === false ? `[${word.toUpperCase()}]` : word.toUpperCase(),
  );
  const blocks = [
    positionals.map(([word, { description = '' }]) => [word.toUpperCase(), description] as const),
    options.map(
      ([word, { description = '', valueHint }]) =>
        [`--${word}${valueHint === undefined ? '' : ` ${valueHint}`}`, description] as const,
    ),
  ];
  return [
    ...paragraph(describe(command), columns),
    '',
    `  ${[name, ...order, ...(options.length > 0 ? ['[OPTIONS]'] : [])].join(' ')}`,
    ...blocks.flatMap((rows) => (rows.length === 0 ? [] : ['', ...twoColumns(rows, columns)])),
  ].join('\n');
}

/** Every command here has its arguments as a plain object. */
export function argumentsOf(command: Command): ArgsDef {
  return (command.args ?? {}) as ArgsDef;
}

export function isGroup(found: Group | Command): found is Group {
  return 'commands' in found;
}

function describe(command: Group | Command): string {
  if (isGroup(command)) return command.description;
  const { meta } = command;
  return meta !== undefined && 'description' in meta ? (meta.description ?? '') : '';
}

function paragraph(text: string, columns: number | null): string[] {
  return hanging('', text, columns ?? TEXT_WIDTH);
}

function twoColumns(rows: readonly (readonly [string, string])[], columns: number | null): string[] {
  const width = Math.max(0, ...rows.map(([first]) => first.length).filter((length) => length <= WIDEST));
  const beside = (first: string, text: string) => hanging(`  ${first.padEnd(width)}  `, text, columns ?? TEXT_WIDTH);
  return rows.flatMap(([first, text]) =>
    first.length <= width ? beside(first, text) : [`  ${first}`, ...beside('', text)],
  );
}
