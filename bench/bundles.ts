import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { BUNDLE_OPTIONS } from '../lib/bundle-options.ts';
import { bundleTag } from '../lib/tag-code.ts';

const ROOT = resolve(import.meta.dirname, '..');

const ENTRIES = {
  redirect: 'lambdas/redirect/handler.ts',
  bareMinimum: 'bench/bare-minimum.ts',
  conversion: 'lambdas/conversion/handler.ts',
  barePostback: 'bench/bare-postback.ts',
  delivery: 'lambdas/delivery/handler.ts',
  bareDelivery: 'bench/bare-delivery.ts',
  management: 'lambdas/management/handler.ts',
  bareList: 'bench/bare-list.ts',
  environment: 'bench/environment.ts',
  storage: 'bench/storage.ts',
} as const;

/** Files of the bundles by name; `remove` deletes them. */
export type Bundles = Readonly<Record<keyof typeof ENTRIES, string>> & { readonly remove: () => void };

/**
 * Builds the functions, what they are compared with, and the processes around them, as functions are built for Lambda: no
 * loader of TypeScript takes part in what is measured.
 */
export function buildBundles(): Bundles {
  const outdir = mkdtempSync(join(tmpdir(), 'flowback-bench-'));
  buildSync({
    ...BUNDLE_OPTIONS,
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(ROOT, path)])),
    outdir,
  });
  // The conversion function reads it when it starts.
  writeFileSync(join(outdir, 'tag.js'), bundleTag());
  const file = (name: keyof typeof ENTRIES) => join(outdir, `${name}.js`);
  return {
    redirect: file('redirect'),
    bareMinimum: file('bareMinimum'),
    conversion: file('conversion'),
    barePostback: file('barePostback'),
    delivery: file('delivery'),
    bareDelivery: file('bareDelivery'),
    management: file('management'),
    bareList: file('bareList'),
    environment: file('environment'),
    storage: file('storage'),
    remove: () => rmSync(outdir, { recursive: true, force: true }),
  };
}

export function bytesOf(file: string): number {
  return statSync(file).size;
}
