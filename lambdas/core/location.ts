import { compileTemplate, DESTINATION_MACROS, encodeValue, expandTemplate } from './macros.ts';
import type { Template } from './macros.ts';

/**
 * Longer URLs are refused on their way, by API Gateway at 10,240 bytes of headers. Only values of mostly encoded
 * characters, or a macro that stands in a URL again and again, reach it.
 */
const LOCATION_LENGTH = 8_000;
/** Longer values are left out one after the other until a location fits; a click ID has 32 characters. */
const VALUE_LENGTHS = [Infinity, 100, 32];

export type MacroValue = (macro: string) => string | undefined;

const AUTHORITY = /^https?:\/\/[^/?#{}]+(?=[/?#]|$)/i;

/** Compiles a destination or fallback. Throws if there is a macro in its authority (invariant 11). */
export function compileLocation(url: string): Template {
  const [authority = ''] = AUTHORITY.exec(url) ?? [];
  return compileTemplate(new URL(authority).origin + asciiText(url.slice(authority.length)), DESTINATION_MACROS);
}

/** What stands behind an authority in printable ASCII, safe as a part of a header; macros are left as they are. */
export function asciiText(text: string): string {
  return text.toWellFormed().replace(NOT_PRINTABLE, encodeURIComponent);
}

const NOT_PRINTABLE = /[^\x21-\x7e]/gu;

/** The `Location` of a template. */
export function expandLocation(template: Template, valueOf: MacroValue): string {
  for (const longest of VALUE_LENGTHS) {
    const location = expandTemplate(template, longest === Infinity ? valueOf : upTo(longest, valueOf));
    if (location.length <= LOCATION_LENGTH) return location;
  }
  return expandTemplate(template, () => undefined);
}

function upTo(longest: number, valueOf: MacroValue): MacroValue {
  return (macro) => {
    const value = valueOf(macro);
    return value !== undefined && encodeValue(value).length <= longest ? value : undefined;
  };
}
