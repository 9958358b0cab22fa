import { itemOf, path } from '../api.ts';
import { apiCommand } from '../command.ts';
import type { Command, Group } from '../command.ts';
import { pairs, words } from '../document.ts';
import { entityCommands, ID } from '../entities.ts';
import { field } from '../table.ts';
import { EXIT } from '../terminal.ts';
import { printable, shown } from '../text.ts';
import type { World } from '../world.ts';

/** As a publisher's ID it stands for no publisher: the API has null there. */
const ALL = 'all';

export function postbacks(world: World): Group {
  const commands = entityCommands(world, {
    word: 'postbacks',
    one: 'a postback',
    columns: [
      field('id', { whole: true }),
      { header: 'publisher', of: ({ publisher_id: id }) => id ?? ALL },
      { header: 'campaign', of: ({ campaign_id: id }) => id ?? ALL },
      { header: 'goal', of: ({ goal }) => goal ?? ALL },
      field('status'),
      field('url'),
    ],
    filters: {
      status: { description: 'Only with this status', valueHint: 'active|paused|disabled|archived' },
      publisher: { description: 'Only of this publisher', valueHint: 'ID', parameter: 'publisher_id' },
      campaign: { description: 'Only of this campaign', valueHint: 'ID', parameter: 'campaign_id' },
    },
    fields: {
      url: { description: 'What to call, with macros as {p1}', valueHint: 'URL' },
      campaign: { description: 'Only for this campaign', valueHint: 'ID', field: 'campaign_id' },
      goal: { description: 'Only for this goal', valueHint: 'ID' },
      'fire-on': { description: 'For which statuses', valueHint: 'approved,rejected', read: words },
      method: { description: 'How to call; GET unless given', valueHint: 'GET|POST_FORM|POST_JSON' },
      mode: {
        description: 'add: beside others; replace: of these only the most specific is called',
        valueHint: 'replace|add',
      },
      status: { description: 'What waits for a paused one is sent once it is active', valueHint: 'active|paused' },
    },
    newFields: {
      publisher: {
        description: 'Whose conversions it tells; all: those of every publisher',
        valueHint: `ID|${ALL}`,
        field: 'publisher_id',
        read: (text) => (text === ALL ? null : text),
      },
    },
    next: (id) => `flowback postbacks test ${id} --value p1=CLICK_ID`,
  });
  return {
    description: 'What publishers are told, and where',
    alone: 'list',
    commands: { ...commands, test: test(world), replay: replay(world) },
  };
}

function test(world: World): Command {
  return apiCommand(world, {
    description: 'Make one call as for a conversion and show what comes back',
    args: {
      id: ID,
      value: {
        type: 'string',
        description: 'What a macro stands for, may be repeated; IDs are made up where none is given',
        valueHint: 'p1=abc',
      },
    },
    async run({ api, output, repeated }, { id }) {
      const answer = await api.send('POST', path('postbacks', id, 'test'), pairs('value', repeated));
      const { request, status, error, duration_ms: ms, body } = answer;
      const { method, url, body: sent } = itemOf(request);
      const came = status === null ? `No answer: ${shown(error)}` : `Status ${shown(status)}`;
      const lines = [`${shown(method)} ${shown(url)}`, sent, `${came} after ${shown(ms)} ms`, body];
      output.item(
        answer,
        lines
          .filter((line) => line !== null && line !== undefined && line !== '')
          .map((line) => printable(shown(line)))
          .join('\n'),
      );
      return Number(status) >= 200 && Number(status) < 300 ? EXIT.fine : EXIT.wrong;
    },
  });
}

function replay(world: World): Command {
  return apiCommand(world, {
    description: 'Send again what a postback did not deliver',
    args: {
      id: ID,
      since: { type: 'string', description: 'Only what is not older', valueHint: '2026-11-22' },
    },
    async run({ api, output }, { id, since }) {
      const sum = { replayed: 0, skipped: 0 };
      let cursor: string | undefined;
      do {
        const some = await api.send('POST', path('postbacks', id, 'replay'), { since, cursor });
        sum.replayed += Number(some['replayed']);
        sum.skipped += Number(some['skipped']);
        cursor = typeof some['next_cursor'] === 'string' ? some['next_cursor'] : undefined;
        world.terminal.progress(`${sum.replayed} sent again`);
      } while (cursor !== undefined);
      world.terminal.progress('');
      output.item(sum, `Sent again: ${sum.replayed}${sum.skipped === 0 ? '' : `; left alone: ${sum.skipped}`}`);
      if (sum.replayed > 0) output.note(`Next: flowback deliveries --postback ${id}`);
    },
  });
}
