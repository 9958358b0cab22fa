import { cutAddress } from './cut-address.ts';
import { cut } from './parameters.ts';
import type { Parameter } from './parameters.ts';
import type { ReceivedCall } from './received-call.ts';

/** What stands for a secret in a hit. */
export const REDACTED = '[redacted]';
const NAME_LENGTH = 64;
const VALUE_LENGTH = 512;
/** Of all names and values together: a hit is a row, and rows are bounded. More than all known parameters may have. */
const TOTAL_LENGTH = 24_000;
const UNREADABLE_LENGTH = 4_096;

/** The length of the shortest token. */
const TOKEN_LENGTH = 16;
/** Anything that could be a token, or part of one. */
const TOKEN_LIKE = /[A-Za-z0-9_-]{16,}/g;

/** How a sender names what is looked at. */
interface SenderNames {
  readonly tokens: readonly string[];
  readonly addresses: readonly string[];
  /** Of all parameters that mean something: they are kept before others, or a retry would judge another call. */
  readonly known: ReadonlySet<string>;
}

/**
 * The parameters of a call as a hit keeps them: the query's, then the body's, with every token replaced and addresses
 * cut. `token` is the one that was used, wherever else it may stand.
 * `mayHide` tells of a parameter in which the caller's token may hide: whatever looks like one is replaced there.
 */
export function redactCall(
  call: ReceivedCall,
  names: SenderNames,
  token: string | null,
  mayHide: (name: string, value: string) => boolean = () => false,
): Parameter[] {
  const redacted: Parameter[] = [];
  if (call.bearer !== null) redacted.push(['Authorization', REDACTED]);
  for (const { name, value: sent, kind } of [...call.query, ...call.body]) {
    const value = names.addresses.includes(name) ? (cutAddress(sent.trim()) ?? sent) : sent;
    if (names.tokens.includes(name)) redacted.push([name, REDACTED]);
    else if (mayHide(name, value)) redacted.push([maskTokens(hide(name, token)), maskTokens(hide(value, token))]);
    else redacted.push([hide(name, token), kind === 'structure' ? maskTokens(value) : hide(value, token)]);
  }
  if (call.unreadable !== null) redacted.push(['body', maskTokens(call.unreadable.slice(0, UNREADABLE_LENGTH))]);
  return bounded(redacted, names.known);
}

/** What is shorter than a token opens nothing, and would blot out much that is none. */
function hide(text: string, token: string | null): string {
  return token === null || token.length < TOKEN_LENGTH ? text : text.replaceAll(token, REDACTED);
}

/** For text in which nobody knows where the token is. */
function maskTokens(text: string): string {
  return text.replace(TOKEN_LIKE, REDACTED);
}

function bounded(parameters: readonly Parameter[], known: ReadonlySet<string>): Parameter[] {
  const pairs = parameters.map(([name, value]): Parameter => {
    const length = name === 'body' ? UNREADABLE_LENGTH : VALUE_LENGTH;
    // JSON can say half a surrogate pair, which is no UTF-8.
    return [cut(name.toWellFormed(), NAME_LENGTH), cut(value.toWellFormed(), length)];
  });
  const isKnown = ([name]: Parameter) => known.has(name);
  const kept = new Set<Parameter>();
  let left = TOTAL_LENGTH;
  for (const pair of [...pairs.filter(isKnown), ...pairs.filter((other) => !isKnown(other))]) {
    left -= pair[0].length + pair[1].length;
    if (left < 0) break;
    kept.add(pair);
  }
  return pairs.filter((pair) => kept.has(pair));
}
