import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { toConversionItem } from '../../../lambdas/adapters/dynamodb/conversion-item.ts';
import { newSortableId } from '../../../lambdas/core/ids.ts';
import { aConversion } from '../../support/conversions.ts';
import { startManagement } from '../../support/management.ts';
import type { Management } from '../../support/management.ts';

let api: Management;
beforeAll(async () => {
  api = await startManagement();
  await api.create('/v1/advertisers', { id: 'xyz', name: 'XYZ' });
  await api.create('/v1/publishers', { id: 'tia', name: 'Tia' });
  const goals = [{ id: 'sale', payout: { model: 'fixed', amount: '2.50' } }];
  const campaign = { name: 'Summer', advertiser_id: 'xyz', destination_url: 'https://shop.example/', goals };
  await api.create('/v1/campaigns', { id: 'summer', ...campaign });
  await api.create('/v1/postbacks', { publisher_id: 'tia', url: 'https://tia.example/', fire_on: ['rejected'] });
});
afterAll(() => api.stop());
// Nobody receives hints here, and the log says so.
beforeEach(() => void vi.spyOn(process.stdout, 'write').mockImplementation(() => true));

interface Bulk {
  readonly results: readonly { readonly code: string }[];
  readonly unmatched: { readonly rejected: number };
  readonly totals: Readonly<Record<string, { readonly payout: string }>>;
  readonly complete: boolean;
}

test('a thousand conversions by their list and a thousand without are changed once, in a call or in several', async () => {
  const from = Date.now() - 60_000;
  const ids = Array.from({ length: 2_000 }, () => newSortableId(from, randomBytes));
  for (let at = 0; at < ids.length; at += 100) {
    const some = ids.slice(at, at + 100).map((id) => aConversion({ id, createdAt: from }));
    await Promise.all(some.map((conversion) => api.put('conversions', toConversionItem(conversion))));
  }
  const reason = 'not in the list of the advertiser';
  const items = ids.slice(0, 1_000).map((id) => ({ id, status: 'rejected', reason }));
  const time = { from: new Date(from).toISOString(), to: new Date(from + 1).toISOString() };
  const order = { match: 'id', items, unmatched: 'reject', advertiser_id: 'xyz', ...time };

  let [payout, rejected, calls, changed] = [0, 0, 0, 0];
  for (let complete = false; !complete; calls++) {
    const started = performance.now();
    const reply = await api.call('POST', '/v1/conversions/bulk', {
      body: order,
      headers: { 'idempotency-key': 'month' },
    });
    expect(performance.now() - started).toBeLessThan(25_000);
    expect(reply.status).toBe(200);
    const bulk = reply.body as Bulk;
    complete = bulk.complete;
    payout += Number(bulk.totals['USD']?.payout ?? 0);
    rejected += bulk.unmatched.rejected;
    changed += bulk.results.filter(({ code }) => code === 'STATUS_CHANGED').length;
  }

  expect({ payout, rejected, changed }).toEqual({ payout: -5_000, rejected: 1_000, changed: 1_000 });
  expect(calls).toBeLessThan(10);
}, 300_000);
