import { StartError } from '../errors.ts';
import type { Properties } from '../json.ts';
import { functionByArn } from '../lambda-host/resources.ts';
import type { Provisioned, Resource, ResourceHandler, World } from '../world.ts';
import { periodOf, Schedule } from './schedule.ts';

const rule: ResourceHandler = {
  type: 'AWS::Events::Rule',
  provision: (resource, world) => {
    if (resource.properties.has('EventPattern')) {
      throw new StartError(`${resource.logicalId}: the local run knows no event patterns, only schedules`);
    }
    return provision(resource, world, `rule/`, resource.properties.objects('Targets'));
  },
};

const schedule: ResourceHandler = {
  type: 'AWS::Scheduler::Schedule',
  provision: (resource, world) =>
    provision(resource, world, 'schedule/default/', [resource.properties.object('Target')]),
};

export const scheduleHandlers: readonly ResourceHandler[] = [rule, schedule];

function provision(resource: Resource, world: World, kind: string, targets: readonly Properties[]): Provisioned {
  const { logicalId, properties } = resource;
  const name = world.nameOf(logicalId);
  const service = kind === 'rule/' ? 'events' : 'scheduler';
  const arn = `arn:aws:${service}:${world.region}:${world.accountId}:${kind}${name}`;
  const periodMs = periodOf(properties.string('ScheduleExpression'), logicalId);
  if (properties.optionalString('State') !== 'DISABLED') {
    world.schedules.push(
      new Schedule({
        name,
        arn,
        region: world.region,
        accountId: world.accountId,
        periodMs,
        targets: targets.map((target) => ({
          lambda: functionByArn(target.string('Arn'), world, target.where),
          input: target.optionalString('Input'),
        })),
      }),
    );
  }
  return { ref: name, attributes: { Arn: arn } };
}
