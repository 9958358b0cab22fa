/**
 * Query strings and forms as the contract reads them: `+` is a space, broken escapes are kept literally, invalid
 * UTF-8 becomes U+FFFD. Never throws, and never makes an object with the sender's names as its keys.
 */
export type Parameter = readonly [name: string, value: string];

export function parseParameters(raw: string): Parameter[] {
  const parameters: Parameter[] = [];
  if (raw === '') return parameters;
  for (const pair of raw.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    parameters.push(at < 0 ? [decodePart(pair), ''] : [decodePart(pair.slice(0, at)), decodePart(pair.slice(at + 1))]);
  }
  return parameters;
}

/** The first value of each name, empty ones left out ("an empty value is a missing one"). */
export function firstValues(parameters: readonly Parameter[]): Map<string, string> {
  const values = new Map<string, string>();
  const seen = new Set<string>();
  for (const [name, value] of parameters) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (value !== '') values.set(name, value);
  }
  return values;
}

/** Decodes one name or value of a query string. */
export function decodePart(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return decodePercent(spaced);
}

/** Decodes percent escapes only, as in a path. */
export function decodePercent(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return decodeLeniently(text);
  }
}

const ESCAPES = /(?:%[0-9A-Fa-f]{2})+/g;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

function decodeLeniently(text: string): string {
  return text.replace(ESCAPES, (run) => {
    const bytes = new Uint8Array(run.length / 3);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(run.slice(i * 3 + 1, i * 3 + 3), 16);
    return utf8.decode(bytes);
  });
}

/** Cuts at `length` characters (UTF-16 units) without leaving half a character behind. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
