import { termsOf } from './click-terms.ts';
import type { Targeted } from './click-terms.ts';
import type { Campaign, Publisher } from './entities.ts';
import type { ClickCode } from './reasons.ts';

/** What the rules ask of one visit to a link that exists. */
export interface ClickScene {
  /** Milliseconds. */
  readonly now: number;
  readonly campaign: Campaign;
  readonly publisher: Publisher;
  readonly visit: Targeted;
  /** Whether a conversion cap is known to leave no room. */
  readonly isCapReached: boolean;
  /** HEAD, or a page that is fetched ahead. */
  readonly isPrefetch: boolean;
  readonly isRobot: boolean;
  /** When the visitor's click was that counts for the campaign's window, by the cookie; null: none that is known. */
  readonly countedAt: number | null;
}

type Rule = readonly [code: ClickCode, applies: (scene: ClickScene) => boolean];

/**
 * The rules in their order: the first that applies decides. Before them come CAMPAIGN_NOT_FOUND and PUBLISHER_NOT_FOUND;
 * after them, of a click that is OK so far, the claims of the recorder: DUPLICATE_CLICK by the visit's marker, and
 * CAP_REACHED by a click cap. ADR 7 has the reasons.
 */
const RULES: readonly Rule[] = [
  ['CAMPAIGN_PAUSED', ({ campaign }) => campaign.status !== 'active'],
  ['CAMPAIGN_SCHEDULED', ({ campaign, now }) => campaign.startsAt !== null && now < campaign.startsAt],
  ['CAMPAIGN_ENDED', ({ campaign, now }) => campaign.endsAt !== null && now >= campaign.endsAt],
  ['PUBLISHER_BLOCKED', isBlocked],
  ['PUBLISHER_NOT_APPROVED', isNotApproved],
  ['SOURCE_BLOCKED', isSourceBlocked],
  ['TARGETING', isOffTarget],
  ['CAP_REACHED', ({ isCapReached }) => isCapReached],
  ['PREFETCH', ({ isPrefetch }) => isPrefetch],
  ['BOT', ({ isRobot }) => isRobot],
  ['DUPLICATE_CLICK', ({ countedAt }) => countedAt !== null],
];

export function codeOf(scene: ClickScene): ClickCode {
  for (const [code, applies] of RULES) if (applies(scene)) return code;
  return 'OK';
}

function isBlocked({ campaign, publisher }: ClickScene): boolean {
  return publisher.status !== 'active' || termsOf(campaign).blockedPublishers.has(publisher.id);
}

function isNotApproved({ campaign, publisher }: ClickScene): boolean {
  const { approvedPublishers } = termsOf(campaign);
  return approvedPublishers !== null && !approvedPublishers.has(publisher.id);
}

function isSourceBlocked({ campaign, visit: { values } }: ClickScene): boolean {
  return values.source !== undefined && termsOf(campaign).deniedSources.has(values.source);
}

function isOffTarget({ campaign, visit }: ClickScene): boolean {
  for (const { answer, allow, deny } of termsOf(campaign).questions) {
    const value = answer(visit);
    if (value === null) {
      if (campaign.targeting.unknown === 'deny') return true;
    } else if (deny.has(value) || (allow !== null && !allow.has(value))) {
      return true;
    }
  }
  return false;
}
