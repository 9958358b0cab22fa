import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { TABLES } from './catalog.ts';
import type { Handled, Work } from './environment.ts';
import type { StorageReport } from './storage.ts';

export interface Storage {
  readonly endpoint: string;
  /** What was asked of it since the last report. */
  report(): Promise<StorageReport>;
  stop(): void;
}

export interface Environment {
  handle(work: Work): Promise<Handled>;
  /** Bytes that the function wrote to its log since the start. */
  logBytes(): number;
  stop(): void;
}

/** @param bundle - of storage.ts */
export async function startStorage(bundle: string): Promise<Storage> {
  const child = fork(bundle);
  const port = await answerOf(child);
  return {
    endpoint: `http://127.0.0.1:${String(port)}`,
    report: () => ask(child, 'report') as Promise<StorageReport>,
    stop: () => child.disconnect(),
  };
}

/**
 * @param bundle - of environment.ts
 * @param code - bundle of the function
 * @param clock - milliseconds that pass with each visit; undefined: real time
 */
export async function startEnvironment(
  bundle: string,
  code: string,
  variables: Readonly<Record<string, string>>,
  clock?: number,
): Promise<Environment> {
  const args = clock === undefined ? [code] : [code, String(clock)];
  const env = { ...variables, LAMBDA_TASK_ROOT: dirname(code) };
  const child = fork(bundle, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let logBytes = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      logBytes += chunk.length;
      if (logBytes < 2_000) process.stderr.write(chunk);
    });
  }
  await answerOf(child);
  return {
    handle: (work) => ask(child, work) as Promise<Handled>,
    logBytes: () => logBytes,
    stop: () => child.disconnect(),
  };
}

/** What the stack sets, for a function whose storage is at `endpoint`. */
export function functionEnvironment(endpoint: string, cacheSeconds: number): Record<string, string> {
  return {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    // A function's credentials always have one, of about this length.
    AWS_SESSION_TOKEN: 'IQoJb3JpZ2luX2VjE'.padEnd(900, 'MqT7xYk2'),
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_ENDPOINT_URL_SQS: endpoint,
    NETWORK: 'bench',
    CATALOG_TABLE: TABLES.catalog,
    CLICKS_TABLE: TABLES.clicks,
    COUNTERS_TABLE: TABLES.counters,
    BARE_TABLE: TABLES.bare,
    CLICK_SPOOL_QUEUE_URL: `${endpoint}/123456789012/click-spool`,
    PIXEL_SPOOL_QUEUE_URL: `${endpoint}/123456789012/pixel-spool`,
    CACHE_SECONDS: String(cacheSeconds),
    TZ: 'UTC',
    // What the SDK tells of an older Node.js would be taken for the function's log.
    NODE_NO_WARNINGS: '1',
  };
}

async function ask(child: ChildProcess, message: Work | string): Promise<unknown> {
  child.send(message);
  return answerOf(child);
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const done = new AbortController();
  const { signal } = done;
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a process ended with ${String(code)}`);
  });
  const [answer] = (await Promise.race([once(child, 'message', { signal }), ended])) as [unknown];
  done.abort();
  return answer;
}
