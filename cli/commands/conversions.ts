import * as z from 'zod';

import { itemsOf, path } from '../api.ts';
import type { Item } from '../api.ts';
import { bulk } from '../bulk/command.ts';
import { apiCommand, LIST_ARGS, printList, withEach } from '../command.ts';
import type { Command, Group } from '../command.ts';
import { documentOf, optionArgs } from '../document.ts';
import type { Fields } from '../document.ts';
import { ID, IDS, queryOf } from '../entities.ts';
import { CONVERSIONS, conversionText } from '../facts/conversion.ts';
import { PERIOD } from '../facts/filters.ts';
import { outline, present } from '../outline.ts';
import { field, table } from '../table.ts';
import { EXIT, Failure, TEXT_WIDTH, UsageError } from '../terminal.ts';
import { hanging, printable } from '../text.ts';
import type { World } from '../world.ts';

const FILTERS = {
  campaign: { description: 'Only of this campaign', valueHint: 'ID', parameter: 'campaign_id' },
  publisher: { description: 'Only of this publisher', valueHint: 'ID', parameter: 'publisher_id' },
  advertiser: { description: 'Only of this advertiser', valueHint: 'ID', parameter: 'advertiser_id' },
  goal: { description: 'Only of this goal', valueHint: 'ID' },
  status: { description: 'Only with this status', valueHint: 'approved|pending|rejected' },
  click: { description: 'Only of this click', valueHint: 'ID', parameter: 'click_id' },
  txn: { description: "Only with this ID of the advertiser's", valueHint: 'TXN_ID', parameter: 'txn_id' },
  p1: { description: "Only with this click ID of the publisher's", valueHint: 'P1' },
  ...PERIOD,
} as const;

const REASON = {
  description: 'Why; the publisher may be told',
  valueHint: 'TEXT',
  read: (text: string) => text || null,
};

const FIELDS: Fields = {
  status: { description: 'What it shall be', valueHint: 'approved|pending|rejected' },
  'sale-amount': { description: 'What was sold, in the currency of the sale', valueHint: 'AMOUNT' },
  payout: { description: 'What the publisher gets, whatever the terms', valueHint: 'AMOUNT' },
  revenue: { description: 'What the advertiser owes, whatever the terms', valueHint: 'AMOUNT' },
  reason: REASON,
};

/** Goals that clicks reached, and what an operator decides of them. */
export function conversions(world: World): Group {
  const list = apiCommand(world, {
    description: 'List conversions, newest first',
    args: { ...optionArgs(FILTERS), ...LIST_ARGS },
    run: (session, args) => printList(session, path('conversions'), queryOf(FILTERS, args), CONVERSIONS, args),
  });

  const show = apiCommand(world, {
    description: 'Show a conversion with its history',
    args: { id: ID },
    async run({ api, output }, { id }) {
      const conversion = await api.get(path('conversions', id));
      output.item(conversion, [...fieldLines(conversion, world), '', ...historyLines(conversion, world)].join('\n'));
      output.note(`\nWhy: flowback conversions explain ${id}\nWho was told: flowback deliveries --conversion ${id}`);
    },
  });

  const update = apiCommand(world, {
    description:
      'Change status or amounts; the difference is booked and the publisher told, and reports change it no more',
    args: { id: ID, ...optionArgs(FIELDS) },
    async run({ api, output }, args) {
      const patch = await documentOf(FIELDS, args, world);
      if (Object.keys(patch).length === 0) throw new UsageError('nothing to change: give options');
      const conversion = await api.send('PATCH', path('conversions', args.id), patch);
      output.item(conversion, `Changed ${args.id}: ${conversionText(conversion)}`);
    },
  });

  const explain = apiCommand(world, {
    description: 'Say why a conversion has its status, and pays what it pays',
    args: { id: ID },
    async run({ api, output }, { id }) {
      const conversion = await api.get(path('conversions', id));
      const explained = explanation.safeParse(conversion['explanation']);
      if (!explained.success) {
        throw new Failure('this key is shown no explanation: it would tell what the other side earns', {
          exit: EXIT.denied,
          details: ['Use the key of an analyst, a manager or an admin.'],
        });
      }
      output.item(explained.data, explanationLines(conversion, explained.data, world).join('\n'));
    },
  });

  return {
    description: 'Goals that clicks reached, and what they pay',
    alone: 'list',
    commands: {
      list,
      show,
      approve: decide('approved', world),
      reject: decide('rejected', world),
      update,
      explain,
      bulk: bulk(world),
    },
  };
}

function decide(status: 'approved' | 'rejected', world: World): Command {
  const [description, done] =
    status === 'approved' ? ['Approve conversions, also over caps', 'Approved'] : ['Reject conversions', 'Rejected'];
  const fields = { reason: REASON };
  return apiCommand(world, {
    description: `${description}; reports change them no more`,
    args: { 'id...': IDS, ...optionArgs(fields) },
    async run(session, args) {
      const patch = { status, ...(await documentOf(fields, args, world)) };
      return withEach(args._, session, async (id) => {
        const conversion = await session.api.send('PATCH', path('conversions', id), patch);
        return { item: conversion, text: `${done} ${id}: ${conversionText(conversion)}` };
      });
    },
  });
}

const sentences = z.array(z.string());
const explanation = z.looseObject({
  words: sentences,
  payout: z.looseObject({ words: sentences }),
  revenue: z.looseObject({ words: sentences }),
});

function explanationLines(conversion: Item, why: z.infer<typeof explanation>, world: World): string[] {
  const width = world.terminal.columns ?? TEXT_WIDTH;
  const paragraph = (words: readonly string[]) =>
    words.flatMap((sentence) => hanging('  ', printable(sentence), width));
  return [
    printable(`Conversion ${String(conversion['id'])}: ${conversionText(conversion)}`),
    ...paragraph(why.words),
    ...['', 'Payout', ...paragraph(why.payout.words)],
    ...['', 'Revenue', ...paragraph(why.revenue.words)],
    ...['', ...historyLines(conversion, world)],
  ];
}

function fieldLines(conversion: Item, { terminal }: World): string[] {
  return outline(present(conversion, 'history', 'explanation'), terminal.columns);
}

function historyLines({ history }: Item, { terminal }: World): string[] {
  const columns = [field('at', { whole: true }), ...['status', 'code', 'by', 'reason'].map((name) => field(name))];
  return table(columns, itemsOf(history), terminal.columns);
}
