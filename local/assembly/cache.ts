import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { codeOf } from '../errors.ts';
import { context, ROOT, synthesize } from './synthesize.ts';

/** What the synthesized stack depends on. */
const SOURCES = ['bin', 'lib', 'lambdas', 'package.json', 'package-lock.json', 'tsconfig.json', 'cdk.json'];
const CACHE = join(ROOT, 'node_modules/.cache/flowback');
const KEPT_DAYS = 7;

/** A synthesized assembly; `dispose` removes it if it is not kept for the next start. */
export interface ObtainedAssembly {
  readonly directory: string;
  readonly dispose: () => Promise<void>;
}

/**
 * The cloud assembly of the sources as they are now: from the cache, else synthesized. Starters may run at the same
 * time: an entry of the cache appears by a rename and never changes.
 */
export async function obtainAssembly(signal: AbortSignal): Promise<ObtainedAssembly> {
  const key = await hashSources();
  const entry = join(CACHE, key);
  const keep = async () => undefined;
  if (await exists(join(entry, 'manifest.json'))) {
    await touch(entry);
    return { directory: entry, dispose: keep };
  }
  const work = await workDirectory();
  const remove = () => rm(work, { recursive: true, force: true });
  try {
    await synthesize(work, signal);
    // Sources that changed meanwhile may be half in the result: use it once, keep it not.
    if ((await hashSources()) !== key || !work.startsWith(CACHE)) return { directory: work, dispose: remove };
    await rename(work, entry).catch(async (error: unknown) => {
      // Another starter was first. What it made is the same.
      if (!['EEXIST', 'ENOTEMPTY'].includes(codeOf(error) ?? '')) throw error;
      await remove();
    });
    await prune(key);
    return { directory: entry, dispose: keep };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function workDirectory(): Promise<string> {
  try {
    await mkdir(CACHE, { recursive: true });
    const work = join(CACHE, `work-${process.pid}-${randomUUID()}`);
    await mkdir(work);
    return work;
  } catch {
    return mkdtemp(join(tmpdir(), 'flowback-'));
  }
}

/** SHA-256 over the names and contents of everything that the assembly is made from. */
async function hashSources(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([process.version, await context()]));
  for (const source of SOURCES) await addTo(hash, source);
  return hash.digest('hex').slice(0, 32);
}

async function addTo(hash: ReturnType<typeof createHash>, path: string): Promise<void> {
  const full = join(ROOT, path);
  const info = await stat(full).catch(() => undefined);
  if (info === undefined) return;
  if (info.isDirectory()) {
    for (const name of (await readdir(full)).sort()) await addTo(hash, `${path}/${name}`);
  } else {
    const content = await readFile(full);
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
}

/** Removes what nobody has used for days: a runner reads bundles from its entry as long as it runs. */
async function prune(current: string): Promise<void> {
  const oldest = Date.now() - KEPT_DAYS * 86_400_000;
  for (const name of await readdir(CACHE).catch(() => [])) {
    const path = join(CACHE, name);
    const info = await stat(path).catch(() => undefined);
    if (name !== current && info !== undefined && info.mtimeMs < oldest) {
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
