import { parseArgs, stripVTControlCharacters } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { runCommand } from 'citty';

import type { Command, Group } from './command.ts';
import { init } from './commands/init.ts';
import { advertisers } from './commands/advertisers.ts';
import { audit } from './commands/audit.ts';
import { campaigns } from './commands/campaigns.ts';
import { clicks } from './commands/clicks.ts';
import { conversions } from './commands/conversions.ts';
import { deliveries } from './commands/deliveries.ts';
import { hits } from './commands/hits.ts';
import { keys } from './commands/keys.ts';
import { link } from './commands/link.ts';
import { postbacks } from './commands/postbacks.ts';
import { profiles } from './commands/profiles.ts';
import { publishers } from './commands/publishers.ts';
import { senders } from './commands/senders.ts';
import { settings } from './commands/settings.ts';
import { testConversion } from './commands/test-conversion.ts';
import { ask } from './link/ask.ts';
import { testLink } from './link/command.ts';
import { EXIT, Failure, UsageError } from './terminal.ts';
import { printable } from './text.ts';
import { argumentsOf, commandUsage, groupUsage, isGroup } from './usage.ts';
import type { World } from './world.ts';

function commandsFor(world: World): Group {
  return {
    description: 'Runs a Flowback network from the command line.',
    commands: {
      init: init(world),
      advertisers: advertisers(world),
      audit: audit(world),
      campaigns: campaigns(world),
      clicks: clicks(world),
      conversions: conversions(world),
      deliveries: deliveries(world),
      hits: hits(world),
      keys: keys(world),
      link: link(world),
      postbacks: postbacks(world),
      profiles: profiles(world),
      publishers: publishers(world),
      senders: senders(world),
      settings: settings(world),
      test: {
        description: 'Try what visitors and advertisers will use',
        commands: {
          link: testLink(world.terminal, { ask, now: world.now }),
          conversion: testConversion(world),
        },
      },
    },
  };
}

/** Runs one command and answers its exit code, see {@link EXIT}. */
export async function main(args: readonly string[], world: World): Promise<number> {
  const { terminal } = world;
  const { words, found, rest } = find(args, commandsFor(world));
  const name = words.join(' ');
  const usage = () =>
    isGroup(found) ? groupUsage(name, found, terminal.columns) : commandUsage(name, found, terminal.columns);
  try {
    if (rest.some((arg) => arg === '--help' || arg === '-h')) {
      terminal.out(usage());
      return EXIT.fine;
    }
    if (isGroup(found)) throw new UsageError(rest[0] === undefined ? 'which command?' : `no command '${rest[0]}'`);
    // citty takes any option for a known one: a misspelt --json would be ignored.
    refuseUnknown(rest, found);
    const { result } = await runCommand(found, { rawArgs: rest });
    return typeof result === 'number' ? result : EXIT.fine;
  } catch (error) {
    terminal.progress('');
    if (error instanceof Failure) {
      terminal.err([`${name}: ${error.message}`, ...error.details].map(printable).join('\n'));
      return error.exit;
    }
    if (isOfThisMachine(error)) {
      terminal.err(`${name}: ${printable(error.message)}`);
      return EXIT.wrong;
    }
    if (!isUsageError(error)) throw error;
    terminal.err(`${name}: ${printable(stripVTControlCharacters(error.message))}\n\n${usage()}`);
    return EXIT.usage;
  }
}

/** Takes words as long as they name a command. citty's own search finds `constructor`, too, and knows no exit codes. */
function find(args: readonly string[], root: Group): { words: string[]; found: Group | Command; rest: string[] } {
  const words = ['flowback'];
  let found: Group | Command = root;
  let rest = args;
  while (isGroup(found)) {
    const [next] = rest;
    const asksForHelp = next === '--help' || next === '-h';
    const stands = next === undefined || (next.startsWith('-') && !asksForHelp);
    const word: string | undefined = stands ? found.alone : next;
    if (word === undefined || !Object.hasOwn(found.commands, word)) break;
    found = found.commands[word] ?? found;
    words.push(word);
    if (!stands) rest = rest.slice(1);
  }
  return { words, found, rest: [...rest] };
}

function refuseUnknown(args: readonly string[], command: Command): void {
  const definitions = Object.entries(argumentsOf(command));
  const options = definitions.flatMap(([name, { type }]) =>
    type === 'positional' ? [] : [[name, { type: type === 'boolean' ? type : ('string' as const) }] as const],
  );
  const { positionals } = parse(args, Object.fromEntries(options));
  if (definitions.some(([name]) => name.endsWith('...'))) return;
  const stray = positionals[definitions.length - options.length];
  if (stray !== undefined) throw new UsageError(`'${stray}' is one argument too many`);
}

function parse(args: readonly string[], options: ParseArgsConfig['options']) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [, open] = /^Option '(--[\w-]+).*' argument is ambiguous/.exec(message) ?? [];
    if (open !== undefined) throw new UsageError(`what does ${open} say? ${open}=... where it begins with -`);
    // Node's message goes on about positional arguments and quoting after the first sentence.
    throw new UsageError(message.split(/\. |\n/, 1)[0]);
  }
}

/** A file or folder that cannot be read or written. */
function isOfThisMachine(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}

function isUsageError(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === 'CLIError');
}
