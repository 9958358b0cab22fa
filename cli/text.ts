const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text from outside, without what a terminal would obey: colours, cursor movements, reversed writing. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\u{FFFD}');
}

/** JSON whose strings hold nothing either that a terminal would obey; it means the same. */
export function jsonText(value: unknown): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 2).replace(UNPRINTABLE, (found) =>
    found === '\n' ? found : found.split('').map(escape).join(''),
  );
}

/** A value of an answer for people: `-` where there is none. */
export function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(shown).join(', ');
  const json = JSON.stringify(value);
  return json === '{}' ? '-' : json;
}

/** At most `width` characters; a cut is shown. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/**
 * A first column and a text beside it that is broken between words.
 *
 * @param width - of a line in all; a word that is longer than the room is broken
 */
export function hanging(first: string, text: string, width: number): string[] {
  const room = Math.max(10, width - first.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => long.match(new RegExp(`.{1,${room}}`, 'gu')) ?? [])) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= room) {
      line = longer;
    } else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].map((part, i) => (i === 0 ? first : ' '.repeat(first.length)) + part);
}
