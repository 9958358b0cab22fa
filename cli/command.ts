import { defineCommand } from 'citty';
import type { ArgsDef, ParsedArgs, SubCommandsDef } from 'citty';

import { createApi } from './api.ts';
import type { Api } from './api.ts';
import { createOutput, FORMAT_ARGS, formatOf } from './output.ts';
import type { Output } from './output.ts';
import { connectionOf } from './profiles.ts';
import { UsageError } from './terminal.ts';
import type { ExitCode } from './terminal.ts';
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
export interface Session {
  readonly api: Api;
  readonly output: Output;
  readonly world: World;
}

const COMMON_ARGS = {
  ...FORMAT_ARGS,
  profile: { type: 'string', description: 'The deployment to talk to: see `flowback profiles`', valueHint: 'NAME' },
} as const;

type Arguments<A extends ArgsDef> = ParsedArgs<A & typeof COMMON_ARGS>;

/** A command that talks to a deployment: --profile, --json and --csv come with it. Without an exit code it went well. */
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
    async run({ args: given }) {
      const { json, csv, profile } = given as { json?: boolean; csv?: boolean; profile?: string };
      const output = createOutput(formatOf({ json, csv }), world.terminal);
      const api = createApi(await connectionOf(profile, world), world);
      return run({ api, output, world }, given);
    },
  });
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
