import type { AmountOrigin, ReportedAmount, Terms, TermsOrigin } from './conversion.ts';
import type { Campaign, CampaignTerms, Goal, Override } from './entities.ts';
import type { ConversionCatalog } from './ports.ts';

/** The terms that a conversion may be priced by. */
export interface TermsInForce {
  readonly basis: TermsOrigin['basis'];
  /** Those of the time that counts: the receipt's or the click's. */
  readonly then: CampaignTerms;
  /** The present ones; they price a goal that did not exist then. */
  readonly present: CampaignTerms;
}

/** Those of the click where the campaign says so and there is one. Reads nothing where the present ones count. */
export async function readTerms(
  campaign: Campaign,
  { clickAt, receivedAt }: { readonly clickAt: number | null; readonly receivedAt: number },
  catalog: Pick<ConversionCatalog, 'termsAt'>,
): Promise<TermsInForce> {
  const ofClick = campaign.payoutBasis === 'click' ? clickAt : null;
  const at = ofClick ?? receivedAt;
  const earlier = at < campaign.termsSince ? await catalog.termsAt(campaign.id, at) : null;
  return { basis: ofClick === null ? 'conversion' : 'click', then: earlier ?? campaign, present: campaign };
}

/** What overrides ask about. Null: not known, which no `when` matches that asks for it. */
export interface Priced {
  readonly publisherId: string;
  readonly country: string | null;
  readonly os: string | null;
  readonly source: string | null;
}

/** Amounts of the call that the goal accepts, in the sale's currency. Null: none, or not accepted. */
export interface Reported {
  readonly payout: string | null;
  readonly revenue: string | null;
}

/**
 * What pays for a goal: payout and revenue each by what the call reports, else by the most specific override that says
 * something of it, else by the goal. `goal` is a present one of the campaign. The exchange is the caller's.
 */
export function chooseTerms(
  goal: Goal,
  { basis, then, present }: TermsInForce,
  of: Priced,
  reported: Reported,
): Omit<Terms, 'exchange'> & { readonly origin: TermsOrigin } {
  const known = then.goals.find(({ id }) => id === goal.id);
  const { overrides, termsSince } = known === undefined ? present : then;
  const matching = overrides
    .filter((override) => matches(override, goal.id, of))
    .sort((a, b) => specificity(b) - specificity(a));
  const own = known ?? goal;
  const payout = choose(own.payout, matching, ({ payout }) => payout, reported.payout);
  const revenue = choose(own.revenue, matching, ({ revenue }) => revenue, reported.revenue);
  return {
    payout: payout.model,
    revenue: revenue.model,
    origin: { basis, since: termsSince, payout: payout.origin, revenue: revenue.origin },
  };
}

interface Choice<Model> {
  readonly model: Model | ReportedAmount;
  readonly origin: AmountOrigin;
}

/** `overrides`: those that match, the most specific first. */
function choose<Model>(
  own: Model,
  overrides: readonly Override[],
  modelOf: (override: Override) => Model | null,
  amount: string | null,
): Choice<Model> {
  if (amount !== null) return { model: { model: 'reported', amount }, origin: { from: 'call' } };
  for (const override of overrides) {
    const model = modelOf(override);
    if (model !== null) return { model, origin: { from: 'override', override } };
  }
  return { model: own, origin: { from: 'goal' } };
}

function matches({ publisherId, goal, when }: Override, goalId: string, of: Priced): boolean {
  return (
    (publisherId === null || publisherId === of.publisherId) &&
    (goal === null || goal === goalId) &&
    asksFor(when.countries, of.country) &&
    asksFor(when.os, of.os) &&
    asksFor(when.sources, of.source)
  );
}

function asksFor(values: readonly string[], value: string | null): boolean {
  return values.length === 0 || (value !== null && values.includes(value));
}

/**
 * A higher one wins: first whether the publisher is named, then how many of the others are, then which: a goal says
 * more than a source, a source more than an operating system, that more than a country.
 */
function specificity({ publisherId, goal, when }: Override): number {
  const named = [goal !== null, when.sources.length > 0, when.os.length > 0, when.countries.length > 0];
  const digits = [publisherId !== null ? 1 : 0, named.filter(Boolean).length, ...named.map(Number)];
  return digits.reduce((rank, digit) => rank * 8 + digit, 0);
}
