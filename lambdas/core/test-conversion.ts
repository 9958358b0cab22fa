import { readTerms } from './choose-terms.ts';
import { clickMacroValues } from './click-macros.ts';
import { commitChange, untilCommitted } from './commit-change.ts';
import { decideNew } from './decide-new.ts';
import { testTxnIndexHash } from './dedupe-keys.ts';
import type { Campaign, Click } from './entities.ts';
import { targetOf } from './locate-conversion.ts';
import { readPlace } from './place.ts';
import type { Place } from './place.ts';
import type { TxnIndexRow } from './ports.ts';
import { parsePostback } from './postback-request.ts';
import type { PostbackRequest } from './postback-request.ts';
import { callWith } from './received-call.ts';
import type { RecordDeps } from './record-conversion.ts';
import { refuse } from './ruling.ts';
import type { Ruling } from './ruling.ts';
import { sceneOf } from './scene.ts';
import type { Reporter } from './senders.ts';
import { subjectOf } from './subject.ts';

interface Tester {
  /** The id of the conversion; of a repeat the same. */
  readonly conversionId: string;
  /** `key:<id>`. */
  readonly by: string;
}

/** As a sender whose advertiser is the click's. */
const OPERATOR: Reporter = { id: null, advertiserIds: 'all', decimals: 'currency' };

/**
 * Records a conversion of a click that is marked as a test: judged, priced and told to the publisher as if a sender had
 * reported it now, but it has no key, so that only lists find it and no report does, and counts nowhere. `parameters`: of a postback, by
 * their main names. Without a conversion in the ruling nothing is recorded; null: there is no such click.
 *
 * @throws StorageUnavailable - it may have happened or not; a repeat with the same id finds out
 */
export async function testConversion(
  clickId: string,
  parameters: Readonly<Record<string, string>>,
  tester: Tester,
  deps: RecordDeps,
): Promise<Omit<Ruling, 'change'> | null> {
  const click = await deps.clicks.click(clickId);
  if (click === null) return null;
  const request = parsePostback(callWith({ ...parameters, click_id: clickId }), null);
  if ('code' in request) return refuse(request.code, { warnings: [] }, request.message);

  const { conversionId: id } = tester;
  return untilCommitted<Omit<Ruling, 'change'>>(
    `test conversion ${id}`,
    async () => {
      const own = await deps.store.conversion(id);
      if (own !== null) return { outcome: { code: own.code, warnings: [], conversion: own }, commit: null };
      const place = await readPlace(click.campaignId, deps.catalog);
      const named = { ...request, txnId: request.txnId ?? `test-${id}` };
      const { change, ...outcome } = await decide(named, click, place, tester, deps);
      return { outcome, commit: change && (() => commitChange(change, place, deps)) };
    },
    deps,
  );
}

async function decide(
  request: PostbackRequest & { readonly txnId: string },
  click: Click,
  { campaign, settings }: Place,
  { conversionId: id, by }: Tester,
  { catalog, now }: RecordDeps,
): Promise<Ruling> {
  const receivedAt = now();
  const open = withoutLimits(campaign);
  const { goal, goalId } = targetOf(request, open);
  const scene = sceneOf({ request, sender: OPERATOR, by }, { campaign: open, settings }, goal, receivedAt);
  if (scene === 'INVALID_AMOUNT') return refuse(scene, request);
  const { campaignId, advertiserId } = click;
  const row: TxnIndexRow = { advertiserId, campaignId, goal: goalId, conversionId: id };
  const ruling = decideNew(scene, {
    id,
    receivedAt,
    subject: subjectOf(click),
    goalId,
    clickValues: clickMacroValues(click, campaign),
    termsInForce: await readTerms(campaign, { clickAt: click.createdAt, receivedAt }, catalog),
    remembered: false,
    keys: [{ kind: 'index', txnHash: testTxnIndexHash(request.txnId), row }],
    full: [],
  });
  if (ruling.change === null) return ruling;
  const after = { ...ruling.change.after, test: true, countedIn: [] };
  return { ...ruling, conversion: after, change: { ...ruling.change, after, counters: [] } };
}

/** A campaign that takes every conversion, and at once. */
function withoutLimits(campaign: Campaign): Campaign {
  return {
    ...campaign,
    goals: campaign.goals.map((goal) => ({ ...goal, holdDays: 0 })),
    caps: [],
    attributionWindowDays: Infinity,
    minimumSecondsToConvert: 0,
  };
}
