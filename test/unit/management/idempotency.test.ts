import { expect, it } from 'vitest';
import type { Caller, Deps } from '../../../lambdas/management/http.ts';
import { idempotencyOf } from '../../../lambdas/management/idempotency.ts';
import { FakeManagementCatalog } from '../../support/fakes/management-catalog.ts';

it.each([
  ['is kept', 1_000, true],
  ['of what is done is not kept where it is larger than a row: a repeat does it again', 400_000, false],
])('an answer %s', async (_, length, isKept) => {
  const deps = { catalog: new FakeManagementCatalog(), now: () => 0, random: (size: number) => new Uint8Array(size) };
  const request = { method: 'POST', path: '/v1/x', rawBody: '', idempotencyKey: 'once', secret: 's' };
  const { remember, replay } = idempotencyOf(request, { id: 'k1' } as Caller, deps as unknown as Deps);
  const answer = { status: 200, body: { text: 'x'.repeat(length) } } as const;

  expect(await remember(answer)).toBe(answer);
  expect(await replay()).toEqual(isKept ? answer : null);
});
