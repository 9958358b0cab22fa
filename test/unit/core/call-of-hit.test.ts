import { describe, expect, it } from 'vitest';
import { callOfHit, hiddenParameters } from '../../../lambdas/core/call-of-hit.ts';
import type { CorrectedParameters } from '../../../lambdas/core/call-of-hit.ts';
import type { Hit } from '../../../lambdas/core/hit.ts';
import { parsePostback } from '../../../lambdas/core/postback-request.ts';
import { aHit, aSender } from '../../support/conversions.ts';

const CLICK = 'a'.repeat(32);
const sender = aSender({ parameters: { click_id: ['cid'], txn_id: ['order_id'], security_token: ['secret'] } });

const read = (hit: Partial<Hit>, corrected: CorrectedParameters = {}) =>
  parsePostback(callOfHit(aHit(hit), corrected, sender), sender);

describe('the call of a hit', () => {
  it.each<[why: string, query: Hit['query'], corrected: CorrectedParameters, expected: object]>([
    [
      'is as it was',
      [
        ['click_id', CLICK],
        ['txn_id', 'T1'],
      ],
      {},
      { clickId: CLICK, txnId: 'T1' },
    ],
    [
      'has the names of its sender',
      [
        ['cid', CLICK],
        ['order_id', 'T1'],
      ],
      {},
      { clickId: CLICK, txnId: 'T1' },
    ],
    [
      'has the last of a name, the body being last',
      [
        ['cid', CLICK],
        ['txn_id', 'Q'],
        ['txn_id', 'B'],
      ],
      {},
      { txnId: 'B' },
    ],
    [
      'has what is corrected',
      [
        ['cid', 'x'],
        ['order_id', 'T1'],
      ],
      { click_id: CLICK },
      { clickId: CLICK, txnId: 'T1' },
    ],
    [
      'has not what is taken away, under no name',
      [
        ['cid', CLICK],
        ['goal', 'x'],
        ['goal_id', 'y'],
      ],
      { goal: null },
      { goal: null },
    ],
    ['has what is added', [['cid', CLICK]], { sale_amount: '9.50' }, { saleAmount: '9.50' }],
    [
      'lacks what is empty',
      [
        ['cid', CLICK],
        ['goal', 'x'],
      ],
      { goal: '' },
      { goal: null },
    ],
    [
      'has a text that looks like an object',
      [
        ['cid', CLICK],
        ['sub1', '{"cart":{"items":2}}'],
      ],
      {},
      { values: { sub1: '{"cart":{"items":2}}' } },
    ],
    [
      'ignores what nobody knows',
      [
        ['cid', CLICK],
        ['body', '{'],
      ],
      {},
      { clickId: CLICK },
    ],
  ])('%s', (_why, query, corrected, expected) => {
    expect(read({ code: 'UNKNOWN_GOAL', query }, corrected)).toMatchObject(expected);
  });

  it.each<[why: string, query: Hit['query'], corrections: CorrectedParameters]>([
    [
      'a parameter that was given twice',
      [
        ['cid', CLICK],
        ['txn_id', 'A'],
        ['txn_id', 'B'],
      ],
      { txn_id: 'B' },
    ],
    [
      'a parameter that was an object',
      [
        ['cid', CLICK],
        ['sub1', '{"a":1}'],
      ],
      { sub1: null },
    ],
    [
      'an unknown action',
      [
        ['cid', CLICK],
        ['action', 'delete'],
      ],
      { action: null },
    ],
    [
      'a body that nobody could read',
      [
        ['cid', CLICK],
        ['body', '{"sale_amount": 12'],
      ],
      { sale_amount: '12' },
    ],
  ])('is malformed until that is corrected: %s', (_why, query, corrections) => {
    const malformed = { code: 'MALFORMED_REQUEST', query };

    expect(read(malformed)).toMatchObject({ code: 'MALFORMED_REQUEST' });
    expect(read(malformed, corrections)).toMatchObject({ clickId: CLICK });
  });

  it('is no less malformed after another try, which gave it another code', () => {
    const query: Hit['query'] = [
      ['cid', CLICK],
      ['txn_id', 'A'],
      ['txn_id', 'B'],
    ];
    const retries = [{ at: 1, by: 'key:k1', was: 'MALFORMED_REQUEST', code: 'UNKNOWN_GOAL' }];

    expect(read({ code: 'UNKNOWN_GOAL', query, retries })).toMatchObject({ code: 'MALFORMED_REQUEST' });
  });

  it('is no more malformed after another try that made it so', () => {
    const query: Hit['query'] = [
      ['cid', CLICK],
      ['txn_id', 'Q'],
      ['txn_id', 'B'],
    ];
    const retries = [{ at: 1, by: 'key:k1', was: 'UNKNOWN_GOAL', code: 'MALFORMED_REQUEST' }];

    expect(read({ code: 'MALFORMED_REQUEST', query, retries })).toMatchObject({ txnId: 'B' });
  });
});

describe('what was hidden in a hit (invariant 12)', () => {
  it.each<[why: string, query: Hit['query'], corrected: CorrectedParameters, hidden: readonly string[]]>([
    [
      'is named by its main name',
      [
        ['order_id', '[redacted]'],
        ['sub1', 'x-[redacted]'],
      ],
      {},
      ['txn_id', 'sub1'],
    ],
    ['is none any more if it is given', [['order_id', '[redacted]']], { txn_id: 'T1' }, []],
    ['is none any more if it is taken away', [['order_id', '[redacted]']], { txn_id: null }, []],
    [
      "is nobody's business where nobody reads it",
      [
        ['Authorization', '[redacted]'],
        ['utm', '[redacted]'],
      ],
      {},
      [],
    ],
    [
      'is the token, under all its names',
      [
        ['security_token', '[redacted]'],
        ['token', '[redacted]'],
        ['secret', '[redacted]'],
      ],
      {},
      [],
    ],
  ])('%s', (_why, query, corrected, hidden) => {
    expect(hiddenParameters(aHit({ query }), corrected, sender)).toEqual(hidden);
  });

  it('is no value of the call', () => {
    const query: Hit['query'] = [
      ['cid', CLICK],
      ['token', '[redacted]'],
    ];

    expect(JSON.stringify(callOfHit(aHit({ query }), {}, sender))).not.toContain('redacted');
  });
});
