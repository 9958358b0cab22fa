import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The options of `local/main.ts`; what is left out keeps its default, except `port`: any free ones. */
export interface LocalOptions {
  readonly port?: number;
  readonly network?: string;
  /** Data directory; undefined: in memory. */
  readonly data?: string;
  readonly adminKey?: string;
  readonly strictEgress?: boolean;
  readonly cacheSeconds?: number;
  readonly retrySchedule?: readonly number[];
  readonly dynamodbEndpoint?: string;
  readonly sqsEndpoint?: string;
  /** PEM files with which the tracking API speaks HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly environments?: number;
  /** An already synthesized cloud assembly. */
  readonly assembly?: string;
}

/** A runner in a process of its own. */
export interface Local {
  /** Base URL of the tracking API, without a slash at the end. */
  readonly url: string;
  /** Base URL of the management API, without a slash at the end. */
  readonly apiUrl: string;
  /** Null if the data directory holds keys but none is known. */
  readonly adminKey: string | null;
  readonly network: string;
  readonly data: string | null;
  readonly pid: number;
  /** Everything on standard error until now: the runner's own lines and those of the functions. */
  readonly stderr: () => string;
  /** SIGTERM; resolves with the exit code. */
  readonly stop: () => Promise<number>;
  /** SIGKILL; resolves when the process is gone. */
  readonly kill: () => Promise<void>;
}

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * Starts a runner and waits until it is ready. It ends with this process at the latest; call `stop` or `kill`.
 *
 * @throws Error with the runner's standard error if it ends before it is ready
 */
export async function startLocal(options: LocalOptions = {}): Promise<Local> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'local/main.ts', '--json', ...argumentsOf({ port: 0, ...options })],
    // The IPC channel ties the runner's life to ours: it stops when the channel closes, also after SIGKILL.
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  );
  const exited = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : -1));
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if (child.stdout === null) throw new Error('no standard output');
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text)),
    exited.then((code) => Promise.reject(new Error(`the runner ended with ${code}: ${stderr}`))),
  ]);
  const ready = JSON.parse(line) as {
    network: string;
    pid: number;
    data: string | null;
    url: string;
    api_url: string;
    admin_key: string | null;
  };
  return {
    url: ready.url,
    apiUrl: ready.api_url,
    adminKey: ready.admin_key,
    network: ready.network,
    data: ready.data,
    pid: ready.pid,
    stderr: () => stderr,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function argumentsOf(options: LocalOptions): string[] {
  const args: string[] = [];
  const add = (name: string, value: string | number | undefined) => {
    if (value !== undefined) args.push(name, String(value));
  };
  add('--port', options.port);
  add('--network', options.network);
  add('--data', options.data);
  add('--admin-key', options.adminKey);
  add('--cache-seconds', options.cacheSeconds);
  add('--retry-schedule', options.retrySchedule?.join(','));
  add('--dynamodb-endpoint', options.dynamodbEndpoint);
  add('--sqs-endpoint', options.sqsEndpoint);
  add('--tls-cert', options.tls?.cert);
  add('--tls-key', options.tls?.key);
  add('--environments', options.environments);
  add('--assembly', options.assembly);
  if (options.strictEgress === true) args.push('--strict-egress');
  return args;
}
