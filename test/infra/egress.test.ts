import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ENV, LOCAL_ENV } from '../../lambdas/runtime/environment.ts';
import { STAGE_OPTION_NAMES } from '../../lib/stage-config.ts';
import type { StageOptions } from '../../lib/stage-config.ts';
import { resourcesOf, stackTemplate } from './synthesize.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const LOCAL_NAMES = Object.values(LOCAL_ENV);
const DEPLOYED_NAMES: readonly string[] = Object.values(ENV);

const scratch = mkdtempSync(join(tmpdir(), 'flowback-egress-'));
const countryDatabase = join(scratch, 'countries.mmdb');
writeFileSync(countryDatabase, '');
afterAll(() => rmSync(scratch, { recursive: true }));

const CERTIFICATE = 'arn:aws:acm:eu-west-1:111122223333:certificate/1';

/** A value for each option; where an operator's text goes into the template, one that asks for loopback. */
const VALUES: Required<StageOptions> = {
  stage: 'prod',
  network: 'loopback',
  fallbackUrl: 'https://abc.example/?local_egress=loopback',
  trackingDomain: 'loopback.abc.example',
  trackingCertificateArn: CERTIFICATE,
  managementDomain: 'api.abc.example',
  managementCertificateArn: CERTIFICATE,
  trackingRateLimit: '100000',
  trackingBurstLimit: '100000',
  trackingAccessLog: 'true',
  deliveryConcurrency: '1000',
  distributionSecretSha256: 'ab'.repeat(32),
  countryDatabase,
  alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:loopback',
};

const IN_DEV: StageOptions = { ...VALUES, stage: 'dev' };

describe('the stack lets no function call what is not public (invariant 11)', () => {
  it.each<[string, StageOptions]>([
    ['none', {}],
    ['everything', IN_DEV],
    ['everything, in the other stage', VALUES],
  ])('whatever options it is given: %s', (_, options) => {
    const template = stackTemplate(options);

    for (const { Properties } of Object.values(resourcesOf(template, 'AWS::Lambda::Function'))) {
      const { Variables } = (Properties['Environment'] ?? { Variables: {} }) as { Variables: object };
      for (const name of Object.keys(Variables)) expect(DEPLOYED_NAMES).toContain(name);
    }
    const text = JSON.stringify(template.toJSON());
    for (const name of LOCAL_NAMES) expect(text).not.toContain(name);
  });

  it('of which none is left out here', () => {
    expect(Object.keys(VALUES)).toEqual(STAGE_OPTION_NAMES);
  });

  it('because what loosens the rules has names of its own', () => {
    expect(DEPLOYED_NAMES.filter((name) => LOCAL_NAMES.some((local) => local === name))).toEqual([]);
  });
});

describe('in the sources, what loosens the rules', () => {
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
  const sources = ['bin', 'lib', 'lambdas', 'local', 'examples', 'tools']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    .filter((path) => /\.(ts|js|json)$/.test(path) && !path.includes('node_modules'))
    .concat('package.json', 'cdk.json');
  const mentioning = (pattern: RegExp) => sources.filter((path) => pattern.test(read(path)));

  it('is named where functions read it and set where the local run starts them, and nowhere else', () => {
    expect(mentioning(new RegExp(LOCAL_NAMES.join('|')))).toEqual([
      'lambdas/runtime/environment.ts',
      'local/lambda-host/resources.ts',
    ]);
  });

  it('is read by functions alone, and only from their environment', () => {
    const readers = mentioning(/LOCAL_ENV/).filter((path) => path !== 'lambdas/runtime/environment.ts');

    expect(readers).toContain('lambdas/delivery/handler.ts');
    for (const path of readers) {
      expect(path).toMatch(/^lambdas\/[a-z-]+\/(handler|deps)\.ts$/);
      const uses =
        read(path)
          .replace(/^import .*$/gm, '')
          .match(/.{0,12}LOCAL_ENV.{0,24}/g) ?? [];
      for (const use of uses) expect(use).toMatch(/process\.env\[LOCAL_ENV\.\w+\](?! *=[^=])/);
    }
  });

  it('is known to no infrastructure, by whatever name it is imported', () => {
    const infrastructure = sources.filter((path) => /^(bin|lib)\//.test(path));

    expect(infrastructure.length).toBeGreaterThan(5);
    for (const path of infrastructure) {
      expect(read(path)).not.toMatch(/LOCAL_|import \* as \w+ from '[^']*lambdas\/runtime/);
    }
  });
});
