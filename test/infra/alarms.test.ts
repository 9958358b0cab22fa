import { readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { resourcesOf, stackTemplate } from './synthesize.ts';

const ALARM = 'AWS::CloudWatch::Alarm';
const template = stackTemplate();
const descriptions = Object.values(resourcesOf(template, ALARM)).map((alarm) =>
  String(alarm.Properties['AlarmDescription']),
);

/** Anchors as Markdown renderers make them from headings. */
const anchorsOf = (path: string): string[] =>
  readFileSync(new URL(path, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => /^#+ /.test(line))
    .map((line) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );

describe('Alarms', () => {
  it('stay few', () => {
    expect(descriptions).toHaveLength(15);
  });

  it.each(descriptions)('say their impact and link a section of the runbook that exists: %s', (description) => {
    const [, impact, anchor] = /^Impact: (.+) Runbook: docs\/runbook\.md#([\w-]+)$/.exec(description) ?? [];

    expect(impact).toMatch(/\w+ .+\.$/);
    expect(anchorsOf('../../docs/runbook.md')).toContain(anchor);
  });

  it('are all explained in the operations guide', () => {
    const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

    for (const description of descriptions) {
      expect(operations).toContain(`runbook.md#${description.split('#').at(-1) ?? ''}`);
    }
  });

  it.each([
    ['NotificationsDeadLetters', 'dead-letters'],
    ['ClickSpoolDeadLetters', 'click-spool-dead-letters'],
    ['PixelSpoolDeadLetters', 'pixel-spool-dead-letters'],
    ['ClickPayoutsFailures', 'click-payout-failures'],
  ])('start with the first message in %s', (queue, anchor) => {
    template.hasResourceProperties(ALARM, {
      AlarmDescription: Match.stringLikeRegexp(`#${anchor}$`),
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${queue}`), 'QueueName'] } }],
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
    });
  });

  it('take a silent sweeper for a stopped one', () => {
    template.hasResourceProperties(ALARM, {
      AlarmDescription: Match.stringLikeRegexp('sweeper-stopped'),
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  it.each([
    ['click', 'clicks-not-stored', 'ClicksNotStored'],
    ['pixel', 'pixels-not-stored', 'PixelsNotStored'],
  ])('start with the first %s that is in the log alone', (_, anchor, metric) => {
    template.hasResourceProperties(ALARM, {
      AlarmDescription: Match.stringLikeRegexp(`#${anchor}$`),
      MetricName: metric,
      Namespace: 'Flowback',
      Dimensions: Match.absent(),
      Statistic: 'Sum',
      Threshold: 1,
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
    });
  });

  it('start with the first postback that is disabled', () => {
    template.hasResourceProperties(ALARM, {
      AlarmDescription: Match.stringLikeRegexp('#postback-disabled$'),
      MetricName: 'PostbacksDisabled',
      Namespace: 'Flowback',
      Statistic: 'Sum',
      Threshold: 1,
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
    });
  });

  it.each(['click', 'pixel'])('see %ss that wait in the spool whether they are tried just then or not', (what) => {
    template.hasResourceProperties(ALARM, {
      AlarmDescription: Match.stringLikeRegexp(`#${what}-spool-late$`),
      Threshold: 1,
      EvaluationPeriods: 15,
      Metrics: Match.arrayWith([
        Match.objectLike({ Expression: 'waiting + tried' }),
        ...['ApproximateNumberOfMessagesVisible', 'ApproximateNumberOfMessagesNotVisible'].map((name) =>
          Match.objectLike({
            MetricStat: Match.objectLike({ Metric: Match.objectLike({ MetricName: name }), Period: 60 }),
          }),
        ),
      ]),
    });
  });

  it('tell of late click payouts long before the stream loses them', () => {
    template.hasResourceProperties(ALARM, {
      AlarmDescription: Match.stringLikeRegexp('#click-payout-late$'),
      MetricName: 'IteratorAge',
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: Match.stringLikeRegexp('^ClickPayoutFunction') } }],
      Threshold: 15 * 60 * 1_000,
    });
  });

  it('allow for the longest delay that a message may have', () => {
    const alarms = template.findResources(ALARM, { Properties: { MetricName: 'ApproximateAgeOfOldestMessage' } });

    const thresholds = Object.values(alarms).map((alarm) =>
      Number((alarm as { Properties: { Threshold: number } }).Properties.Threshold),
    );

    expect(thresholds).toEqual([1800]);
    expect(Math.min(...thresholds)).toBeGreaterThan(15 * 60);
  });

  it('tell nobody unless there is a topic', () => {
    template.allResourcesProperties(ALARM, { AlarmActions: Match.absent() });
  });

  it('tell the topic when they start and when they end', () => {
    const topic = 'arn:aws:sns:eu-west-1:111122223333:operators';

    stackTemplate({ alarmTopicArn: topic }).allResourcesProperties(ALARM, {
      AlarmActions: [topic],
      OKActions: [topic],
    });
  });
});
