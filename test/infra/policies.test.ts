import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlowbackStack } from '../../lib/flowback-stack.ts';
import { resolveStageConfig } from '../../lib/stage-config.ts';
import { deployedContext } from './synthesize.ts';

const EVERYTHING = {
  stage: 'prod',
  fallbackUrl: 'https://abc.example/',
  trackingAccessLog: 'true',
  trackingDomain: 'go.abc.example',
  trackingCertificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/1',
  managementDomain: 'api.abc.example',
  managementCertificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/1',
  alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:operators',
  distributionSecretSha256: 'ab'.repeat(32),
};

/** An app that is checked as in continuous integration: by cdk-nag and against the schemas of the resources. */
describe('the checks of a synth', { timeout: 180_000 }, () => {
  let outdir: string;
  let app: App;

  beforeEach(() => {
    process.env['CDK_VALIDATION'] = 'true';
    outdir = mkdtempSync(join(tmpdir(), 'flowback-policies-'));
    app = new App({ analyticsReporting: false, context: deployedContext(), outdir });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  });

  afterEach(() => {
    rmSync(outdir, { recursive: true, force: true });
  });

  it('find what breaks a rule of cdk-nag', () => {
    new Queue(new Stack(app, 'Bad'), 'PlainHttp');

    expect(() => app.synth()).toThrow(/AwsSolutions-SQS/);
  });

  it('find what no deployment would accept', () => {
    new CfnStage(new Stack(app, 'Bad'), 'Stage', { apiId: 'a', stageName: 's', autoDeploy: 'perhaps' as never });

    expect(() => app.synth()).toThrow(/AutoDeploy/i);
  });

  it('find nothing in any stage, with and without every option', () => {
    new FlowbackStack(app, 'Dev', { config: resolveStageConfig({ stage: 'dev' }) });
    new FlowbackStack(app, 'Prod', { config: resolveStageConfig({ stage: 'prod' }) });
    new FlowbackStack(app, 'Everything', { config: resolveStageConfig(EVERYTHING) });

    app.synth();

    const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as unknown;
    expect(report).toMatchObject({ pluginReports: [] });
  });
});
