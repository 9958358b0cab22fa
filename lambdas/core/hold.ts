import type { Conversion } from './conversion.ts';
import type { Goal } from './entities.ts';
import { DAY_MS } from './periods.ts';

/** A conversion's status, and when it approves itself if it waits for that. */
export type Standing = Pick<Conversion, 'status' | 'holdUntil'>;

/**
 * What a conversion is that nobody gave a status. One that would be approved is held until so many days after its receipt;
 * if they have passed already, as of one that waited for its click, it is approved at once.
 */
export function defaultStanding(
  { defaultStatus, pixelStatus, holdDays }: Goal,
  reportedBy: Conversion['reportedBy'],
  receivedAt: number,
  now: number,
): Standing {
  const status = reportedBy === 'pixel' ? pixelStatus : defaultStatus;
  const holdUntil = receivedAt + holdDays * DAY_MS;
  const held = status === 'approved' && holdDays > 0 && now < holdUntil;
  return held ? { status: 'pending', holdUntil } : { status, holdUntil: null };
}
