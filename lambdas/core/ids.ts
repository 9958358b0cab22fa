import { decodeBase32, encodeBase32 } from './base32.ts';

/** Fills a new array with cryptographically strong random bytes. Comes in through deps: core has no randomness. */
export type RandomBytes = (length: number) => Uint8Array;

/** Ids that an operator may choose: advertisers, senders, publishers, campaigns, goals. Case is kept. */
export const ENTITY_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Tokens and API keys. Never trimmed, never cut. */
export const SECRET = /^[A-Za-z0-9_-]{16,128}$/;

/** A generated id of an advertiser, sender, publisher, campaign, postback or key: 16 characters, 80 random bits. */
export function newEntityId(random: RandomBytes): string {
  return encodeBase32(random(10));
}

/** Writes a time, in milliseconds, as six bytes, most significant first. */
export function writeTime(bytes: Uint8Array, time: number): void {
  const high = Math.floor(time / 0x1_0000_0000);
  bytes[0] = high >>> 8;
  bytes[1] = high;
  bytes[2] = time >>> 24;
  bytes[3] = time >>> 16;
  bytes[4] = time >>> 8;
  bytes[5] = time;
}

/** Reads what {@link writeTime} wrote, in milliseconds. */
export function readTime(bytes: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  return (a * 256 + b) * 0x1_0000_0000 + ((c << 24) | (d << 16) | (e << 8) | f) + (c > 127 ? 0x1_0000_0000 : 0);
}

const SORTABLE_BYTES = 15;

/** An id of a conversion or a hit: 24 characters, 48 bits of time (milliseconds) and 72 random bits; sorts by time. */
export function newSortableId(time: number, random: RandomBytes): string {
  const bytes = new Uint8Array(SORTABLE_BYTES);
  writeTime(bytes, time);
  bytes.set(random(SORTABLE_BYTES - 6), 6);
  return encodeBase32(bytes);
}

/** The time in an id of {@link newSortableId}, in milliseconds, or null if the text is no such id. */
export function timeOfSortableId(id: string): number | null {
  if (id.length !== 24 || id !== id.toLowerCase()) return null;
  const bytes = decodeBase32(id);
  return bytes === null ? null : readTime(bytes);
}
