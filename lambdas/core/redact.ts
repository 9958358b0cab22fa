import { cutAddress } from './cut-address.ts';
import { cut } from './parameters.ts';
import type { Parameter } from './parameters.ts';
import type { Received, ReceivedCall } from './received-call.ts';

/** What stands for a secret in a hit. */
export const REDACTED = '[redacted]';
const NAME_LENGTH = 64;
const VALUE_LENGTH = 512;
/** Of all names and values together: a hit is a row, and rows are bounded. More than all known parameters may have. */
const TOTAL_LENGTH = 24_000;
/** What a parameter takes of that beside its name and value: there may be ten thousand empty ones. */
const PARAMETER_LENGTH = 16;
const UNREADABLE_LENGTH = 4_096;

/** The length of the shortest token. */
const TOKEN_LENGTH = 16;
/** Anything that could be a token, or part of one. */
const TOKEN_LIKE = /[A-Za-z0-9_-]{16,}/g;

/** Addresses among other text: with a port, or several. Bounded, or it would take quadratic time. */
const ADDRESS_LIKE = /[\da-f]{0,4}[.:][\da-f.:]+/gi;

/** How a sender names what is looked at. */
interface SenderNames {
  readonly tokens: readonly string[];
  readonly addresses: readonly string[];
  /** Of all parameters that mean something: they are kept before others, or a retry would judge another call. */
  readonly known: ReadonlySet<string>;
}

/**
 * The parameters of a call as a hit keeps them: the query's, then the body's, with every token replaced and addresses
 * cut. See {@link redactReceived}.
 */
export function redactCall(...given: Parameters<typeof redactReceived>): Parameter[] {
  const { query, body, bearer, unreadable } = redactReceived(...given);
  const pairs = [...query, ...body].map(({ name, value }): Parameter => [name, value]);
  if (bearer !== null) pairs.unshift(['Authorization', bearer]);
  if (unreadable !== null) pairs.push(['body', unreadable]);
  // JSON can say half a surrogate pair, which is no UTF-8.
  return pairs.map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]);
}

/**
 * The call itself with the secrets replaced that a hit must not show, cut to what a hit keeps. Without a token it is judged
 * as the whole call would be. `token` is the one that was used, wherever else it may stand.
 * `mayHide` tells of a parameter in which the caller's token may hide: whatever looks like one is replaced there.
 */
export function redactReceived(
  call: ReceivedCall,
  names: SenderNames,
  token: string | null,
  mayHide: (name: string, value: string) => boolean = () => false,
): ReceivedCall {
  const redact = ({ name, value: sent, kind }: Received): Received => {
    const value = names.addresses.includes(name)
      ? (cutAddress(sent.trim()) ?? sent.replace(ADDRESS_LIKE, '[address]'))
      : sent;
    if (names.tokens.includes(name)) return { name, value: REDACTED, kind };
    if (mayHide(name, value)) return short(maskTokens(hide(name, token)), maskTokens(hide(value, token)), kind);
    return short(hide(name, token), kind === 'structure' ? maskTokens(value) : hide(value, token), kind);
  };
  const [query, body] = [call.query.map(redact), call.body.map(redact)];
  const kept = bounded([...query, ...body], names.known);
  return {
    query: query.filter((parameter) => kept.has(parameter)),
    body: body.filter((parameter) => kept.has(parameter)),
    bearer: call.bearer === null ? null : REDACTED,
    unreadable:
      call.unreadable === null ? null : cut(maskTokens(call.unreadable.slice(0, UNREADABLE_LENGTH)), UNREADABLE_LENGTH),
  };
}

/** What is shorter than a token opens nothing, and would blot out much that is none. */
function hide(text: string, token: string | null): string {
  return token === null || token.length < TOKEN_LENGTH ? text : text.replaceAll(token, REDACTED);
}

/** For text in which nobody knows where the token is. */
function maskTokens(text: string): string {
  return text.replace(TOKEN_LIKE, REDACTED);
}

function short(name: string, value: string, kind: Received['kind']): Received {
  return { name: cut(name, NAME_LENGTH), value: cut(value, VALUE_LENGTH), kind };
}

/** Those that are kept. */
function bounded(parameters: readonly Received[], known: ReadonlySet<string>): ReadonlySet<Received> {
  const isKnown = ({ name }: Received) => known.has(name);
  const kept = new Set<Received>();
  let left = TOTAL_LENGTH;
  for (const parameter of [...parameters.filter(isKnown), ...parameters.filter((other) => !isKnown(other))]) {
    left -= parameter.name.length + parameter.value.length + PARAMETER_LENGTH;
    if (left < 0) break;
    kept.add(parameter);
  }
  return kept;
}
