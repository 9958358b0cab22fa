import { randomBytes } from 'node:crypto';
import { bootstrap } from '../../lambdas/core/bootstrap.ts';
import type { ListQuery } from '../../lambdas/core/management-ports.ts';
import { createApi } from '../../lambdas/management/api.ts';
import type { Deps } from '../../lambdas/management/http.ts';
import type { Answer } from '../../lambdas/management/problems.ts';
import { createHandlers } from '../../lambdas/management/routes/index.ts';
import { aNetwork } from './conversions.ts';
import { NOON } from './deliveries.ts';
import { aPublisher } from './entities.ts';
import { fakeAdjustments } from './fakes/adjustments.ts';
import { FakeManagementCatalog } from './fakes/management-catalog.ts';

/** The key that the bootstrap made. */
export const ADMIN = 'admin-key-for-tests-only';

type Headers = Readonly<Record<string, string>>;

/** The management API over a network in memory that was bootstrapped. Each call comes a second after the one before. */
export async function aManagementApi() {
  const catalog = new FakeManagementCatalog();
  const network = aNetwork();
  network.catalog.publishers.set('tia', aPublisher({ id: 'tia' }));
  const adjustments = fakeAdjustments();
  /** Of the audit trail. */
  const asked: ListQuery<string>[] = [];
  let now = NOON;
  const base = { catalog, now: () => now, random: (length: number) => new Uint8Array(randomBytes(length)) };
  await bootstrap({ networkName: 'abc', adminKey: ADMIN, requestId: 'bootstrap-1' }, base);
  const [first] = await catalog.list('api_key', null, 1);
  const deps = {
    ...base,
    adjustments,
    conversions: network.deps,
    facts: {
      conversion: async (id: string) => {
        const conversion = await network.store.conversion(id);
        return conversion && { conversion, history: network.store.history };
      },
      conversions: async () => ({ items: [...network.store.conversions.values()], next: null }),
      audit: async (query: ListQuery<string>) => {
        asked.push(query);
        return { items: catalog.audit, next: null };
      },
    },
    health: { health: async () => null, recovered: async () => undefined },
    trackingUrl: 'https://track.example',
    apiUrl: 'https://api.example',
    cacheSeconds: 30,
  } as unknown as Deps;
  const api = createApi(createHandlers(deps), deps);
  const call = (method: string, target: string, body?: unknown, headers: Headers = {}): Promise<Answer> => {
    const [path = '', query = ''] = target.split('?', 2);
    now += 1_000;
    return api({
      method,
      path,
      query: [...new URLSearchParams(query)],
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...headers },
      body: body === undefined ? '' : JSON.stringify(body),
      requestId: `request-${now}`,
    });
  };
  const written = () => [...catalog.audit, ...network.store.audit, ...adjustments.audit];
  return { catalog, network, asked, call, written, now: () => now, admin: first?.id ?? '' };
}
