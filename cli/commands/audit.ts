import { itemsOf, path } from '../api.ts';
import type { Item } from '../api.ts';
import { apiCommand, LIST_ARGS, printList } from '../command.ts';
import type { Command } from '../command.ts';
import { optionArgs } from '../document.ts';
import { queryOf } from '../entities.ts';
import { PERIOD } from '../facts/filters.ts';
import { hanging, printable, shown } from '../text.ts';
import { TEXT_WIDTH } from '../terminal.ts';
import type { World } from '../world.ts';

const FILTERS = {
  kind: {
    description: 'Only changes of such',
    valueHint: 'settings|advertiser|sender|publisher|campaign|postback|key|conversion|adjustment',
  },
  id: { description: 'Only of the one with this ID; needs --kind', valueHint: 'ID', parameter: 'subject_id' },
  by: { description: 'Only by this key', valueHint: 'key:ID|bootstrap' },
  action: {
    description: 'Only this',
    valueHint: 'created|changed|archived|restored|revoked|token_added|token_deleted',
  },
  ...PERIOD,
};

export function audit(world: World): Command {
  return apiCommand(world, {
    description: 'Who changed what, when, from what to what; newest first',
    args: { ...optionArgs(FILTERS), ...LIST_ARGS },
    run: (session, args) => printList(session, path('audit'), queryOf(FILTERS, args), entryLines, args),
  });
}

/** One change: who did it to what, and below it what became of each field. */
function entryLines(entry: Item, columns: number | null): string[] {
  const { at, by, by_name: name, action, kind, subject_id: id, changes } = entry;
  const what = id === kind ? shown(kind) : `${shown(kind)} ${shown(id)}`;
  const who = name === null ? shown(by) : `${shown(name)} (${shown(by)})`;
  const head = printable(`${shown(at)}  ${what} ${shown(action).replaceAll('_', ' ')} by ${who}`);
  const fields = itemsOf(changes).filter(({ pointer }) => pointer !== '');
  const width = Math.max(0, ...fields.map(({ pointer }) => shown(pointer).length));
  return [
    head,
    ...fields.flatMap(({ pointer, from, to }) =>
      hanging(
        `    ${printable(shown(pointer)).padEnd(width)}  `,
        printable(difference(from, to)),
        columns ?? TEXT_WIDTH,
      ),
    ),
  ];
}

/** Of lists what came and went, not the whole of them; unless it is their order. */
function difference(from: unknown, to: unknown): string {
  if (Array.isArray(from) && Array.isArray(to)) {
    const [before, after] = [from.map(valueText), to.map(valueText)];
    const without = (some: readonly string[], others: readonly string[]) => some.filter((one) => !others.includes(one));
    const [gone, come] = [without(before, after), without(after, before)];
    const parts = [...gone.map((one) => `without ${one}`), ...come.map((one) => `with ${one}`)];
    if (parts.length > 0) return parts.join(', ');
  }
  return `${valueText(from)} -> ${valueText(to)}`;
}

/** As JSON what is nested: what changed in it must be seen. */
function valueText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : shown(value);
}
