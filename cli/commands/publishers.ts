import type { Group } from '../command.ts';
import { entityCommands } from '../entities.ts';
import { field } from '../table.ts';
import type { World } from '../world.ts';

export function publishers(world: World): Group {
  const commands = entityCommands(world, {
    word: 'publishers',
    one: 'a publisher',
    columns: [field('id', { whole: true }), field('name'), field('status')],
    filters: { status: { description: 'Only with this status', valueHint: 'active|paused|archived' } },
    fields: {
      name: { description: 'What people call it', valueHint: 'NAME' },
      status: { description: 'Clicks of a paused one do not count', valueHint: 'active|paused' },
    },
    next: (id) => `flowback link CAMPAIGN ${id}`,
  });
  return { description: 'Who sends clicks and is paid for conversions', alone: 'list', commands };
}
