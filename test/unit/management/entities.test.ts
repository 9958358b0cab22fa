import { expect, test } from 'vitest';
import { COMMIT_TIMEOUT } from '../../../lambdas/core/management-ports.ts';
import type { ApiRequest, Deps } from '../../../lambdas/management/http.ts';
import { publisherHandlers } from '../../../lambdas/management/routes/publishers.ts';

test('effective_by is a cache lifetime after the commit, however long that and what came before it took', async () => {
  let now = 1_764_000_000_000;
  const request: ApiRequest = {
    params: {},
    query: new Map(),
    body: { name: 'Tia' },
    text: '',
    ifMatch: null,
    repeatable: false,
    by: 'key:test',
    byName: 'Test',
    role: 'manager',
    requestId: 'request-1',
    secret: '',
    publisherId: null,
    advertiserId: null,
    route: 'POST /v1/publishers',
    now,
    newId: () => expect.unreachable(),
    async commit(_steps, _audit, answer) {
      now += COMMIT_TIMEOUT;
      return answer;
    },
    remember: async (answer) => answer,
  };
  const deps = { now: () => now, random: (length: number) => new Uint8Array(length), cacheSeconds: 30 };
  now += 5_000;
  const { body } = await publisherHandlers['POST /v1/publishers'](request, deps as unknown as Deps);
  const effectiveBy = Date.parse((body as { effective_by: string }).effective_by);
  expect(effectiveBy).toBeGreaterThan(now + 30_000);
  expect(effectiveBy).toBeLessThanOrEqual(now + 31_000);
});
