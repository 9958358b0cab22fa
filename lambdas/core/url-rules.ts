import { isAddress, isAllowedAddress, isLoopbackAddress } from './addresses.ts';
import type { EgressRules } from './addresses.ts';
import { asciiText } from './location.ts';
import { compileTemplate, DESTINATION_MACROS, POSTBACK_MACROS, TemplateError } from './macros.ts';

const MAX_URL = 2_048;
const POSTBACK_PORTS: ReadonlySet<string> = new Set(['', '80', '443', '8080', '8443']);
/** Names that only ever mean something on a private network. */
const PRIVATE_SUFFIXES = ['.localhost', '.local', '.internal'];

/** Whitespace, control characters, backslashes: URL parsers drop or rewrite them, each in its own way. */
const UNSAFE = /[\s\p{Cc}\\]/u;
/** Scheme and authority as they are written, before a parser repairs them. */
const SHAPE = /^https?:\/\/([^/?#]+)/i;

export interface PostbackRules extends EgressRules {
  /** `host` of our own base URLs as `new URL()` has it, with the port where it is not the scheme's own. */
  readonly ownHosts: readonly string[];
}

/** Checks a campaign's destination or a fallback before it is saved. Null: fine; else a message for the operator. */
export function checkDestinationUrl(url: string, rules: EgressRules): string | null {
  const parsed = parseUrlTemplate(url, DESTINATION_MACROS);
  if (typeof parsed === 'string') return parsed;
  return checkHost(hostName(parsed), rules);
}

/**
 * Checks a publisher postback before it is saved. Null: fine; else a message for the operator. Names are not resolved
 * here: what they resolve to can change, so the addresses are checked at each call.
 */
export function checkPostbackUrl(url: string, rules: PostbackRules): string | null {
  const parsed = parseUrlTemplate(url, POSTBACK_MACROS);
  if (typeof parsed === 'string') return parsed;
  const name = hostName(parsed);
  const problem = checkHost(name, rules);
  if (problem !== null) return problem;
  if (rules.ownHosts.some((host) => host === withPort(name, parsed.port))) {
    return 'the URL must not lead back to this network';
  }
  if (!POSTBACK_PORTS.has(parsed.port) && !(rules.allowLoopback && (name === 'localhost' || isLoopbackAddress(name)))) {
    return 'the port must be 80, 443, 8080 or 8443';
  }
  return null;
}

/**
 * Whether a postback's URL, its macros expanded, may be called: scheme, host and no credentials, whatever was checked when
 * it was saved. What its name resolves to is checked when it is connected to.
 */
export function isCallableUrl(url: URL, rules: EgressRules): boolean {
  const { protocol, username, password } = url;
  if (!['http:', 'https:'].includes(protocol) || username !== '' || password !== '') return false;
  return checkHost(hostName(url), rules) === null;
}

/** What a deep link may lead to: a host that destinations may have, or its subdomains. */
const HOST_PATTERN = /^(\*\.)?([^*/?#@{}%]+)$/;
/** As long as the longest name, with a wildcard and a port. */
const MAX_HOST_PATTERN = 261;

/**
 * Checks a host of a campaign's deep links before it is saved: a name or an address, with a port if it is not the
 * scheme's own, and `*.` for all subdomains. Answers it in the spelling that {@link URL.host} has, or what is wrong.
 */
export function parseHostPattern(text: string, rules: EgressRules): { host: string } | { problem: string } {
  const [, wildcard = '', rest = ''] = HOST_PATTERN.exec(text) ?? [];
  if (rest === '' || text.length > MAX_HOST_PATTERN || UNSAFE.test(text) || !URL.canParse(`https://${rest}`)) {
    return { problem: 'must be a host as shop.example, shop.example:8443 or *.shop.example: no scheme, no path' };
  }
  // Browsers leave out the scheme's own port, so a host that has it would match nothing.
  if (/:0*(80|443)$/.test(rest)) return { problem: 'the ports 80 and 443 are meant without being named' };
  const url = new URL(`https://${rest}`);
  const name = hostName(url);
  const problem = checkHost(name, rules);
  if (problem !== null) return { problem };
  if (wildcard !== '' && (isAddress(name) || !name.includes('.'))) return { problem: 'only a name has subdomains' };
  return { host: wildcard + withPort(name, url.port) };
}

/** The URL, its macros still in it, or what is wrong with it. */
function parseUrlTemplate(url: string, macros: ReadonlySet<string>): URL | string {
  // As it is sent: each hop behind us bounds what it takes.
  if (asciiText(url).length > MAX_URL) return `the URL must have at most ${MAX_URL} characters, percent-encoded`;
  if (UNSAFE.test(url)) return 'the URL must have no spaces, control characters or backslashes';
  const authority = SHAPE.exec(url)?.[1];
  if (authority === undefined) return 'the URL must begin with http:// or https:// and a host';
  if (authority.includes('@')) return 'the URL must have no user name or password';
  if (/[{}]/.test(authority)) return 'macros may stand only in the path, the query and the fragment';
  try {
    compileTemplate(url, macros);
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
  return URL.canParse(url) ? new URL(url) : 'the URL has no valid host or port';
}

/** The host in the parser's spelling (dotted decimals, punycode, lower case), without brackets and the root's dot. */
function hostName(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function withPort(name: string, port: string): string {
  const host = name.includes(':') ? `[${name}]` : name;
  return port === '' ? host : `${host}:${port}`;
}

function checkHost(name: string, rules: EgressRules): string | null {
  if (isAddress(name)) {
    return isAllowedAddress(name, rules) ? null : 'the address must be public';
  }
  if (name === 'localhost' && rules.allowLoopback) return null;
  const labels = name.split('.');
  if (labels.length < 2 || PRIVATE_SUFFIXES.some((suffix) => name.endsWith(suffix))) {
    return 'the host must have a public name';
  }
  return labels.every((label) => label !== '') ? null : 'the URL has no valid host or port';
}
