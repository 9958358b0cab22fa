import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOCAL_ENV } from '../../lambdas/runtime/environment.ts';
import { deployedContext } from './synthesize.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');

/** Runs bin/flowback.ts as the CDK's command line does; policies.test.ts does what is switched off here. */
const synthesize = async (context: Record<string, unknown>, env: NodeJS.ProcessEnv): Promise<string> => {
  const outdir = mkdtempSync(join(tmpdir(), 'flowback-assembly-'));
  await run(process.execPath, ['--import', 'tsx', 'bin/flowback.ts'], {
    cwd: ROOT,
    env: {
      ...process.env,
      CDK_VALIDATION: 'false',
      ...env,
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...deployedContext(), ...context }),
    },
  });
  return outdir;
};

const LOCAL = Object.fromEntries(Object.values(LOCAL_ENV).map((name) => [name, 'loopback']));

const outdirs = new Map<string, string>();
const scratch = mkdtempSync(join(tmpdir(), 'flowback-countries-'));
const DATABASE = join(scratch, 'of-the-operator.mmdb');

// Once a stage, dev with its bundles, because each takes seconds, and half a minute on a machine that is busy.
beforeAll(async () => {
  writeFileSync(DATABASE, 'countries');
  for (const [stage, bundled] of [
    ['dev', ['**']],
    ['prod', []],
  ] as const) {
    const context = { stage, network: 'abc', 'aws:cdk:bundling-stacks': bundled, countryDatabase: DATABASE, ...LOCAL };
    outdirs.set(stage, await synthesize(context, LOCAL));
  }
}, 180_000);

afterAll(() => {
  for (const outdir of [scratch, ...outdirs.values()]) rmSync(outdir, { recursive: true, force: true });
});

const outdirOf = (stage: string): string => outdirs.get(stage) ?? '';

describe.each(['dev', 'prod'])('the assembly of %s', (stage) => {
  it('carries nothing that loosens egress or retries, whatever is set where it is made (invariant 11)', () => {
    const templates = readdirSync(outdirOf(stage)).filter((file) => file.endsWith('.template.json'));

    expect(templates).toEqual([`flowback-abc-${stage}.template.json`]);
    for (const template of templates) {
      const text = readFileSync(join(outdirOf(stage), template), 'utf8');
      for (const trace of [...Object.keys(LOCAL), 'loopback']) expect(text).not.toContain(trace);
    }
  });

  it('is named after its network and stage and tagged with both', () => {
    const manifest = readFileSync(join(outdirOf(stage), 'manifest.json'), 'utf8');

    expect(manifest).toContain(`"flowback:network": "abc"`);
    expect(manifest).toContain(`"flowback:stage": "${stage}"`);
  });
});

/** Written down a second time, so that a function that goes missing is seen. */
const CONSTRUCTS: Readonly<Record<string, string>> = {
  redirect: 'Redirect',
  spool: 'Spool',
  'click-payout': 'ClickPayout',
  conversion: 'Conversion',
  'pixel-spool': 'SpooledPixels',
  delivery: 'Delivery',
  sweeper: 'Sweeper',
  management: 'Management',
  bootstrap: 'Bootstrap',
};
const NAMES = Object.keys(CONSTRUCTS);
/** What lies beside the code. */
const FILES: Readonly<Record<string, string>> = {
  redirect: 'country.mmdb',
  conversion: 'tag.js',
  management: 'openapi.json',
};

describe('the bundles', () => {
  const bundles = new Map<string, string>();

  beforeAll(() => {
    const outdir = outdirOf('dev');
    const file = readFileSync(join(outdir, 'flowback-abc-dev.assets.json'), 'utf8');
    const assets = JSON.parse(file) as { files: Record<string, { displayName: string; source: { path: string } }> };
    for (const { displayName, source } of Object.values(assets.files)) {
      const name = NAMES.find((candidate) => displayName.startsWith(`${CONSTRUCTS[candidate]}/`));
      if (name !== undefined) bundles.set(name, join(outdir, source.path));
    }
  });

  it('are one for each function', () => {
    expect([...bundles.keys()].sort()).toEqual([...NAMES].sort());
    expect(new Set(bundles.values()).size).toBe(NAMES.length);
  });

  it.each(NAMES)('of %s load as CommonJS, alone, and export a handler', async (name) => {
    const bundle = bundles.get(name) ?? '';
    // Dead addresses: what a handler does while it is loaded must not reach anything.
    const env = {
      PATH: process.env['PATH'],
      LAMBDA_TASK_ROOT: bundle,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      NETWORK: 'abc',
      CATALOG_TABLE: 'catalog',
      CLICKS_TABLE: 'clicks',
      CONVERSIONS_TABLE: 'conversions',
      DELIVERIES_TABLE: 'deliveries',
      HITS_TABLE: 'hits',
      COUNTERS_TABLE: 'counters',
      AUDIT_TABLE: 'audit',
      CLICK_SPOOL_QUEUE_URL: 'http://127.0.0.1:1/1/spool',
      PIXEL_SPOOL_QUEUE_URL: 'http://127.0.0.1:1/1/pixel-spool',
      NOTIFICATIONS_QUEUE_URL: 'http://127.0.0.1:1/1/queue',
      NOTIFICATIONS_DEAD_LETTERS_URL: 'http://127.0.0.1:1/1/dead-letters',
      ENDPOINT_SLOTS: '2',
      TRACKING_URL: 'https://go.abc.example',
      API_URL: 'https://api.abc.example',
      CACHE_SECONDS: '30',
    };
    const script = 'process.stdout.write(typeof require(process.argv[1]).handler, () => process.exit(0))';

    const { stdout } = await run(process.execPath, ['-e', script, join(bundle, 'index.js')], { env, cwd: tmpdir() });

    expect(readdirSync(bundle).sort()).toEqual(['index.js', 'package.json', ...[FILES[name] ?? []].flat()].sort());
    expect(stdout).toBe('function');
  });

  it('of the redirect has the country database beside it, by the name that the redirect is told', () => {
    const template = readFileSync(join(outdirOf('dev'), 'flowback-abc-dev.template.json'), 'utf8');

    expect(readFileSync(join(bundles.get('redirect') ?? '', 'country.mmdb'), 'utf8')).toBe('countries');
    expect(template).toContain('"COUNTRY_DATABASE": "country.mmdb"');
  });

  it('of the redirect stays small: visitors wait for its cold start', () => {
    expect(statSync(join(bundles.get('redirect') ?? '', 'index.js')).size).toBeLessThanOrEqual(60 * 1_024);
  });
});
