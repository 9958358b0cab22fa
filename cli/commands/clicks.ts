import { path } from '../api.ts';
import { apiCommand } from '../command.ts';
import type { Group } from '../command.ts';
import { ID } from '../entities.ts';
import { CONVERSIONS } from '../facts/conversion.ts';
import { outline, present } from '../outline.ts';
import type { World } from '../world.ts';

/** Visits through tracking links. */
export function clicks(world: World): Group {
  const { terminal } = world;

  const show = apiCommand(world, {
    description: 'Show a click with its conversions',
    args: { id: ID },
    async run({ api, output }, { id }) {
      const click = await api.get(path('clicks', id));
      const { conversions } = click;
      output.item(click, outline(present(click, 'conversions'), terminal.columns).join('\n'));
      if (output.format !== 'text') return;
      terminal.out('');
      if (Array.isArray(conversions) && conversions.length > 0) {
        await output.list(CONVERSIONS, api.list(path('conversions'), { click_id: id }, Infinity));
      } else {
        output.note('It has no conversions.');
      }
    },
  });

  return { description: 'Visits through tracking links', commands: { show } };
}
