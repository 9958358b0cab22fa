import type { Visit } from './click-request.ts';
import { watchedCaps } from './conversion-cap-reached.ts';
import type { WatchedCap } from './conversion-cap-reached.ts';
import type { Campaign, Click, Settings, TargetingRule } from './entities.ts';
import { compileLocation } from './location.ts';
import type { Template } from './macros.ts';
import { parseMoney } from './money.ts';

/** What targeting asks about. */
export type Targeted = Pick<Visit, 'country' | 'device' | 'os' | 'browser' | 'language' | 'values'>;

interface Question {
  /** Null: not known. */
  readonly answer: (visit: Targeted) => string | null;
  /** Null: all but those of `deny`. */
  readonly allow: ReadonlySet<string> | null;
  readonly deny: ReadonlySet<string>;
}

/** A campaign as a click asks it: made once for each that the cache holds, so that a click only looks up. */
interface ClickTerms {
  readonly destination: Template;
  readonly fallback: Template | null;
  /** Null: every publisher. */
  readonly approvedPublishers: ReadonlySet<string> | null;
  readonly blockedPublishers: ReadonlySet<string>;
  readonly deniedSources: ReadonlySet<string>;
  /** Only those that have a list. */
  readonly questions: readonly Question[];
  readonly deepLinkHosts: ReadonlySet<string>;
  readonly payout: Click['payout'];
  readonly watchedCaps: readonly WatchedCap[];
}

const known = new WeakMap<Campaign, ClickTerms>();

export function termsOf(campaign: Campaign): ClickTerms {
  let terms = known.get(campaign);
  if (terms === undefined) {
    terms = compileTerms(campaign);
    known.set(campaign, terms);
  }
  return terms;
}

const fallbacks = new WeakMap<Settings, Template>();

/** Where the network sends visitors for whom a campaign has no place; null: nowhere. */
export function networkFallback(settings: Settings): Template | null {
  if (settings.fallbackUrl === null) return null;
  let fallback = fallbacks.get(settings);
  if (fallback === undefined) {
    fallback = compileLocation(settings.fallbackUrl);
    fallbacks.set(settings, fallback);
  }
  return fallback;
}

function compileTerms(campaign: Campaign): ClickTerms {
  const { targeting, fallbackUrl, clickPayout, currency } = campaign;
  const amount = clickPayout === null ? null : parseMoney(clickPayout.amount, 6);
  return {
    destination: compileLocation(campaign.destinationUrl),
    fallback: fallbackUrl === null ? null : compileLocation(fallbackUrl),
    approvedPublishers: campaign.visibility === 'public' ? null : new Set(campaign.approvedPublishers),
    blockedPublishers: new Set(campaign.blockedPublishers),
    deniedSources: new Set(targeting.sources.deny),
    questions: [
      ...question(targeting.countries, ({ country }) => country),
      ...question(targeting.devices, ({ device }) => device),
      ...question(targeting.os, ({ os }) => os),
      ...question(targeting.browsers, ({ browser }) => browser),
      ...question(targeting.languages, ({ language }) => language),
      ...question(targeting.sources, ({ values }) => values.source ?? null),
    ],
    deepLinkHosts: new Set(campaign.deepLinkHosts),
    payout: amount === null ? null : { amount, currency },
    watchedCaps: watchedCaps(campaign),
  };
}

function question({ allow, deny }: TargetingRule, answer: Question['answer']): readonly Question[] {
  if (allow.length === 0 && deny.length === 0) return [];
  return [{ answer, allow: allow.length === 0 ? null : new Set(allow), deny: new Set(deny) }];
}
