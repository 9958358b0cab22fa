import { countedBefore, uncounted } from './click-claims.ts';
import { staleAttributes } from './counters.ts';
import type { CounterUpdate } from './counters.ts';
import { StorageUnavailable } from './ports.ts';
import type { ClickStore, Clock, SpooledClick } from './ports.ts';

/** Milliseconds for one click: it must fail within its function's 5 seconds, to come again soon. */
const TIME = 3_500;

/**
 * Stores a click that had to wait, exactly once, and decides about it what the redirect could not, as of the time when it
 * came. Throws {@link StorageUnavailable}: then it is to be called again.
 */
export async function storeSpooledClick(
  { click, claims }: SpooledClick,
  { store, now }: { readonly store: ClickStore; readonly now: Clock },
): Promise<void> {
  const end = now() + TIME;
  const left = () => {
    const time = end - now();
    if (time <= 0) throw new StorageUnavailable(`not stored within ${TIME} ms`);
    return time;
  };

  const decide = async () => {
    if (claims === null || click.code !== 'OK') return { click, slots: [] };
    const countedAt = claims.visit && (await countedBefore(click, claims.visit, true, store, left));
    if (countedAt !== null) return { click: uncounted(click, 'DUPLICATE_CLICK'), slots: [] };
    if (claims.slots.some((slot) => isOver(slot, now()))) return { click: full, slots: [] };
    return { click, slots: claims.slots };
  };
  const full = uncounted(click, 'CAP_REACHED');

  const decided = await decide();
  let stored = decided.click;
  let result = await store.put(stored, decided.slots, left());
  if (result.kind === 'full') {
    stored = full;
    result = await store.put(stored, [], left());
  }
  // Another receipt of the same message may have stored it otherwise: what is stored counts.
  const code = result.kind === 'there' ? result.code : stored.code;
  if (code !== 'OK' && claims !== null && claims.visit !== null) {
    await store.releaseVisit(claims.visit.key, click.id, left());
  }
}

/** Whether a period is over for so long that its count may be gone: nobody can tell any more whether there was room. */
function isOver({ adds }: CounterUpdate, now: number): boolean {
  return staleAttributes(new Map(adds.map(({ attribute }) => [attribute, 0n])), now).length > 0;
}
