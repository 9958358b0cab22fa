import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';

import { expect, it } from 'vitest';

import { HttpApi } from '../../../../local/http-api/http-api.ts';
import { readKeyPair } from '../../../../local/http-api/tls.ts';
import { TLS_CERTIFICATE, TLS_KEY } from '../../../support/publisher.ts';

const FILES = { cert: TLS_CERTIFICATE, key: TLS_KEY };

it.each([
  ['a missing file', { cert: '/nowhere/cert.pem' }],
  ['no PEM', { key: import.meta.filename }],
  ['a certificate in place of the key', { key: TLS_CERTIFICATE }],
])('refuses %s in one line', (_, files) => {
  expect(() => readKeyPair({ ...FILES, ...files })).toThrow(/^--tls-cert and --tls-key cannot be used: [^\n]+$/);
});

it('speaks HTTPS with a key pair', async () => {
  const keyPair = readKeyPair(FILES);
  const api = await HttpApi.listen(0, keyPair);
  try {
    expect(api.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const call = get(api.url, { ca: keyPair.cert, servername: 'localhost', agent: false });
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    // Nothing is deployed yet.
    expect([answer.statusCode, await text(answer)]).toEqual([503, '{"message":"Service Unavailable"}']);
  } finally {
    await api.stop(0);
  }
});
