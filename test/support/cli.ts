import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { main } from '../../cli/main.ts';
import type { World } from '../../cli/world.ts';

/** What a command wrote and answered. */
interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Surroundings {
  readonly env?: World['env'];
  /** Default: a file of its own in a new folder. */
  readonly profilesFile?: string;
  readonly columns?: number | null;
  /** What somebody at the terminal types in, one after the other; default: nobody is there. */
  readonly answers?: readonly string[];
  readonly wait?: World['wait'];
  /** What comes on standard input. */
  readonly input?: string;
}

/** Runs the command line in this process, with the network and files of this machine. */
export async function runCli(args: readonly string[], surroundings: Surroundings = {}): Promise<Run> {
  const { world, written } = await aWorld(surroundings);
  const code = await main(args, world);
  return { code, ...written };
}

/** The outside of a command, and what was written there so far. */
export async function aWorld({
  env = {},
  profilesFile,
  columns = 80,
  answers,
  wait = async () => {},
  input = '',
}: Surroundings = {}): Promise<{ world: World; written: { out: string; err: string } }> {
  const written = { out: '', err: '' };
  const typed = [...(answers ?? [])];
  const world: World = {
    terminal: {
      columns,
      out: (text) => void (written.out += `${text}\n`),
      err: (text) => void (written.err += `${text}\n`),
      progress: () => {},
      ask: answers === undefined ? null : async () => typed.shift() ?? '',
    },
    env,
    profilesFile: profilesFile ?? join(await mkdtemp(join(tmpdir(), 'flowback-cli-')), 'profiles.json'),
    fetch,
    now: () => performance.now(),
    wait,
    uuid: randomUUID,
    readText: (path) => (path === '-' ? Promise.resolve(input) : readFile(path, 'utf8')),
  };
  return { world, written };
}
