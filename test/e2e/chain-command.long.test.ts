import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { gone, killChainsAfterwards, startChainCommand } from '../support/chain-command.ts';
import { descendantsOf } from '../support/processes.ts';

const data = mkdtempSync(join(tmpdir(), 'flowback-chain-'));
afterAll(() => rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
killChainsAfterwards();

test('a chain that was killed leaves no process and goes on where it was', async () => {
  const first = startChainCommand(['--port', '0', '--data', data]);
  await expect.poll(first.out, { timeout: 120_000, interval: 50 }).toContain('Serving until');
  expect(first.out()).toMatch(/link {2}http:\/\/127\.0\.0\.1:\d+\/click\?campaign_id=summer&pub_id=site/);
  const left = descendantsOf(first.child.pid ?? 0);
  first.child.kill('SIGKILL');
  await first.code;
  await gone(left, 2_000);

  const second = startChainCommand(['--once', '--port', '0', '--data', data]);
  expect(await second.code, second.out() + second.err()).toBe(0);
  expect(second.out()).toMatch(/Every hop was seen/);
});
