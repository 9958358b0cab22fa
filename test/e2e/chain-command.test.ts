import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { descendantsOf, stillRunning } from '../support/processes.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const data = mkdtempSync(join(tmpdir(), 'flowback-chain-'));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

/** `npm start -- ARGS` without npm, which does not pass signals on. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/chain/main.ts', ...args], { cwd: ROOT, env });
  started.push(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = once(child, 'close').then(([exit]) => exit as number | null);
  return { child, code, out: () => out, err: () => err };
}

const gone = (pids: readonly number[], timeout: number) =>
  expect.poll(() => stillRunning(pids), { timeout, interval: 50 }).toEqual([]);

test('the walk ends with exit code 0 and leaves no process; a chain that was killed goes on where it was', async () => {
  const first = start(['--port', '0', '--data', data]);
  await expect.poll(first.out, { timeout: 120_000, interval: 50 }).toContain('Serving until');
  expect(first.out()).toMatch(/Every hop was seen and every ID came back/);
  expect(first.out()).toMatch(/link {2}http:\/\/127\.0\.0\.1:\d+\/click\?campaign_id=summer&pub_id=site/);
  const left = descendantsOf(first.child.pid ?? 0);
  // Three networks, each with its Java.
  expect(left.length).toBeGreaterThanOrEqual(6);
  first.child.kill('SIGKILL');
  await first.code;
  await gone(left, 2_000);

  const second = start(['--once', '--port', '0', '--data', data]);
  await expect.poll(() => descendantsOf(second.child.pid ?? 0).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(6);
  const leftLater = descendantsOf(second.child.pid ?? 0);
  expect(await second.code, second.out() + second.err()).toBe(0);
  expect(second.out()).toMatch(/Every hop was seen/);
  expect(second.err()).toBe('');
  await gone(leftLater, 500);
}, 240_000);

test('stopped while it starts, it ends with exit code 0 within 5 s and leaves no process', async () => {
  const run = start(['--port', '0']);
  await expect.poll(() => descendantsOf(run.child.pid ?? 0).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(4);
  const left = descendantsOf(run.child.pid ?? 0);
  const asked = Date.now();
  run.child.kill('SIGTERM');
  expect(await run.code).toBe(0);
  expect(Date.now() - asked).toBeLessThan(5_000);
  await gone(left, 500);
}, 120_000);

test.each([
  ['a bad port', ['--port', '65536'], /^--port must be a whole number/],
  ['an unknown option', ['--twice'], /^Unknown option '--twice'; --help lists the options/],
])('%s is one clear line and exit code 1', async (_, args, line) => {
  const run = start(args);
  expect(await run.code).toBe(1);
  expect(run.err()).toMatch(line);
  expect(run.err().trimEnd()).not.toContain('\n');
});

test('a busy port is one clear line and exit code 1', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  try {
    const run = start(['--once', '--port', String(port)]);
    expect(await run.code).toBe(1);
    // Another test may have taken one of the chain's further ports meanwhile.
    expect(run.err()).toMatch(/^network \w+: port \d+ is in use; .*\n$/);
  } finally {
    blocker.close();
  }
}, 120_000);

test('a missing Java is one clear line and exit code 1', async () => {
  const run = start(['--once', '--port', '0'], { ...process.env, PATH: '/nowhere', JAVA_HOME: '' });
  expect(await run.code).toBe(1);
  expect(run.err()).toMatch(/^network \w+: .*Java.*\n$/);
}, 120_000);
