import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { Conversion } from '../../lambdas/core/conversion.ts';
import { conversionCounterKey } from '../../lambdas/core/counters.ts';
import { moneyText } from '../../lambdas/core/delivery-values.ts';
import type { Network } from './conversions.ts';

/**
 * Sees every state that the conversions of a network go through, and says what must hold of them whatever happened. The
 * network is one of {@link hearEverything}, and its conversions of one campaign.
 */
export function watchConversions({ store, catalog }: Network) {
  const states = new Map<string, Conversion[]>();
  const commit = store.commit.bind(store);
  store.commit = async (write) => {
    const result = await commit(write);
    const { conversion } = write;
    if (result.committed) states.set(conversion.id, [...(states.get(conversion.id) ?? []), conversion]);
    return result;
  };

  const announced = (id: string) =>
    (states.get(id) ?? []).filter((state, index, all) => {
      const before = all[index - 1];
      return before?.status !== state.status || before.payout !== state.payout;
    });

  function expectSound(conversion: Conversion) {
    const { id, version, status, test, currency, deliveries } = conversion;
    const own = ({ conversionId }: { readonly conversionId: string }) => conversionId === id;
    const past = states.get(id) ?? [];
    expectSame(
      past.map((state) => state.version),
      Array.from({ length: version }, (_, index) => index + 1),
    );
    // Invariant 4: each change is one row of the history.
    const history = store.history.filter(own);
    expectSame(
      history.map((row) => [row.number, row.status]),
      past.map((state) => [state.version, state.status]),
    );
    // Invariant 5: what is paid is the sum of the ledger; tests pay nothing.
    for (const money of ['payout', 'revenue'] as const) {
      const sum = store.ledger.filter(own).reduce((total, row) => total + row[money], 0n);
      expectSame(sum, status === 'approved' && !test ? conversion[money] : 0n);
    }
    // Invariant 7: each state that is news is one delivery, in order, and none waits for what has ended.
    const rows = [...store.deliveries.values()]
      .filter(({ subjectId }) => subjectId === id)
      .sort((a, b) => a.number - b.number);
    expectSame(
      rows.map(({ values }) => [values['status'], values['payout']]),
      announced(id).map((state) => [state.status, moneyText(state.payout, currency)]),
    );
    expectSame(deliveries, rows.length);
    // Nobody hears of a sale after its rejection: what waited is cancelled, what is being sent is recalled.
    const untrue = rows.filter(({ values }) => status === 'rejected' && values['status'] !== 'rejected');
    expectSame(
      untrue.filter(({ state, recalled }) => state === 'waiting' || (state === 'sending' && !recalled)),
      [],
    );
    for (const row of rows.filter(({ state, nextAttemptAt }) => state === 'waiting' && nextAttemptAt === null)) {
      const before = rows.filter(({ state, successor }) => successor === row.number && /waiting|sending/.test(state));
      expectSame(before.length, 1);
    }
  }

  return {
    /** Invariants 4 to 7, of every conversion and of the counters of their campaigns. */
    expectSound() {
      const conversions = [...store.conversions.values()];
      for (const conversion of conversions) expectSound(conversion);
      // Invariant 6: counters equal a recount.
      for (const campaignId of catalog.campaigns.keys()) {
        const counted = conversions.filter(
          (conversion) => conversion.campaignId === campaignId && conversion.countedIn.length > 0,
        );
        const sum = (worth: 'wouldBePayout' | 'wouldBeRevenue') =>
          counted.reduce((total, conversion) => total + (conversion[worth] ?? 0n), 0n);
        const counts = store.counts(conversionCounterKey(campaignId, null, null));
        const total = (unit: string) => counts.get(`${unit}t`) ?? 0n;
        const recount = [BigInt(counted.length), sum('wouldBePayout'), sum('wouldBeRevenue')];
        expectSame([total('n'), total('p'), total('r')], recount);
      }
    },
    /** The states of a conversion that publishers hear of. */
    announced: (id: string) => announced(id).map(({ status, payout }) => ({ status, payout })),
  };
}

/** As `toEqual`, which takes a thousand times as long where there is nothing to tell. */
export function expectSame(actual: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(actual, wanted)) expect(actual).toEqual(wanted);
}

/** One postback that hears of everything. */
export function hearEverything(network: Network): void {
  network.catalog.postbacks.length = 0;
  network.postback({ fireOn: ['pending', 'approved', 'rejected'] });
}
