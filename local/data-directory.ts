import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { codeOf, messageOf, StartError } from './errors.ts';

/** A process, told apart from a later one with the same id by when it started. */
interface ProcessMark {
  readonly pid: number;
  readonly started: string;
}

interface Lock {
  readonly owner: ProcessMark;
  /** Programs that use the directory and end with the owner, a moment later. */
  readonly engines: readonly ProcessMark[];
}

/** How long the engines of a killed owner may take to end. */
const TAKEOVER_MS = 5_000;

/** The directory that `--data` names, locked for this process. */
export class DataDirectory {
  readonly path: string;
  private readonly lockFile: string;
  private readonly engines: ProcessMark[] = [];

  private constructor(path: string) {
    this.path = path;
    this.lockFile = join(path, 'lock');
  }

  /**
   * Makes the directory if need be and locks it. A lock whose owner is dead is taken over, once its engines are gone.
   *
   * @throws StartError if another runner uses it or it cannot be written
   */
  static async open(path: string): Promise<DataDirectory> {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const directory = new DataDirectory(path);
      await directory.lock();
      return directory;
    } catch (error) {
      if (error instanceof StartError) throw error;
      throw new StartError(`--data ${path} cannot be used: ${messageOf(error)}`);
    }
  }

  /** Notes a program that works in the directory, so that the next owner waits for its end. */
  addEngine(pid: number): void {
    this.engines.push(markOf(pid) ?? { pid, started: '' });
    writePrivate(this.lockFile, this.content());
  }

  /** The admin key of a network; undefined before the first start has got so far. */
  readAdminKey(network: string): string | undefined {
    return readIfExists(this.keyFile(network))?.trim();
  }

  saveAdminKey(network: string, key: string): void {
    writePrivate(this.keyFile(network), `${key}\n`);
    rmSync(this.newKeyFile(network), { force: true });
  }

  /**
   * A new admin key, kept before it is used: a kill right after it was stored in the tables must not lose it. The same
   * one until `saveAdminKey`.
   */
  newAdminKey(network: string): string {
    const kept = readIfExists(this.newKeyFile(network))?.trim();
    if (kept !== undefined) return kept;
    const key = `fb_${randomBytes(20).toString('hex')}`;
    writePrivate(this.newKeyFile(network), `${key}\n`);
    return key;
  }

  unlock(): void {
    rmSync(this.lockFile, { force: true });
  }

  private keyFile(network: string): string {
    return join(this.path, `admin-key-${network}`);
  }

  private newKeyFile(network: string): string {
    return `${this.keyFile(network)}.new`;
  }

  private content(): string {
    const owner = markOf(process.pid) ?? { pid: process.pid, started: '' };
    return JSON.stringify({ owner, engines: this.engines } satisfies Lock);
  }

  private async lock(): Promise<void> {
    const own = `${this.lockFile}.${randomUUID()}`;
    writeFileSync(own, this.content(), { mode: 0o600 });
    try {
      const deadline = Date.now() + TAKEOVER_MS;
      // A link is made whole or not at all, so nobody sees a lock without its owner.
      while (!tryLink(own, this.lockFile)) {
        const lock = readLock(this.lockFile);
        if (lock === undefined) continue;
        if (isAlive(lock.owner)) {
          throw new StartError(`--data ${this.path} is in use by the runner with process id ${lock.owner.pid}`);
        }
        if (lock.engines.some(isAlive)) {
          if (Date.now() > deadline)
            throw new StartError(`--data ${this.path} is in use by a process that does not end`);
        } else {
          this.removeStale();
        }
        await delay(20);
      }
    } finally {
      unlinkSync(own);
    }
  }

  /** Removes a dead owner's lock, one process at a time: else a slow one could remove the lock of who was faster. */
  private removeStale(): void {
    const guard = `${this.lockFile}.takeover`;
    try {
      mkdirSync(guard);
    } catch {
      // Left behind by somebody who was killed in between.
      const age = Date.now() - (statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > TAKEOVER_MS / 2) rmSync(guard, { recursive: true, force: true });
      return;
    }
    try {
      const lock = readLock(this.lockFile);
      if (lock !== undefined && !isAlive(lock.owner)) rmSync(this.lockFile, { force: true });
    } finally {
      rmdirSync(guard);
    }
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function readLock(path: string): Lock | undefined {
  const text = readIfExists(path);
  return text === undefined ? undefined : (JSON.parse(text) as Lock);
}

/** Undefined: there is no such file. */
export function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file that only we may read, whole or not at all. */
export function writePrivate(path: string, content: string): void {
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}

function isAlive(mark: ProcessMark): boolean {
  return markOf(mark.pid)?.started === mark.started;
}

/** Undefined if there is no such process; zombies are none. */
function markOf(pid: number): ProcessMark | undefined {
  if (process.platform === 'linux') {
    let stat: string;
    try {
      stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      return undefined;
    }
    // After the name in parentheses, which may hold anything: state is field 3, the start time field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, started: fields[19] ?? '' };
  }
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : { pid, started };
  } catch {
    return undefined;
  }
}
