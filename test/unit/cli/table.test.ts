import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { field, money, table } from '../../../cli/table.ts';

const COLUMNS = [field('id', { whole: true }), field('name'), field('clicks', { right: true }), money('payout')];
const TIA = { id: 'tia', name: 'Tia of the long name', clicks: 7, payout: '2.50', currency: 'USD' };
const BEN = { id: 'ben-the-second', name: null, clicks: 1_234, payout: null, currency: 'USD' };

describe('table', () => {
  it.each([
    [
      'as wide as it is where nothing limits it',
      null,
      [
        'ID              NAME                  CLICKS    PAYOUT',
        'tia             Tia of the long name       7  2.50 USD',
        'ben-the-second  -                       1234         -',
      ],
    ],
    [
      'cut in its widest columns, but never in ids and money',
      46,
      [
        'ID              NAME          CLICKS    PAYOUT',
        'tia             Tia of the …       7  2.50 USD',
        'ben-the-second  -               1234         -',
      ],
    ],
    [
      'without its last columns where there is no room, which it says',
      28,
      [
        'ID              NAME',
        'tia             Tia of the …',
        'ben-the-second  -',
        '',
        'Not shown for want of room: clicks, payout',
      ],
    ],
  ])('is %s', (_, width, lines) => {
    expect(table(COLUMNS, [TIA, BEN], width)).toEqual(lines);
  });

  it('shows what a terminal would obey as a replacement character', () => {
    expect(table([field('name')], [{ name: '\u{1B}[2Jbad\u{202E}\n' }], null)[1]).toBe(
      '\u{FFFD}[2Jbad\u{FFFD}\u{FFFD}',
    );
  });

  it('is never wider than it may be, and shows all ids whole, however long the other values are', () => {
    const row = fc.record({ id: fc.string({ maxLength: 12 }), name: fc.string(), clicks: fc.nat(), payout: fc.nat() });

    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), fc.integer({ min: 14, max: 120 }), (rows, width) => {
        const [, ...lines] = table([COLUMNS[0] ?? field('id'), field('name'), field('clicks')], rows, width);
        for (const line of lines.slice(0, rows.length)) expect(line.length).toBeLessThanOrEqual(width);
        for (const [i, { id }] of rows.entries()) {
          if (/^[\w-]+$/.test(id)) expect(lines[i]?.startsWith(id)).toBe(true);
        }
      }),
    );
  });
});
