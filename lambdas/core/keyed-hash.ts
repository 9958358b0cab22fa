import { createHmac } from 'node:crypto';
import { encodeBase32 } from './base32.ts';
import type { MacKeyRing } from './click-id.ts';

/**
 * 80 bits, 16 characters, that stay the same for as long as the network's oldest key does, and that nobody can compute
 * without it. Begin the text with a label of your own: it keeps this hash apart from others and from the MACs of click IDs.
 */
export function keyedHash(ring: MacKeyRing, text: string): string | undefined {
  const oldest = ring[0];
  return oldest && encodeBase32(createHmac('sha256', oldest.key).update(text).digest().subarray(0, 10));
}
