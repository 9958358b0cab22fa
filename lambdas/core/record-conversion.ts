import type { VerifiedClickId } from './click-id.ts';
import { clickMacroValues } from './click-macros.ts';
import { commitChange, untilCommitted } from './commit-change.ts';
import type { ChangeDeps } from './commit-change.ts';
import type { Conversion } from './conversion.ts';
import type { StoredCounter } from './counters.ts';
import { decideExisting } from './decide-existing.ts';
import { decideNew } from './decide-new.ts';
import { txnIndexHash } from './dedupe-keys.ts';
import type { Campaign, Click, Sender, Settings } from './entities.ts';
import { findGoal, unknownGoalId } from './goals.ts';
import { keysOfNew, locate, targetOf } from './locate-conversion.ts';
import type { Located } from './locate-conversion.ts';
import type {
  ClickGoalRow,
  ClickReader,
  CommitResult,
  ConversionCatalog,
  ConversionStore,
  DedupeKey,
  TxnIndexRow,
} from './ports.ts';
import { readAmount } from './postback-request.ts';
import type { PostbackRequest } from './postback-request.ts';
import { refuse } from './ruling.ts';
import type { Ruling, Scene, Subject } from './ruling.ts';
import { mayReportFor } from './senders.ts';

/** A call that reports a conversion and was authenticated. */
export interface Report {
  readonly request: PostbackRequest;
  /** Null: a pixel, which anybody may load. It records and never changes. */
  readonly sender: Sender | null;
  /** Whether the sender may call from where it called. */
  readonly addressAllowed: boolean;
  /** Verified; null: the call names its conversion by `txn_id` alone. */
  readonly click: VerifiedClickId | null;
  /** Whose it is, by an operator's word, should the click not be stored. */
  readonly attribution: Attribution | null;
  /** When the call came; terms and the attribution window go by it. Milliseconds. */
  readonly receivedAt: number;
  /**
   * The id of the conversion, should the call make one. Minted once a call: a commit whose answer was lost is
   * recognized by it.
   */
  readonly conversionId: string;
  /** For the history: see `HistoryRow`. */
  readonly by: string;
}

export interface Attribution {
  readonly campaignId: string;
  readonly publisherId: string;
}

export interface Outcome extends Omit<Ruling, 'change'> {
  /** Whose click or conversion it is, as far as it was found. */
  readonly advertiserId: string | null;
}

