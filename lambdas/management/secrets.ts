import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { encodeBase32 } from '../core/base32.ts';
import type { RandomBytes } from '../core/ids.ts';

/** 32 base32 characters, 160 random bits. */
export function newSecret(random: RandomBytes): string {
  return encodeBase32(random(20));
}

const ALGORITHM = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;

/**
 * Encrypts under a key that only the holder of `secret` can make: we keep no more than its hash. So an answer that
 * shows a new secret once can be repeated to its caller without ever being stored in clear.
 */
export function seal(text: string, secret: string, context: string, random: RandomBytes): Uint8Array {
  const nonce = random(NONCE);
  const cipher = createCipheriv(ALGORITHM, sealingKey(secret, context), nonce, { authTagLength: TAG });
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what {@link seal} made with the same secret and context; throws otherwise. */
export function open(sealed: Uint8Array, secret: string, context: string): string {
  const nonce = sealed.subarray(0, NONCE);
  const decipher = createDecipheriv(ALGORITHM, sealingKey(secret, context), nonce, { authTagLength: TAG });
  decipher.setAuthTag(sealed.subarray(-TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]).toString('utf8');
}

function sealingKey(secret: string, context: string): Uint8Array {
  return createHmac('sha256', secret).update(`idempotency:${context}`).digest();
}
