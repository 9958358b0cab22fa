import { copyFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';
import { OPENAPI_FILE, TAG_FILE } from '../lambdas/runtime/environment.ts';
import { BUNDLE_OPTIONS } from './bundle-options.ts';
import { bundleTag } from './tag-code.ts';

/** Every function of the stack: the folder under lambdas/ whose `handler.ts` exports `handler`. */
export const FUNCTION_NAMES = [
  'redirect',
  'spool',
  'click-payout',
  'conversion',
  'pixel-spool',
  'delivery',
  'sweeper',
  'management',
  'bootstrap',
] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

const LAMBDAS = resolve(import.meta.dirname, '../lambdas');
/** `npm run openapi` makes it; a test holds that it is up to date. */
const OPENAPI = resolve(import.meta.dirname, '../docs/api/openapi.json');

const outputs = new Map<string, Uint8Array>();

/**
 * Bundles all functions in one esbuild call, because each call costs as much as all together, and keeps the result for
 * the other functions of this synth.
 */
const bundleAll = (): ReadonlyMap<string, Uint8Array> => {
  if (outputs.size > 0) return outputs;
  const result = buildSync({
    ...BUNDLE_OPTIONS,
    entryPoints: Object.fromEntries(FUNCTION_NAMES.map((name) => [name, join(LAMBDAS, name, 'handler.ts')])),
    outdir: LAMBDAS,
    write: false,
  });
  for (const file of result.outputFiles) outputs.set(file.path, file.contents);
  return outputs;
};

/**
 * The code of one function: `index.js`, CommonJS, nothing else needed, and the files of this machine that it is given,
 * by the name that they get. Beside the conversion function's lies the tag, beside the
 * management function's the OpenAPI document: they serve them.
 * With the context `aws:cdk:bundling-stacks` set to `[]` nothing is bundled and the asset is a placeholder.
 */
export const functionCode = (name: FunctionName, files: Readonly<Record<string, string>> = {}): Code =>
  Code.fromAsset(LAMBDAS, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('unused: bundling is always local'),
      // All functions share one source folder: without this the CDK would take them for one asset.
      command: [name, ...Object.values(files)],
      local: {
        tryBundle: (outputDir: string): boolean => {
          const code = bundleAll().get(join(LAMBDAS, `${name}.js`));
          if (code === undefined) throw new Error(`esbuild wrote no bundle for ${name}`);
          writeFileSync(join(outputDir, 'index.js'), code);
          // Says CommonJS also where the assembly lies below a package.json that says otherwise, as it does locally.
          writeFileSync(join(outputDir, 'package.json'), '{"type":"commonjs"}\n');
          if (name === 'conversion') writeFileSync(join(outputDir, TAG_FILE), bundleTag());
          if (name === 'management') copyFileSync(OPENAPI, join(outputDir, OPENAPI_FILE));
          for (const [file, path] of Object.entries(files)) copyFileSync(path, join(outputDir, file));
          return true;
        },
      },
    },
  });
