import { expect, it } from 'vitest';
import { codeOf } from '../../../lambdas/core/click-rules.ts';
import type { Campaign } from '../../../lambdas/core/entities.ts';
import { toWire } from '../../../lambdas/core/wire.ts';
import type { Wire } from '../../../lambdas/core/wire.ts';
import { mayRun } from '../../../lambdas/management/publishers-campaign.ts';
import { aCampaign, aPublisher } from '../../support/entities.ts';

const LISTS = [[], ['tia'], ['ben'], ['ben', 'tia']];
const CASES = (['active', 'paused', 'archived'] as const).flatMap((status) =>
  (['public', 'ask', 'private'] as const).flatMap((visibility) =>
    LISTS.flatMap((approvedPublishers) =>
      LISTS.map((blockedPublishers) => ({ status, visibility, approvedPublishers, blockedPublishers })),
    ),
  ),
);

/** What becomes of a click of Tia's, were the campaign active. */
function codeOfClick(campaign: Campaign) {
  return codeOf({
    now: 0,
    campaign: { ...campaign, status: 'active', startsAt: null, endsAt: null },
    publisher: aPublisher({ id: 'tia' }),
    visit: { values: {}, country: null, device: null, os: null, browser: null, language: null },
    isCapReached: false,
    isPrefetch: false,
    isRobot: false,
    countedAt: null,
  });
}

it.each(CASES)('a publisher sees the campaigns alone whose clicks of its own would count: %j', (terms) => {
  const campaign = aCampaign(terms);
  const counts = codeOfClick(campaign) === 'OK';
  expect(mayRun('tia', toWire(campaign) as Wire<Campaign>)).toBe(terms.status !== 'archived' && counts);
});
