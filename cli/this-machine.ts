import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { constants, homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

import type { Terminal } from './terminal.ts';
import type { World } from './world.ts';

/** The machine and terminal at which the command line was started. */
export function thisMachine(): World {
  const { env, stdin } = process;
  return {
    terminal: thisTerminal(),
    env,
    profilesFile: join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'flowback', 'profiles.json'),
    fetch,
    now: () => performance.now(),
    wait: (milliseconds) => setTimeout(milliseconds),
    uuid: randomUUID,
    readText: (path) => (path === '-' ? text(stdin) : readFile(path, 'utf8')),
  };
}

function thisTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  // `flowback ... | head` has read enough: that is no failure, and no reason to leave work half done.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  let shown = '';
  const progress = (line: string) => {
    if (stderr.isTTY && line !== shown) stderr.write(`\r\u{1B}[K${line.slice(0, stderr.columns - 1)}`);
    shown = line;
  };
  return {
    columns: stdout.isTTY ? stdout.columns : null,
    out: (line) => {
      progress('');
      stdout.write(`${line}\n`);
    },
    err: (line) => {
      progress('');
      stderr.write(`${line}\n`);
    },
    progress,
    ask: stdin.isTTY && stderr.isTTY ? askHere : null,
  };
}

async function askHere(question: string, { secret = false } = {}): Promise<string> {
  const { stdin, stderr } = process;
  if (secret) stderr.write(`${question}: `);
  // Readline writes what is typed; where that must not be seen, into nothing.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const asked = createInterface({ input: stdin, output: secret ? silent : stderr, terminal: true });
  try {
    return (await asked.question(secret ? '' : `${question}: `)).trim();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
    // Ctrl-C or Ctrl-D: as if nothing had caught the signal.
    stderr.write('\n');
    return process.exit(128 + constants.signals.SIGINT);
  } finally {
    asked.close();
    if (secret) stderr.write('\n');
  }
}
