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
