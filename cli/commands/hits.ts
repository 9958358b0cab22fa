import { path } from '../api.ts';
import type { Item } from '../api.ts';
import { apiCommand, LIST_ARGS, printList, withEach } from '../command.ts';
import type { Group } from '../command.ts';
import { optionArgs, patchOfPairs } from '../document.ts';
import { ID, IDS, queryOf } from '../entities.ts';
import { conversionText } from '../facts/conversion.ts';
import { PERIOD } from '../facts/filters.ts';
import { outline, present } from '../outline.ts';
import { field, time } from '../table.ts';
import type { Column } from '../table.ts';
import { Failure } from '../terminal.ts';
import { printable, shown } from '../text.ts';
import type { World } from '../world.ts';

const FILTERS = {
  sender: { description: 'Only of this sender', valueHint: 'ID', parameter: 'sender_id' },
  advertiser: { description: "Only about this advertiser's conversions", valueHint: 'ID', parameter: 'advertiser_id' },
  code: { description: 'Only answered with this code, as UNKNOWN_GOAL', valueHint: 'CODE' },
  ...PERIOD,
} as const;

const HITS: readonly Column[] = [
  field('id', { whole: true }),
  time('at', 'at'),
  field('code', { whole: true }),
  field('sender_id', { header: 'sender' }),
  field('query'),
];

const wrongSet = (text: string) => `--set takes NAME=VALUE, not '${text}'`;

/** Calls that report conversions, accepted or not. */
export function hits(world: World): Group {
  const list = apiCommand(world, {
    description: 'List calls that reported conversions within the last 30 days, newest first',
    args: { ...optionArgs(FILTERS), ...LIST_ARGS },
    run: (session, args) => printList(session, path('hits'), queryOf(FILTERS, args), HITS, args),
  });

  const show = apiCommand(world, {
    description: 'Show a call as it came, without its secrets',
    args: { id: ID },
    async run({ api, output }, { id }) {
      const hit = await api.get(path('hits', id));
      output.item(hit, outline(present(hit), world.terminal.columns).join('\n'));
    },
  });

  const retry = apiCommand(world, {
    description: 'Try refused calls again, as of when they came, by your word instead of a token',
    args: {
      'id...': IDS,
      set: { type: 'string', description: 'Corrects a parameter, may be repeated', valueHint: 'NAME=VALUE' },
      sender: { type: 'string', description: 'Who reported it, if the call did not tell', valueHint: 'ID' },
    },
    run(session, { _: ids, sender: sender_id }) {
      const body = {
        ...patchOfPairs('set', session.repeated, wrongSet),
        ...(sender_id !== undefined && { sender_id }),
      };
      return withEach(ids, session, async (id) => {
        const hit = await session.api.send('POST', path('hits', id, 'retry'), body);
        if (hit['result'] === 'rejected' || hit['result'] === 'retry') throw refused(hit);
        return { item: hit, text: retriedText(id, hit) };
      });
    },
  });

  return {
    description: 'Calls that reported conversions, accepted or not; kept for 30 days',
    alone: 'list',
    commands: { list, show, retry },
  };
}

function refused(hit: Item): Failure {
  return new Failure(`refused again: ${shown(hit['message'])} (${shown(hit['code'])})`, {
    details: [`See what came: flowback hits show ${shown(hit['id'])}`, 'Correct it: --set NAME=VALUE'],
  });
}

function retriedText(id: string, hit: Item): string {
  const { code, message, conversion_id: conversionId, conversion_status: status } = hit;
  const result = printable(`${id}: ${shown(message)} (${shown(code)})`);
  if (conversionId === undefined || conversionId === null) return result;
  return `${result}\n  conversion ${shown(conversionId)}: ${conversionText({ ...hit, status, code: 'OK' })}`;
}
