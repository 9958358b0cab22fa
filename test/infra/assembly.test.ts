import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployedContext } from './synthesize.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
/** Written down a second time, so that a function that goes missing is seen. */
const NAMES = ['redirect', 'conversion', 'delivery', 'sweeper', 'management', 'bootstrap'];

const outputs: string[] = [];
afterAll(() => {
  for (const outdir of outputs) rmSync(outdir, { recursive: true, force: true });
});

/** Runs bin/flowback.ts as the CDK's command line does. */
const synthesize = async (context: Record<string, unknown>, env: NodeJS.ProcessEnv) => {
  const outdir = mkdtempSync(join(tmpdir(), 'flowback-assembly-'));
  outputs.push(outdir);
  const { stdout, stderr } = await run(process.execPath, ['--import', 'tsx', 'bin/flowback.ts'], {
    cwd: ROOT,
    env: { ...process.env, ...env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
  });
  return { outdir, printed: stdout + stderr };
};

const LOCAL = { LOCAL_EGRESS: 'loopback', LOCAL_RETRY_SCHEDULE: '0,1,2' };

const EVERYTHING = {
  fallbackUrl: 'https://abc.example/',
  trackingAccessLog: true,
  trackingDomain: 'go.abc.example',
  trackingCertificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/1',
  alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:operators',
};

// All at once, because each takes seconds. With template validation and cdk-nag, as in continuous integration: any
// finding ends the process with an error.
const assemblies = [
  { stage: 'dev', settings: {} },
  { stage: 'prod', settings: {} },
  { stage: 'prod', settings: EVERYTHING },
].map(({ stage, settings }) => {
  const context = { ...deployedContext(), stage, network: 'abc', ...settings, ...LOCAL };
  const synthesis = synthesize(context, { ...LOCAL, CDK_VALIDATION: 'true' });
  // Whoever awaits it hears of a failure; until then it is not an unhandled one.
  synthesis.catch(() => undefined);
  return { stage, settings, synthesis };
});

describe.each(assemblies)('the assembly of $stage with $settings', ({ stage, synthesis }) => {
  let result: Awaited<typeof synthesis>;

  beforeAll(async () => {
    result = await synthesis;
  });

  it('passes cdk-nag and template validation without a word', () => {
    const report = JSON.parse(readFileSync(join(result.outdir, 'validation-report.json'), 'utf8')) as unknown;

    expect(result.printed).toBe('');
    expect(report).toMatchObject({ pluginReports: [] });
  });

  it('carries nothing that loosens egress or retries, whatever is set where it is made', () => {
    const templates = readdirSync(result.outdir).filter((file) => file.endsWith('.template.json'));

    expect(templates).toEqual([`flowback-abc-${stage}.template.json`]);
    for (const template of templates) {
      const text = readFileSync(join(result.outdir, template), 'utf8');
      expect(text).not.toMatch(/LOCAL_EGRESS|LOCAL_RETRY_SCHEDULE|loopback/);
    }
  });

  it('is named after its network and stage and tagged with both', () => {
    const manifest = readFileSync(join(result.outdir, 'manifest.json'), 'utf8');

    expect(manifest).toContain(`"flowback:network": "abc"`);
    expect(manifest).toContain(`"flowback:stage": "${stage}"`);
  });
});

describe('the bundles', () => {
  let outdir: string;
  const bundles = new Map<string, string>();

  beforeAll(async () => {
    const context = { ...deployedContext() };
    delete context['aws:cdk:bundling-stacks'];
    ({ outdir } = await synthesize(context, { CDK_VALIDATION: 'false' }));
    const file = readFileSync(join(outdir, 'flowback-dev.assets.json'), 'utf8');
    const assets = JSON.parse(file) as { files: Record<string, { displayName: string; source: { path: string } }> };
    for (const { displayName, source } of Object.values(assets.files)) {
      const name = NAMES.find((candidate) => displayName.toLowerCase().startsWith(candidate));
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
      NOTIFICATIONS_QUEUE_URL: 'http://127.0.0.1:1/1/queue',
      TRACKING_URL: 'https://go.abc.example',
      API_URL: 'https://api.abc.example',
      CACHE_SECONDS: '30',
    };
    const script = 'process.stdout.write(typeof require(process.argv[1]).handler, () => process.exit(0))';

    const { stdout } = await run(process.execPath, ['-e', script, join(bundle, 'index.js')], { env, cwd: tmpdir() });

    expect(readdirSync(bundle).sort()).toEqual(['index.js', 'package.json']);
    expect(stdout).toBe('function');
  });

  it('of the redirect stays small: visitors wait for its cold start', () => {
    expect(statSync(join(bundles.get('redirect') ?? '', 'index.js')).size).toBeLessThan(40_000);
  });
});
