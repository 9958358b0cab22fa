import type { Group } from '../command.ts';
import { endCommand, entityCommands } from '../entities.ts';
import type { Kind } from '../entities.ts';
import { field, time } from '../table.ts';
import { shown } from '../text.ts';
import type { World } from '../world.ts';

const ROLES = 'admin|manager|analyst|publisher|advertiser';

const KEYS: Kind = {
  word: 'keys',
  one: 'a key',
  columns: [
    field('id', { whole: true }),
    field('name'),
    field('role'),
    { header: 'bound to', of: ({ publisher_id, advertiser_id }) => publisher_id ?? advertiser_id },
    field('status'),
    time('last_used_at', 'last used'),
    time('expires_at', 'expires'),
  ],
  filters: {
    status: { description: 'archived: those that were revoked', valueHint: 'active|archived' },
    role: { description: 'Only with this role', valueHint: ROLES },
    publisher: { description: 'Only of this publisher', valueHint: 'ID', parameter: 'publisher_id' },
    advertiser: { description: 'Only of this advertiser', valueHint: 'ID', parameter: 'advertiser_id' },
  },
  fields: {
    name: { description: 'Whose it is, or what for', valueHint: 'NAME' },
    'expires-at': { description: 'When it ends; a new one else never', valueHint: 'TIME' },
  },
  newFields: {
    role: { description: 'What it may do: docs/roles.md', valueHint: ROLES },
    publisher: { description: "The publisher of a publisher's key", valueHint: 'ID', field: 'publisher_id' },
    advertiser: { description: "The advertiser of an advertiser's key", valueHint: 'ID', field: 'advertiser_id' },
  },
  created: ({ key }) => ['', shown(key), '', 'It is shown this once: keep it now.'],
};

export function keys(world: World): Group {
  const { list, show, create, update } = entityCommands(world, KEYS);
  const revoke = endCommand(world, KEYS, {
    description: 'Revoke keys for ever: the next request with one of them is refused',
    done: 'Revoked',
  });
  return { description: 'API keys and their roles', alone: 'list', commands: { list, show, create, update, revoke } };
}
