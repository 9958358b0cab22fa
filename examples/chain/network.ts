import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';

import { StartError } from '../../local/errors.ts';
import { connectApi } from './api.ts';
import type { Api } from './api.ts';
import type { Member } from './members.ts';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');

interface NetworkOptions {
  readonly name: Member;
  readonly port: number;
  readonly data: string | undefined;
  /** A synthesized cloud assembly. */
  readonly assembly: string;
}

/** A network that runs in a process of its own. */
export interface Network {
  readonly name: Member;
  readonly pid: number;
  /** Base URLs of the tracking and the management API. */
  readonly url: string;
  readonly apiUrl: string;
  readonly adminKey: string;
  readonly api: Api;
  /** Resolves with a line for people if the process ends without having been asked to. */
  readonly died: Promise<string>;
  stop(): Promise<void>;
}

const ready = z.object({
  event: z.literal('ready'),
  pid: z.number(),
  url: z.string(),
  api_url: z.string(),
  /** Kept in the data directory, therefore known after a restart as well. */
  admin_key: z.string(),
});

/** How much of standard error is kept: the end of it says why a network died. */
const KEPT = 16_384;

/**
 * Starts one network and waits until it serves.
 *
 * @throws StartError with the runner's own line if it cannot start
 */
export async function startNetwork(options: NetworkOptions, signal: AbortSignal): Promise<Network> {
  const { name, port, data, assembly } = options;
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', 'local/main.ts', '--json'],
      ...['--network', name, '--port', String(port), '--assembly', assembly],
      ...(data === undefined ? [] : ['--data', data]),
    ],
    // The IPC channel ties the network's life to ours: it stops when the channel closes, also after SIGKILL.
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  );
  let stopping = false;
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-KEPT)));
  const ended = once(child, 'close').then(([code, by]) => `it ended with ${String(by ?? code)}`);
  const stop = async () => {
    stopping = true;
    child.kill('SIGTERM');
    await ended;
  };
  const abort = () => void stop();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();

  if (child.stdout === null) throw new StartError('a child process without standard output');
  const first = once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line));
  const line = await Promise.race([first, ended.then(() => null)]);
  if (line === null) throw new StartError(`network ${name}: ${reasonIn(stderr) ?? (await ended)}`);
  const { pid, url, api_url: apiUrl, admin_key: adminKey } = ready.parse(JSON.parse(line));
  const died = ended.then((how) =>
    // Never resolves for a network that was stopped: nothing is wrong then.
    stopping ? new Promise<string>(() => undefined) : `network ${name} is gone: ${reasonIn(stderr) ?? how}`,
  );
  return { name, pid, url, apiUrl, adminKey, api: connectApi(apiUrl, adminKey), died, stop };
}

/** The runner's own last word; functions log under their names. */
function reasonIn(stderr: string): string | undefined {
  return /^flowback: (.*)$/m.exec(stderr.split('\n').reverse().join('\n'))?.[1];
}
