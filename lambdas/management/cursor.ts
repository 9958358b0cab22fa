import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ListPosition } from '../core/management-ports.ts';
import { Problem } from './problems.ts';

/** What a cursor belongs to: with another route or other filters it is refused. */
export interface CursorScope {
  readonly route: string;
  readonly filters: Readonly<Partial<Record<string, string>>>;
}

const MAC = 16;

/** An opaque cursor: the position and a MAC over it and its scope. */
export function writeCursor(position: ListPosition, scope: CursorScope, key: Uint8Array): string {
  const payload = Buffer.from(JSON.stringify([position.partition, position.before]), 'utf8');
  return Buffer.concat([macOf(payload, scope, key), payload]).toString('base64url');
}

/** Throws a 400 for whatever {@link writeCursor} did not make for this scope. */
export function readCursor(cursor: string, scope: CursorScope, key: Uint8Array): ListPosition {
  const bytes = Buffer.from(cursor, 'base64url');
  const payload = bytes.subarray(MAC);
  // Compared as text too: decoding passes over what is no base64url.
  const intact = bytes.length > MAC && bytes.toString('base64url') === cursor;
  if (!intact || !timingSafeEqual(bytes.subarray(0, MAC), macOf(payload, scope, key))) {
    throw new Problem(400, 'INVALID_CURSOR', 'The cursor is not one of this list');
  }
  const [partition, before] = JSON.parse(payload.toString('utf8')) as [string, string | null];
  return { partition, before };
}

function macOf(payload: Uint8Array, { route, filters }: CursorScope, key: Uint8Array): Uint8Array {
  const sorted = Object.entries(filters).sort(([a], [b]) => (a < b ? -1 : 1));
  const scope = JSON.stringify([route, sorted]);
  return createHmac('sha256', key).update(`cursor:${scope}\n`).update(payload).digest().subarray(0, MAC);
}
