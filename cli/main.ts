import { parseArgs, stripVTControlCharacters } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { renderUsage, runCommand } from 'citty';
import type { ArgsDef, SubCommandsDef } from 'citty';

import { ask } from './link/ask.ts';
import { testLink } from './link/command.ts';
import { EXIT, UsageError } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

type Command = Exclude<Awaited<SubCommandsDef[string]>, () => unknown>;
/** Several commands under one word. */
interface Group {
  readonly description: string;
  readonly commands: Readonly<Record<string, Group | Command>>;
}

function commandsFor(terminal: Terminal): Group {
  return {
    description: 'Runs a Flowback network from the command line.',
    commands: {
      test: {
        description: 'Try what visitors and advertisers will use',
        commands: { link: testLink(terminal, { ask, now: () => performance.now() }) },
      },
    },
  };
}

/**
 * Runs one command.
 *
 * @returns the exit code: 0 fine, 1 something is wrong, 2 wrong usage
 */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const { words, found, rest } = find(args, commandsFor(terminal));
  const name = words.join(' ');
  const usage = async () => (isGroup(found) ? groupUsage(name, found) : commandUsage(name, found));
  try {
    if (rest.some((arg) => arg === '--help' || arg === '-h')) {
      terminal.out(await usage());
      return EXIT.fine;
    }
    if (isGroup(found)) throw new UsageError(rest[0] === undefined ? 'which command?' : `no command '${rest[0]}'`);
    // citty takes any option for a known one: a misspelt --json would be ignored.
    refuseUnknown(rest, found);
    const { result } = await runCommand(found, { rawArgs: rest });
    return typeof result === 'number' ? result : EXIT.fine;
  } catch (error) {
    if (!isUsageError(error)) throw error;
    terminal.err(`${name}: ${printable(stripVTControlCharacters(error.message))}\n\n${await usage()}`);
    return EXIT.usage;
  }
}

/** Takes words as long as they name a command. citty's own search finds `constructor`, too, and knows no exit codes. */
function find(args: readonly string[], root: Group): { words: string[]; found: Group | Command; rest: string[] } {
  const words = ['flowback'];
  let found: Group | Command = root;
  for (const [i, word] of args.entries()) {
    if (!isGroup(found) || !Object.hasOwn(found.commands, word)) return { words, found, rest: args.slice(i) };
    found = found.commands[word] ?? found;
    words.push(word);
  }
  return { words, found, rest: [] };
}

function refuseUnknown(args: readonly string[], command: Command): void {
  const definitions = Object.entries(argumentsOf(command));
  const options = definitions.flatMap(([name, { type }]) =>
    type === 'positional' ? [] : [[name, { type: type === 'boolean' ? type : ('string' as const) }] as const],
  );
  const { positionals } = parse(args, Object.fromEntries(options));
  const stray = positionals[definitions.length - options.length];
  if (stray !== undefined) throw new UsageError(`'${stray}' is one argument too many`);
}

function parse(args: readonly string[], options: ParseArgsConfig['options']) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    // Node's message goes on about positional arguments and quoting after the first sentence.
    throw new UsageError(String(error instanceof Error ? error.message : error).split(/\. |\n/, 1)[0]);
  }
}

/** Every command here has its arguments as a plain object. */
function argumentsOf(command: Command): ArgsDef {
  return (command.args ?? {}) as ArgsDef;
}

function groupUsage(name: string, { description, commands }: Group): string {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length));
  const lines = Object.entries(commands).map(([word, command]) => `  ${word.padEnd(width)}  ${describe(command)}`);
  return [description, '', `  ${name} <command> --help`, '', ...lines].join('\n');
}

function describe(command: Group | Command): string {
  if (isGroup(command)) return command.description;
  const { meta } = command;
  return meta !== undefined && 'description' in meta ? (meta.description ?? '') : '';
}

/** Without the colours that citty writes into files and pipes, too. */
async function commandUsage(name: string, command: Command): Promise<string> {
  return stripVTControlCharacters(await renderUsage({ ...command, meta: { name, description: describe(command) } }));
}

function isGroup(found: Group | Command): found is Group {
  return 'commands' in found;
}

function isUsageError(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === 'CLIError');
}
