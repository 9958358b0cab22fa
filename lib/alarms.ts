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

interface AlarmsProps {
  readonly trackingApi: HttpApi;
  readonly managementApi: HttpApi;
  readonly clicks: ITableV2;
  readonly notifications: IQueue;
  readonly deadLetters: IQueue;
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

/** The few alarms on which somebody has something to do; each names its impact and its section of the runbook. */
export class Alarms extends Construct {
  readonly #topic: ITopic | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#topic = props.topic;

    this.#alarm('DeadLetters', {
      metric: props.deadLetters.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(1),
        statistic: Stats.MAXIMUM,
      }),
      threshold: 1,
      impact:
        'The delivery function failed five times on a notification; the sweeper tries again, but something is broken.',
      runbook: 'dead-letters',
    });
    this.#alarm('NotificationsLate', {
      // Waits of up to 15 minutes ride on a message's delay, therefore not less than half an hour.
      metric: props.notifications.metricApproximateAgeOfOldestMessage({
        period: Duration.minutes(5),
        statistic: Stats.MAXIMUM,
      }),
      threshold: Duration.minutes(30).toSeconds(),
      evaluationPeriods: 2,
      impact: 'Publishers hear of their conversions half an hour late or later.',
      runbook: 'notifications-late',
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
