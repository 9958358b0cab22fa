import { parseArgs } from 'node:util';
import { defineCommand } from 'citty';
import type { ArgsDef, ParsedArgs, SubCommandsDef } from 'citty';

import { createApi } from './api.ts';
import type { Api, Item, Query } from './api.ts';
import { createOutput, FORMAT_ARGS, formatOf } from './output.ts';
import type { Output, View } from './output.ts';
import { connectionOf } from './profiles.ts';
import { EXIT, Failure, UsageError } from './terminal.ts';
import type { ExitCode } from './terminal.ts';
import { printable } from './text.ts';
import type { World } from './world.ts';

export type Command = Exclude<Awaited<SubCommandsDef[string]>, () => unknown>;

/** Several commands under one word. */
export interface Group {
  readonly description: string;
  readonly commands: Readonly<Record<string, Group | Command>>;
  /** The command that the word alone stands for. */
  readonly alone?: string;
}

/** What a command that talks to a deployment works with. */
interface Session {
  readonly api: Api;
  readonly output: Output;
  readonly world: World;
  /** The values of an option that may be given several times: citty keeps the last alone. */
  readonly repeated: (option: string) => readonly string[];
}

const COMMON_ARGS = {
  ...FORMAT_ARGS,
  profile: { type: 'string', description: 'The deployment to talk to: see `flowback profiles`', valueHint: 'NAME' },
} as const;

type Arguments<A extends ArgsDef> = ParsedArgs<A & typeof COMMON_ARGS>;

/**
 * A command that talks to a deployment: --profile, --json and --csv come with it. Without an exit code it went well. A last
 * positional called `id...` takes all that follow, which are `args._`.
 */
export function apiCommand<const A extends ArgsDef>(
  world: World,
  {
    description,
    args,
    run,
  }: {
    readonly description: string;
    readonly args: A;
    readonly run: (session: Session, args: Arguments<A>) => Promise<ExitCode | void>;
  },
): Command {
  const all: A & typeof COMMON_ARGS = { ...args, ...COMMON_ARGS };
  return defineCommand<A & typeof COMMON_ARGS>({
    meta: { description },
    args: all,
    async run({ args: given, rawArgs }) {
      const { json, csv, profile } = given as { json?: boolean; csv?: boolean; profile?: string };
      const output = createOutput(formatOf({ json, csv }), world.terminal);
      const api = createApi(await connectionOf(profile, world), world);
      const repeated = (option: string) => valuesOf(option, rawArgs);
      return run({ api, output, world, repeated }, given);
    },
  });
}

function valuesOf(option: string, args: readonly string[]): readonly string[] {
  const options = { [option]: { type: 'string', multiple: true } } as const;
  const { values } = parseArgs({ args: [...args], options, strict: false });
  return [values[option] ?? []].flat().map(String);
}

/** How many items a list shows. */
export const LIST_ARGS = {
  limit: { type: 'string', description: 'How many at most; 50 unless given', valueHint: 'N' },
  all: { type: 'boolean', description: 'All there are' },
} as const;

export function limitOf({
  limit,
  all,
}: {
  readonly limit?: string | undefined;
  readonly all?: boolean | undefined;
}): number {
  if (all === true) {
    if (limit !== undefined) throw new UsageError('--limit or --all, not both');
    return Number.POSITIVE_INFINITY;
  }
  if (limit === undefined) return 50;
  if (!/^[1-9]\d{0,8}$/.test(limit)) throw new UsageError('--limit must be a whole number from 1 on');
  return Number(limit);
}

/** Prints a list, as much of it as was asked for, and tells where it may go on. */
export async function printList(
  { api, output }: Session,
  path: string,
  query: Query,
  view: View,
  args: Parameters<typeof limitOf>[0],
): Promise<void> {
  const limit = limitOf(args);
  const shown = await output.list(view, api.list(path, query, limit));
  if (shown === limit) output.note('There may be more: --limit N or --all');
}

/**
 * Does something with each id and shows what came of it; for scripts those of several ids as a list. What fails is told and
 * the others go on, unless it would be the same with each.
 */
export async function withEach(
  ids: readonly string[],
  { output, world: { terminal } }: Session,
  work: (id: string) => Promise<{ readonly item: Item; readonly text: string }>,
): Promise<ExitCode> {
  const isList = ids.length > 1 && output.format !== 'text';
  const done: Item[] = [];
  let failed = 0;
  try {
    for (const [i, id] of ids.entries()) {
      if (ids.length > 1) terminal.progress(`${i} of ${ids.length}`);
      try {
        const { item, text } = await work(id);
        if (isList) done.push(item);
        else output.item(item, text);
      } catch (error) {
        if (!(error instanceof Failure) || error.exit !== EXIT.wrong || ids.length === 1) throw error;
        failed++;
        terminal.err([`${id}: ${error.message}`, ...error.details].map(printable).join('\n'));
      }
    }
  } finally {
    if (isList) await output.list([], done);
  }
  terminal.progress('');
  if (failed > 0) terminal.err(`${failed} of ${ids.length} failed`);
  return failed === 0 ? EXIT.fine : EXIT.wrong;
}
