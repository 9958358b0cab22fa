import { describe, expect, it } from 'vitest';
import { redactCall } from '../../../lambdas/core/redact.ts';
import { readCall } from '../../../lambdas/core/received-call.ts';
import type { InboundCall } from '../../../lambdas/core/received-call.ts';
import { aCall, TOKEN } from '../../support/conversions.ts';

const redact = (
  overrides: Partial<InboundCall>,
  names = ['security_token', 'token', 'secret'],
  token: string | null = TOKEN,
  mayHide?: (name: string, value: string) => boolean,
) => {
  const call = readCall(aCall(overrides));
  if (typeof call === 'string') throw new Error(call);
  return redactCall(
    call,
    { tokens: names, addresses: ['ip', 'user_ip'], known: new Set(['click_id', 'status']) },
    token,
    mayHide,
  );
};
const post = (body: string, contentType = 'application/json'): Partial<InboundCall> => ({
  method: 'POST',
  body: Buffer.from(body),
  contentType,
});

describe('the parameters of a hit', () => {
  it.each<[string, Partial<InboundCall>]>([
    ['under its name', { query: `security_token=${TOKEN}&a=1` }],
    ["under the sender's name", { query: `secret=${TOKEN}` }],
    ['twice', { query: `token=${TOKEN}&token=${TOKEN}` }],
    ['under a wrong name', { query: `sub1=${TOKEN}&sub2=x${TOKEN}y` }],
    ['as a name', { query: `${TOKEN}=1` }],
    ['in a form', post(`token=${TOKEN}`, 'application/x-www-form-urlencoded')],
    ['in JSON', post(`{"token":"${TOKEN}"}`)],
    ['deep in JSON', post(`{"auth":{"token":"${TOKEN}"}}`)],
    ['in broken JSON', post(`{"token":"${TOKEN}"`)],
    ['in the header', { authorization: `Bearer ${TOKEN}` }],
  ])('never show a token %s', (_, call) => {
    const redacted = JSON.stringify(redact(call));
    expect(redacted).not.toContain(TOKEN);
    expect(redacted).toContain('[redacted]');
  });

  it.each([
    ['203.0.113.7', '203.0.113.0'],
    [' 2001:db8:1:2::3 ', '2001:db8:1::'],
    ['203.0.113.7:51234', '[address]'],
    ['10.0.0.1, 203.0.113.7', '[address], [address]'],
    ['[2001:db8:1:2::3]:443', '[[address]][address]'],
    ['2001:db8:1:2::3%eth0', '[address]%eth0'],
    ['unknown', 'unknown'],
    ['{ip_address}', '{ip_address}'],
  ])('show of an address its network only: %s (invariant 12)', (ip, shown) => {
    const query = new URLSearchParams({ ip, user_ip: ip, txn_id: ip }).toString();
    expect(redact({ query })).toEqual([
      ['ip', shown],
      ['user_ip', shown],
      ['txn_id', ip],
    ]);
  });

  it('show everything else as sent, the query before the body', () => {
    const call = { ...post('{"txn_id":"T 1","amount":1.005}'), query: 'click_id=abc&utm=1' };
    expect(redact(call)).toEqual([
      ['click_id', 'abc'],
      ['utm', '1'],
      ['txn_id', 'T 1'],
      ['amount', '1.005'],
    ]);
  });

  it('keep what is too short to be a token, whatever a caller takes for one', () => {
    expect(redact({ query: 'click_id=a1b2&token=1' }, undefined, '1')).toEqual([
      ['click_id', 'a1b2'],
      ['token', '[redacted]'],
    ]);
  });

  it('show nothing that may be a token where the caller is not known, but what may be shown', () => {
    const query = `click_id=${'c'.repeat(32)}&secret_key=${TOKEN}&${TOKEN}&cid=${'d'.repeat(32)}&order=A-17`;
    const mayHide = (name: string, value: string) => name !== 'click_id' && !/^d+$/.test(value);
    const redacted = redact({ query }, undefined, null, mayHide);
    expect(redacted).toEqual([
      ['click_id', 'c'.repeat(32)],
      ['secret_key', '[redacted]'],
      ['[redacted]', ''],
      ['cid', 'd'.repeat(32)],
      ['order', 'A-17'],
    ]);
  });

  it('are text that storage can hold', () => {
    const redacted = redact(post(String.raw`{"txn_id":"a\ud800","\udc00":"b"}`));
    expect(redacted).toEqual([
      ['txn_id', 'a\ufffd'],
      ['\ufffd', 'b'],
    ]);
  });

  it('fit into a row', () => {
    const many = Array.from({ length: 3_000 }, (_, i) => `name${i}=${'x'.repeat(10)}`).join('&');
    const long = `sub1=${'x'.repeat(60_000)}&${'y'.repeat(900)}=1`;
    const short = '=&a=1&'.repeat(10_000);
    for (const body of [many, long, short]) {
      const redacted = redact(post(body, 'application/x-www-form-urlencoded'));
      expect(JSON.stringify(redacted).length).toBeLessThan(80_000);
      expect(redacted.length).toBeGreaterThan(0);
    }
    const known = redact(post(`${many}&status=rejected`, 'application/x-www-form-urlencoded')).at(-1);
    expect(known, 'what means something is kept, wherever it stands').toEqual(['status', 'rejected']);
    expect(redact(post('x y '.repeat(15_000)))).toMatchObject([['body', 'x y '.repeat(1_024)]]);
  });
});
