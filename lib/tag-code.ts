import { resolve } from 'node:path';
import { buildSync } from 'esbuild';

const TAG = resolve(import.meta.dirname, '../tag/tag.ts');

/** The tag as browsers get it. Loads no CDK: bench/ and tests take it from here, too. */
export function bundleTag(): string {
  const { outputFiles } = buildSync({
    entryPoints: [TAG],
    bundle: true,
    platform: 'browser',
    target: 'es2019',
    format: 'iife',
    minify: true,
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  });
  return outputFiles.map(({ text }) => text).join('');
}