export interface RecordDeps extends ChangeDeps {
  readonly clicks: ClickReader;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Lines 3 (the click's advertiser) to 13 of the contract's table. `CLICK_PENDING` records nothing: the caller parks the
 * call.
 *
 * @throws StorageUnavailable - what was decided may have been committed or not; a repeat of the call finds out
 */
export async function recordConversion(report: Report, deps: RecordDeps): Promise<Outcome> {
  return untilCommitted(
    `conversion ${report.conversionId}`,
    async (full) => {
      const { ruling, advertiserId, within, remember } = await decide(report, full, deps);
      const { change, ...told } = ruling;
      const outcome = { ...told, advertiserId };
      if (remember !== undefined) return { outcome, commit: () => rememberRejection(remember, deps) };
      if (change === null || within === null) return { outcome, commit: null };
      return { outcome, commit: () => commitChange(change, within, deps) };
    },
    deps,
  );
}

interface Plan {
  readonly ruling: Ruling;
  readonly advertiserId: string | null;
  /** Where the change happens, if there is one. */
  readonly within: Scene | null;
  /** A rejection to remember until its conversion comes. */
  readonly remember?: DedupeKey;
}

async function rememberRejection(key: DedupeKey, { store }: RecordDeps): Promise<CommitResult> {
  return (await store.remember(key)) ? { committed: true } : { committed: false, lost: 'key' };
}

async function decide(report: Report, full: readonly StoredCounter[], deps: RecordDeps): Promise<Plan> {
  return report.click === null ? decideByTxn(report, deps) : decideByClick(report, report.click, full, deps);
}

async function decideByClick(
  report: Report,
  clickId: VerifiedClickId,
  full: readonly StoredCounter[],
  deps: RecordDeps,
): Promise<Plan> {
  const { request, sender } = report;
  const [click, rows, settings] = await Promise.all([
    deps.clicks.click(clickId.id),
    deps.store.clickGoals(clickId.id),
    deps.catalog.settings(),
  ]);
  // A click outlived by its conversions: they know what it was.
  const subject = click === null ? await subjectOfRows(rows, deps.store) : subjectOf(click.id, click.createdAt, click);
  const advertiserId = subject?.advertiserId ?? null;
  const refused = (code: Ruling['code']): Plan => ({ ruling: refuse(code, request), advertiserId, within: null });

  if (sender !== null && advertiserId !== null && !mayReportFor(sender, advertiserId))
    return refused('INVALID_SECURITY_TOKEN');
  if (!report.addressAllowed) return refused('IP_NOT_ALLOWED');
  if (subject === null) {
    return refused(deps.now() < retentionEnd(clickId, settings) ? 'CLICK_PENDING' : 'CLICK_PURGED');
  }

  const campaign = await readCampaign(subject.campaignId, deps.catalog);
  const target = targetOf(request, campaign);
  const keys = await locate(request, subject, target, rows, deps.store);
  const scene = sceneOf(report, campaign, settings, deps);

  if (keys.conversionId !== null) {
    const existing = await readConversion(keys.conversionId, deps.store);
    // A transaction may be that of another click: what is told of it, and to whom, goes by the conversion.
    const same = existing.campaignId === subject.campaignId;
    return decideFound(report, same ? scene : await sceneOfExisting(report, existing, deps), existing, keys);
  }
  if (click === null) return refused('CLICK_PURGED');
  if (request.status === 'rejected') {
    return { ...refused('STATUS_REMEMBERED'), remember: keys.key };
  }
  if (request.action === 'change') return refused('CONVERSION_NOT_FOUND');
  if (scene === 'INVALID_AMOUNT') return refused('INVALID_AMOUNT');
  const { goal, goalId } = target;
  if (goal === null && campaign.unknownGoal === 'reject') return refused('UNKNOWN_GOAL');
  const ruling = decideNew(scene, {
    id: report.conversionId,
    receivedAt: report.receivedAt,
    subject,
    goal,
    goalId,
    clickValues: clickMacroValues(click, campaign),
    remembered: keys.remembered,
    keys: keysOfNew(request, report.conversionId, subject, target, keys),
    full,
  });
  return { ruling, advertiserId, within: scene };
}

/** The sender names no click: an existing conversion by its advertisers and `txn_id`, and by the goal if it is given. */
async function decideByTxn(report: Report, deps: RecordDeps): Promise<Plan> {
  const { request } = report;
  const refused = (code: Ruling['code'], message?: string): Plan => ({
    ruling: refuse(code, request, message),
    advertiserId: null,
    within: null,
  });
  if (!report.addressAllowed) return refused('IP_NOT_ALLOWED');
  const found = await findByTxn(report, deps);
  const [first, ...more] = found;
  if (first === undefined) return refused('CONVERSION_NOT_FOUND');
  if (more.length > 0) {
    return refused('MISSING_PARAMETER', 'Several conversions have this txn_id; click_id or goal is missing');
  }

  const existing = await readConversion(first.conversionId, deps.store);
  const scene = await sceneOfExisting(report, existing, deps);
  return decideFound(report, scene, existing, { remembered: false, ambiguous: false, adoption: null });
}

async function findByTxn({ request, sender }: Report, deps: RecordDeps): Promise<readonly TxnIndexRow[]> {
  const { txnId, goal: word } = request;
  if (txnId === null || sender === null) return [];
  const advertisers = sender.advertiserIds === 'all' ? [null] : sender.advertiserIds;
  const hash = txnIndexHash(txnId);
  const rows = (await Promise.all(advertisers.map((id) => deps.store.conversionsOfTxn(hash, id)))).flat();
  if (word === null || rows.length === 0) return rows;
  const ids = [...new Set(rows.map(({ campaignId }) => campaignId))];
  const campaigns = await Promise.all(ids.map((id) => readCampaign(id, deps.catalog)));
  return rows.filter((row) => {
    const campaign = campaigns.find(({ id }) => id === row.campaignId);
    return campaign !== undefined && (findGoal(campaign, word)?.id ?? unknownGoalId(word)) === row.goal;
  });
}

function decideFound(
  { request, sender, click, conversionId }: Report,
  scene: Scene | 'INVALID_AMOUNT',
  existing: Conversion,
  located: Pick<Located, 'remembered' | 'ambiguous' | 'adoption'>,
): Plan {
  const { advertiserId } = existing;
  const refused = (code: Ruling['code']): Plan => ({ ruling: refuse(code, request), advertiserId, within: null });
  if (sender !== null && !mayReportFor(sender, advertiserId)) return refused('INVALID_SECURITY_TOKEN');
  if (existing.id === conversionId) {
    // Our own: the commit happened, only its answer was lost.
    const { code } = existing;
    const ruling = { code, warnings: request.warnings, conversion: existing, change: null };
    return { ruling, advertiserId, within: null };
  }
  if (scene === 'INVALID_AMOUNT') return refused('INVALID_AMOUNT');
  const { remembered, ambiguous, adoption } = located;
  const input = { conversion: existing, clickId: click?.id ?? null, ambiguous, remembered, adoption };
  return { ruling: decideExisting(scene, input), advertiserId, within: scene };
}

/** When the click's retention ends and with it the waiting for it, in milliseconds. */
export function retentionEnd(click: VerifiedClickId, settings: Settings): number {
  return click.time + settings.clickRetentionDays * DAY_MS;
}

function subjectOf(
  clickId: string,
  clickAt: number,
  { campaignId, publisherId, advertiserId }: Click | Conversion,
): Subject {
  return { clickId, clickAt, campaignId, publisherId, advertiserId };
}

async function subjectOfRows(rows: readonly ClickGoalRow[], store: ConversionStore): Promise<Subject | null> {
  const id = rows.find(({ conversionId }) => conversionId !== null)?.conversionId ?? null;
  if (id === null) return null;
  const conversion = await readConversion(id, store);
  const { clickId, clickAt } = conversion;
  return clickId === null || clickAt === null ? null : subjectOf(clickId, clickAt, conversion);
}

async function readConversion(id: string, store: ConversionStore): Promise<Conversion> {
  const conversion = await store.conversion(id);
  if (conversion === null) throw new Error(`conversion ${id} is named by a key and not stored`);
  return conversion;
}

async function readCampaign(id: string, catalog: ConversionCatalog): Promise<Campaign> {
  const campaign = await catalog.campaign(id);
  if (campaign === null) throw new Error(`campaign ${id} has clicks and is not stored`);
  return campaign;
}

async function sceneOfExisting(
  report: Report,
  { campaignId }: Conversion,
  deps: RecordDeps,
): Promise<Scene | 'INVALID_AMOUNT'> {
  const [campaign, settings] = await Promise.all([readCampaign(campaignId, deps.catalog), deps.catalog.settings()]);
  return sceneOf(report, campaign, settings, deps);
}

function sceneOf(
  { request, sender, by }: Report,
  campaign: Campaign,
  settings: Settings,
  deps: RecordDeps,
): Scene | 'INVALID_AMOUNT' {
  const saleCurrency = request.currency ?? campaign.currency;
  const saleAmount = request.saleAmount === null ? null : readAmount(request.saleAmount, saleCurrency, sender);
  if (request.saleAmount !== null && saleAmount === null) return 'INVALID_AMOUNT';
  return { request, campaign, settings, saleAmount, saleCurrency, now: deps.now(), by };
}
