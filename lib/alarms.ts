import { Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { Alarm, ComparisonOperator, MathExpression, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FlowbackQueue } from './flowback-queue.ts';

interface AlarmsProps {
  readonly trackingApi: HttpApi;
  readonly managementApi: HttpApi;
  readonly clicks: ITableV2;
  /** Of clicks that are in the log alone. */
  readonly clicksNotStored: IMetric;
  readonly clickSpool: FlowbackQueue;
  /** Of browsers' calls that are in the log alone. */
  readonly pixelsNotStored: IMetric;
  readonly pixelSpool: FlowbackQueue;
  readonly clickPayout: IFunction;
  readonly clickPayoutFailures: IQueue;
  readonly notifications: FlowbackQueue;
  /** Of postbacks that were disabled because their receivers are gone or fail. */
  readonly postbacksDisabled: IMetric;
  readonly sweeper: IFunction;
  /** Hears when an alarm starts and ends. @default - nobody */
  readonly topic?: ITopic;
}

interface AlarmDefinition {
  readonly metric: IMetric;
  /** What it means for visitors, publishers or the operator. */
  readonly impact: string;
  /** Section of docs/runbook.md. */
  readonly runbook: string;
  readonly threshold: number;
  /** @default ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD */
  readonly comparisonOperator?: ComparisonOperator;
  /** @default 1 */
  readonly evaluationPeriods?: number;
  /** @default TreatMissingData.NOT_BREACHING */
  readonly treatMissingData?: TreatMissingData;
}

const messagesIn = (queue: IQueue): IMetric =>
  queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: Stats.MAXIMUM });

// Not the age of the oldest message: SQS leaves out what was received three times, as all is while storage is down.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
const spooledIn = ({ queue }: FlowbackQueue, label: string): IMetric =>
  new MathExpression({
    label,
    expression: 'waiting + tried',
    usingMetrics: {
      waiting: queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM }),
      tried: queue.metricApproximateNumberOfMessagesNotVisible({ statistic: Stats.MAXIMUM }),
    },
    period: Duration.minutes(1),
  });

/** The few alarms on which somebody has something to do; each names its impact and its section of the runbook. */
export class Alarms extends Construct {
  readonly #topic: ITopic | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#topic = props.topic;

