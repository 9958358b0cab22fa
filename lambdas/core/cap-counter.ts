import { capStart, CONVERSION_UNITS, limitsMoney } from './caps.ts';
import { clickCounterKey, conversionCounterKey, counterAttribute } from './counters.ts';
import type { CounterKey, CounterUnit } from './counters.ts';
import type { Cap } from './entities.ts';
import { parseMoney } from './money.ts';

/** Where what a cap limits is counted: one attribute of one counter. */
export interface CapCounter {
  readonly key: CounterKey;
  readonly unit: CounterUnit;
  readonly attribute: string;
  /** When its period began, in milliseconds. */
  readonly start: number;
  readonly limit: bigint;
}

/** The counter of a cap in the period that `at` lies in. `publisherId`: whose it is; a cap of the whole campaign has no use for it. */
export function counterOfCap(
  campaignId: string,
  cap: Cap,
  publisherId: string,
  networkTimeZone: string,
  at: number,
): CapCounter {
  const unit = CONVERSION_UNITS[cap.metric];
  const owner = cap.scope === 'campaign' ? null : publisherId;
  const start = capStart(cap, networkTimeZone, at);
  return {
    key: unit === null ? clickCounterKey(campaignId, owner) : conversionCounterKey(campaignId, owner, cap.goal),
    unit: unit ?? 'number',
    attribute: counterAttribute(unit ?? 'number', cap.period, start),
    start,
    limit: limitOf(cap),
  };
}

/** Limits were validated when they were saved. */
function limitOf(cap: Cap): bigint {
  const value = limitsMoney(cap) ? parseMoney(cap.limit, 6) : BigInt(cap.limit);
  if (value === null) throw new TypeError('a limit that cannot be read');
  return value;
}
