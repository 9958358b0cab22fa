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
  it('stay a handful', () => {
    expect(descriptions).toHaveLength(6);
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

  it('start with the first dead letter', () => {
    template.hasResourceProperties(ALARM, {
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [
        { Name: 'QueueName', Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'QueueName'] } },
      ],
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
