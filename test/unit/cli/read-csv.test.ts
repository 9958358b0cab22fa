import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { csvLine } from '../../../cli/csv.ts';
import { readCsv } from '../../../cli/read-csv.ts';

describe('readCsv', () => {
  it.each([
    ['a,"b', 'line 1 is no CSV: a quoted cell must end'],
    ['a,b\nc,"d" e', 'line 2 is no CSV: a quoted cell must end'],
    ['a,b"c', 'line 1 is no CSV: a cell with " in it must be quoted'],
    ['"a\nb",c\nd,e"f"', 'line 3 is no CSV'],
  ])('refuses %j', (text, message) => {
    expect(() => readCsv(text)).toThrow(message);
  });

  it.each([
    ['', []],
    ['\n\r\n  \n', []],
    ['a,b', [[1, 'a', 'b']]],
    ['a,b\n', [[1, 'a', 'b']]],
    [
      'a,\n,b\n,',
      [
        [1, 'a', ''],
        [2, '', 'b'],
        [3, '', ''],
      ],
    ],
    [
      'a\r\nb\rc\nd',
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
      ],
    ],
    [
      'a\n\n\nb',
      [
        [1, 'a'],
        [4, 'b'],
      ],
    ],
    [
      '"a, ""b""\r\nc",d\ne,f',
      [
        [1, 'a, "b"\r\nc', 'd'],
        [3, 'e', 'f'],
      ],
    ],
    ['a b , c', [[1, 'a b ', ' c']]],
    ["'=x,-1,''=y,'z", [[1, '=x', '-1', "'=y", "'z"]]],
  ])('reads %j', (text, rows) => {
    expect(readCsv(text).map(({ line, cells }) => [line, ...cells])).toEqual(rows);
  });

  it('reads what the command line writes, whatever stands in the cells', () => {
    const cell = fc.string({
      unit: fc.oneof(fc.constantFrom(...'",\'=+-@\t\r\n1'), fc.string({ minLength: 1, maxLength: 1 })),
    });
    // A single cell without text is a line without text, which is none.
    const row = fc.array(cell, { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const text = rows.map((cells) => csvLine(cells)).join('\n');

        expect(readCsv(text).map(({ cells }) => cells)).toEqual(rows);
      }),
    );
  });
});
