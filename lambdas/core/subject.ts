import type { VerifiedClickId } from './click-id.ts';
import type { ChangeDeps } from './commit-change.ts';
import type { Click } from './entities.ts';
import { readConversion } from './locate-conversion.ts';
import type { ClickGoalRow } from './ports.ts';
import type { Attribution } from './report.ts';
import type { Subject } from './ruling.ts';

/** Whom a call is about whose click is stored. */
export function subjectOf({ id, createdAt, campaignId, publisherId, advertiserId }: Click): Subject {
  return { clickId: id, clickAt: createdAt, campaignId, publisherId, advertiserId };
}

/**
 * Whom a call is about whose click is not stored: a conversion that outlived it knows what it was, an operator may know
 * whose it should have been. Null: nobody knows.
 */
export async function findSubject(
  { id: clickId, time }: VerifiedClickId,
  rows: readonly ClickGoalRow[],
  attribution: Attribution | null,
  { store, catalog }: Pick<ChangeDeps, 'store' | 'catalog'>,
): Promise<Subject | null> {
  const [first] = rows.flatMap(({ conversionId }) => conversionId ?? []);
  if (first !== undefined) {
    const { clickAt, campaignId, publisherId, advertiserId } = await readConversion(first, store);
    return { clickId, clickAt, campaignId, publisherId, advertiserId };
  }
  const campaign = attribution && (await catalog.campaign(attribution.campaignId));
  if (attribution === null || campaign === null) return null;
  return { clickId, clickAt: time, ...attribution, advertiserId: campaign.advertiserId };
}
