import { expect, it } from 'vitest';
import { StorageUnavailable } from '../../../../lambdas/core/ports.ts';
import type { ApiRequest, Deps } from '../../../../lambdas/management/http.ts';
import type { Answer } from '../../../../lambdas/management/problems.ts';
import { conversionHandlers } from '../../../../lambdas/management/routes/conversions.ts';
import { aConversion, aNetwork } from '../../../support/conversions.ts';
import type { Network } from '../../../support/conversions.ts';

const { id } = aConversion();

const remember = async (answer: Answer) => answer;

/** A request for a network, by a key of no advertiser. */
const aRequest = ({ deps }: Network, overrides: Partial<ApiRequest>): ApiRequest => ({
  params: {},
  query: new Map(),
  body: undefined,
  text: '',
  ifMatch: null,
  repeatable: false,
  by: 'key:k1',
  byName: 'A key',
  role: 'manager',
  requestId: 'request-1',
  secret: '',
  publisherId: null,
  advertiserId: null,
  route: 'POST /v1/conversions',
  now: deps.now(),
  newId: () => expect.unreachable(),
  commit: () => Promise.reject(new Error('nothing of Catalog changes')),
  remember,
  ...overrides,
});

/** Patches the network's conversion as somebody who read its first version. */
const patch = (network: Network, request: Pick<ApiRequest, 'repeatable' | 'remember'>): Promise<Answer> => {
  const { store, deps, hits } = network;
  const facts = {
    conversion: async () => {
      const conversion = await store.conversion(id);
      return conversion && { conversion, history: store.history };
    },
  };
  const whole = aRequest(network, { params: { id }, body: { status: 'rejected' }, ifMatch: '"1"', ...request });
  return conversionHandlers['PATCH /v1/conversions/:id'](whole, {
    facts,
    conversions: { ...deps, hits },
  } as unknown as Deps);
};

/** Reports these conversions. */
const report = (network: Network, items: readonly object[], overrides: Partial<ApiRequest>): Promise<Answer> => {
  const request = aRequest(network, { body: items, text: JSON.stringify(items), ...overrides });
  const conversions = {
    ...network.deps,
    within: async (_: number, work: unknown) => work,
    itemFailed: () => undefined,
  };
  return conversionHandlers['POST /v1/conversions'](request, { conversions } as unknown as Deps);
};

const crash = () => Promise.reject(new StorageUnavailable('crashed'));

it.each([true, false])(
  'a repeat after a crash between the change and its kept answer changes nothing; with an Idempotency-Key (%s) it succeeds',
  async (repeatable) => {
    const network = aNetwork();
    network.store.conversions.set(id, aConversion());
    await expect(patch(network, { repeatable, remember: crash })).rejects.toThrow(StorageUnavailable);

    const repeat = await patch(network, { repeatable, remember }).catch((error: unknown) => error);

    expect(repeat).toMatchObject(repeatable ? { status: 200, body: { status: 'rejected' } } : { status: 412 });
    expect(repeat).toMatchObject({ headers: { etag: '"2"' } });
    expect(network.store.history).toHaveLength(1);
    expect(network.store.ledger).toHaveLength(1);
  },
);

it('the answer to a batch is kept for repeats only if no item is to be tried again', async () => {
  const network = aNetwork();
  const items = [{ click_id: await network.click() }, { click_id: await network.click() }];
  const { store } = network;
  const commit = store.commit.bind(store);
  const kept: Answer[] = [];
  const keep = async (answer: Answer) => {
    kept.push(answer);
    return answer;
  };
  store.commit = async (write) => {
    store.commit = () => Promise.reject(new StorageUnavailable('down'));
    return commit(write);
  };

  const first = await report(network, items, { remember: keep });
  expect(first).toMatchObject({
    status: 200,
    body: { results: [{ code: 'OK' }, { http_status: 503, code: 'TEMPORARILY_UNAVAILABLE' }] },
  });
  expect(kept).toEqual([]);

  store.commit = commit;
  const second = await report(network, items, { remember: keep });
  expect(second).toMatchObject({ body: { results: [{ code: 'DUPLICATE_CONVERSION' }, { code: 'OK' }] } });
  expect(kept).toEqual([second]);
});

it("a conversion that is reported in a batch is not said to be an operator's", async () => {
  const network = aNetwork();
  await report(network, [{ click_id: await network.click() }], {});
  expect(network.store.history).toMatchObject([{ by: 'batch:k1' }]);
});

it.each([
  [null, true],
  ['xyz', false],
])('a key of advertiser %s reads the payout: %s', async (advertiserId, reads) => {
  const network = aNetwork();
  const { body } = await report(network, [{ click_id: await network.click() }], { advertiserId });
  expect(JSON.stringify(body).includes('payout')).toBe(reads);
  expect(body).toMatchObject({ results: [{ code: 'OK', revenue: '4.00', currency: 'USD' }] });
});
