import { decoded, parametersOf } from './parameters.ts';

const NAME = '[A-Za-z_][\\w.:-]*';
const BRACES = `\\$?\\{{1,2} ?${NAME} ?\\}{1,2}`;
/** Marks that other texts use, too, make a macro only where they enclose all of a value. */
const WHOLE = new RegExp(
  `^(?:${BRACES}|\\[{1,2}${NAME}\\]{1,2}|#${NAME}#|%{1,2}${NAME}%{1,2}|\\(${NAME}\\)|<${NAME}>)$`,
);
const ANYWHERE = new RegExp(BRACES, 'g');
/** `?p1=#clickid#` unescaped: the browser takes it for the fragment. */
const SPLIT = new RegExp(`^#${NAME}#`);

/**
 * Macros of any common syntax that nobody has filled in: `{x}` `{{x}}` `${x}` `[x]` `#x#` `%x%` `(x)` `<x>`.
 *
 * Those inside a URL that is itself a value are left out: they are for whoever will call that URL.
 */
export function unexpandedMacros(url: URL): string[] {
  const inQuery = parametersOf(url).flatMap(({ value, raw }) => {
    const whole = [raw, value].find((text) => WHOLE.test(text));
    if (whole !== undefined) return [whole];
    return value.includes('://') ? [] : (value.match(ANYWHERE) ?? []);
  });
  const inPath = decoded(url.pathname).match(ANYWHERE) ?? [];
  const fragment = decoded(url.hash);
  const inFragment = SPLIT.exec(fragment) ?? fragment.match(ANYWHERE) ?? [];
  return [...new Set([...inPath, ...inQuery, ...inFragment])];
}
