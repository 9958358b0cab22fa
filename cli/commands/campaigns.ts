import { itemOf, itemsOf, path } from '../api.ts';
import type { Item } from '../api.ts';
import { apiCommand } from '../command.ts';
import type { Command, Group } from '../command.ts';
import { entityCommands, ID } from '../entities.ts';
import { field, time } from '../table.ts';
import type { Column } from '../table.ts';
import { TERMS_HINT, termsOf, termsText } from '../terms.ts';
import { UsageError } from '../terminal.ts';
import { shown } from '../text.ts';
import type { World } from '../world.ts';

export function campaigns(world: World): Group {
  const commands = entityCommands(world, {
    word: 'campaigns',
    one: 'a campaign',
    columns: [
      field('id', { whole: true }),
      field('name'),
      field('advertiser_id', { header: 'advertiser' }),
      field('status'),
      ofGoals('payout'),
      ofGoals('revenue'),
      field('currency'),
    ],
    filters: {
      status: { description: 'Only with this status', valueHint: 'active|paused|archived' },
      advertiser: { description: 'Only of this advertiser', valueHint: 'ID', parameter: 'advertiser_id' },
    },
    fields: {
      name: { description: 'What people call it', valueHint: 'NAME' },
      status: { description: 'Clicks of a paused one go to the fallback', valueHint: 'active|paused' },
      url: {
        description: 'Where visitors go, with macros as {click_id}',
        valueHint: 'URL',
        field: 'destination_url',
      },
      goal: { description: 'The goal that --payout and --revenue are for, if it has several', valueHint: 'ID' },
      payout: { description: 'What a conversion pays to the publisher', valueHint: TERMS_HINT, read: termsOf },
      revenue: { description: 'What the advertiser pays for it', valueHint: '5|20%', read: termsOf },
      'fallback-url': { description: 'Where visitors go whom the campaign refuses', valueHint: 'URL' },
    },
    newFields: {
      advertiser: { description: 'Who pays', valueHint: 'ID', field: 'advertiser_id' },
      currency: { description: "Of its money; else the network's", valueHint: 'CODE' },
    },
    complete: withTerms,
    next: (id) => `flowback link ${id} PUBLISHER`,
  });
  return {
    description: 'What advertisers offer: destination, goals, payouts, caps, targeting',
    alone: 'list',
    commands: { ...commands, caps: caps(world) },
  };
}

const NEW_GOAL = 'sale';

/** Puts the terms that options say into the goal that they are for; a new campaign without goals gets one. */
function withTerms({ goal, payout, revenue, ...document }: Item, before: Item | null): Item {
  const terms = { ...(payout !== undefined && { payout }), ...(revenue !== undefined && { revenue }) };
  const says = Object.keys(terms).length > 0 || goal !== undefined;
  if (document['goals'] !== undefined) {
    if (says) throw new UsageError('--goal, --payout and --revenue cannot be mixed with goals of --data or --file');
    return document;
  }
  if (before === null) return { ...document, goals: [{ id: goal ?? NEW_GOAL, ...terms }] };
  if (!says) return document;
  const goals = itemsOf(before['goals']);
  const chosen = goals.filter(({ id }) => id === goal || (goal === undefined && goals.length === 1));
  if (chosen.length === 0) throw new UsageError(`which goal? --goal ${goals.map(({ id }) => shown(id)).join('|')}`);
  return { ...document, goals: goals.map((one) => (chosen.includes(one) ? { ...one, ...terms } : one)) };
}

/** What its goals pay, the same only once. */
function ofGoals(name: 'payout' | 'revenue'): Column {
  const of = (campaign: Item) => [...new Set(itemsOf(campaign['goals']).map((goal) => termsText(itemOf(goal[name]))))];
  return { header: name, of: (campaign) => of(campaign).join(', '), right: true };
}

function caps(world: World): Command {
  const columns: Column[] = [
    field('metric'),
    field('period'),
    {
      header: 'of',
      of: ({ scope, publisher_id: id }) => (scope === 'campaign' ? 'campaign' : (id ?? 'each publisher')),
    },
    field('goal'),
    field('limit', { right: true }),
    field('used', { right: true }),
    field('remaining', { right: true }),
    field('reached'),
    time('period_end', 'until'),
  ];
  return apiCommand(world, {
    description: 'Show what is used of its caps and what is left',
    args: {
      id: ID,
      publisher: { type: 'string', description: 'For caps of each publisher: whose', valueHint: 'ID' },
    },
    async run({ api, output }, { id, publisher }) {
      const { items } = await api.get(path('campaigns', id, 'caps'), { publisher_id: publisher });
      await output.list(columns, itemsOf(items));
    },
  });
}
