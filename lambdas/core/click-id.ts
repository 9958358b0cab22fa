import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { decodeBase32, encodeBase32 } from './base32.ts';
import { readTime, writeTime } from './ids.ts';
import type { RandomBytes } from './ids.ts';

/**
 * A click ID is 32 characters of lower-case base32: 48 bits of time, 72 random bits, a 40-bit MAC under the network's
 * key. It survives systems that change case or cut at 32 characters, and a forged or foreign one is refused without
 * a read.
 */
const BODY = 15;
const MAC = 5;
/** Checked before the case is folded: other scripts have characters that fold into ours, such as the Kelvin sign. */
const TEXT = /^[a-z2-7]{32}$/i;

/** One key of the ring. A KeyObject because an HMAC with a Buffer as its key costs six times as much on Node 24. */
export interface MacKey {
  readonly key: KeyObject;
  /** When the key was made, in milliseconds. */
  readonly createdAt: number;
}

/** The keys of a network, oldest first. All verify; see {@link mintingKey} for the one that mints. */
export type MacKeyRing = readonly MacKey[];

/**
 * The key to mint with: the newest that every environment has had the time to read, so that no id is minted that
 * another environment would refuse. A network's only key mints at once.
 */
export function mintingKey(ring: MacKeyRing, now: number, cacheMilliseconds: number): MacKey | null {
  for (let i = ring.length - 1; i > 0; i--) {
    const key = ring[i];
    if (key !== undefined && key.createdAt + cacheMilliseconds <= now) return key;
  }
  return ring[0] ?? null;
}

function macOf(body: Uint8Array, key: KeyObject): Uint8Array {
  // The label keeps these MACs apart from any other use of a key.
  return createHmac('sha256', key).update('click-id:').update(body).digest().subarray(0, MAC);
}

/** Makes a click ID. `time` is in milliseconds. */
export function mintClickId(time: number, random: RandomBytes, key: MacKey): string {
  const bytes = new Uint8Array(BODY + MAC);
  writeTime(bytes, time);
  bytes.set(random(BODY - 6), 6);
  bytes.set(macOf(bytes.subarray(0, BODY), key.key), BODY);
  return encodeBase32(bytes);
}

export interface VerifiedClickId {
  /** As stored: lower case, trimmed. */
  readonly id: string;
  /** When it was minted, in milliseconds. */
  readonly time: number;
}

/** Clocks differ, but not by more. */
const AHEAD_MS = 24 * 60 * 60 * 1_000;

/**
 * Whether a text may be a click ID, for those who have no key to verify it by. Of our tokens, which have the same shape,
 * one in 150 seems to be as old.
 */
export function isLikeClickId(text: string, now: number): boolean {
  const decoded = decode(text);
  return decoded !== null && readTime(decoded.bytes) <= now + AHEAD_MS;
}

/** Accepts an id trimmed and in any case; null if its shape or its MAC is not one of ours. */
export function verifyClickId(text: string, ring: MacKeyRing): VerifiedClickId | null {
  const decoded = decode(text);
  if (decoded === null) return null;
  const { id, bytes } = decoded;
  const body = bytes.subarray(0, BODY);
  const mac = bytes.subarray(BODY);
  for (const { key } of ring) {
    if (timingSafeEqual(macOf(body, key), mac)) return { id, time: readTime(body) };
  }
  return null;
}

/** Null: the text has not the shape of an id. */
function decode(text: string): { readonly id: string; readonly bytes: Uint8Array } | null {
  const trimmed = text.trim();
  if (!TEXT.test(trimmed)) return null;
  const id = trimmed.toLowerCase();
  const bytes = decodeBase32(id);
  return bytes && { id, bytes };
}
