import type { Admission } from './endpoints.ts';
import type { Clock } from './ports.ts';

/** Longer waits are the row's, which says when its next call is due. */
const LONGEST = 60_000;
/** The holders of a slow endpoint's slots may go on calling for so long. */
const SLOW = 5_000;
/** Over how long those come back that were sent away. */
const SPREAD = 10_000;
/** Postbacks that are kept in mind; with more than these all are forgotten. */
const MOST = 10_000;

/**
 * What an execution environment remembers of endpoints that sent deliveries away: the next hints for them are sent again
 * for later and nothing is read or written, one call instead of six. Hundreds that have queued up for a publisher that
 * hangs would otherwise keep the workers, one look after the other, from those of everybody else.
 */
export interface Detours {
  /** Milliseconds after which to look at a delivery to this postback; null: now. */
  waitOf(postbackId: string): number | null;
  /** How the endpoint of this postback took the last delivery. */
  note(postbackId: string, endpoint: string, admission: Admission): void;
}

export function createDetours({ now, random }: { readonly now: Clock; readonly random: () => number }): Detours {
  const endpoints = new Map<string, string>();
  const closed = new Map<string, number>();
  return {
    waitOf(postbackId) {
      const endpoint = endpoints.get(postbackId);
      const until = endpoint === undefined ? undefined : closed.get(endpoint);
      const left = until === undefined ? 0 : until - now();
      return left > 0 ? left + Math.round(SPREAD * random()) : null;
    },

    note(postbackId, endpoint, admission) {
      if (endpoints.size >= MOST) for (const map of [endpoints, closed]) map.clear();
      endpoints.set(postbackId, endpoint);
      // Of a busy one a slot is free in a moment.
      const isClosed = !admission.admitted && admission.why !== 'busy' && admission.wait <= LONGEST;
      if (isClosed) closed.set(endpoint, now() + Math.max(admission.wait, SLOW));
      else closed.delete(endpoint);
    },
  };
}
