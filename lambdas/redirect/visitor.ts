import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { countryCode } from '../core/visitor/country.ts';
import type { Headers } from '../core/visitor/headers.ts';

interface VisitorPlace {
  /** The visitor's address, whole; as far as can be known. */
  readonly address: string;
  readonly country: string | null;
}

/** The country of an address, two upper-case letters; null: not known. Never throws. */
export type CountryLookup = (address: string) => string | null;

interface VisitorPlaceDeps {
  /** SHA-256, in hex, of what a distribution in front sends as `x-flowback-distribution`; undefined: there is none. */
  readonly distributionSecretSha256: string | undefined;
  readonly countryOf: CountryLookup;
}

/**
 * Where a visitor is. CloudFront's headers are believed only beside the distribution's secret, because anybody can call
 * the API directly with headers of his own; X-Forwarded-For never is.
 */
export function createVisitorPlace(deps: VisitorPlaceDeps): (headers: Headers, sourceIp: string) => VisitorPlace {
  const secretHash =
    deps.distributionSecretSha256 === undefined ? null : Buffer.from(deps.distributionSecretSha256, 'hex');
  return (headers, sourceIp) => {
    const trusted = secretHash !== null && isSecret(headers['x-flowback-distribution'], secretHash);
    const address = (trusted ? addressOf(headers['cloudfront-viewer-address']) : null) ?? sourceIp;
    const country = trusted ? countryCode(headers['cloudfront-viewer-country']) : null;
    return { address, country: country ?? deps.countryOf(address) };
  };
}

function isSecret(text: string | undefined, hash: Buffer): boolean {
  if (text === undefined) return false;
  const digest = createHash('sha256').update(text).digest();
  return digest.length === hash.length && timingSafeEqual(digest, hash);
}

/** CloudFront writes `address:port`, an IPv6 address with or without brackets. */
function addressOf(text: string | undefined): string | null {
  const match = /^\[?([^[\]]+)\]?:\d+$/.exec(text ?? '');
  return match?.[1] !== undefined && isIP(match[1]) !== 0 ? match[1] : null;
}
