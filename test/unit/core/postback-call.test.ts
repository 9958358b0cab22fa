import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import type { Postback } from '../../../lambdas/core/entities.ts';
import { buildRequest } from '../../../lambdas/core/postback-call.ts';
import { aDelivery, aPostback, NOON } from '../../support/deliveries.ts';

describe('the call', () => {
  const at = NOON + 999;
  const userAgent = 'Flowback/1.2.3';
  const request = (delivery: Partial<Delivery>, postback: Partial<Postback>) =>
    buildRequest(aDelivery(delivery), aPostback(postback), { at, userAgent });

  it('is a GET of the expanded URL, with the headers of the contract', () => {
    expect(request({}, {})).toEqual({
      method: 'GET',
      url: 'https://pub.example/in?cid=tia-1&sum=2.50',
      headers: {
        'User-Agent': 'Flowback/1.2.3',
        'Webhook-Id': 'a2b3c4d5e6f7g2h3i4j5k6l7_1',
        'Webhook-Timestamp': String(NOON / 1_000),
      },
      body: null,
    });
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['a missing value is nothing', 'https://pub.example/?a={p2}&b={p1}', { p1: 'x' }, 'https://pub.example/?a=&b=x'],
    [
      'values are encoded once',
      'https://pub.example/?a={p1}',
      { p1: 'a&b={p2} %20é' },
      'https://pub.example/?a=a%26b%3D%7Bp2%7D%20%2520%C3%A9',
    ],
    [
      'a path cannot be left',
      'https://pub.example/{p1}/x',
      { p1: '../..//evil' },
      'https://pub.example/..%2F..%2F%2Fevil/x',
    ],
    ['nor the host', 'https://pub.example/?{p1}', { p1: '@evil.example' }, 'https://pub.example/?%40evil.example'],
    ['a fragment is not sent', 'https://pub.example/?a={p1}#{p1}', { p1: 'x' }, 'https://pub.example/?a=x'],
    ['an alias', 'https://pub.example/?a={aff_id}', { pub_id: 'tia' }, 'https://pub.example/?a=tia'],
  ])('expands macros: %s', (_, url, values, expected) => {
    expect(request({ values }, { url }).url).toBe(expected);
  });

  it.each(['created', 'status_changed'] as const)('says which event it is: %s', (event) => {
    expect(request({ event }, { url: 'https://pub.example/?e={event}' }).url).toBe(`https://pub.example/?e=${event}`);
  });

  it.each<[string, Partial<Postback>, string]>([
    ['ours where there is no other', {}, 'status=approved&goal=sale'],
    ['of the receiver', { statusWords: { approved: '1' }, goalWords: { sale: 'Kauf 1' } }, 'status=1&goal=Kauf%201'],
    ['of the receiver for other values', { statusWords: { rejected: '3' } }, 'status=approved&goal=sale'],
  ])('uses the words %s', (_, words, query) => {
    const url = 'https://pub.example/?status={status}&goal={goal}';

    expect(request({}, { url, ...words }).url).toBe(`https://pub.example/?${query}`);
  });

  it('does not take what every object inherits for a word', () => {
    const values = { goal: 'constructor' };

    expect(request({ values }, { url: 'https://pub.example/?g={goal}' }).url).toBe(
      'https://pub.example/?g=constructor',
    );
  });

  it('carries the parameters of the query as form fields too', () => {
    const { method, url, headers, body } = request({ values: { p1: 'a b' } }, { method: 'POST_FORM' });

    expect([method, url]).toEqual(['POST', 'https://pub.example/in?cid=a%20b&sum=']);
    expect(headers['Content-Type']).toBe('application/x-www-form-urlencoded');
    expect(body).toBe('cid=a%20b&sum=');
  });

  it('carries the parameters of the query as JSON too', () => {
    const url = 'https://pub.example/in?cid={p1}&__proto__={p2}&plus=1+1';
    const { method, headers, body } = request({ values: { p1: 'a "b"', p2: 'x' } }, { method: 'POST_JSON', url });

    expect(method).toBe('POST');
    expect(headers['Content-Type']).toBe('application/json');
    expect(body).toBe('{"cid":"a \\"b\\"","__proto__":"x","plus":"1 1"}');
  });
});
