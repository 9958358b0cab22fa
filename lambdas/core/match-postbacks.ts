import type { Postback } from './entities.ts';
import type { Conversion } from './conversion.ts';

/** A transaction holds 100 items; so many postbacks may match one conversion at most. Checked when one is saved. */
export const MAX_POSTBACKS = 25;

/**
 * The postbacks that hear of a conversion in its status: all that match with `mode: "add"`, and of the others only the
 * most specific (publisher + campaign + goal before publisher + campaign before publisher before all publishers; of
 * equal ones the newest). `postbacks`: the active ones of the conversion's publisher and of all publishers.
 */
export function matchPostbacks(postbacks: readonly Postback[], conversion: Conversion): readonly Postback[] {
  const matching = postbacks.filter(
    ({ campaignId, goal, fireOn }) =>
      (campaignId === null || campaignId === conversion.campaignId) &&
      (goal === null || goal === conversion.goal) &&
      fireOn.includes(conversion.status),
  );
  const added = matching.filter(({ mode }) => mode === 'add');
  const [replacing] = matching.filter(({ mode }) => mode === 'replace').sort(bySpecificity);
  return (replacing === undefined ? added : [replacing, ...added]).slice(0, MAX_POSTBACKS);
}

function bySpecificity(a: Postback, b: Postback): number {
  return specificity(b) - specificity(a) || b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}

function specificity({ publisherId, campaignId, goal }: Postback): number {
  return (publisherId === null ? 0 : 4) + (campaignId === null ? 0 : 2) + (goal === null ? 0 : 1);
}
