/**
 * URL templates with `{macro}`s. Compiled once, expanded often: values are percent-encoded once, as RFC 3986 has it,
 * and never looked at again, so that a macro inside a value stays text.
 */

/** Macros of a click, in destinations and in publisher postbacks. */
const CLICK_MACROS = [
  ...['click_id', 'campaign_id', 'campaign_name', 'pub_id', 'advertiser_id'],
  ...['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'source', 'creative', 'app_name'],
  ...['gaid', 'idfa', 'android_id', 'country', 'device', 'os', 'browser', 'language'],
  ...['gclid', 'fbclid', 'ttclid', 'msclkid', 'gdpr', 'gdpr_consent', 'us_privacy', 'gpp', 'gpp_sid'],
] as const;

/** Macros that only a redirect knows: they are stored nowhere. */
const REDIRECT_MACROS = [
  ...['ip', 'user_agent', 'referer', 'timestamp', 'datetime', 'random', 'pub_hash', 'source_hash'],
] as const;

const CONVERSION_MACROS = [
  ...['conversion_id', 'goal', 'goal_name', 'payout', 'payout_usd', 'currency', 'status', 'reason', 'txn_id'],
  ...['conversion_timestamp', 'event'],
] as const;

/** Macros of a conversion that a publisher sees only where the campaign's `expose` lists them. */
export const EXPOSABLE_MACROS = [
  ...['sale_amount', 'coupon', 'sub1', 'sub2', 'sub3', 'sub4', 'sub5', 'sub6', 'sub7', 'sub8', 'sub9', 'sub10'],
  ...['sub11', 'sub12', 'sub13', 'sub14', 'sub15'],
] as const;

/** Names that users of other trackers know; they mean the same. */
const MACRO_ALIASES: ReadonlyMap<string, string> = new Map([
  ['publisher_id', 'pub_id'],
  ['aff_id', 'pub_id'],
  ['camp_id', 'campaign_id'],
  ['campaign_title', 'campaign_name'],
  ['creative_name', 'creative'],
  ['adv_id', 'advertiser_id'],
]);

export type ClickMacro = (typeof CLICK_MACROS)[number];
type RedirectMacro = ClickMacro | (typeof REDIRECT_MACROS)[number];
export type PostbackMacro = ClickMacro | (typeof CONVERSION_MACROS)[number] | (typeof EXPOSABLE_MACROS)[number];

export const DESTINATION_MACROS: ReadonlySet<string> = new Set<RedirectMacro>([...CLICK_MACROS, ...REDIRECT_MACROS]);
export const POSTBACK_MACROS: ReadonlySet<string> = new Set<PostbackMacro>([
  ...CLICK_MACROS,
  ...CONVERSION_MACROS,
  ...EXPOSABLE_MACROS,
]);

/** Texts and macro names in turn, a text first: `texts[0] macros[0] texts[1] macros[1] ... texts[n]`. */
export interface Template {
  readonly texts: readonly string[];
  readonly macros: readonly string[];
}

export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const MACRO_NAME = /^[a-z0-9_]+$/;

/**
 * Compiles a URL or body template. Aliases become the main names. Throws a {@link TemplateError}, whose message may be
 * shown to the operator, for an unknown macro or a brace without its partner. `%7B` and `%7D` are plain text.
 */
export function compileTemplate(template: string, known: ReadonlySet<string>): Template {
  const texts: string[] = [];
  const macros: string[] = [];
  let from = 0;
  for (;;) {
    const open = template.indexOf('{', from);
    const text = open < 0 ? template.slice(from) : template.slice(from, open);
    if (text.includes('}')) throw new TemplateError('a "}" without its "{"');
    texts.push(text);
    if (open < 0) return { texts, macros };
    const close = template.indexOf('}', open);
    if (close < 0) throw new TemplateError('a "{" without its "}"');
    const name = template.slice(open + 1, close);
    const main = MACRO_ALIASES.get(name) ?? name;
    if (!MACRO_NAME.test(name) || !known.has(main)) throw new TemplateError(`unknown macro {${name}}`);
    macros.push(main);
    from = close + 1;
  }
}

/** As {@link compileTemplate}, of a text that nobody checked: what is no known macro is text, braces and all. */
export function compileLooseTemplate(template: string, known: ReadonlySet<string>): Template {
  const texts = [''];
  const macros: string[] = [];
  for (const [i, part] of template.split(LOOSE_MACRO).entries()) {
    // Texts and names in turn, as `split` gives them for a pattern with one group.
    const isName = i % 2 === 1;
    const main = MACRO_ALIASES.get(part) ?? part;
    if (isName && known.has(main)) {
      macros.push(main);
      texts.push('');
    } else {
      texts.push((texts.pop() ?? '') + (isName ? `{${part}}` : part));
    }
  }
  return { texts, macros };
}

const LOOSE_MACRO = /\{([a-z0-9_]+)\}/;

/** Puts values in; a missing value expands to nothing. */
export function expandTemplate(template: Template, valueOf: (macro: string) => string | undefined): string {
  const { texts, macros } = template;
  let text = texts[0] ?? '';
  for (let i = 0; i < macros.length; i++) {
    const value = valueOf(macros[i] ?? '');
    if (value !== undefined && value !== '') text += encodeValue(value);
    text += texts[i + 1] ?? '';
  }
  return text;
}

const PLAIN = /^[A-Za-z0-9._~-]*$/;
const SUB_DELIMS = /[!'()*]/g;

/** Percent-encodes everything but RFC 3986's unreserved characters. Half a surrogate pair becomes U+FFFD. */
export function encodeValue(value: string): string {
  if (PLAIN.test(value)) return value;
  return encodeURIComponent(value.toWellFormed()).replace(
    SUB_DELIMS,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
