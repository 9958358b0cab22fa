import { describe, expect, it } from 'vitest';

import { unexpandedMacros } from '../../../../cli/link/macros.ts';

describe('unexpandedMacros', () => {
  it.each([
    ['?p1={click_id}', ['{click_id}']],
    ['?p1=%7Bclick_id%7D', ['{click_id}']],
    ['?p1={{campaign.id}}', ['{{campaign.id}}']],
    ['?p1=${SUBID}', ['${SUBID}']],
    ['?p1=[clickid]', ['[clickid]']],
    ['?p1=%23clickid%23', ['#clickid#']],
    ['?p1=#clickid#', ['#clickid#']],
    ['?p1=%aff_sub%', ['%aff_sub%']],
    ['?p1=%subid1%&x=1', ['%subid1%']],
    ['?p1=(click_id)', ['(click_id)']],
    ['?p1=<click_id>', ['<click_id>']],
    ['?p1=a-{click_id}-{source}', ['{click_id}', '{source}']],
    ['land/{click_id}/x', ['{click_id}']],
    ['#/land?c={click_id}', ['{click_id}']],
    ['?a={x}&b={x}', ['{x}']],
  ])('finds in %j %j', (rest, macros) => {
    expect(unexpandedMacros(new URL(`https://a.example/${rest}`))).toEqual(macros);
  });

  it.each([
    ['a value', '?p1=2al2fns3tygr4mcu2aixqz5gpjoxirh5'],
    ['an empty value', '?p1='],
    ['a percentage, a number sign and text in brackets', '?a=50%25&b=%231&c=shoes (red)&d=list[1]'],
    ['JSON', '?state=%7B%22a%22%3A1%7D'],
    ['a macro of a URL that somebody else will call', '?callback=https%3A%2F%2Fb.example%2F%3Fid%3D%7Bclick_id%7D'],
    ['a plain fragment', '#top'],
    ['broken escapes', '%zz/?a=%zz'],
  ])('takes %s for no macro', (_, rest) => {
    expect(unexpandedMacros(new URL(`https://a.example/${rest}`))).toEqual([]);
  });
});
