import { clip, hanging, jsonText, printable } from '../text.ts';
import type { Hop, Trail } from './follow.ts';
import type { Passage } from './parameters.ts';

/** The trail as JSON for scripts; its names are a promise. */
export function trailAsJson(trail: Trail): string {
  const { hops, landedAt, problems } = trail;
  const numbered = hops.map((hop, i) => ({ number: i + 1, ...hop }));
  return jsonText({ ok: problems.length === 0, landed_at: landedAt, ms: total(hops), hops: numbered, problems });
}

/** The trail as text for a terminal; only the URL at the end may be longer than a line, so that it can be copied. */
export function trailAsText({ hops, landedAt, problems }: Trail, columns: number): string {
  const redirects = hops.filter(({ location }) => location !== null).length;
  const end =
    landedAt === null
      ? ['The visitor lands nowhere.']
      : [`Landed after ${count(redirects, 'redirect')} in ${total(hops)} ms:`, `  ${printable(landedAt)}`];
  return [
    row('hop', 'status', 'ms', 'host', columns),
    ...hops.flatMap((hop, i) => [
      row(String(i + 1), String(hop.status ?? '-'), String(hop.ms), hop.host, columns),
      ...(hop.parameters === null ? [] : passageLines(hop.parameters, columns)),
    ]),
    '',
    ...end,
    ...(problems.length === 0 ? [] : ['', `${count(problems.length, 'problem')}:`]),
    ...problems.flatMap(({ hop, message }) =>
      hanging(`  ${(hop === 0 ? 'link' : `hop ${hop}`).padEnd(8)}`, printable(message), columns),
    ),
  ].join('\n');
}

function row(hop: string, status: string, ms: string, host: string, columns: number): string {
  return clip(`${hop.padStart(3)}  ${status.padEnd(6)}  ${ms.padStart(5)}  ${printable(host)}`, columns);
}

function passageLines({ kept, renamed, replaced, lost, added }: Passage, columns: number): string[] {
  const arrows = renamed.map(({ from, to }) => `${from} -> ${to ?? '(path)'}`);
  return Object.entries({ kept, renamed: arrows, replaced, lost, added })
    .filter(([, names]) => names.length > 0)
    .flatMap(([word, names]) => hanging(`       ${word.padEnd(10)}`, printable(names.join(', ')), columns));
}

function total(hops: readonly Hop[]): number {
  return hops.reduce((sum, { ms }) => sum + ms, 0);
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
