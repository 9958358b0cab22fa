import { Match } from 'aws-cdk-lib/assertions';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { resourcesOf, stackTemplate } from './synthesize.ts';

const dev = stackTemplate({ stage: 'dev' });
const prod = stackTemplate({ stage: 'prod' });

type Variables = Readonly<Record<string, unknown>>;

const environmentOf = (template: Template, id: string): Variables => {
  const found = Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).find(([name]) =>
    name.startsWith(`${id}Function`),
  );
  if (found === undefined) throw new Error(`no function ${id}`);
  return (found[1].Properties['Environment'] as { Variables: Variables }).Variables;
};

describe('the stack', () => {
  // Another logical id is another resource: the deployment would make an empty one and leave or delete the old one.
  const STATEFUL = {
    'AWS::DynamoDB::GlobalTable': [
      'StorageAudit9012A908',
      'StorageCatalogBA94E8E8',
      'StorageClicks012CFC6C',
      'StorageConversions24538916',
      'StorageCounters147FAC27',
      'StorageDeliveriesE42B5069',
      'StorageHitsD3941FB1',
    ],
    'AWS::SQS::Queue': [
      'ClickPayoutsFailures54D7D5A6',
      'ClickSpoolDeadLetters447151C7',
      'ClickSpoolQueue96B396C2',
      'NotificationsDeadLetters2AC1E002',
      'NotificationsQueue91395D8F',
      'PixelSpoolDeadLettersDDCEA945',
      'PixelSpoolQueue0D1EF9CA',
    ],
    // Their addresses stand in tracking links and at advertisers.
    'AWS::ApiGatewayV2::Api': ['ManagementApi2CA21A2A', 'TrackingApi62806C2B'],
  };

  it.each(Object.entries(STATEFUL))('never changes the logical ids of its %s', (type, ids) => {
    for (const template of [dev, prod, stackTemplate({ network: 'abc' })]) {
      expect(Object.keys(resourcesOf(template, type)).sort()).toEqual(ids);
    }
  });

  it('uses only resource types that the local run knows', () => {
    const resources = dev.toJSON()['Resources'] as Record<string, { Type: string }>;

    const types = new Set(Object.values(resources).map((resource) => resource.Type));

    expect([...types].sort()).toEqual([
      'AWS::ApiGatewayV2::Api',
      'AWS::ApiGatewayV2::Integration',
      'AWS::ApiGatewayV2::Route',
      'AWS::ApiGatewayV2::Stage',
      'AWS::CloudWatch::Alarm',
      'AWS::DynamoDB::GlobalTable',
      'AWS::Events::Rule',
      'AWS::IAM::Policy',
      'AWS::IAM::Role',
      'AWS::Lambda::EventInvokeConfig',
      'AWS::Lambda::EventSourceMapping',
      'AWS::Lambda::Function',
      'AWS::Lambda::Permission',
      'AWS::Logs::LogGroup',
      'AWS::Logs::MetricFilter',
      'AWS::SQS::Queue',
      'AWS::SQS::QueuePolicy',
    ]);
  });

  it('uses only intrinsic functions that the local run knows', () => {
    const { Resources, Outputs } = dev.toJSON() as { Resources: unknown; Outputs: unknown };

    const used = new Set(JSON.stringify([Resources, Outputs]).match(/"Fn::\w+"/g));

    for (const name of used) expect(['"Fn::GetAtt"', '"Fn::Join"', '"Fn::Sub"']).toContain(name);
  });

  it('gives outputs under exact keys', () => {
    expect(Object.keys(dev.findOutputs('*')).sort()).toEqual([
      'ApiUrl',
      'AuditTableName',
      'BootstrapFunctionName',
      'CatalogTableName',
      'ClickPayoutFailuresQueueUrl',
      'ClickSpoolDeadLetterQueueUrl',
      'ClickSpoolQueueUrl',
      'ClicksTableName',
      'ConversionLogGroupName',
      'ConversionsTableName',
      'CountersTableName',
      'CreateFirstKeyCommand',
      'DeliveriesTableName',
      'HitsTableName',
      'NotificationsDeadLetterQueueUrl',
      'NotificationsQueueUrl',
      'PixelSpoolDeadLetterQueueUrl',
      'PixelSpoolQueueUrl',
      'RedirectLogGroupName',
      'TrackingUrl',
    ]);
    dev.hasOutput('TrackingUrl', { Value: { 'Fn::GetAtt': ['TrackingApi62806C2B', 'ApiEndpoint'] } });
    dev.hasOutput('ApiUrl', { Value: { 'Fn::GetAtt': ['ManagementApi2CA21A2A', 'ApiEndpoint'] } });
  });

  it('says its domains instead of the APIs own addresses, in outputs and to functions, if it has any', () => {
    const certificate = 'arn:aws:acm:eu-west-1:111122223333:certificate/1';
    const template = stackTemplate({
      trackingDomain: 'go.abc.example',
      trackingCertificateArn: certificate,
      managementDomain: 'api.abc.example',
      managementCertificateArn: certificate,
    });

    template.hasOutput('TrackingUrl', { Value: 'https://go.abc.example' });
    template.hasOutput('ApiUrl', { Value: 'https://api.abc.example' });
    expect(environmentOf(template, 'Delivery')).toMatchObject({
      TRACKING_URL: 'https://go.abc.example',
      API_URL: 'https://api.abc.example',
    });
  });
});

