import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { killGuarded, spawnGuarded } from '../engines/guarded-process.ts';
import { StartError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { isJsonObject, parseJson } from '../json.ts';

/** The repository's root. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const APP = 'bin/flowback.ts';

/** What the CDK's command line adds to the context of cdk.json; see `CDK_CONTEXT_JSON` in aws-cdk. */
const CONTEXT: JsonObject = {
  stage: 'dev',
  'aws:cdk:enable-path-metadata': true,
  'aws:cdk:enable-asset-metadata': true,
  'aws:cdk:version-reporting': false,
  'aws:cdk:bundling-stacks': ['**'],
};

/**
 * Synthesizes the stack of the `dev` stage with all bundles into a directory.
 *
 * @throws StartError with the app's standard error if it fails
 */
export async function synthesize(outDir: string, signal?: AbortSignal): Promise<void> {
  await mkdir(outDir, { recursive: true });
  const app = spawnGuarded(process.execPath, ['--import', 'tsx', APP], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      CDK_OUTDIR: resolve(outDir),
      CDK_CONTEXT_JSON: JSON.stringify(await context()),
      // The check against the resource schemas takes 3 s; CI does it.
      CDK_VALIDATION: 'false',
    },
  });
  const abort = () => killGuarded(app);
  signal?.addEventListener('abort', abort, { once: true });
  let output = '';
  app.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  app.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(app, 'close')) as [number | null];
  signal?.removeEventListener('abort', abort);
  signal?.throwIfAborted();
  if (code !== 0) throw new StartError(`the stack could not be synthesized:\n${output.trim()}`);
}

/** The context that the app would get from the CDK's command line. */
export async function context(): Promise<JsonObject> {
  const settings = await readJson('cdk.json');
  const own = isJsonObject(settings.context) ? settings.context : {};
  return { ...own, ...(await readJson('cdk.context.json')), ...CONTEXT };
}

async function readJson(name: string): Promise<JsonObject> {
  try {
    const value = parseJson(await readFile(join(ROOT, name), 'utf8'));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
