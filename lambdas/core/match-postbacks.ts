import type { FireOn, Postback } from './entities.ts';

/** A transaction holds 100 items; so many postbacks may match one conversion at most. Checked when one is saved. */
export const MAX_POSTBACKS = 25;

/** What postbacks fire on. */
export interface Occasion {
  readonly campaignId: string;
  /** Null: of no goal; a postback of one goal never hears of it. */
  readonly goal: string | null;
  readonly fires: FireOn;
}

/**
 * The postbacks that hear of an occasion: all that match with `mode: "add"`, and of the others only the most specific
 * (publisher + campaign + goal before publisher + campaign before publisher before all publishers; of equal ones the
 * newest). `postbacks`: those of the publisher and of all publishers that are not archived; one that is paused or disabled
 * holds its place. `leftOut`: the newest of more than may match, by saves that crossed.
 */
export function matchPostbacks(
  postbacks: readonly Postback[],
  { campaignId, goal, fires }: Occasion,
): { readonly hearing: readonly Postback[]; readonly leftOut: readonly Postback[] } {
  const matching = postbacks.filter(
    (postback) =>
      (postback.campaignId === null || postback.campaignId === campaignId) &&
      (postback.goal === null || postback.goal === goal) &&
      postback.fireOn.includes(fires),
  );
  const added = matching.filter(({ mode }) => mode === 'add').sort((a, b) => byAge(b, a));
  const replacing = matching.filter(({ mode }) => mode === 'replace').sort(bySpecificity);
  const all = [...replacing.slice(0, 1), ...added];
  return { hearing: all.slice(0, MAX_POSTBACKS), leftOut: all.slice(MAX_POSTBACKS) };
}

function bySpecificity(a: Postback, b: Postback): number {
  return specificity(b) - specificity(a) || byAge(a, b);
}

/** The newest first. */
function byAge(a: Postback, b: Postback): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}

function specificity({ publisherId, campaignId, goal }: Postback): number {
  return (publisherId === null ? 0 : 4) + (campaignId === null ? 0 : 2) + (goal === null ? 0 : 1);
}