    this.#alarm('DeadLetters', {
      metric: messagesIn(props.notifications.deadLetters),
      threshold: 1,
      impact:
        'The delivery function failed five times on a notification; the sweeper tries again, but something is broken.',
      runbook: 'dead-letters',
    });
    this.#alarm('NotificationsLate', {
      // Waits of up to 15 minutes ride on a message's delay, therefore not less than half an hour.
      metric: props.notifications.queue.metricApproximateAgeOfOldestMessage({
        period: Duration.minutes(5),
        statistic: Stats.MAXIMUM,
      }),
      threshold: Duration.minutes(30).toSeconds(),
      evaluationPeriods: 2,
      impact: 'Publishers hear of their conversions half an hour late or later.',
      runbook: 'notifications-late',
    });
    this.#alarm('PostbackDisabled', {
      metric: props.postbacksDisabled,
      threshold: 1,
      impact: 'A publisher hears of nothing any more: its notifications wait until its postback is active again.',
      runbook: 'postback-disabled',
    });
    this.#alarm('SweeperStopped', {
      metric: new MathExpression({
        label: 'Completed runs',
        expression: 'invocations - errors',
        usingMetrics: {
          invocations: props.sweeper.metricInvocations({ statistic: Stats.SUM }),
          errors: props.sweeper.metricErrors({ statistic: Stats.SUM }),
        },
        period: Duration.minutes(5),
      }),
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 2,
      treatMissingData: TreatMissingData.BREACHING,
      impact: 'Retries of notifications and parked conversions wait: nothing is lost, nothing moves.',
      runbook: 'sweeper-stopped',
    });
    this.#alarm('TrackingErrors', {
      metric: props.trackingApi.metricServerError({ period: Duration.minutes(5), statistic: Stats.SUM }),
      threshold: 5,
      impact: 'Visitors or advertisers get 5xx: clicks may go astray, advertisers have to report conversions again.',
      runbook: 'tracking-errors',
    });
    this.#alarm('ManagementErrors', {
      metric: props.managementApi.metricServerError({ period: Duration.minutes(5), statistic: Stats.SUM }),
      threshold: 5,
      impact: 'Operators get 5xx; tracking is not affected.',
      runbook: 'management-errors',
    });
    this.#alarm('ClicksThrottled', {
      metric: props.clicks.metric('WriteThrottleEvents', { period: Duration.minutes(1), statistic: Stats.SUM }),
      threshold: 1,
      evaluationPeriods: 3,
      impact: 'Visitors are redirected but their clicks are not stored at once; conversions of them are parked.',
      runbook: 'clicks-throttled',
    });
    this.#alarm('ClicksNotStored', {
      metric: props.clicksNotStored,
      threshold: 1,
      impact: 'Clicks wait in the log of the redirect: conversions of them are parked, and refused in the end.',
      runbook: 'clicks-not-stored',
    });
    this.#alarm('ClickSpoolLate', {
      metric: spooledIn(props.clickSpool, 'Spooled clicks'),
      threshold: 1,
      evaluationPeriods: 15,
      impact: 'Clicks wait in the spool; conversions of them are parked, click caps count them late.',
      runbook: 'click-spool-late',
    });
    this.#alarm('ClickSpoolDeadLetters', {
      metric: messagesIn(props.clickSpool.deadLetters),
      threshold: 1,
      impact: 'Clicks could not be stored for eight hours or are none; they are kept for 14 days from their time on.',
      runbook: 'click-spool-dead-letters',
    });
    this.#alarm('PixelsNotStored', {
      metric: props.pixelsNotStored,
      threshold: 1,
      impact: "Conversions of pixels and tags wait in the conversion function's log until somebody sends them again.",
      runbook: 'pixels-not-stored',
    });
    this.#alarm('PixelSpoolLate', {
      metric: spooledIn(props.pixelSpool, 'Spooled pixels'),
      threshold: 1,
      evaluationPeriods: 15,
      impact: 'Conversions of pixels and tags wait in the spool; publishers hear of them late.',
      runbook: 'pixel-spool-late',
    });
    this.#alarm('PixelSpoolDeadLetters', {
      metric: messagesIn(props.pixelSpool.deadLetters),
      threshold: 1,
      impact: 'Calls of pixels and tags could not be judged for eight hours or are none; they are kept for 14 days.',
      runbook: 'pixel-spool-dead-letters',
    });
    this.#alarm('ClickPayoutLate', {
      metric: props.clickPayout.metric('IteratorAge', { period: Duration.minutes(5), statistic: Stats.MAXIMUM }),
      threshold: Duration.minutes(15).toMilliseconds(),
      impact: 'Click payouts stand in the ledger late; after 20 hours they are given up.',
      runbook: 'click-payout-late',
    });
    this.#alarm('ClickPayoutFailures', {
      metric: messagesIn(props.clickPayoutFailures),
      threshold: 1,
      impact: 'Publishers lack click payouts, which can be made good for four hours from the first failure on.',
      runbook: 'click-payout-failures',
    });
  }

  #alarm(id: string, definition: AlarmDefinition): void {
    const alarm = new Alarm(this, id, {
      metric: definition.metric,
      threshold: definition.threshold,
      comparisonOperator: definition.comparisonOperator ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: definition.evaluationPeriods ?? 1,
      treatMissingData: definition.treatMissingData ?? TreatMissingData.NOT_BREACHING,
      alarmDescription: `Impact: ${definition.impact} Runbook: docs/runbook.md#${definition.runbook}`,
    });
    if (this.#topic !== undefined) {
      alarm.addAlarmAction(new SnsAction(this.#topic));
      alarm.addOkAction(new SnsAction(this.#topic));
    }
  }
}
