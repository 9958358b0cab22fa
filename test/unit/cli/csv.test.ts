import { describe, expect, it } from 'vitest';

import { csvLine } from '../../../cli/csv.ts';

describe('csvLine', () => {
  it.each([
    [[null, undefined, ''], ',,'],
    [['a', 1, true], 'a,1,true'],
    [['a,b', 'a"b', 'a\nb', 'a\r'], '"a,b","a""b","a\nb","a\r"'],
    [[['a', 'b'], { a: 1 }], '"[""a"",""b""]","{""a"":1}"'],
    [['-2.50', '+3', '-2.5.0', '-'], "-2.50,+3,'-2.5.0,'-"],
  ])('writes %j', (values, line) => {
    expect(csvLine(values)).toBe(line);
  });

  it.each(['=1+1', '+cmd', '-cmd', '@SUM(A1)', '\tcmd'])('keeps spreadsheets from running %j', (text) => {
    expect(csvLine([text])).toBe(`'${text}`);
  });
});
