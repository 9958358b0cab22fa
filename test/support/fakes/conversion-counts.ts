import { conversionCounterKey } from '../../../lambdas/core/counters.ts';
import type { CounterKey, Counts } from '../../../lambdas/core/counters.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ConversionCountReader, ConversionCounts } from '../../../lambdas/core/ports.ts';

/** Counters of conversions in memory. */
export class FakeConversionCounts implements ConversionCountReader {
  readonly #counters = new Map<string, { readonly pk: string; readonly counted: ConversionCounts }>();
  down = false;
  reads = 0;

  save({ pk, sk }: CounterKey, counts: Counts): void {
    const [publisher = '', goal = ''] = sk.split('#', 2);
    const counted = { publisherId: publisher === '*' ? null : publisher, goal: goal === '*' ? null : goal, counts };
    this.#counters.set(`${pk} ${sk}`, { pk, counted });
  }

  async conversionCounts(campaignId: string, publisherId: string) {
    this.reads++;
    if (this.down) throw new StorageUnavailable('down');
    return [...this.#counters.values()]
      .filter(({ pk }) => pk === conversionCounterKey(campaignId, null, null).pk)
      .map(({ counted }) => counted)
      .filter((counted) => counted.publisherId === null || counted.publisherId === publisherId);
  }
}
