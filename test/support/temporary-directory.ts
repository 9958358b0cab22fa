import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Global set-up of vitest: a temporary directory for the whole run, because a synthesized app leaves its assembly there. */
export default async function setUp(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'flowback-tests-'));
  // Inherited by the workers and by what they start.
  process.env['TMPDIR'] = directory;
  return () => rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
