import { engineHandlers } from './engines/resources.ts';
import { eventSourceHandlers } from './event-sources/resources.ts';
import { httpApiHandlers } from './http-api/resources.ts';
import { lambdaHandlers } from './lambda-host/resources.ts';
import { scheduleHandlers } from './schedules/resources.ts';
import type { ResourceHandler } from './world.ts';

/** What exists on AWS but has nothing to do on one machine: it can be referred to, and that is all. */
const INERT = [
  'AWS::CDK::Metadata',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
];

function inert(type: string): ResourceHandler {
  return {
    type,
    provision: ({ logicalId }, world) => {
      const name = world.nameOf(logicalId);
      const service = type.split('::')[1]?.toLowerCase() ?? '';
      return {
        ref: name,
        attributes: { Arn: `arn:aws:${service}:${world.region}:${world.accountId}:${name}` },
      };
    },
  };
}

/** The handler of each resource type that the runner knows. */
export const registry: ReadonlyMap<string, ResourceHandler> = new Map(
  [
    ...httpApiHandlers,
    ...lambdaHandlers,
    ...engineHandlers,
    ...eventSourceHandlers,
    ...scheduleHandlers,
    ...INERT.map(inert),
  ].map((handler) => [handler.type, handler]),
);
