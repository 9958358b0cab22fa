import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { gone, killChainsAfterwards, startChainCommand } from '../support/chain-command.ts';
import { descendantsOf } from '../support/processes.ts';

killChainsAfterwards();

test('the walk ends with exit code 0 and leaves no process', async () => {
  const run = startChainCommand(['--once', '--port', '0']);
  // Three networks, each with its Java.
  await expect.poll(() => descendantsOf(run.child.pid ?? 0).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(6);
  const left = descendantsOf(run.child.pid ?? 0);
  expect(await run.code, run.out() + run.err()).toBe(0);
  expect(run.out()).toMatch(/Every hop was seen and every ID came back/);
  expect(run.err()).toBe('');
  await gone(left, 500);
}, 240_000);

test('stopped while it starts, it ends with exit code 0 within 5 s and leaves no process', async () => {
  const run = startChainCommand(['--port', '0']);
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
  const run = startChainCommand(args);
  expect(await run.code).toBe(1);
  expect(run.err()).toMatch(line);
  expect(run.err().trimEnd()).not.toContain('\n');
});

test('a busy port is one clear line and exit code 1', async () => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  try {
    const run = startChainCommand(['--once', '--port', String(port)]);
    expect(await run.code).toBe(1);
    // Another test may have taken one of the chain's further ports meanwhile.
    expect(run.err()).toMatch(/^network \w+: port \d+ is in use; .*\n$/);
  } finally {
    blocker.close();
  }
}, 120_000);

test('a missing Java is one clear line and exit code 1', async () => {
  const run = startChainCommand(['--once', '--port', '0'], { ...process.env, PATH: '/nowhere', JAVA_HOME: '' });
  expect(await run.code).toBe(1);
  expect(run.err()).toMatch(/^network \w+: .*Java.*\n$/);
}, 120_000);
