import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';

/**
 * Ties a program's life to ours, also if we are killed and can do nothing any more. A shell becomes the program (same
 * process id) after it has left a watcher that reads a pipe of which we alone hold the other end: when we are gone the
 * read ends and the watcher kills the program with everything that it started, as they share a process group.
 */
const GUARD = 'exec 3<&0; { read -r _ <&3; kill -9 -$$; } >/dev/null 2>&1 & exec "$@" </dev/null 3<&-';

interface GuardedOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Starts a program that does not outlive this process. Its `pid` is the program's; its standard input is empty. */
export function spawnGuarded(command: string, args: readonly string[], options: GuardedOptions): ChildProcess {
  const child = spawn('/bin/sh', ['-c', GUARD, 'sh', command, ...args], {
    ...options,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C in a terminal goes to the runner only, which stops its engines last.
    detached: true,
  });
  // The pipe ends with the program as well, else the watcher would stay until we end.
  child.once('exit', () => child.stdin?.destroy());
  child.stdin?.on('error', () => undefined);
  return child;
}

/** Kills a guarded program and everything that it started. */
export function killGuarded(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone in the meantime.
  }
}
