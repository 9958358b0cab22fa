import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ConversionCountReader, ConversionCounts } from '../../../lambdas/core/ports.ts';

/** Counters of conversions in memory, by campaign. */
export class FakeConversionCounts implements ConversionCountReader {
  readonly counters = new Map<string, ConversionCounts[]>();
  down = false;
  reads = 0;

  async conversionCounts(campaignId: string, publisherId: string) {
    this.reads++;
    if (this.down) throw new StorageUnavailable('down');
    const counters = this.counters.get(campaignId) ?? [];
    return counters.filter((item) => item.publisherId === null || item.publisherId === publisherId);
  }
}