describe('routes', () => {
  it('go to the redirect, the conversion and the management function', () => {
    const integrations = resourcesOf(dev, 'AWS::ApiGatewayV2::Integration');
    const target = (properties: Readonly<Record<string, unknown>>): string => {
      const join = (properties['Target'] as { 'Fn::Join': [string, [string, { Ref: string }]] })['Fn::Join'];
      const uri = integrations[join[1][1].Ref]?.Properties['IntegrationUri'] as { 'Fn::GetAtt': [string, string] };
      return uri['Fn::GetAtt'][0].replace(/Function[0-9A-F]{8}$/, '');
    };

    const routes = Object.values(resourcesOf(dev, 'AWS::ApiGatewayV2::Route')).map(({ Properties }) => [
      (Properties['ApiId'] as { Ref: string }).Ref.replace(/[0-9A-F]{8}$/, ''),
      Properties['RouteKey'],
      target(Properties),
    ]);

    expect(routes).toEqual([
      ['TrackingApi', 'ANY /click', 'Redirect'],
      ['TrackingApi', 'ANY /c/{campaign_id}/{pub_id}', 'Redirect'],
      ['TrackingApi', 'ANY /impression', 'Redirect'],
      ['TrackingApi', 'ANY /postback', 'Conversion'],
      ['TrackingApi', 'ANY /postback/{sender_id}', 'Conversion'],
      ['TrackingApi', 'ANY /acquisition', 'Conversion'],
      ['TrackingApi', 'ANY /acquisition/{sender_id}', 'Conversion'],
      ['TrackingApi', 'ANY /pixel.gif', 'Conversion'],
      ['TrackingApi', 'ANY /pixel.html', 'Conversion'],
      ['TrackingApi', 'ANY /tag.js', 'Conversion'],
      ['TrackingApi', 'ANY /tag.txt', 'Conversion'],
      ['TrackingApi', 'ANY /tag/convert', 'Conversion'],
      ['ManagementApi', 'ANY /v1/{proxy+}', 'Management'],
    ]);
  });

  it.each([
    ['dev', dev, 'TrackingApi', 2_000, 2_000],
    ['dev', dev, 'ManagementApi', 2_000, 2_000],
    ['prod', prod, 'TrackingApi', 8_000, 4_000],
    ['prod', prod, 'ManagementApi', 200, 400],
  ] as const)('of %s are throttled', (_stage, template, api, rate, burst) => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      ApiId: { Ref: Match.stringLikeRegexp(`^${api}`) },
      DefaultRouteSettings: { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst },
    });
  });

  it.each([
    ['off', {}, Match.absent()],
    ['on', { trackingAccessLog: 'true' }, Match.objectLike({ Format: Match.anyValue() })],
  ])(
    'of the tracking API have their access log %s by the setting, those of management always',
    (_, options, tracking) => {
      const template = stackTemplate(options);

      template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
        ApiId: { Ref: Match.stringLikeRegexp('^TrackingApi') },
        AccessLogSettings: tracking,
      });
      template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
        ApiId: { Ref: Match.stringLikeRegexp('^ManagementApi') },
        AccessLogSettings: Match.objectLike({ Format: Match.anyValue() }),
      });
    },
  );
});

