import { asciiText } from './location.ts';
import { compileLooseTemplate, DESTINATION_MACROS } from './macros.ts';
import type { Template } from './macros.ts';

const MAX_LENGTH = 2_048;
/** Whitespace, control characters, backslashes: URL parsers drop or rewrite them, each in its own way. */
const UNSAFE = /[\s\p{Cc}\\]/u;
/** Nobody's name or password, and no macro. */
const SHAPE = /^(https?:\/\/[^/?#@{}]+)([/?#].*)?$/i;

/**
 * Where a tracking link's `url` leads, or null if it may not: then the visitor goes to the normal destination. `hosts`:
 * see `Campaign.deepLinkHosts`; one without a port allows the scheme's own.
 *
 * The origin is what our parser understood, spelled anew, so that no other parser can take it for another host
 * (invariant 11). Known macros behind it are expanded; others are text of somebody's own.
 */
export function compileDeepLink(url: string, hosts: ReadonlySet<string>): Template | null {
  if (hosts.size === 0 || url.length > MAX_LENGTH || UNSAFE.test(url)) return null;
  const [, authority, rest = ''] = SHAPE.exec(url) ?? [];
  if (authority === undefined || !URL.canParse(authority)) return null;
  const { origin, host } = new URL(authority);
  if (!isAllowed(host, hosts)) return null;
  const location = origin + asciiText(rest);
  return location.length > MAX_LENGTH ? null : compileLooseTemplate(location, DESTINATION_MACROS);
}

function isAllowed(host: string, hosts: ReadonlySet<string>): boolean {
  if (hosts.has(host)) return true;
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    // At least one character stands for the asterisk: ".example.com" is nobody's subdomain.
    if (dot > 0 && hosts.has(`*${host.slice(dot)}`)) return true;
  }
  return false;
}
