import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StageOptions } from '../../lib/stage-config.ts';
import { resolveStageConfig } from '../../lib/stage-config.ts';

const CERTIFICATE = 'arn:aws:acm:eu-west-1:111122223333:certificate/1';

describe('resolveStageConfig', () => {
  const refused: readonly [StageOptions, RegExp][] = [
    [{ stage: 'staging' }, /stage must be one of dev, prod, not 'staging'/],
    [{ network: 'Net_1' }, /network must match/],
    [{ network: 'a'.repeat(33) }, /network must match/],
    [{ network: '' }, /network must match/],
    [{ fallbackUrl: 'http://fallback.example' }, /fallbackUrl must be an https URL/],
    [{ fallbackUrl: 'fallback.example' }, /fallbackUrl must be an https URL/],
    [{ trackingDomain: 'go.network.example' }, /trackingDomain and trackingCertificateArn must be given together/],
    [{ managementCertificateArn: CERTIFICATE }, /managementDomain and managementCertificateArn must be given together/],
    [{ trackingRateLimit: '0' }, /trackingRateLimit must be a whole number from 1 to/],
    [{ trackingRateLimit: '1e3' }, /trackingRateLimit must be a whole number/],
    [{ trackingBurstLimit: '1.5' }, /trackingBurstLimit must be a whole number/],
    [{ trackingAccessLog: 'yes' }, /trackingAccessLog must be true or false/],
    [{ deliveryConcurrency: '1' }, /deliveryConcurrency must be a whole number from 2 to 1000/],
    [{ distributionSecretSha256: 'ab'.repeat(31) }, /distributionSecretSha256 must be the SHA-256 of the secret/],
    [{ distributionSecretSha256: 'AB'.repeat(32) }, /distributionSecretSha256 must be the SHA-256 of the secret/],
    [{ countryDatabase: '/nowhere/country.mmdb' }, /countryDatabase must be .* not '\/nowhere\/country.mmdb'$/],
    [{ countryDatabase: import.meta.filename }, /countryDatabase must be the path of an .mmdb file/],
    [{ countryDatabase: import.meta.dirname }, /countryDatabase must be the path of an .mmdb file/],
  ];

  it.each(refused)('refuses %j in one clear line', (options, message) => {
    expect(() => resolveStageConfig(options)).toThrow(message);
  });

  it('does not repeat a secret that was given instead of its hash (invariant 12)', () => {
    const secret = 'correct horse battery staple';

    expect(() => resolveStageConfig({ distributionSecretSha256: secret })).toThrow(/^(?!.*correct horse)/);
  });

  it('finds the country database from wherever the CDK goes on', () => {
    const directory = mkdtempSync(join(tmpdir(), 'flowback-stage-config-'));
    const path = join(directory, 'country.mmdb');
    writeFileSync(path, '');

    const config = resolveStageConfig({ countryDatabase: relative('.', path) });

    rmSync(directory, { recursive: true });
    expect(config.countryDatabase).toBe(path);
  });

  it('is the dev stage of the network flowback if nothing is said', () => {
    expect(resolveStageConfig({})).toMatchObject({ stage: 'dev', network: 'flowback' });
  });

  it('lets the dev stage, which the local run uses, take 2,000 requests a second on both APIs', () => {
    const { trackingApi, managementApi } = resolveStageConfig({ stage: 'dev' });

    expect(trackingApi).toEqual({ rateLimit: 2_000, burstLimit: 2_000, accessLog: false });
    expect(managementApi).toEqual({ rateLimit: 2_000, burstLimit: 2_000, accessLog: true });
  });

  it('keeps both APIs of prod together below what an account gets', () => {
    const { trackingApi, managementApi } = resolveStageConfig({ stage: 'prod' });

    expect(trackingApi.rateLimit + managementApi.rateLimit).toBeLessThan(10_000);
    expect(trackingApi.burstLimit + managementApi.burstLimit).toBeLessThan(5_000);
  });

  it('spells the fallback so that it is safe in a header, whatever was pasted', () => {
    const { fallbackUrl } = resolveStageConfig({
      stage: 'dev',
      network: 'abc',
      fallbackUrl: ' https://büro.example/\nü',
    });
    expect(fallbackUrl).toBe('https://xn--bro-hoa.example/%C3%BC');
  });

  it('takes what the operator said', () => {
    const config = resolveStageConfig({
      stage: 'prod',
      network: 'abc',
      fallbackUrl: 'https://abc.example/',
      trackingDomain: 'go.abc.example',
      trackingCertificateArn: CERTIFICATE,
      trackingRateLimit: '500',
      trackingBurstLimit: '250',
      trackingAccessLog: 'true',
      deliveryConcurrency: '20',
      distributionSecretSha256: 'ab'.repeat(32),
      alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:operators',
    });

    expect(config).toMatchObject({
      stage: 'prod',
      network: 'abc',
      fallbackUrl: 'https://abc.example/',
      trackingApi: {
        rateLimit: 500,
        burstLimit: 250,
        accessLog: true,
        domain: { domainName: 'go.abc.example', certificateArn: CERTIFICATE },
      },
      deliveryConcurrency: 20,
      distributionSecretSha256: 'ab'.repeat(32),
      alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:operators',
    });
    expect(config.managementApi.domain).toBeUndefined();
  });
});
