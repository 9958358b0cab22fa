import type { Sender } from './entities.ts';
import type { Hit } from './hit.ts';
import { namesOf, PARAMETER_NAMES, tokenNames } from './postback-request.ts';
import { callWith } from './received-call.ts';
import type { Received, ReceivedCall } from './received-call.ts';
import { REDACTED } from './redact.ts';

/** What an operator corrects of a call, by main name; null: it has none. */
export type CorrectedParameters = Readonly<Record<string, string | null>>;

/** Parameters of a hit, by main name, whose values were replaced because a token may have been in them. */
export function hiddenParameters(hit: Hit, corrected: CorrectedParameters, sender: Sender | null): readonly string[] {
  const left = uncorrected(hit, corrected, sender).filter(([, value]) => value.includes(REDACTED));
  return PARAMETER_NAMES.filter((main) => left.some(([name]) => namesOf(main, sender).includes(name)));
}

/**
 * The call of a hit as an operator corrects it. A hit tells no more what was query and what was body, only that the body's
 * parameters came later: of a name given twice the later counts, as the body's does. Unless the call was refused as
 * malformed: then what may be the reason stays it until it is corrected.
 */
export function callOfHit(hit: Hit, corrected: CorrectedParameters, sender: Sender | null): ReceivedCall {
  const refusedAs = hit.retries?.[0]?.was ?? hit.code;
  const wellFormed = refusedAs !== 'MALFORMED_REQUEST';
  const left = uncorrected(hit, corrected, sender);
  const kept = wellFormed ? [...new Map(left)] : left;
  const unreadable =
    wellFormed || Object.keys(corrected).length > 0 ? undefined : left.find(([name]) => name === 'body');
  return {
    ...callWith(corrected),
    query: kept.map(([name, value]): Received => {
      // Of a call that was well-formed it is a text that looks so.
      const kind = !wellFormed && isStructure(value) ? 'structure' : 'text';
      return { name, value, kind };
    }),
    unreadable: unreadable?.[1] ?? null,
  };
}

function uncorrected({ query }: Hit, corrected: CorrectedParameters, sender: Sender | null): Hit['query'] {
  const taken = new Set([...tokenNames(sender), ...Object.keys(corrected).flatMap((main) => namesOf(main, sender))]);
  return query.filter(([name]) => !taken.has(name));
}

/** Whether a value is the text of a JSON object or array, which no parameter may be. */
function isStructure(value: string): boolean {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null;
  } catch {
    return false;
  }
}
