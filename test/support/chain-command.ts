import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { afterAll, expect } from 'vitest';
import { stillRunning } from './processes.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const started: ChildProcess[] = [];

/** Kills what a test file has started, at its end. */
export function killChainsAfterwards(): void {
  afterAll(() => {
    for (const child of started) child.kill('SIGKILL');
  });
}

/** `npm start -- ARGS` without npm, which does not pass signals on. */
export function startChainCommand(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/chain/main.ts', ...args], { cwd: ROOT, env });
  started.push(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = once(child, 'close').then(([exit]) => exit as number | null);
  return { child, code, out: () => out, err: () => err };
}

/** Waits until these processes have ended; `timeout` in milliseconds. */
export const gone = (pids: readonly number[], timeout: number) =>
  expect.poll(() => stillRunning(pids), { timeout, interval: 50 }).toEqual([]);
