import { path } from '../api.ts';
import { apiCommand } from '../command.ts';
import type { Command } from '../command.ts';
import { shown } from '../text.ts';
import type { World } from '../world.ts';

export function link(world: World): Command {
  return apiCommand(world, {
    description: 'Show the tracking link of a publisher for a campaign, ready to hand over',
    args: {
      campaign: { type: 'positional', required: true, description: "The campaign's ID" },
      publisher: { type: 'positional', required: true, description: "The publisher's ID" },
    },
    async run({ api, output }, { campaign, publisher }) {
      const links = await api.get(path('campaigns', campaign, 'link'), { pub_id: publisher });
      output.item(links, `${shown(links['tracking_url'])}\n${shown(links['short_url'])}`);
      output.note('Either will do. The publisher fills in {p1}, its own click ID, and {source}, or leaves them out.');
    },
  });
}
