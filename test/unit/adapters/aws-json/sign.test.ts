import aws4 from 'aws4';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSigner } from '../../../../lambdas/adapters/aws-json/sign.ts';
import type { Credentials } from '../../../../lambdas/adapters/aws-json/sign.ts';

const CREDENTIALS: Credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' };
const SIGNED = { service: 'dynamodb', region: 'eu-central-1', host: 'dynamodb.eu-central-1.amazonaws.com' };
const NOON = new Date('2026-11-22T12:00:00Z');

/** What the reference implementation sends. */
function reference(target: string, body: string, credentials: Credentials, now: Date, signed = SIGNED) {
  const { sessionToken, ...keys } = credentials;
  const { headers } = aws4.sign(
    {
      service: signed.service,
      region: signed.region,
      method: 'POST',
      path: '/',
      headers: {
        Host: signed.host,
        'Content-Type': 'application/x-amz-json-1.0',
        'X-Amz-Target': target,
        'X-Amz-Date': now.toISOString().replace(/[-:]|\.\d+/g, ''),
      },
      body,
    },
    sessionToken === undefined ? keys : { ...keys, sessionToken },
  );
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

describe('the signature of a call', () => {
  it('is the one of the reference implementation, whatever is called', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abcXYZ019-'), minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.record({
          service: fc.constantFrom('dynamodb', 'sqs'),
          region: word,
          host: fc.constantFrom('a.example', '127.0.0.1:8000'),
        }),
        word,
        // An empty body has no length in the reference implementation; a call always has one.
        fc.string({ unit: fc.constantFrom('{', '"', '\\', ' ', '\n', 'a', 'é', '€', '😀'), minLength: 1 }),
        fc.record({
          accessKeyId: word,
          secretAccessKey: fc.base64String(),
          sessionToken: fc.option(fc.base64String({ minLength: 1 }), { nil: undefined }),
        }),
        fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
        (signed, target, body, credentials, now) => {
          const headers = createSigner(signed)(target, body, credentials, now);
          expect(headers).toEqual(reference(target, body, credentials, now, signed));
        },
      ),
    );
  });

  it.each([
    ['the next day', CREDENTIALS, new Date('2026-11-23T00:00:00Z')],
    ['other credentials', { ...CREDENTIALS, secretAccessKey: 'other' }, NOON],
    ['no token any more', { ...CREDENTIALS, sessionToken: undefined }, NOON],
  ])('follows %s, though keys are kept', (_, credentials, now) => {
    const sign = createSigner(SIGNED);
    sign('T.Put', '{}', CREDENTIALS, NOON);
    expect(sign('T.Put', '{}', credentials, now)).toEqual(reference('T.Put', '{}', credentials, now));
    expect(sign('T.Put', '{}', CREDENTIALS, NOON)).toEqual(reference('T.Put', '{}', CREDENTIALS, NOON));
  });
});
