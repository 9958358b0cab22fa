import { path } from '../api.ts';
import { apiCommand, withEach } from '../command.ts';
import type { Group } from '../command.ts';
import { words } from '../document.ts';
import { entityCommands } from '../entities.ts';
import { field } from '../table.ts';
import { shown } from '../text.ts';
import type { World } from '../world.ts';

const SENDER = { type: 'positional', required: true, description: "The sender's ID" } as const;

export function senders(world: World): Group {
  const commands = entityCommands(world, {
    word: 'senders',
    one: 'a sender',
    columns: [
      field('id', { whole: true }),
      field('name'),
      field('status'),
      field('advertiser_ids', { header: 'advertisers' }),
      { header: 'tokens', of: ({ tokens }) => (Array.isArray(tokens) ? tokens.length : null), right: true },
    ],
    filters: {
      status: { description: 'Only with this status', valueHint: 'active|paused|archived' },
      advertiser: { description: 'Only those that may report for it', valueHint: 'ID', parameter: 'advertiser_id' },
    },
    fields: {
      name: { description: 'What people call it', valueHint: 'NAME' },
      advertisers: {
        description: 'Whose conversions it may report',
        valueHint: 'ID,ID|all',
        field: 'advertiser_ids',
        read: (text) => (text === 'all' ? text : words(text)),
      },
      status: { description: 'Calls of a paused one are refused', valueHint: 'active|paused' },
      'ip-allow-list': { description: 'Where it may call from', valueHint: 'ADDRESS,CIDR', read: words },
    },
    next: (id) => `flowback senders tokens add ${id}`,
  });
  return {
    description: 'Who may report conversions, and with which tokens; each advertiser has one of its own',
    alone: 'list',
    commands: { ...commands, tokens: tokens(world) },
  };
}

function tokens(world: World): Group {
  const add = apiCommand(world, {
    description: 'Make another token for a sender; the others stay valid',
    args: {
      sender: SENDER,
      'expires-at': { type: 'string', description: 'When it ends; else never', valueHint: 'TIME' },
    },
    async run({ api, output }, args) {
      const { sender, 'expires-at': expires_at } = args;
      const token = await api.send('POST', path('senders', sender, 'tokens'), { expires_at });
      output.item(
        token,
        `${shown(token['security_token'])}\n\nToken ${shown(token['id'])} of ${sender}, shown this once.`,
      );
    },
  });

  const remove = apiCommand(world, {
    description: 'Delete tokens of a sender: the next call with one of them is refused',
    args: { sender: SENDER, 'token...': { type: 'positional', required: true, description: 'IDs of tokens' } },
    run: (session, { sender, _: [, ...ids] }) =>
      withEach(ids, session, async (id) => {
        await session.api.send('DELETE', path('senders', sender, 'tokens', id));
        return { item: { id, deleted: true }, text: `Deleted token ${id} of ${sender}` };
      }),
  });

  return {
    description: 'Tokens of a sender: `flowback senders show ID` lists them',
    commands: { add, delete: remove },
  };
}
