import { path } from './api.ts';
import type { Item } from './api.ts';
import { apiCommand, LIST_ARGS, printList, withEach } from './command.ts';
import type { Command } from './command.ts';
import { DOCUMENT_ARGS, documentOf, optionArgs } from './document.ts';
import type { Fields, Option } from './document.ts';
import type { Column } from './table.ts';
import { UsageError } from './terminal.ts';
import { shown } from './text.ts';
import type { World } from './world.ts';

/** What the commands for one kind of entity differ in. */
export interface Kind {
  /** In URLs and on the command line: `publishers`. */
  readonly word: string;
  /** With its article: `a publisher`. */
  readonly one: string;
  readonly columns: readonly Column[];
  readonly filters: Filters;
  readonly fields: Fields;
  /** What create takes beside the fields. */
  readonly newFields?: Fields;
  /** Puts where it belongs what is no field of the document itself. `before` is null of what is new. */
  readonly complete?: (document: Item, before: Item | null) => Item;
  /** Lines about what was created that people need and see only once. */
  readonly created?: (item: Item) => readonly string[];
  /** What to do after it was created. */
  readonly next?: (id: string) => string;
}

/** Options that become filters of a list. */
type Filters = Readonly<Record<string, Option & { readonly parameter?: string }>>;

export const ID = { type: 'positional', required: true, description: 'Its ID' } as const;
export const IDS = { type: 'positional', required: true, description: 'One ID or several' } as const;

/** The commands that every kind of entity has. */
export function entityCommands(world: World, kind: Kind) {
  const { word, one, fields, complete } = kind;
  const newFields = { ...fields, ...kind.newFields };
  return {
    list: listCommand(world, kind),
    show: showCommand(world, kind),
    create: apiCommand(world, {
      description: `Create ${one}`,
      args: {
        id: { type: 'string', description: 'The ID it shall have; else it gets one', valueHint: 'ID' },
        ...optionArgs(newFields),
        ...DOCUMENT_ARGS,
      },
      async run({ api, output }, args) {
        const given = await documentOf(newFields, args, world);
        const document = complete?.(given, null) ?? given;
        if (args.id === '') throw new UsageError('--id is empty');
        const item = await api.send('POST', path(word), { ...document, ...(args.id && { id: args.id }) });
        const id = shown(item['id']);
        output.item(item, [`Created ${bare(one)} ${id}${effective(item)}`, ...(kind.created?.(item) ?? [])].join('\n'));
        if (kind.next !== undefined) output.note(`Next: ${kind.next(id)}`);
      },
    }),
    update: apiCommand(world, {
      description: `Change ${one}; what is not given stays`,
      args: { id: ID, ...optionArgs(fields), ...DOCUMENT_ARGS },
      async run({ api, output }, args) {
        const patch = await documentOf(fields, args, world);
        if (Object.keys(patch).length === 0) throw new UsageError('nothing to change: give options, --data or --file');
        const item =
          complete === undefined
            ? await api.send('PATCH', path(word, args.id), patch)
            : await api.edit(path(word, args.id), (before) => complete(patch, before));
        output.item(item, `Changed ${bare(one)} ${args.id}${effective(item)}`);
      },
    }),
    archive: endCommand(world, kind, {
      description: 'Archive: it stops, and is kept for what it did; `update ID --status active` brings it back',
      done: 'Archived',
    }),
  };
}

function listCommand(world: World, { word, filters, columns }: Kind): Command {
  return apiCommand(world, {
    description: `List ${word}`,
    args: { ...optionArgs(filters), ...LIST_ARGS },
    run: (session, args) => printList(session, path(word), queryOf(filters, args), columns, args),
  });
}

export function queryOf(filters: Filters, args: Readonly<Record<string, unknown>>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(filters).map(([option, { parameter = option }]) => {
      const value = args[option];
      // The API takes an empty filter for none: all would be listed because a variable of a script is not set.
      if (value === '') throw new UsageError(`--${option} is empty`);
      return [parameter, typeof value === 'string' ? value : undefined];
    }),
  );
}

function showCommand(world: World, { word, one }: Kind): Command {
  return apiCommand(world, {
    description: `Show ${one} with all its fields`,
    args: { id: ID },
    async run({ api, output }, { id }) {
      output.item(await api.get(path(word, id)));
    },
  });
}

/** What DELETE does to entities of the kind. */
export function endCommand(
  world: World,
  { word, one }: Kind,
  { description, done }: { readonly description: string; readonly done: string },
): Command {
  return apiCommand(world, {
    description,
    args: { 'id...': IDS },
    run: (session, { _: ids }) =>
      withEach(ids, session, async (id) => {
        await session.api.send('DELETE', path(word, id));
        return { item: { id, status: 'archived' }, text: `${done} ${bare(one)} ${id}` };
      }),
  });
}

function bare(one: string): string {
  return one.replace(/^an? /, '');
}

/** Functions of a deployment go on for a while with what they know. */
function effective({ effective_by: by }: Item): string {
  return by === undefined ? '' : `, in force everywhere by ${shown(by)}`;
}
