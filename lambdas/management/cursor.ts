import type { RandomBytes } from '../core/ids.ts';
import type { ListPosition } from '../core/management-ports.ts';
import { Problem } from './problems.ts';
import { decrypt, encrypt } from './secrets.ts';

/** What a cursor belongs to: with another route or other filters it is refused. */
export interface CursorScope {
  readonly route: string;
  readonly filters: Readonly<Partial<Record<string, string>>>;
}

/** The position, encrypted: the list of a bound key may go on after what is none of its business. */
export function writeCursor(position: ListPosition, scope: CursorScope, key: Uint8Array, random: RandomBytes): string {
  const text = JSON.stringify([position.partition, position.before]);
  return Buffer.from(encrypt(text, key, textOf(scope), random)).toString('base64url');
}

/** Throws a 400 for whatever {@link writeCursor} did not make for this scope. */
export function readCursor(cursor: string, scope: CursorScope, key: Uint8Array): ListPosition {
  const [partition, before] = JSON.parse(opened(cursor, scope, key)) as [string, string | null];
  return { partition, before };
}

function opened(cursor: string, scope: CursorScope, key: Uint8Array): string {
  const bytes = Buffer.from(cursor, 'base64url');
  try {
    // Compared as text too: decoding passes over what is no base64url.
    if (bytes.toString('base64url') === cursor) return decrypt(bytes, key, textOf(scope));
  } catch {
    // Refused below, as what is no base64url.
  }
  throw new Problem(400, 'INVALID_CURSOR', 'The cursor is not one of this list');
}

function textOf({ route, filters }: CursorScope): string {
  return JSON.stringify([route, Object.entries(filters).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