describe('functions', () => {
  const RECORDS_CONVERSIONS = [
    'CATALOG_TABLE',
    'CLICKS_TABLE',
    'CONVERSIONS_TABLE',
    'COUNTERS_TABLE',
    'DELIVERIES_TABLE',
    'HITS_TABLE',
  ];

  it.each([
    ['Redirect', 256, 5],
    ['Spool', 256, 5],
    ['ClickPayout', 256, 30],
    ['Conversion', 512, 10],
    ['SpooledPixels', 512, 5],
    ['Delivery', 512, 30],
    ['Sweeper', 512, 50],
    ['Management', 512, 29],
    ['Bootstrap', 256, 30],
  ])('%s has %i MB and %i s', (id, memory, timeout) => {
    const found = Object.entries(resourcesOf(dev, 'AWS::Lambda::Function')).find(([name]) =>
      name.startsWith(`${id}Function`),
    );

    expect(found?.[1].Properties).toMatchObject({ MemorySize: memory, Timeout: timeout });
  });

  it.each([
    [
      'Redirect',
      ['CACHE_SECONDS', 'CATALOG_TABLE', 'CLICKS_TABLE', 'CLICK_SPOOL_QUEUE_URL', 'COUNTERS_TABLE', 'NETWORK'],
    ],
    ['Spool', ['CLICKS_TABLE', 'COUNTERS_TABLE']],
    ['ClickPayout', ['CATALOG_TABLE', 'CONVERSIONS_TABLE', 'DELIVERIES_TABLE', 'NOTIFICATIONS_QUEUE_URL']],
    ['Conversion', [...RECORDS_CONVERSIONS, 'NETWORK', 'NOTIFICATIONS_QUEUE_URL', 'PIXEL_SPOOL_QUEUE_URL']],
    ['SpooledPixels', [...RECORDS_CONVERSIONS, 'NOTIFICATIONS_QUEUE_URL']],
    [
      'Delivery',
      ['API_URL', 'CATALOG_TABLE', 'DELIVERIES_TABLE', 'ENDPOINT_SLOTS', 'NOTIFICATIONS_QUEUE_URL', 'TRACKING_URL'],
    ],
    ['Sweeper', [...RECORDS_CONVERSIONS, 'NOTIFICATIONS_QUEUE_URL']],
    [
      'Management',
      [
        'API_URL',
        'AUDIT_TABLE',
        'CACHE_SECONDS',
        'CATALOG_TABLE',
        'CLICKS_TABLE',
        'CONVERSIONS_TABLE',
        'COUNTERS_TABLE',
        'DELIVERIES_TABLE',
        'HITS_TABLE',
        'NOTIFICATIONS_DEAD_LETTERS_URL',
        'NOTIFICATIONS_QUEUE_URL',
        'TRACKING_URL',
      ],
    ],
    ['Bootstrap', ['AUDIT_TABLE', 'CATALOG_TABLE', 'NETWORK']],
  ])('%s is told only the names that it needs', (id, names) => {
    expect(Object.keys(environmentOf(dev, id)).sort()).toEqual(names);
    expect(Object.keys(environmentOf(prod, id)).sort()).toEqual(names);
  });

  it('are told the network, and the redirect a fallback if the stage has one', () => {
    const template = stackTemplate({ network: 'abc', fallbackUrl: 'https://abc.example/' });

    expect(environmentOf(template, 'Redirect')).toMatchObject({ NETWORK: 'abc', FALLBACK_URL: 'https://abc.example/' });
    expect(environmentOf(template, 'Bootstrap')).toMatchObject({ NETWORK: 'abc' });
  });

  it.each([
    ['2', '2'],
    ['14', '2'],
    ['15', '3'],
    ['100', '20'],
  ])('let %s workers call one endpoint by %s at a time (invariant 8)', (deliveryConcurrency, slots) => {
    expect(environmentOf(stackTemplate({ deliveryConcurrency }), 'Delivery')).toMatchObject({ ENDPOINT_SLOTS: slots });
  });

  it('of operators know the dead letters of notifications', () => {
    expect(environmentOf(dev, 'Management')).toMatchObject({
      NOTIFICATIONS_DEAD_LETTERS_URL: { Ref: 'NotificationsDeadLetters2AC1E002' },
    });
  });

  it('of visitors believe a distribution in front if the stage has one', () => {
    const distributionSecretSha256 = 'ab'.repeat(32);

    const template = stackTemplate({ distributionSecretSha256 });

    expect(environmentOf(template, 'Redirect')).toMatchObject({ DISTRIBUTION_SECRET_SHA256: distributionSecretSha256 });
  });

  it('send queue messages in a loop only where that is meant: delivery', () => {
    const loops = Object.entries(resourcesOf(dev, 'AWS::Lambda::Function')).filter(
      ([, fn]) => fn.Properties['RecursiveLoop'] === 'Allow',
    );

    expect(loops.map(([id]) => id.replace(/Function[0-9A-F]{8}$/, ''))).toEqual(['Delivery']);
  });

  it("write Lambda's own lines but for the redirect, where they would cost more than keeping the click", () => {
    const levels = Object.entries(resourcesOf(dev, 'AWS::Lambda::Function')).map(([id, fn]) => [
      id.replace(/Function[0-9A-F]{8}$/, ''),
      (fn.Properties['LoggingConfig'] as { SystemLogLevel: string }).SystemLogLevel,
    ]);

    expect(Object.fromEntries(levels)).toEqual({
      Redirect: 'WARN',
      Spool: 'INFO',
      ClickPayout: 'INFO',
      Conversion: 'INFO',
      SpooledPixels: 'INFO',
      Delivery: 'INFO',
      Sweeper: 'INFO',
      Management: 'INFO',
      Bootstrap: 'INFO',
    });
  });
});

