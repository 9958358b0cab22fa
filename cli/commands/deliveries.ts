import * as z from 'zod';

import { path } from '../api.ts';
import type { Item } from '../api.ts';
import { apiCommand, LIST_ARGS, printList, withEach } from '../command.ts';
import type { Group } from '../command.ts';
import { optionArgs } from '../document.ts';
import { ID, IDS, queryOf } from '../entities.ts';
import { answerText, deliveryOf } from '../facts/delivery.ts';
import { PERIOD } from '../facts/filters.ts';
import { outline, present } from '../outline.ts';
import { field, table, time } from '../table.ts';
import type { Column } from '../table.ts';
import { EXIT } from '../terminal.ts';
import { shown } from '../text.ts';
import type { World } from '../world.ts';

const FILTERS = {
  conversion: { description: 'Only of this conversion', valueHint: 'ID', parameter: 'conversion_id' },
  postback: { description: 'Only to this postback', valueHint: 'ID', parameter: 'postback_id' },
  publisher: { description: 'Only to this publisher', valueHint: 'ID', parameter: 'publisher_id' },
  state: { description: 'Only in this state', valueHint: 'waiting|sending|delivered|exhausted|cancelled' },
  ...PERIOD,
} as const;

const DELIVERIES: readonly Column[] = [
  field('id', { whole: true }),
  time('created_at', 'created'),
  field('state', { whole: true }),
  { header: 'answer', of: (item) => deliveryOf(item).attempts.map(answerText).at(-1) },
  { header: 'tries', of: (item) => deliveryOf(item).attempts.length, right: true },
  field('publisher_id', { header: 'publisher' }),
  field('postback_id', { header: 'postback' }),
  field('event'),
];

const ATTEMPTS: readonly Column[] = [
  field('number', { header: '#', right: true }),
  field('at', { whole: true }),
  field('duration_ms', { header: 'ms', right: true }),
  field('status'),
  field('error'),
  field('body'),
];

const DEAD_LETTERS: readonly Column[] = [
  field('delivery_id', { header: 'delivery', whole: true }),
  time('sent_at', 'sent'),
  field('body', { header: 'message' }),
];

/** What publishers are told, and whether it arrived. */
export function deliveries(world: World): Group {
  const list = apiCommand(world, {
    description: 'List deliveries, newest first',
    args: { ...optionArgs(FILTERS), ...LIST_ARGS },
    run: (session, args) => printList(session, path('deliveries'), queryOf(FILTERS, args), DELIVERIES, args),
  });

  const show = apiCommand(world, {
    description: 'Show a delivery with its attempts',
    args: { id: ID },
    async run({ api, output }, { id }) {
      const delivery = await api.get(path('deliveries', id));
      const { attempts } = deliveryOf(delivery);
      const { columns } = world.terminal;
      const below =
        attempts.length === 0 ? ['No attempts yet, or none since 30 days'] : table(ATTEMPTS, attempts, columns);
      output.item(delivery, [...outline(present(delivery, 'attempts'), columns), '', ...below].join('\n'));
    },
  });

  const replay = apiCommand(world, {
    description: 'Send deliveries again; the receiver knows them by the same Webhook-Id',
    args: { 'id...': IDS },
    run: (session, { _: ids }) =>
      withEach(ids, session, async (id) => {
        const delivery = await session.api.send('POST', path('deliveries', id, 'replay'), {});
        return { item: delivery, text: `Replaying ${id}, which is ${shown(delivery['state'])} now` };
      }),
  });

  const deadLetters = apiCommand(world, {
    description: 'Show messages that our own side could not work off, 50 at most',
    args: {},
    async run({ api, output }) {
      const { items, count } = deadLettersOf.parse(await api.get(path('dead-letters')));
      const seen = await output.list(DEAD_LETTERS, items);
      if (count > seen) output.note(`There are about ${count}.`);
      if (count > 0) output.note('Send them again: flowback deliveries redrive');
    },
  });

  const redrive = apiCommand(world, {
    description: 'Send dead letters again',
    args: { 'discard-malformed': { type: 'boolean', description: 'Throw away those that are of no delivery' } },
    async run({ api, output }, args) {
      const body = { discard_malformed: args['discard-malformed'] === true };
      const { count } = deadLettersOf.parse(await api.get(path('dead-letters')));
      output.note(`About ${count} dead letters`);
      const total = { redriven: 0, malformed: 0, discarded: 0, remaining: 0 };
      for (;;) {
        const done = redriven.parse(await api.send('POST', path('dead-letters', 'redrive'), body));
        total.redriven += done.redriven;
        total.discarded += done.discarded;
        // Those stay, and are met again, but for a while hidden from the next call.
        total.malformed = Math.max(total.malformed, done.malformed);
        total.remaining = done.remaining;
        world.terminal.progress(`${total.redriven} sent again, ${done.remaining} left`);
        if (done.redriven + done.discarded === 0 || done.remaining <= total.malformed) break;
      }
      output.item(total, redriveText(total));
      if (total.malformed === 0) return EXIT.fine;
      output.note('Look at them with `flowback deliveries dead-letters`; --discard-malformed throws them away.');
      return EXIT.wrong;
    },
  });

  return {
    description: 'What publishers are told, and whether it arrived',
    alone: 'list',
    commands: { list, show, replay, 'dead-letters': deadLetters, redrive },
  };
}

const deadLettersOf = z.object({ items: z.array(z.record(z.string(), z.unknown())), count: z.number() });
const redriven = z.object({
  redriven: z.number(),
  malformed: z.number(),
  discarded: z.number(),
  remaining: z.number(),
});

function redriveText({ redriven, malformed, discarded, remaining }: Item): string {
  const parts = [
    `${shown(redriven)} sent again`,
    ...(discarded === 0 ? [] : [`${shown(discarded)} discarded`]),
    ...(malformed === 0 ? [] : [`${shown(malformed)} of no delivery`]),
    `${shown(remaining)} left`,
  ];
  return parts.join(', ');
}
