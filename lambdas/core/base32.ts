/**
 * Lower-case base32: RFC 4648's characters in ASCII order (`2`-`7`, then `a`-`z`), five bits a character, no padding.
 * In ASCII order because then text sorts as the bytes do: an id that starts with a time sorts by time.
 */
const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz';

const VALUES: readonly number[] = Array.from({ length: 128 }, (_, code) =>
  ALPHABET.indexOf(String.fromCharCode(code).toLowerCase()),
);

/** Encodes bytes; their number must be a multiple of five, so that no bits are left over. */
export function encodeBase32(bytes: Uint8Array): string {
  if (bytes.length % 5 !== 0) throw new RangeError(`encodeBase32: ${bytes.length} bytes are no multiple of 5`);
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((buffer >>> bits) & 31);
    }
    buffer &= (1 << bits) - 1;
  }
  return text;
}

/** Decodes text of either case, or null if a character is not of the alphabet or bits would be left over. */
export function decodeBase32(text: string): Uint8Array | null {
  if (text.length % 8 !== 0) return null;
  const bytes = new Uint8Array((text.length * 5) / 8);
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return null;
    buffer = (buffer << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (buffer >>> bits) & 255;
      buffer &= (1 << bits) - 1;
    }
  }
  return bytes;
}
