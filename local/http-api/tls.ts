import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

import { messageOf, StartError } from '../errors.ts';

/** PEM files of a certificate and its key. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate and its key as PEM. */
export interface TlsKeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws StartError if they cannot be read, or do not belong together */
export function readKeyPair({ cert, key }: TlsFiles): TlsKeyPair {
  try {
    const pair = { cert: readFileSync(cert), key: readFileSync(key) };
    createSecureContext(pair);
    return pair;
  } catch (error) {
    throw new StartError(`--tls-cert and --tls-key cannot be used: ${messageOf(error)}`);
  }
}
