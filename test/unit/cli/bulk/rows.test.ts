import { describe, expect, it } from 'vitest';

import { readRows } from '../../../../cli/bulk/rows.ts';

const ASKED = { match: undefined, status: undefined };

describe('readRows', () => {
  it.each([
    ['', 'no column id, txn_id, click_id'],
    ['status\napproved', 'no column id, txn_id, click_id'],
    ['id,txn_id\na,b', 'several of id, txn_id, click_id: say which by --match'],
    ['txn_id,status', 'the file has no rows'],
    ['txn_id;status\na;approved', 'separated by commas'],
    ['txn_id\tstatus\na\tapproved', 'separated by commas'],
    ['txn_id,reason\na,ok\nb,R\u{FFFD}ckgabe', 'line 3 is not in UTF-8'],
    ['txn_id,payuot\na,1', "no field 'payuot'"],
    ['txn_id,status,Status\na,b,c', "column 'status' twice"],
    ['txn_id,status\n\na,approved\nb', 'line 4 has 1 cells, the first line 2'],
  ])('refuses %j', (text, message) => {
    expect(() => readRows(text, ASKED)).toThrow(message);
  });

  it('takes the fields of the first line, without what says nothing', () => {
    const text = ' TXN_ID ,status,payout,sale_amount,reason\nORDER-1, approved ,2.50,,\nORDER-2,,,9.90,"late, again"\n';

    expect(readRows(text, ASKED)).toEqual({
      match: 'txn_id',
      rows: [
        { line: 2, key: 'ORDER-1', item: { txn_id: 'ORDER-1', status: 'approved', payout: '2.50' } },
        { line: 3, key: 'ORDER-2', item: { txn_id: 'ORDER-2', sale_amount: '9.90', reason: 'late, again' } },
      ],
    });
  });

  it('leaves out the names by which conversions are not meant', () => {
    const { match, rows } = readRows('id,txn_id,status\na,b,approved', { ...ASKED, match: 'id' });

    expect([match, rows]).toEqual(['id', [{ line: 2, key: 'a', item: { id: 'a', status: 'approved' } }]]);
  });

  it('gives a status to rows that name none', () => {
    const { rows } = readRows('id,status\na,\nb,rejected', { ...ASKED, status: 'approved' });

    expect(rows.map(({ item }) => item['status'])).toEqual(['approved', 'rejected']);
  });

  it('leaves it to the API to say that a row names no conversion', () => {
    expect(readRows('id,status\n,approved', ASKED).rows).toEqual([{ line: 2, key: '', item: { status: 'approved' } }]);
  });
});
