import { randomUUID } from 'node:crypto';

import { StartError } from '../errors.ts';
import { functionByArn } from '../lambda-host/resources.ts';
import type { ResourceHandler } from '../world.ts';
import { SqsEventSource } from './sqs-event-source.ts';

const eventSourceMapping: ResourceHandler = {
  type: 'AWS::Lambda::EventSourceMapping',
  provision: async ({ logicalId, properties }, world) => {
    const queueArn = properties.string('EventSourceArn');
    if (!queueArn.startsWith('arn:aws:sqs:')) {
      throw new StartError(`${logicalId}: the local run reads events from SQS only, not from ${queueArn}`);
    }
    if (properties.has('FilterCriteria')) {
      throw new StartError(`${logicalId}: the local run does not know FilterCriteria`);
    }
    const lambda = functionByArn(properties.string('FunctionName'), world, logicalId);
    const sqs = await world.sqs();
    const name = queueArn.slice(queueArn.lastIndexOf(':') + 1);
    const { QueueUrl: queueUrl } = await sqs.call('GetQueueUrl', { QueueName: name });
    if (typeof queueUrl !== 'string') throw new StartError(`${logicalId}: there is no queue ${name}`);
    const most = properties.optionalObject('ScalingConfig')?.optionalNumber('MaximumConcurrency') ?? Infinity;
    if (properties.boolean('Enabled', true)) {
      world.eventSources.push(
        new SqsEventSource({
          queueUrl,
          queueArn,
          region: world.region,
          lambda,
          sqs,
          batchSize: properties.number('BatchSize', 10),
          windowSeconds: properties.number('MaximumBatchingWindowInSeconds', 0),
          concurrency: Math.min(most, lambda.definition.maxEnvironments),
          partialFailures: properties.strings('FunctionResponseTypes').includes('ReportBatchItemFailures'),
          log: (text) => world.log(logicalId, text),
        }),
      );
    }
    const id = randomUUID();
    return { ref: id, attributes: { Id: id } };
  },
};

export const eventSourceHandlers: readonly ResourceHandler[] = [eventSourceMapping];
