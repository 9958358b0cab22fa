import { expect, it } from 'vitest';
import { bootstrap } from '../../../lambdas/core/bootstrap.ts';
import { hashToken } from '../../../lambdas/core/senders.ts';
import { FakeManagementCatalog } from '../../support/fakes/management-catalog.ts';

const ADMIN = 'an-admin-key-of-my-own';
const NOW = 1_000;

it.each([
  ['refuses a key that lets nobody in any more', NOW, 'has expired'],
  ['takes a key that still does', NOW + 1, null],
])('the bootstrap %s', async (_, expires_at, refusal) => {
  const catalog = new FakeManagementCatalog();
  const run = () =>
    bootstrap(
      { networkName: 'abc', adminKey: ADMIN, requestId: 'request-1' },
      { catalog, now: () => NOW, random: (length) => new Uint8Array(length) },
    );
  await run();
  const key = await catalog.get('api_key_hash', hashToken(ADMIN));
  await catalog.commit([{ op: 'put', pk: 'api_key_hash', sk: hashToken(ADMIN), value: { ...key, expires_at } }]);

  const again = run();

  if (refusal === null) expect(await again).toMatchObject({ adminKey: ADMIN });
  else await expect(again).rejects.toThrow(refusal);
});
