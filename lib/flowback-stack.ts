import type { StackProps } from 'aws-cdk-lib';
import { Aws, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { RecursiveLoop, SystemLogLevel } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { ENV, INDEX } from '../lambdas/runtime/environment.ts';
import { Alarms } from './alarms.ts';
import { ClickPayouts } from './click-payouts.ts';
import { FlowbackApi } from './flowback-api.ts';
import { FlowbackFunction } from './flowback-function.ts';
import { FlowbackQueue } from './flowback-queue.ts';
import type { ApiConfig, StageConfig } from './stage-config.ts';
import { Storage } from './storage.ts';

/** Name of the country database beside the redirect's code. */
const COUNTRY_DATABASE = 'country.mmdb';

/** One endpoint that hangs may hold a fifth of the workers. */
const endpointSlots = (workers: number): number => Math.max(2, Math.floor(workers / 5));

interface FlowbackStackProps extends Omit<StackProps, 'terminationProtection'> {
  readonly config: StageConfig;
}

/** One deployment of one network: wires the constructs and says which function may do what. */
export class FlowbackStack extends Stack {
  constructor(scope: Construct, id: string, props: FlowbackStackProps) {
    const { config, ...stackProps } = props;
    super(scope, id, { ...stackProps, terminationProtection: config.terminationProtection });

    const { removalPolicy } = config.data;
    const defaults = { logRetention: config.logRetention, removalPolicy };
    const deliveryTimeout = Duration.seconds(30);
    // Short, because what could not be stored is seen again after six times as long.
    const spoolTimeout = Duration.seconds(5);

    const storage = new Storage(this, 'Storage', config.data);
    const notifications = new FlowbackQueue(this, 'Notifications', {
      receiverTimeout: deliveryTimeout,
      retention: Duration.days(4),
      maxReceiveCount: 5,
      removalPolicy,
    });
    const ofSpool = {
      receiverTimeout: spoolTimeout,
      retention: Duration.days(14),
      // The most there is, and eight hours at least: what fails is storage, not the message.
      maxReceiveCount: 1_000,
      removalPolicy,
    };
    const clickSpool = new FlowbackQueue(this, 'ClickSpool', ofSpool);
    const pixelSpool = new FlowbackQueue(this, 'PixelSpool', ofSpool);

    const tracking = new FlowbackApi(this, 'TrackingApi', {
      ...defaults,
      ...this.#apiProps('Tracking', config.trackingApi),
      description: `Flowback ${config.network} ${config.stage}: clicks and conversions`,
      whyOpen: 'Public by design: visitors have no credentials, senders bring a token that the function checks.',
    });
    const management = new FlowbackApi(this, 'ManagementApi', {
      ...defaults,
      ...this.#apiProps('Management', config.managementApi),
      description: `Flowback ${config.network} ${config.stage}: management API`,
      whyOpen: 'The function checks the API key itself: an authorizer would answer its own kind of 401 and 403.',
    });

    const { catalog, clicks, conversions, deliveries, hits, counters, audit } = storage;
    const { queue } = notifications;

    // Names of the environment, by what they name; each function gets only what it needs.
    const ofCatalog = { [ENV.catalogTable]: catalog.tableName };
    const ofQueue = { [ENV.notificationsQueueUrl]: queue.queueUrl };
    const ofDeliveries = { [ENV.deliveriesTable]: deliveries.tableName };
    const ofClicks = { [ENV.clicksTable]: clicks.tableName };
    const ofCounters = { [ENV.countersTable]: counters.tableName };
    const ofAudit = { [ENV.auditTable]: audit.tableName };
    const ofUrls = { [ENV.trackingUrl]: tracking.url, [ENV.apiUrl]: management.url };
    const ofCache = { [ENV.cacheSeconds]: String(config.catalogCache.toSeconds()) };
    const ofConversions = {
      ...ofCatalog,
      ...ofClicks,
      ...ofDeliveries,
      [ENV.conversionsTable]: conversions.tableName,
      [ENV.hitsTable]: hits.tableName,
    };

    const redirect = new FlowbackFunction(this, 'Redirect', {
      ...defaults,
      code: 'redirect',
      description: 'Sends a visitor from a tracking link to the destination and records the click',
      memorySize: 256,
      timeout: Duration.seconds(5),
      // Three lines of Lambda's own a click would cost as much as storing the click does for months.
      systemLogLevel: SystemLogLevel.WARN,
      environment: {
        ...ofCatalog,
        ...ofClicks,
        ...ofCounters,
        ...ofCache,
        [ENV.clickSpoolQueueUrl]: clickSpool.queue.queueUrl,
        [ENV.network]: config.network,
        ...(config.fallbackUrl === undefined ? {} : { [ENV.fallbackUrl]: config.fallbackUrl }),
        ...(config.distributionSecretSha256 === undefined
          ? {}
          : { [ENV.distributionSecretSha256]: config.distributionSecretSha256 }),
        ...(config.countryDatabase === undefined ? {} : { [ENV.countryDatabase]: COUNTRY_DATABASE }),
      },
      files: config.countryDatabase === undefined ? {} : { [COUNTRY_DATABASE]: config.countryDatabase },
    });
    redirect.allowTable(catalog, {
      actions: ['GetItem', 'Query'],
      partitions: ['settings', 'mac_key', 'campaign', 'publisher'],
    });
    redirect.allowTable(clicks, { actions: ['PutItem'] });
    redirect.allowTable(counters, { actions: ['UpdateItem'], partitions: ['clicks#*', 'impressions#*', 'visit#*'] });
    redirect.allowTable(counters, { actions: ['GetItem'], partitions: ['visit#*'] });
    redirect.allowTable(counters, { actions: ['Query'], partitions: ['conversions#*'] });
    redirect.allowQueue(clickSpool.queue, ['SendMessage']);
    redirect.countLines('NotRecorded', 'not_recorded', 'code');

    const spool = new FlowbackFunction(this, 'Spool', {
      ...defaults,
      code: 'spool',
      description: 'Stores the clicks that the redirect could not store at once',
      memorySize: 256,
      timeout: spoolTimeout,
      environment: { ...ofClicks, ...ofCounters },
    });
    spool.allowTable(clicks, { actions: ['PutItem'] });
    spool.allowTable(counters, { actions: ['UpdateItem'], partitions: ['clicks#*', 'visit#*'] });
    spool.allowTable(counters, { actions: ['GetItem'], partitions: ['visit#*'] });
    clickSpool.deliverTo(spool, config.spoolConcurrency);

    const clickPayout = new FlowbackFunction(this, 'ClickPayout', {
      ...defaults,
      code: 'click-payout',
      description: 'Puts a ledger row, and what postbacks hear, for each click that its publisher is paid for',
      memorySize: 256,
      timeout: Duration.seconds(30),
      environment: { ...ofCatalog, ...ofDeliveries, ...ofQueue, [ENV.conversionsTable]: conversions.tableName },
    });
    clickPayout.allowTable(conversions, { actions: ['PutItem'], partitions: ['click#*'] });
    clickPayout.allowTable(catalog, {
      actions: ['GetItem', 'Query'],
      partitions: ['settings', 'campaign', 'postback_of#*'],
    });
    clickPayout.allowTable(deliveries, { actions: ['PutItem'] });
    clickPayout.allowQueue(queue, ['SendMessage']);
    const clickPayouts = new ClickPayouts(this, 'ClickPayouts', { clicks, receiver: clickPayout, removalPolicy });

    const conversion = new FlowbackFunction(this, 'Conversion', {
      ...defaults,
      code: 'conversion',
      description: "Records the conversions that advertisers' postbacks and visitors' browsers report",
      memorySize: 512,
      timeout: Duration.seconds(10),
      environment: {
        ...ofConversions,
        ...ofCounters,
        ...ofQueue,
        [ENV.pixelSpoolQueueUrl]: pixelSpool.queue.queueUrl,
        [ENV.network]: config.network,
      },
    });
    this.#allowConversions(conversion, storage, notifications);
    conversion.allowQueue(pixelSpool.queue, ['SendMessage']);

    const spooledPixels = new FlowbackFunction(this, 'SpooledPixels', {
      ...defaults,
      code: 'pixel-spool',
      description: 'Records what browsers report and storage did not take at once',
      memorySize: 512,
      timeout: spoolTimeout,
      environment: { ...ofConversions, ...ofCounters, ...ofQueue },
    });
    this.#allowConversions(spooledPixels, storage, notifications);
    pixelSpool.deliverTo(spooledPixels, config.spoolConcurrency);

    const delivery = new FlowbackFunction(this, 'Delivery', {
      ...defaults,
      code: 'delivery',
      description: "Calls publishers' postbacks",
      memorySize: 512,
      timeout: deliveryTimeout,
      environment: {
        ...ofCatalog,
        ...ofDeliveries,
        ...ofQueue,
        ...ofUrls,
        [ENV.endpointSlots]: String(endpointSlots(config.deliveryConcurrency)),
      },
      // A retry rides on a new message to the same queue, which Lambda would take for a runaway loop and send to the
      // dead-letter queue after some 16 rounds. The delivery row bounds the rounds instead.
      // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
      recursiveLoop: RecursiveLoop.ALLOW,
    });
    delivery.allowTable(catalog, { actions: ['GetItem'], partitions: ['postback'] });
    // It may disable a postback but never change where one goes: it is the function that speaks to the outside.
    delivery.allowTable(catalog, {
      actions: ['UpdateItem'],
      partitions: ['postback', 'postback_of#*'],
      attributes: ['pk', 'sk', 'status', 'version', 'updated_at', 'disabled_at', 'disabled_reason'],
    });
    delivery.allowTable(deliveries, { actions: ['GetItem', 'PutItem', 'UpdateItem'] });
    delivery.allowQueue(queue, ['SendMessage', 'ChangeMessageVisibility']);
    notifications.deliverTo(delivery, config.deliveryConcurrency);

    const sweeper = new FlowbackFunction(this, 'Sweeper', {
      ...defaults,
      code: 'sweeper',
      description: 'Each minute: deliveries that are due, parked conversions whose click may have arrived',
      memorySize: 512,
      timeout: Duration.seconds(50),
      environment: { ...ofConversions, ...ofCounters, ...ofQueue },
      // The next run does what this one did not; a late or repeated one would only run beside it.
      retryAttempts: 0,
      maxEventAge: Duration.minutes(1),
    });
    this.#allowConversions(sweeper, storage, notifications);
    sweeper.allowTable(conversions, { actions: ['Query'], indexes: [INDEX.conversions.byDue] });
    sweeper.allowTable(deliveries, { actions: ['Query'], indexes: [INDEX.deliveries.byDue] });
    // Nothing else in this table is ever deleted.
    sweeper.allowTable(conversions, { actions: ['DeleteItem'], partitions: ['parked#*'] });
    sweeper.allowQueue(queue, ['GetQueueAttributes']);
    new Rule(this, 'SweeperSchedule', {
      description: 'Runs the sweeper each minute',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(sweeper.resource, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    });

    const operator = new FlowbackFunction(this, 'Management', {
      ...defaults,
      code: 'management',
      description: 'The management API',
      memorySize: 512,
      timeout: Duration.seconds(29),
      environment: {
        ...ofConversions,
        ...ofCounters,
        ...ofAudit,
        ...ofQueue,
        [ENV.notificationsDeadLettersUrl]: notifications.deadLetters.queueUrl,
        ...ofUrls,
        ...ofCache,
      },
    });
    // An operator changes conversions, and what a retried call reports is recorded as the first time, click id verified.
    this.#allowConversions(operator, storage, notifications);
    operator.allowTable(counters, { actions: ['GetItem'], partitions: ['clicks#*'] });
    operator.allowTable(catalog, {
      actions: ['ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
      partitions: [
        'settings',
        'cursor_key',
        'advertiser',
        'sender',
        'sender_token',
        'publisher',
        'campaign',
        'postback',
        'postback_of#*',
        'api_key',
        'api_key_hash',
        'idempotency#*',
      ],
    });
    operator.allowTable(catalog, { actions: ['PutItem'], partitions: ['campaign_terms#*'] });
    operator.allowTable(conversions, {
      actions: ['Query'],
      indexes: [
        INDEX.conversions.byMonth,
        INDEX.conversions.byCampaign,
        INDEX.conversions.byPublisher,
        INDEX.conversions.byAdvertiser,
        INDEX.conversions.byClick,
      ],
    });
    operator.allowTable(deliveries, { actions: ['GetItem'] });
    operator.allowTable(deliveries, {
      actions: ['Query'],
      indexes: [INDEX.deliveries.byMonth, INDEX.deliveries.byPublisher, INDEX.deliveries.byStuck],
    });
    operator.allowQueue(notifications.deadLetters, ['DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage']);
    operator.allowTable(hits, { actions: ['GetItem', 'Query'] });
    // What is in the audit trail stays as it was written: nobody may change or delete it.
    operator.allowTable(audit, { actions: ['PutItem'] });
    operator.allowTable(audit, { actions: ['Query'], indexes: [INDEX.audit.bySubject] });

    const bootstrap = new FlowbackFunction(this, 'Bootstrap', {
      ...defaults,
      code: 'bootstrap',
      description: 'Makes the MAC key, the settings and the first admin key; invoked by hand',
      memorySize: 256,
      timeout: Duration.seconds(30),
      environment: { ...ofCatalog, ...ofAudit, [ENV.network]: config.network },
    });
    bootstrap.allowTable(catalog, {
      actions: ['GetItem', 'PutItem', 'Query'],
      partitions: ['settings', 'mac_key', 'cursor_key', 'api_key', 'api_key_hash'],
    });

    bootstrap.allowTable(audit, { actions: ['PutItem'] });

    tracking.route('Redirect', redirect.resource, ['/click', '/c/{campaign_id}/{pub_id}', '/impression']);
    tracking.route('Conversion', conversion.resource, [
      '/postback',
      '/postback/{sender_id}',
      '/acquisition',
      '/acquisition/{sender_id}',
      '/pixel.gif',
      '/pixel.html',
      '/tag.js',
      '/tag.txt',
      '/tag/convert',
    ]);
    management.route('Management', operator.resource, ['/v1/{proxy+}']);

    new Alarms(this, 'Alarms', {
      trackingApi: tracking.api,
      managementApi: management.api,
      clicks,
      clicksNotStored: redirect.countLines('ClicksNotStored', 'click_not_stored'),
      clickSpool,
      pixelsNotStored: conversion.countLines('PixelsNotStored', 'pixel_not_stored'),
      pixelSpool,
      clickPayout: clickPayout.resource,
      clickPayoutFailures: clickPayouts.failures,
      notifications,
      postbacksDisabled: delivery.countLines('PostbacksDisabled', 'postback_disabled'),
      sweeper: sweeper.resource,
      topic:
        config.alarmTopicArn === undefined ? undefined : Topic.fromTopicArn(this, 'AlarmTopic', config.alarmTopicArn),
    });

    const functionName = bootstrap.resource.functionName;
    this.#output('TrackingUrl', 'Tracking API: /click, /postback, /pixel.gif, /tag.js', tracking.url);
    this.#output('ApiUrl', 'Management API: /v1', management.url);
    this.#output('BootstrapFunctionName', 'Makes the first admin key', functionName);
    this.#output(
      'CreateFirstKeyCommand',
      'Run this once: it prints the first admin key',
      `aws lambda invoke --region ${Aws.REGION} --function-name ${functionName} /dev/stdout`,
    );
    this.#output('CatalogTableName', 'Settings, campaigns, publishers, keys', catalog.tableName);
    this.#output('ClicksTableName', 'Clicks', clicks.tableName);
    this.#output('ConversionsTableName', 'Conversions and ledger', conversions.tableName);
    this.#output('DeliveriesTableName', 'Notifications of publishers', deliveries.tableName);
    this.#output('HitsTableName', 'Inbound conversion requests', hits.tableName);
    this.#output('CountersTableName', 'Counters of caps, visits, impressions', counters.tableName);
    this.#output('AuditTableName', 'Who changed what', audit.tableName);
    this.#output('NotificationsQueueUrl', 'Hints that something is to be delivered', queue.queueUrl);
    this.#output(
      'NotificationsDeadLetterQueueUrl',
      'Hints on which the delivery function crashed',
      notifications.deadLetters.queueUrl,
    );
    this.#output('ClickSpoolQueueUrl', 'Clicks that could not be stored at once', clickSpool.queue.queueUrl);
    this.#output(
      'ClickSpoolDeadLetterQueueUrl',
      'Clicks whose storing failed a thousand times',
      clickSpool.deadLetters.queueUrl,
    );
    this.#output('PixelSpoolQueueUrl', "Browsers' calls that storage did not take at once", pixelSpool.queue.queueUrl);
    this.#output(
      'PixelSpoolDeadLetterQueueUrl',
      "Browsers' calls that failed a thousand times",
      pixelSpool.deadLetters.queueUrl,
    );
    this.#output(
      'ClickPayoutFailuresQueueUrl',
      'Parts of the stream of clicks that were given up',
      clickPayouts.failures.queueUrl,
    );
    this.#output(
      'RedirectLogGroupName',
      'Where clicks wait that could not even be spooled',
      redirect.logGroup.logGroupName,
    );
    this.#output(
      'ConversionLogGroupName',
      "Where browsers' calls wait that could not even be spooled",
      conversion.logGroup.logGroupName,
    );
  }

  /** What recording and changing a conversion takes: a call does it, the sweeper, and an operator. */
  #allowConversions(fn: FlowbackFunction, storage: Storage, notifications: FlowbackQueue): void {
    fn.allowTable(storage.catalog, {
      actions: ['GetItem', 'Query'],
      partitions: ['settings', 'mac_key', 'campaign', 'campaign_terms#*', 'sender', 'sender_token', 'postback_of#*'],
    });
    fn.allowTable(storage.clicks, { actions: ['GetItem'] });
    fn.allowTable(storage.conversions, { actions: ['GetItem', 'PutItem', 'Query', 'UpdateItem'] });
    fn.allowTable(storage.deliveries, { actions: ['PutItem', 'Query', 'UpdateItem'] });
    fn.allowTable(storage.hits, { actions: ['PutItem'] });
    fn.allowTable(storage.counters, { actions: ['GetItem', 'UpdateItem'], partitions: ['conversions#*'] });
    fn.allowQueue(notifications.queue, ['SendMessage']);
  }

  #apiProps(
    id: string,
    config: ApiConfig,
  ): {
    readonly rateLimit: number;
    readonly burstLimit: number;
    readonly accessLog: boolean;
    readonly domainName?: string;
    readonly certificate?: ICertificate;
  } {
    const { rateLimit, burstLimit, accessLog, domain } = config;
    if (domain === undefined) return { rateLimit, burstLimit, accessLog };
    const certificate = Certificate.fromCertificateArn(this, `${id}Certificate`, domain.certificateArn);
    return { rateLimit, burstLimit, accessLog, domainName: domain.domainName, certificate };
  }

  #output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}