describe.each([
  ['click', 'ClickSpool', 'Spool', 2],
  ['pixel', 'PixelSpool', 'SpooledPixels', 3],
])('the %s spool', (what, queue, receiver, invariant) => {
  const DAY = 24 * 60 * 60;

  it(`tries a ${what} again after 30 seconds, a thousand times, and keeps it for 14 days (invariant ${invariant})`, () => {
    dev.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 30,
      MessageRetentionPeriod: 14 * DAY,
      RedrivePolicy: {
        deadLetterTargetArn: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${queue}DeadLetters`), 'Arn'] },
        maxReceiveCount: 1_000,
      },
    });
  });

  it.each([
    ['dev', dev, 5],
    ['prod', prod, 20],
  ])('of %s is emptied by few environments at once', (_stage, template, most) => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${queue}Queue`), 'Arn'] },
      FunctionName: { Ref: Match.stringLikeRegexp(`^${receiver}Function`) },
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: most },
    });
  });
});

describe('the log', () => {
  it.each([
    ['Redirect', 'not_recorded', 'NotRecorded', { Dimensions: [{ Key: 'code', Value: '$.code' }] }],
    ['Redirect', 'click_not_stored', 'ClicksNotStored', {}],
    ['Conversion', 'pixel_not_stored', 'PixelsNotStored', {}],
  ])('of %s has its lines %s counted as the metric %s of this stack', (id, event, metric, dimensions) => {
    dev.hasResourceProperties('AWS::Logs::MetricFilter', {
      LogGroupName: { Ref: Match.stringLikeRegexp(`^${id}Logs`) },
      FilterPattern: `{ $.event = "${event}" }`,
      MetricTransformations: [
        Match.objectEquals({
          MetricName: metric,
          MetricNamespace: 'Flowback',
          MetricValue: '1',
          ...dimensions,
        }),
      ],
    });
  });
});

describe('notifications', () => {
  const DAY = 24 * 60 * 60;

  it('are received five times and by six times the time that the function has', () => {
    dev.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 180,
      MessageRetentionPeriod: 4 * DAY,
      RedrivePolicy: {
        deadLetterTargetArn: { 'Fn::GetAtt': ['NotificationsDeadLetters2AC1E002', 'Arn'] },
        maxReceiveCount: 5,
      },
    });
  });

  it('count the postbacks that are disabled, from the log of the delivery function', () => {
    dev.hasResourceProperties('AWS::Logs::MetricFilter', {
      LogGroupName: { Ref: Match.stringLikeRegexp('^DeliveryLogs') },
      FilterPattern: '{ $.event = "postback_disabled" }',
      MetricTransformations: [
        Match.objectEquals({ MetricName: 'PostbacksDisabled', MetricNamespace: 'Flowback', MetricValue: '1' }),
      ],
    });
  });
});

describe('the sweeper', () => {
  it('runs each minute and is never retried: the next run does what the last one did not', () => {
    dev.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 minute)',
      State: 'ENABLED',
      Targets: [
        Match.objectLike({
          Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^SweeperFunction'), 'Arn'] },
          RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
        }),
      ],
    });
    dev.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
  });
});

describe('stages', () => {
  it.each([
    ['dev', dev, 'Delete', false, false, 7],
    ['prod', prod, 'Retain', true, true, 90],
  ] as const)('%s keeps its data as it says', (_stage, template, policy, protection, recovery, retention) => {
    const tables = resourcesOf(template, 'AWS::DynamoDB::GlobalTable');
    const withRecovery = Object.entries(tables).filter(([, table]) =>
      JSON.stringify(table.Properties).includes('"PointInTimeRecoveryEnabled":true'),
    );

    expect(withRecovery.map(([id]) => id.replace(/^Storage(.+)[0-9A-F]{8}$/, '$1'))).toEqual(
      recovery ? ['Catalog', 'Conversions', 'Deliveries', 'Counters', 'Audit'] : [],
    );
    for (const table of Object.values(tables)) {
      expect(table).toMatchObject({ DeletionPolicy: policy, UpdateReplacePolicy: policy });
      expect(table.Properties['Replicas']).toMatchObject([{ DeletionProtectionEnabled: protection }]);
    }
    for (const type of ['AWS::SQS::Queue', 'AWS::Logs::LogGroup']) {
      template.allResources(type, { DeletionPolicy: policy });
    }
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: retention });
  });
});
