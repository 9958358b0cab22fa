import type { BuildOptions } from 'esbuild';

/** How a function is bundled. Apart from the CDK, so that bench/ measures what is deployed without loading it. */
export const BUNDLE_OPTIONS: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  // An ESM bundle starts 15-20 ms slower because of its import of node:http: https://github.com/nodejs/node/issues/59686
  format: 'cjs',
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
};
