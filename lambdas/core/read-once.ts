import type { ClickPayoutCatalog } from './click-payout.ts';

/** The catalog for as long as a batch takes. */
export function readOnce(catalog: ClickPayoutCatalog): ClickPayoutCatalog {
  const settings = once(() => catalog.settings());
  return {
    campaign: once((id) => catalog.campaign(id)),
    postbacksOf: once((publisherId) => catalog.postbacksOf(publisherId)),
    settings: () => settings(''),
  };
}

/** Reads each key once; all who want it share how that ends. */
export function once<T>(read: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const reads = new Map<string, Promise<T>>();
  return (key) => {
    const found = reads.get(key) ?? read(key);
    reads.set(key, found);
    return found;
  };
}
