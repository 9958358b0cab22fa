import { describe, expect, it } from 'vitest';

import { comparePassage } from '../../../../cli/link/parameters.ts';
import type { Passage } from '../../../../cli/link/parameters.ts';

const NOTHING: Passage = { kept: [], renamed: [], replaced: [], lost: [], added: [] };

describe('comparePassage', () => {
  it.each<[string, string, string, Partial<Passage>]>([
    ['same name and value', '?a=1', '?a=1', { kept: ['a'] }],
    ['other encoding of the value', '?a=x%20y', '?a=x+y', { kept: ['a'] }],
    ['same value, other name', '?cid=abc', '?p1=abc', { renamed: [{ from: 'cid', to: 'p1' }] }],
    ['same value in the path', '?cid=a%20b', 'land/a%20b', { renamed: [{ from: 'cid', to: null }] }],
    ['same value as the fragment', '?cid=abc', '#abc', { renamed: [{ from: 'cid', to: null }] }],
    ['same name, other value', '?p1=abc', '?p1=xyz', { replaced: ['p1'] }],
    [
      'two that swap names',
      '?a=1&b=2',
      '?a=2&b=1',
      {
        renamed: [
          { from: 'a', to: 'b' },
          { from: 'b', to: 'a' },
        ],
      },
    ],
    ['neither', '?a=1', '?b=2', { lost: ['a'], added: ['b'] }],
    ['an equal value that another one kept', '?a=1&b=1', '?a=1', { kept: ['a'], lost: ['b'] }],
    ['a value that became empty', '?a=1', '?a=', { lost: ['a'] }],
    ['an empty value', '?a=', '?b=', {}],
    ['a repeated name', '?a=1&a=2', '?b=3', { lost: ['a'], added: ['b'] }],
    [
      'names of what every object has',
      '?constructor=1&__proto__=2',
      '?__proto__=2',
      { kept: ['__proto__'], lost: ['constructor'] },
    ],
  ])('tells %s', (_, asked, location, passage) => {
    const url = (rest: string) => new URL(`https://a.example/${rest}`);
    expect(comparePassage(url(asked), url(location))).toEqual({ ...NOTHING, ...passage });
  });
});
