import { expect, it } from 'vitest';
import { StorageUnavailable } from '../../../../lambdas/core/ports.ts';
import type { ApiRequest, Deps } from '../../../../lambdas/management/http.ts';
import type { Answer } from '../../../../lambdas/management/problems.ts';
import { conversionHandlers } from '../../../../lambdas/management/routes/conversions.ts';
import { aConversion, aNetwork } from '../../../support/conversions.ts';
import type { Network } from '../../../support/conversions.ts';

const { id } = aConversion();

/** Patches the network's conversion as somebody who read its first version. */
const patch = (
  { store, deps, hits }: Network,
  request: Pick<ApiRequest, 'repeatable' | 'remember'>,
): Promise<Answer> => {
  const facts = {
    conversion: async () => {
      const conversion = await store.conversion(id);
      return conversion && { conversion, history: store.history };
    },
  };
  const whole: ApiRequest = {
    params: { id },
    query: new Map(),
    body: { status: 'rejected' },
    text: '',
    ifMatch: '"1"',
    by: 'key:k1',
    secret: '',
    publisherId: null,
    advertiserId: null,
    route: 'PATCH /v1/conversions/:id',
    now: deps.now(),
    newId: () => expect.unreachable(),
    commit: () => Promise.reject(new Error('nothing of Catalog changes')),
    ...request,
  };
  return conversionHandlers['PATCH /v1/conversions/:id'](whole, {
    facts,
    conversions: { ...deps, hits },
  } as unknown as Deps);
};

const remember = async (answer: Answer) => answer;
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
