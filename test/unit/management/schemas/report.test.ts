import { describe, expect, it } from 'vitest';
import { Problem } from '../../../../lambdas/management/problems.ts';
import { readReports } from '../../../../lambdas/management/schemas/report.ts';
import { parseJson } from '../../../../lambdas/management/validation.ts';

const read = (text: string) => readReports({ body: text === '' ? undefined : parseJson(text), text });
const problemOf = (text: string): Problem => {
  try {
    read(text);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('it was read');
};
const listOf = (length: number) => JSON.stringify(Array<object>(length).fill({ click_id: 'x' }));

describe('the body of a batch is refused as a whole', () => {
  it.each<[what: string, text: string, pointer: string, code: string]>([
    ['nothing', '', '', 'REQUIRED'],
    ['null', 'null', '', 'INVALID_TYPE'],
    ['text', '"click_id=x"', '', 'INVALID_TYPE'],
    ['an item by itself', '{"click_id":"x"}', '/items', 'REQUIRED'],
    ['an empty list', '[]', '', 'TOO_SMALL'],
    ['no items', '{"items":[]}', '/items', 'TOO_SMALL'],
    ['101 items', `{"items":${listOf(101)}}`, '/items', 'TOO_BIG'],
    ['a bare list of 101', listOf(101), '', 'TOO_BIG'],
    ['items that are an object', '{"items":{"0":{}}}', '/items', 'INVALID_TYPE'],
    ['another field beside the items', '{"items":[{}],"dry_run":true}', '/dry_run', 'UNKNOWN_FIELD'],
    ['__proto__ instead of the items', '{"__proto__":{"items":[{}]}}', '/items', 'REQUIRED'],
    ['an unknown field in an item', '{"items":[{},{"cid":"x"}]}', '/items/1/cid', 'UNKNOWN_FIELD'],
    ['one in a bare list', '[{"a/b":"x"}]', '/0/a~1b', 'UNKNOWN_FIELD'],
    ['a token', '[{"security_token":"x"}]', '/0/security_token', 'UNKNOWN_FIELD'],
    ['a token by its other name', '[{"token":"x"}]', '/0/token', 'UNKNOWN_FIELD'],
    ['a parameter in capitals', '[{"Click_ID":"x"}]', '/0/Click_ID', 'UNKNOWN_FIELD'],
    ['__proto__ in an item', '[{"__proto__":{"click_id":"x"}}]', '/0/__proto__', 'UNKNOWN_FIELD'],
    ['constructor in an item', '[{"constructor":{"prototype":1}}]', '/0/constructor', 'UNKNOWN_FIELD'],
    ['half a surrogate pair as a name', '[{"\\ud83c":"x"}]', '/0/\ud83c', 'UNKNOWN_FIELD'],
  ])('%s', (_, text, pointer, code) => {
    const { status, errors } = problemOf(text);
    expect(status).toBe(422);
    expect(errors?.[0]).toMatchObject({ pointer, code });
  });

  it.each([
    ['the list twice', '{"items":[{"click_id":"a"}],"items":[{"click_id":"b"}]}'],
    ['the list twice, once escaped', '{"items":[{"click_id":"a"}],"\\u0069tems":[{"click_id":"b"}]}'],
    ['half a JSON', '{"items":[{"click_id":"a"}'],
    ['a byte order mark', '\ufeff[{"click_id":"a"}]'],
    ['nesting without end', `[${'{"sub1":'.repeat(1_000)}1${'}'.repeat(1_000)}]`],
  ])('%s', (_, text) => {
    expect(problemOf(text)).toMatchObject({ status: 400, code: 'MALFORMED_REQUEST' });
  });
});

describe('the items of a batch', () => {
  it.each([
    ['in an object', ' {"items" : [ {"txn_id":"A"} ,\n{"txn_id":"B"}]\t} '],
    ['in a bare list', '[{"txn_id":"A"},{"txn_id":"B"}]'],
  ])('are read %s', (_, text) => {
    const value = (txnId: string) => [{ name: 'txn_id', value: txnId, kind: 'text' }];
    expect(read(text)).toEqual(
      ['A', 'B'].map((txnId) => ({ query: [], body: value(txnId), bearer: null, unreadable: null })),
    );
  });

  it('keep repeated members, the digits of numbers, and what is inside of texts and objects', () => {
    const text =
      '[{"txn_id":"A","txn_id":"B","sale_amount":1.10,"sub1":"]},{\\"a\\\\","sub2":{"a":[1,{"b":"}"}]},"sub3":null}]';
    expect(read(text)[0]?.body).toEqual([
      { name: 'txn_id', value: 'A', kind: 'text' },
      { name: 'txn_id', value: 'B', kind: 'text' },
      { name: 'sale_amount', value: '1.10', kind: 'number' },
      { name: 'sub1', value: ']},{"a\\', kind: 'text' },
      { name: 'sub2', value: '{"a":[1,{"b":"}"}]}', kind: 'structure' },
      { name: 'sub3', value: '', kind: 'text' },
    ]);
  });

  it('may be anything, and each is then refused by itself', () => {
    const texts = ['null', 'true', '-1.5e3', '"a,b]"', '[]', '[{},{}]', '{}'];
    const unreadable = read(`[${texts.join(', ')}]`).map((call) => call.unreadable);
    expect(unreadable).toEqual([...texts.slice(0, -1), null]);
  });

  it('may be a hundred', () => {
    expect(read(listOf(100))).toHaveLength(100);
  });
});
