import type { Group } from '../command.ts';
import { entityCommands } from '../entities.ts';
import { field } from '../table.ts';
import { shown } from '../text.ts';
import type { World } from '../world.ts';

export function advertisers(world: World): Group {
  const commands = entityCommands(world, {
    word: 'advertisers',
    one: 'an advertiser',
    columns: [field('id', { whole: true }), field('name'), field('status')],
    filters: { status: { description: 'Only with this status', valueHint: 'active|archived' } },
    fields: {
      name: { description: 'What people call it', valueHint: 'NAME' },
      status: { description: 'active brings an archived one back', valueHint: 'active' },
    },
    created: ({ postback_url: url, security_token: token }) => [
      '',
      `Postback URL    ${shown(url)}`,
      `Security token  ${shown(token)}`,
      '',
      'Hand both over. The token is shown this once; `flowback senders tokens add` makes another.',
    ],
    next: (id) => `flowback campaigns create --advertiser ${id} --name NAME --url URL --payout 2.50 --revenue 5`,
  });
  return { description: 'Who pays for conversions and reports them', alone: 'list', commands };
}
