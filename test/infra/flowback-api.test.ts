import type { Stack } from 'aws-cdk-lib';
import { RemovalPolicy } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Code, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import type { FlowbackApiProps } from '../../lib/flowback-api.ts';
import { FlowbackApi } from '../../lib/flowback-api.ts';
import { resourcesOf, templateOf } from './synthesize.ts';

const API = 'AWS::ApiGatewayV2::Api';
const STAGE = 'AWS::ApiGatewayV2::Stage';

const buildApi = (stack: Stack, props: Partial<FlowbackApiProps> = {}) =>
  new FlowbackApi(stack, 'TrackingApi', {
    description: 'Clicks',
    rateLimit: 300,
    burstLimit: 200,
    accessLog: true,
    logRetention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.RETAIN,
    whyOpen: 'A test',
    ...props,
  });

const synthesize = (props: Partial<FlowbackApiProps> = {}) =>
  templateOf((stack) => {
    const api = buildApi(stack, props);
    const handler = (id: string) =>
      new Function(stack, id, { runtime: Runtime.NODEJS_24_X, handler: 'index.handler', code: Code.fromInline('//') });
    api.route('Redirect', handler('Redirect'), ['/click', '/c/{campaign_id}/{pub_id}']);
    api.route('Conversion', handler('Conversion'), ['/postback']);
  });

describe('FlowbackApi', () => {
  it('is an HTTP API with one explicit stage that is throttled and deploys by itself', () => {
    const template = synthesize();

    template.hasResourceProperties(API, { ProtocolType: 'HTTP', Name: 'Test-TrackingApi' });
    template.resourceCountIs(STAGE, 1);
    template.hasResourceProperties(STAGE, {
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 300, ThrottlingBurstLimit: 200 },
    });
  });

  it('sends every method of a path to its function by payload 2.0', () => {
    const template = synthesize();

    const routes = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Route'));
    expect(routes.map((route) => route.Properties['RouteKey'])).toEqual([
      'ANY /click',
      'ANY /c/{campaign_id}/{pub_id}',
      'ANY /postback',
    ]);
    template.resourceCountIs('AWS::ApiGatewayV2::Integration', 2);
    template.allResourcesProperties('AWS::ApiGatewayV2::Integration', {
      IntegrationType: 'AWS_PROXY',
      PayloadFormatVersion: '2.0',
    });
  });

  it('takes one permission a function, however many routes', () => {
    synthesize().resourceCountIs('AWS::Lambda::Permission', 2);
  });

  it('logs accesses with neither address nor user agent nor query (invariant 12)', () => {
    const stages = Object.values(resourcesOf(synthesize(), STAGE));

    const format = (stages[0]?.Properties['AccessLogSettings'] as { Format: string }).Format;

    expect(Object.values(JSON.parse(format) as Record<string, string>).sort()).toEqual([
      '$context.httpMethod',
      '$context.integrationErrorMessage',
      '$context.integrationLatency',
      '$context.path',
      '$context.requestId',
      '$context.requestTimeEpoch',
      '$context.responseLatency',
      '$context.responseLength',
      '$context.routeKey',
      '$context.status',
    ]);
  });

  it('says how long the access log is kept', () => {
    const template = synthesize();

    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
    template.hasResource('AWS::Logs::LogGroup', { DeletionPolicy: 'Retain' });
  });

  it('logs no access if it is told so', () => {
    const template = synthesize({ accessLog: false });

    template.hasResourceProperties(STAGE, { AccessLogSettings: Match.absent() });
    expect(Object.keys(resourcesOf(template, 'AWS::Logs::LogGroup')).join()).not.toContain('AccessLog');
  });

  it('answers under its own address without a domain', () => {
    const template = synthesize();

    template.resourceCountIs('AWS::ApiGatewayV2::DomainName', 0);
    template.hasResourceProperties(API, { DisableExecuteApiEndpoint: false });
  });

  it('answers under its domain only, if it has one, so that own hosts are all known', () => {
    let url = '';
    const template = templateOf((stack) => {
      const certificate = Certificate.fromCertificateArn(stack, 'Certificate', 'arn:aws:acm:eu-west-1:1:certificate/1');
      url = buildApi(stack, { domainName: 'go.network.example', certificate }).url;
    });

    expect(url).toBe('https://go.network.example');
    template.hasResourceProperties('AWS::ApiGatewayV2::DomainName', { DomainName: 'go.network.example' });
    template.resourceCountIs('AWS::ApiGatewayV2::ApiMapping', 1);
    template.hasResourceProperties(API, { DisableExecuteApiEndpoint: true });
  });
});
