import { describe, expect, it } from 'vitest';
import type { Sender } from '../../../lambdas/core/entities.ts';
import { parsePostback, readAmount, readToken } from '../../../lambdas/core/postback-request.ts';
import { readCall } from '../../../lambdas/core/received-call.ts';
import type { InboundCall, ReceivedCall } from '../../../lambdas/core/received-call.ts';
import { aCall, aSender } from '../../support/conversions.ts';

const received = (overrides: Partial<InboundCall>): ReceivedCall => {
  const call = readCall(aCall(overrides));
  if (typeof call === 'string') throw new Error(call);
  return call;
};
const post = (body: string, contentType = 'application/json', query = ''): Partial<InboundCall> => ({
  method: 'POST',
  body: Buffer.from(body),
  contentType,
  query,
});
const form = (body: string, query = '') => post(body, 'application/x-www-form-urlencoded', query);
const parse = (overrides: Partial<InboundCall>, sender: Sender | null = null) =>
  parsePostback(received(overrides), sender);
const query = (text: string) => parse({ query: `click_id=c&${text}` });

describe('a call that nobody looks into', () => {
  it.each<[Partial<InboundCall>, string]>([
    [{ method: 'HEAD' }, 'METHOD_NOT_ALLOWED'],
    [{ method: 'PUT' }, 'METHOD_NOT_ALLOWED'],
    [post(`"${'x'.repeat(65_535)}"`), 'BODY_TOO_LARGE'],
    [post('['.repeat(100_000)), 'BODY_TOO_LARGE'],
    [post('click_id=c', 'text/plain'), 'UNSUPPORTED_CONTENT_TYPE'],
    [post('--x--', 'multipart/form-data; boundary=x'), 'UNSUPPORTED_CONTENT_TYPE'],
    [{ method: 'POST', body: Buffer.from('x') }, 'UNSUPPORTED_CONTENT_TYPE'],
  ])('%o is %s', (call, code) => {
    expect(readCall(aCall(call))).toBe(code);
  });
});

describe('a malformed request', () => {
  it.each<[string, Partial<InboundCall>]>([
    ['a parameter twice in the query', { query: 'click_id=c&txn_id=1&txn_id=1' }],
    ['a parameter twice, once empty', { query: 'click_id=c&txn_id=&txn_id=1' }],
    ['a parameter twice in a form', form('click_id=c&click_id=d')],
    ['a parameter twice in JSON', post('{"click_id":"c","amount":"1","amount":"9999"}')],
    ['a parameter twice in JSON, once escaped', post('{"click_id":"c","txn_id":"1","txn\\u005fid":"2"}')],
    ['no JSON', post('{"click_id":')],
    ['JSON that is no object', post('["click_id"]')],
    ['JSON that is null', post('null')],
    ['deep JSON', post('['.repeat(60_000))],
    ['a parameter that is an object', post('{"click_id":"c","txn_id":{"a":1}}')],
    ['an unknown action', { query: 'click_id=c&action=delete' }],
  ])('is %s', (_, call) => {
    expect(parse(call)).toMatchObject({ code: 'MALFORMED_REQUEST' });
  });

  it.each<[string, Partial<InboundCall>]>([
    ['an unknown parameter twice', { query: 'click_id=c&utm=1&utm=2' }],
    ['a parameter in query and body', form('click_id=c', 'click_id=d')],
    ['a name twice in different objects', post('{"click_id":"c","x":{"click_id":"d"},"y":[{"click_id":"e"}]}')],
    ['brackets and quotes inside of text', post('{"click_id":"c","sub1":"\\"},{[\\\\","x":"}"}')],
    ['deep JSON in an unknown member', post(`{"click_id":"c","x":${'['.repeat(9_000)}${']'.repeat(9_000)}}`)],
  ])('is not %s', (_, call) => {
    expect(parse(call)).toMatchObject({ clickId: 'c' });
  });
});

