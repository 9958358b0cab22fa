import type { Click } from './entities.ts';
import type { ClickStore, VisitClaim, VisitMarker } from './ports.ts';
import { CLICK_REASONS } from './reasons.ts';
import type { ClickCode } from './reasons.ts';

/** A click that turned out not to count. */
export function uncounted(click: Click, code: Exclude<ClickCode, 'OK'>): Click {
  return { ...click, code, payable: CLICK_REASONS[code].payable, payout: null };
}

/**
 * When the visitor's click was that counted before this one, in milliseconds. Null: this one counts and, with `claim`, has
 * the marker; without it is only looked.
 */
export async function countedBefore(
  click: Click,
  visit: VisitClaim,
  claim: boolean,
  store: ClickStore,
  timeout: () => number,
): Promise<number | null> {
  if (visit.keyBefore !== null) {
    const yesterdays = await store.visit(visit.keyBefore, timeout());
    if (isDuplicate(click, visit, yesterdays)) return yesterdays.countedAt;
  }
  const standing = claim ? await store.claimVisit(visit, click, timeout()) : await store.visit(visit.key, timeout());
  return isDuplicate(click, visit, standing) ? standing.countedAt : null;
}

/** Before or after: a click that waited in the spool may be older than the one that counted. */
function isDuplicate(click: Click, visit: VisitClaim, marker: VisitMarker | null): marker is VisitMarker {
  return (
    marker !== null &&
    marker.clickId !== click.id &&
    Math.abs(click.createdAt - marker.countedAt) < visit.windowSeconds * 1_000
  );
}
