import { expect, it } from 'vitest';
import { StorageUnavailable } from '../../../../lambdas/core/ports.ts';
import type { ApiRequest, Deps } from '../../../../lambdas/management/http.ts';
import type { Answer } from '../../../../lambdas/management/problems.ts';
import { testConversionHandlers } from '../../../../lambdas/management/routes/test-conversions.ts';
import { aConversion, aNetwork } from '../../../support/conversions.ts';
import type { Network } from '../../../support/conversions.ts';
import { aCampaign, aGoal } from '../../../support/entities.ts';

const { id } = aConversion();

/** Tests a click by a request whose conversion gets this id. */
const test = ({ store, deps }: Network, click: string, request: Partial<ApiRequest> = {}): Promise<Answer> => {
  const facts = {
    conversion: async () => {
      const conversion = await store.conversion(id);
      return conversion && { conversion, history: store.history };
    },
  };
  const whole = {
    params: { id: click },
    body: undefined,
    by: 'key:k1',
    publisherId: null,
    advertiserId: null,
    newId: () => id,
    remember: async (answer: Answer) => answer,
    ...request,
  };
  const create = testConversionHandlers['POST /v1/clicks/:id/test-conversion'];
  return create(whole as ApiRequest, { facts, conversions: deps } as unknown as Deps);
};

it.each<[body: unknown, pointer: string, code: string]>([
  [[], '', 'INVALID_TYPE'],
  [{ click_id: 'x' }, '/click_id', 'UNKNOWN_FIELD'],
  [{ security_token: 'x' }, '/security_token', 'UNKNOWN_FIELD'],
  [{ action: 'change' }, '/action', 'UNKNOWN_FIELD'],
  [{ sale_amount: 10 }, '/sale_amount', 'INVALID_TYPE'],
  [{ txn_id: 'x'.repeat(129) }, '/txn_id', 'INVALID_TXN_ID'],
  [{ status: 'perhaps' }, '/status', 'INVALID_STATUS'],
  [{ currency: 'dollars' }, '/currency', 'INVALID_CURRENCY'],
  [{ sale_amount: '1.234' }, '', 'INVALID_AMOUNT'],
  [{ goal: 'install' }, '/goal', 'UNKNOWN_GOAL'],
  [{ goal: 'sale' }, '/sale_amount', 'MISSING_AMOUNT'],
])('refuses %j at "%s": %s', async (body, pointer, code) => {
  const network = aNetwork();
  network.catalog.campaigns.set(
    'summer',
    aCampaign({ goals: [aGoal({ payout: { model: 'percent', percent: '10' } })] }),
  );
  await expect(test(network, await network.click(), { body })).rejects.toMatchObject({
    status: 422,
    code: 'VALIDATION_FAILED',
    errors: [{ pointer, code }],
  });
  expect(network.store.conversions.size).toBe(0);
});

it.each(['nonsense', 'a'.repeat(32)])('does not find the click %s', async (click) => {
  await expect(test(aNetwork(), click)).rejects.toMatchObject({ status: 404 });
});

it('takes a click ID trimmed and in any case, and null for what is left out', async () => {
  const network = aNetwork();
  const click = await network.click();
  expect(await test(network, ` ${click.toUpperCase()} `, { body: { goal: null } })).toMatchObject({
    status: 201,
    headers: { etag: '"1"' },
    body: { id, click_id: click, test: true, status: 'approved', payout: '2.50', history: [{ by: 'key:k1' }] },
  });
});

it('finds its own conversion after a crash before the answer was kept (invariant 4)', async () => {
  const network = aNetwork();
  const click = await network.click();
  const crash = () => Promise.reject(new StorageUnavailable('crashed'));
  await expect(test(network, click, { remember: crash })).rejects.toThrow(StorageUnavailable);

  expect(await test(network, click)).toMatchObject({ status: 201, headers: { etag: '"1"' }, body: { id } });
  expect(network.store.conversions.size).toBe(1);
  expect(network.store.deliveries.size).toBe(1);
});