describe('parameters', () => {
  it('of the body win over the query, but not where they are empty', () => {
    const call = form('txn_id=B1&sub1=', 'click_id=c&txn_id=Q1&sub1=s');
    expect(parse(call)).toMatchObject({ clickId: 'c', txnId: 'B1', values: { sub1: 's' } });
  });

  it.each<[string, object]>([
    ['goal_id=lead', { goal: 'lead' }],
    // A parked call is one row.
    [`goal=${'x'.repeat(9_000)}`, { goal: 'x'.repeat(512) }],
    ['goal_value=lead&goal=sale', { goal: 'sale' }],
    ['amount=1&sale_amount=2', { saleAmount: '2' }],
    ['currency=usd', { currency: 'USD' }],
    ['action=UPSERT', { action: 'upsert' }],
    ['status=Confirmed', { status: 'approved' }],
    ['status=3', { status: 'rejected' }],
    ['status=lead', { status: 'pending' }],
    [
      'status=none&currency=null&goal={goal}&action=undefined',
      { status: null, currency: null, goal: null, action: 'add' },
    ],
    ['txn_id=%20e%CC%81%20', { txnId: 'é' }],
    [`txn_id=${'x'.repeat(128)}`, { txnId: 'x'.repeat(128) }],
    [`sub1=${'x'.repeat(600)}`, { values: { sub1: 'x'.repeat(512) } }],
    ['ip=203.0.113.77&gaid=0000-00&idfa=A1', { values: { ip: '203.0.113.0', idfa: 'A1' } }],
    ['payout=anything&revenue={revenue}', { payout: 'anything', revenue: null, warnings: [] }],
    ['campaign_id=%20summer%20', { campaignId: 'summer' }],
    ['__proto__=1&constructor=2', { values: {} }],
  ])('%s', (text, expected) => {
    expect(query(text)).toMatchObject(expected);
  });

  it('of a sender have its names too; ours win', () => {
    const sender = aSender({
      parameters: { click_id: ['cid', 'subid'], sale_amount: ['sum'] },
      statusMap: { paid: 'approved', sale: 'pending' },
    });
    const parsed = parse({ query: 'subid=c&sum=3&amount=4&status=SALE' }, sender);
    expect(parsed).toMatchObject({ clickId: 'c', saleAmount: '4', status: 'pending' });
    expect(parse({ query: 'cid=a&subid=b&status=paid' }, sender)).toMatchObject({ clickId: 'a', status: 'approved' });
    expect(parse({ query: 'cid=a&cid=a' }, sender)).toMatchObject({ code: 'MALFORMED_REQUEST' });
  });

  it('keep the digits of a JSON number', () => {
    expect(parse(post('{"click_id":"c","txn_id":12345678901234567890}'))).toMatchObject({
      txnId: '12345678901234567890',
    });
  });
});

describe('an identity', () => {
  it.each([
    '{x}',
    '{{x}}',
    '${x}',
    '[x]',
    '#x#',
    '%25x%25',
    '(x)',
    'null',
    'Undefined',
    'NONE',
    '%20',
    'a%00b',
    'a%0Ab',
  ])('is not %s', (value) => {
    expect(query(`txn_id=${value}`)).toMatchObject({ code: 'INVALID_TXN_ID' });
  });

  it('is not longer than 128 characters, nor half of one', () => {
    expect(query(`txn_id=${'x'.repeat(129)}`)).toMatchObject({ code: 'INVALID_TXN_ID' });
    expect(parse(post('{"click_id":"c","txn_id":"\\ud800"}'))).toMatchObject({ code: 'INVALID_TXN_ID' });
  });

  it('may look odd', () => {
    for (const txnId of ['#x', 'x%', '{x', 'a#CONV#b', '=1+1', '<img>', '0', 'none-1']) {
      expect(query(`txn_id=${encodeURIComponent(txnId)}`)).toMatchObject({ txnId });
    }
  });
});

describe('an amount', () => {
  it.each([
    '-1',
    '-0',
    '1e3',
    '0x10',
    'Infinity',
    '1,000.50',
    '10,50',
    '9999999999999',
    '5.',
    '.5',
    '١٢',
    'abc',
    ' 1',
    '1 ',
    '+1',
  ])('is not %j', (value) => {
    expect(query(`amount=${encodeURIComponent(value)}`)).toMatchObject({ code: 'INVALID_AMOUNT' });
  });

  it('in JSON is text', () => {
    expect(parse(post('{"click_id":"c","amount":1.005}'))).toMatchObject({ code: 'INVALID_AMOUNT' });
    expect(parse(post('{"click_id":"c","amount":"1.00"}'))).toMatchObject({ saleAmount: '1.00' });
    expect(parse(post('{"click_id":"c","amount":null}'))).toMatchObject({ saleAmount: null });
  });

  it.each<[string, string, Sender['decimals'], bigint | null]>([
    ['100.50', 'JPY', 'currency', null],
    ['1.234', 'KWD', 'currency', 1_234_000n],
    ['1.234', 'USD', 'currency', null],
    ['1.225', 'USD', 6, 1_220_000n],
    ['1.235', 'USD', 6, 1_240_000n],
    ['00012', 'USD', 'currency', 12_000_000n],
    ['1', 'XXX', 6, null],
    ['999999999999.99', 'USD', 6, 999_999_999_999_990_000n],
    ['999999999999.999', 'USD', 6, null],
  ])('%s %s with decimals %s is %s', (text, currency, decimals, expected) => {
    expect(readAmount(text, currency, { decimals })).toBe(expected);
  });
});

describe('a token', () => {
  const sender = aSender({ parameters: { security_token: ['secret'] } });
  it.each<[Partial<InboundCall>, Sender | null, string | null]>([
    [{ query: 'security_token=%20a%0A' }, null, ' a\n'],
    [{ query: 'token=a' }, null, 'a'],
    [{ query: 'token=a&security_token=b' }, null, 'b'],
    [{ query: 'security_token={token}' }, null, '{token}'],
    [{ query: 'secret=a' }, null, null],
    [{ query: 'secret=a' }, sender, 'a'],
    [{ authorization: 'Bearer a' }, null, 'a'],
    [{ authorization: 'bearer a', query: 'token=b' }, null, 'b'],
    [{ authorization: 'Basic a' }, null, null],
    [{ query: 'security_token=' }, null, null],
  ])('of %o is exactly as sent', (call, of, expected) => {
    expect(readToken(received(call), of)).toBe(expected);
  });
});
