import { describe, expect, it } from 'vitest';

import { outline } from '../../../cli/outline.ts';

const linesOf = (item: Readonly<Record<string, unknown>>, columns = 40) => outline(item, columns);

describe('outline', () => {
  it.each([
    ['nothing', { name: null, tags: [], more: {}, text: '' }, ['name  -', 'tags  -', 'more  -', 'text  -']],
    ['words and numbers', { on: true, off: false, days: 0 }, ['on    yes', 'off   no', 'days  0']],
    ['lists of words', { fire_on: ['approved', 'rejected'] }, ['fire_on  approved, rejected']],
    [
      'a small object in one line',
      { payout: { model: 'fixed', amount: '2.50' } },
      ['payout  model fixed, amount 2.50'],
    ],
    ['only what an object has', { when: { os: [], countries: ['DE', 'FR'] } }, ['when  countries DE, FR']],
    [
      'a text over several lines',
      { reason: 'a text that does not fit beside its own name' },
      ['reason  a text that does not fit beside', '        its own name'],
    ],
    [
      'a URL in one piece, because people copy it',
      { url: `https://a.example/${'x'.repeat(40)}` },
      [`url  https://a.example/${'x'.repeat(40)}`],
    ],
    [
      'what is nested below its name',
      { targeting: { unknown: 'allow', os: { deny: ['ios'] } } },
      ['targeting', '    unknown  allow', '    os       deny ios'],
    ],
    [
      'each of several things with a dash, first what names it',
      { goals: [{ hold_days: 0, id: 'sale' }, { id: 'lead' }] },
      ['goals', '  - id         sale', '    hold_days  0', '  - id  lead'],
    ],
    ['nothing that a terminal would obey', { name: '\u{1B}[31mred' }, ['name  \u{FFFD}[31mred']],
  ])('shows %s', (_, item, lines) => {
    expect(linesOf(item)).toEqual(lines);
  });
});
