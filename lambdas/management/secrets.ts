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

/** Nonce, text and tag under a key of 32 bytes; the `context` is not in it, but needed to open it. */
export function encrypt(text: string, key: Uint8Array, context: string, random: RandomBytes): Uint8Array {
  const nonce = random(NONCE);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG });
  cipher.setAAD(Buffer.from(context, 'utf8'));
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what {@link encrypt} made with the same key and context; throws otherwise. */
export function decrypt(encrypted: Uint8Array, key: Uint8Array, context: string): string {
  const nonce = encrypted.subarray(0, NONCE);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG });
  decipher.setAAD(Buffer.from(context, 'utf8'));
  decipher.setAuthTag(encrypted.subarray(-TAG));
  return Buffer.concat([decipher.update(encrypted.subarray(NONCE, -TAG)), decipher.final()]).toString('utf8');
}

/**
 * Encrypts under a key that only the holder of `secret` can make: we keep no more than its hash. So an answer that
 * shows a new secret once can be repeated to its caller without ever being stored in clear.
 */
export function seal(text: string, secret: string, context: string, random: RandomBytes): Uint8Array {
  return encrypt(text, sealingKey(secret, context), '', random);
}

/** Opens what {@link seal} made with the same secret and context; throws otherwise. */
export function open(sealed: Uint8Array, secret: string, context: string): string {
  return decrypt(sealed, sealingKey(secret, context), '');
}

function sealingKey(secret: string, context: string): Uint8Array {
  return createHmac('sha256', secret).update(`idempotency:${context}`).digest();
}
