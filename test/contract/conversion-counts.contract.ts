import { describe, expect, it } from 'vitest';
import { conversionCounterKey } from '../../lambdas/core/counters.ts';
import type { CounterKey, Counts } from '../../lambdas/core/counters.ts';
import type { ConversionCountReader } from '../../lambdas/core/ports.ts';

interface CountSubject {
  readonly reader: ConversionCountReader;
  readonly save: (key: CounterKey, counts: Counts) => Promise<void>;
}

let campaigns = 0;

/** What every {@link ConversionCountReader} does. */
export function conversionCountsContract(name: string, start: () => CountSubject): void {
  describe(`${name} as counters of conversions`, () => {
    it('has none of what was never counted', async () => {
      expect(await start().reader.conversionCounts('nope', 'tia')).toEqual([]);
    });

    it('gives those of the campaign and of one publisher, by goal, and nobody else’s', async () => {
      const { reader, save } = start();
      const campaign = `campaign-${++campaigns}`;
      const beyondDoubles = 9_007_199_254_740_993n;
      const key = (publisher: string | null, goal: string | null) => conversionCounterKey(campaign, publisher, goal);
      await save(
        key(null, null),
        new Map([
          ['ndk3x9f', 3n],
          ['pt', beyondDoubles],
        ]),
      );
      await save(key(null, 'sale'), new Map([['nt', 2n]]));
      await save(key('tia', null), new Map([['nt', 1n]]));
      await save(key('tia', 'sale'), new Map([['rt', -5n]]));
      await save(key('tia-2', null), new Map([['nt', 9n]]));
      await save(conversionCounterKey(`${campaign}-2`, null, null), new Map([['nt', 9n]]));

      const found = await reader.conversionCounts(campaign, 'tia');
      expect(found).toHaveLength(4);
      expect(found).toEqual(
        expect.arrayContaining([
          {
            publisherId: null,
            goal: null,
            counts: new Map([
              ['ndk3x9f', 3n],
              ['pt', beyondDoubles],
            ]),
          },
          { publisherId: null, goal: 'sale', counts: new Map([['nt', 2n]]) },
          { publisherId: 'tia', goal: null, counts: new Map([['nt', 1n]]) },
          { publisherId: 'tia', goal: 'sale', counts: new Map([['rt', -5n]]) },
        ]),
      );
    });
  });
}
