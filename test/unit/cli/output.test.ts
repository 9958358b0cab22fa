import { describe, expect, it } from 'vitest';

import { createOutput, formatOf } from '../../../cli/output.ts';
import type { Format } from '../../../cli/output.ts';
import { field } from '../../../cli/table.ts';
import { UsageError } from '../../../cli/terminal.ts';
import { aWorld } from '../../support/cli.ts';

async function anOutput(format: Format) {
  const { world, written } = await aWorld();
  return { output: createOutput(format, world.terminal), written };
}

const TIA = { id: 'tia', name: 'Tia, "the" first', tags: ['a'], note: '=1+1' };

describe('output', () => {
  it('has one form', () => {
    expect(() => formatOf({ json: true, csv: true })).toThrow(UsageError);
  });

  it.each([
    ['text', 'ID   NAME\ntia  Tia, "the" first\n'],
    ['json', `${JSON.stringify([TIA], null, 2)}\n`],
    ['csv', `id,name,tags,note\ntia,"Tia, ""the"" first","[""a""]",'=1+1\n`],
  ] as const)('is %s for several things', async (format, out) => {
    const { output, written } = await anOutput(format);

    expect(await output.list([field('id'), field('name')], [TIA])).toBe(1);
    expect(written).toEqual({ out, err: '' });
  });

  it.each([
    ['text', '', 'Nothing found\n'],
    ['json', '[]\n', ''],
    ['csv', '\n', ''],
  ] as const)('as %s says that there is nothing', async (format, out, err) => {
    const { output, written } = await anOutput(format);

    expect(await output.list([field('id')], [])).toBe(0);
    expect(written).toEqual({ out, err });
  });

  it.each([
    ['json', null, '\\u001b[2J \\u009b2J \\u202e \\udb40\\udc01 é\\n'],
    ['csv', 80, '\u{FFFD}[2J \u{FFFD}2J \u{FFFD} \u{FFFD} é\u{FFFD}'],
    ['csv', null, '\u001B[2J \u009B2J \u202E \u{E0001} é\n'],
  ] as const)('as %s into %s columns obeys nothing that came from outside', async (format, columns, text) => {
    const { world, written } = await aWorld({ columns });
    const output = createOutput(format, world.terminal);
    const item = { note: '\u001B[2J \u009B2J \u202E \u{E0001} é\n' };

    await output.list([], [item]);
    output.item(item);

    expect(written.out.split(text)).toHaveLength(3);
    if (format === 'json') expect(JSON.parse(written.out.slice(0, written.out.indexOf(']\n') + 1))).toEqual([item]);
  });

  it('shows more things than a call takes arguments', async () => {
    const { output } = await anOutput('text');
    const items = Array.from({ length: 130_000 }, () => ({ id: 'tia' }));

    expect(await output.list([field('id')], items)).toBe(130_000);
  });

  it('has a column for each field that any of the items has', async () => {
    const { output, written } = await anOutput('csv');

    await output.list([], [{ id: 'a' }, { id: 'b', name: 'B' }]);

    expect(written.out).toBe('id,name\na,\nb,B\n');
  });

  it.each([
    ['text', 'Created publisher tia\n', 'Next: link it\n'],
    ['json', `${JSON.stringify(TIA, null, 2)}\n`, ''],
    ['csv', `id,name,tags,note\ntia,"Tia, ""the"" first","[""a""]",'=1+1\n`, ''],
  ] as const)('as %s tells people, and people alone, what was done', async (format, out, err) => {
    const { output, written } = await anOutput(format);

    output.item(TIA, 'Created publisher tia');
    output.note('Next: link it');

    expect(written).toEqual({ out, err });
  });
});
