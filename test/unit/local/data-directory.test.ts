import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { DataDirectory } from '../../../local/data-directory.ts';

let root: string;
let path: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flowback-directory-'));
  path = join(root, 'data');
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;

function writeLock(pid: number, started: string, engines: object[] = []): void {
  writeFileSync(join(path, 'lock'), JSON.stringify({ owner: { pid, started }, engines }));
}

describe('DataDirectory', () => {
  it('is locked for everybody else, until it is unlocked', async () => {
    const directory = await DataDirectory.open(path);
    await expect(DataDirectory.open(path)).rejects.toThrow(`in use by the runner with process id ${process.pid}`);
    directory.unlock();
    (await DataDirectory.open(path)).unlock();
    expect(readdirSync(path)).toEqual([]);
  });

  it('is taken over from a dead owner', async () => {
    (await DataDirectory.open(path)).unlock();
    writeLock(deadPid(), '1');
    await DataDirectory.open(path);
    expect(readdirSync(path)).toEqual(['lock']);
  });

  it('is taken over from an owner whose process id has been given to another process', async () => {
    (await DataDirectory.open(path)).unlock();
    writeLock(process.pid, 'another time');
    await expect(DataDirectory.open(path)).resolves.toBeDefined();
  });

  it('is taken over by one of many', async () => {
    (await DataDirectory.open(path)).unlock();
    writeLock(deadPid(), '1');
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => DataDirectory.open(path)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it("waits for the end of a dead owner's engines", async () => {
    const directory = await DataDirectory.open(path);
    directory.addEngine(process.pid);
    const { engines } = JSON.parse(readLockFile()) as { engines: object[] };
    writeLock(deadPid(), '1', engines);
    const waiting = DataDirectory.open(path);
    await expect(Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 200, 'waits'))])).resolves.toBe(
      'waits',
    );
    writeLock(deadPid(), '1');
    await expect(waiting).resolves.toBeDefined();
  });

  it('is not made where it cannot be', async () => {
    writeFileSync(path, 'a file');
    await expect(DataDirectory.open(path)).rejects.toThrow(/^--data .* cannot be used: /);
  });

  it('keeps a new admin key before it is used and one for each network', async () => {
    const directory = await DataDirectory.open(path);
    const key = directory.newAdminKey('a');
    expect(key).toMatch(/^[A-Za-z0-9_-]{16,128}$/);
    expect([directory.newAdminKey('a'), directory.readAdminKey('a')]).toEqual([key, undefined]);
    directory.saveAdminKey('a', key);
    expect([directory.readAdminKey('a'), directory.readAdminKey('b')]).toEqual([key, undefined]);
    expect(statSync(join(path, 'admin-key-a')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(path, 'admin-key-a.new'))).toBe(false);
  });
});

function readLockFile(): string {
  return spawnSync('cat', [join(path, 'lock')], { encoding: 'utf8' }).stdout;
}
