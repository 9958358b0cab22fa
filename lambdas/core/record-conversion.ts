import type { VerifiedClickId } from './click-id.ts';
import { clickMacroValues } from './click-macros.ts';
import type { Conversion } from './conversion.ts';
import { PRUNE_DELAY_MS } from './counters.ts';
import type { StoredCounter } from './counters.ts';
import { decideExisting, decideNew, refuse, wantsStatus } from './decide-conversion.ts';
import type { Ruling, Scene, Subject } from './decide-conversion.ts';
import { txnIndexHash, txnKeyHash } from './dedupe-keys.ts';
import type { Campaign, Click, Goal, Sender, Settings } from './entities.ts';
import { defaultGoal, findGoal, unknownGoalId } from './goals.ts';
import { StorageUnavailable } from './ports.ts';
import type {
  ClickGoalRow,
  ClickReader,
  Clock,
  CommitResult,
  ConversionCatalog,
  ConversionStore,
  ConversionWrite,
  DedupeKey,
  DeliveryHints,
  KeyChange,
  KeyRow,
  TxnIndexRow,
} from './ports.ts';
import { readAmount } from './postback-request.ts';
import type { PostbackRequest } from './postback-request.ts';
import { mayReportFor } from './senders.ts';

/** A call of a sender that was authenticated. */
export interface Report {
  readonly request: PostbackRequest;
  readonly sender: Sender;
  /** Whether the sender may call from where it called. */
  readonly addressAllowed: boolean;
  /** Verified; null: the call names its conversion by `txn_id` alone. */
  readonly click: VerifiedClickId | null;
  /** When the call came; terms and the attribution window go by it. Milliseconds. */
  readonly receivedAt: number;
  /**
   * The id of the conversion, should the call make one. Minted once a call: a commit whose answer was lost is
   * recognized by it.
   */
  readonly conversionId: string;
}

export interface Outcome extends Omit<Ruling, 'write'> {
  /** Whose click or conversion it is, as far as it was found. */
  readonly advertiserId: string | null;
}

export interface RecordDeps {
  readonly catalog: ConversionCatalog;
  readonly clicks: ClickReader;
  readonly store: ConversionStore;
  readonly hints: DeliveryHints;
  readonly now: Clock;
  /** Waits a moment with jitter, longer with each try. */
  readonly pause: (tries: number) => Promise<void>;
  /** Tells of a hint that was not sent; the sweeper finds its delivery. */
  readonly hintLost: (deliveryId: string, error: unknown) => void;
  /** Tells of counters that grow until somebody can remove from them what is over. */
  readonly countersNotTidied: (campaignId: string, error: unknown) => void;
}

const MAX_TRIES = 8;
const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Lines 3 (the click's advertiser) to 13 of the contract's table. Reads only choose the transaction, whose conditions
 * decide: one that is lost is read and decided anew. `CLICK_PENDING` records nothing: the caller parks the call.
 *
 * @throws StorageUnavailable - what was decided may have been committed or not; a repeat of the call finds out
 */
export async function recordConversion(report: Report, deps: RecordDeps): Promise<Outcome> {
  let full: readonly StoredCounter[] = [];
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const plan = await decide(report, full, deps);
    const result = await carryOut(plan, deps);
    if (result.committed) {
      const { code, message, warnings, conversion } = plan.ruling;
      return { code, warnings, conversion, advertiserId: plan.advertiserId, ...(message !== undefined && { message }) };
    }
    if (result.lost === 'cap') full = result.counters;
    else await deps.pause(tries);
  }
  throw new StorageUnavailable(`conversion ${report.conversionId}: lost against others ${MAX_TRIES} times`);
}

interface Plan {
  readonly ruling: Ruling;
  readonly advertiserId: string | null;
  /** A rejection to remember until its conversion comes. */
  readonly remember?: DedupeKey;
}

async function carryOut({ ruling: { write }, remember }: Plan, deps: RecordDeps): Promise<CommitResult> {
  if (remember !== undefined) {
    return (await deps.store.remember(remember)) ? { committed: true } : { committed: false, lost: 'key' };
  }
  if (write === null) return { committed: true };
  const result = await deps.store.commit(write);
  if (result.committed) await Promise.all([sendHints(write, deps), tidyCounters(write, deps)]);
  return result;
}

async function sendHints({ deliveries }: ConversionWrite, deps: RecordDeps): Promise<void> {
  await Promise.all(
    deliveries.map(async (change) => {
      if (change.kind !== 'put' || change.delivery.nextAttemptAt === null) return;
      const { id, postbackId } = change.delivery;
      try {
        await deps.hints.send({ deliveryId: id, postbackId, delaySeconds: 0 });
      } catch (error) {
        deps.hintLost(id, error);
      }
    }),
  );
}

/** Counters must stay small, so one conversion in 32, by the last five random bits of its id, removes what is over. */
async function tidyCounters({ conversion, counters }: ConversionWrite, deps: RecordDeps): Promise<void> {
  if (counters.length === 0 || !conversion.id.endsWith('a')) return;
  try {
    const keys = counters.map(({ key }) => key);
    await deps.store.pruneCounters(keys, deps.now() - PRUNE_DELAY_MS);
  } catch (error) {
    // The conversion is recorded, and another one will come by.
    deps.countersNotTidied(conversion.campaignId, error);
  }
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
  const refused = (code: Ruling['code']): Plan => ({ ruling: refuse(code, request), advertiserId });

  if (advertiserId !== null && !mayReportFor(sender, advertiserId)) return refused('INVALID_SECURITY_TOKEN');
  if (!report.addressAllowed) return refused('IP_NOT_ALLOWED');
  if (subject === null) {
    return refused(deps.now() < retentionEnd(clickId, settings) ? 'CLICK_PENDING' : 'CLICK_PURGED');
  }

  const [campaign, postbacks] = await Promise.all([
    readCampaign(subject.campaignId, deps.catalog),
    deps.catalog.postbacksOf(subject.publisherId),
  ]);
  const target = targetOf(request, campaign);
  const keys = await locate(request, subject, target, rows, deps.store);
  const scene = sceneOf(report, campaign, settings, postbacks, deps);

  if (keys.conversionId !== null) {
    const existing = await readConversion(keys.conversionId, deps.store);
    // A transaction may be that of another click: what is told of it, and to whom, goes by the conversion.
    const same = existing.campaignId === subject.campaignId && existing.publisherId === subject.publisherId;
    return decideFound(report, same ? scene : await sceneOfExisting(report, existing, deps), existing, keys, deps);
  }
  if (click === null) return refused('CLICK_PURGED');
  if (request.status === 'rejected') {
    return { ruling: refuse('STATUS_REMEMBERED', request), advertiserId, remember: keys.key };
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
    keys: keysOfNew(report, subject, target, keys),
    full,
  });
  return { ruling, advertiserId };
}

/** The sender names no click: an existing conversion by its advertisers and `txn_id`, and by the goal if it is given. */
async function decideByTxn(report: Report, deps: RecordDeps): Promise<Plan> {
  const { request, sender } = report;
  const refused = (code: Ruling['code'], message?: string): Plan => ({
    ruling: refuse(code, request, message),
    advertiserId: null,
  });
  if (!report.addressAllowed) return refused('IP_NOT_ALLOWED');
  const found = await findByTxn(request, sender, deps);
  const [first, ...more] = found;
  if (first === undefined) return refused('CONVERSION_NOT_FOUND');
  if (more.length > 0) {
    return refused('MISSING_PARAMETER', 'Several conversions have this txn_id; click_id or goal is missing');
  }

  const existing = await readConversion(first.conversionId, deps.store);
  const scene = await sceneOfExisting(report, existing, deps);
  return decideFound(report, scene, existing, { remembered: false, ambiguous: false, adoption: null }, deps);
}

async function findByTxn(request: PostbackRequest, sender: Sender, deps: RecordDeps): Promise<readonly TxnIndexRow[]> {
  const { txnId, goal: word } = request;
  if (txnId === null) return [];
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

async function decideFound(
  report: Report,
  scene: Scene | 'INVALID_AMOUNT',
  existing: Conversion,
  { remembered, ambiguous, adoption }: Pick<Located, 'remembered' | 'ambiguous' | 'adoption'>,
  deps: RecordDeps,
): Promise<Plan> {
  const { request, sender, click } = report;
  const { advertiserId } = existing;
  if (!mayReportFor(sender, advertiserId)) return { ruling: refuse('INVALID_SECURITY_TOKEN', request), advertiserId };
  if (existing.id === report.conversionId) {
    // Our own: the commit happened, only its answer was lost.
    const ruling = { code: existing.code, warnings: request.warnings, conversion: existing, write: null };
    return { ruling, advertiserId };
  }
  if (scene === 'INVALID_AMOUNT') return { ruling: refuse('INVALID_AMOUNT', request), advertiserId };
  const deliveries = wantsStatus(request, existing, remembered) ? await deps.store.deliveriesOf(existing.id) : [];
  const input = { conversion: existing, deliveries, clickId: click?.id ?? null, ambiguous, remembered, adoption };
  return { ruling: decideExisting(scene, input), advertiserId };
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

interface Target {
  /** Null: the campaign does not know it. */
  readonly goal: Goal | null;
  readonly goalId: string;
}

function targetOf({ goal: word }: PostbackRequest, campaign: Campaign): Target {
  const known = word === null ? defaultGoal(campaign) : findGoal(campaign, word);
  const goal = known ?? (campaign.unknownGoal === 'default' ? defaultGoal(campaign) : null);
  return { goal, goalId: goal?.id ?? unknownGoalId(word ?? '') };
}

async function sceneOfExisting(
  report: Report,
  { campaignId, publisherId }: Conversion,
  deps: RecordDeps,
): Promise<Scene | 'INVALID_AMOUNT'> {
  const [campaign, settings, postbacks] = await Promise.all([
    readCampaign(campaignId, deps.catalog),
    deps.catalog.settings(),
    deps.catalog.postbacksOf(publisherId),
  ]);
  return sceneOf(report, campaign, settings, postbacks, deps);
}

function sceneOf(
  { request, sender }: Report,
  campaign: Campaign,
  settings: Settings,
  postbacks: Scene['postbacks'],
  deps: RecordDeps,
): Scene | 'INVALID_AMOUNT' {
  const saleCurrency = request.currency ?? campaign.currency;
  const saleAmount = request.saleAmount === null ? null : readAmount(request.saleAmount, saleCurrency, sender);
  if (request.saleAmount !== null && saleAmount === null) return 'INVALID_AMOUNT';
  const by = `sender:${sender.id}`;
  return { request, campaign, settings, postbacks, saleAmount, saleCurrency, now: deps.now(), by };
}

interface Located {
  /** The key that a new conversion takes, or that remembers a rejection. */
  readonly key: DedupeKey;
  readonly keyRow: KeyRow | null;
  readonly row: ClickGoalRow | null;
  /** The conversion that the call is about, if there is one. */
  readonly conversionId: string | null;
  readonly adoption: readonly KeyChange[] | null;
  readonly ambiguous: boolean;
  readonly remembered: boolean;
}

/** Which conversion a call is about: the one with its key, or an open one of its click and goal, which it adopts. */
async function locate(
  { txnId }: PostbackRequest,
  subject: Subject,
  { goal, goalId }: Target,
  rows: readonly ClickGoalRow[],
  store: ConversionStore,
): Promise<Located> {
  const { clickId, campaignId, advertiserId } = subject;
  const row = rows.find((candidate) => candidate.goal === goalId) ?? null;
  const rowRemembered = row !== null && row.conversionId === null;

  if (txnId === null || goal?.dedupe === 'click') {
    const key: DedupeKey = { kind: 'clickGoal', clickId, goal: goalId };
    const ambiguous = txnId === null && row?.several === true;
    return {
      key,
      keyRow: row,
      row,
      conversionId: row?.conversionId ?? null,
      adoption: null,
      ambiguous,
      remembered: rowRemembered,
    };
  }

  const hash = txnKeyHash(goal?.dedupeScope ?? 'goal', { advertiserId, campaignId, goal: goalId, txnId });
  const key: DedupeKey = { kind: 'txn', hash };
  const keyRow = await store.txn(hash);
  const located = { key, keyRow, row, ambiguous: false };
  const remembered = keyRow !== null && keyRow.conversionId === null;
  if (keyRow !== null && !remembered) {
    return { ...located, conversionId: keyRow.conversionId, adoption: null, remembered: false };
  }
  const open = row !== null && row.open ? row.conversionId : null;
  if (open === null) return { ...located, conversionId: null, adoption: null, remembered: remembered || rowRemembered };
  const adoption: KeyChange[] = [
    { kind: 'put', key, conversionId: open, open: false, over: remembered ? 'remembered' : 'nothing' },
    { kind: 'close', clickId, goal: goalId, conversionId: open },
    {
      kind: 'index',
      txnHash: txnIndexHash(txnId),
      row: { advertiserId, campaignId, goal: goalId, conversionId: open },
    },
  ];
  return { ...located, conversionId: open, adoption, remembered };
}

function keysOfNew(
  { request: { txnId }, conversionId }: Report,
  { clickId, campaignId, advertiserId }: Subject,
  { goalId }: Target,
  { key, keyRow, row }: Located,
): readonly KeyChange[] {
  const put = (taken: DedupeKey, over: KeyRow | null): KeyChange => ({
    kind: 'put',
    key: taken,
    conversionId,
    open: txnId === null,
    over: over === null ? 'nothing' : 'remembered',
  });
  const changes = [put(key, keyRow)];
  if (key.kind === 'txn') {
    const follows = row !== null && row.conversionId !== null;
    const clickGoal: DedupeKey = { kind: 'clickGoal', clickId, goal: goalId };
    changes.push(follows ? { kind: 'follow', clickId, goal: goalId } : put(clickGoal, row));
  }
  if (txnId !== null) {
    const found: TxnIndexRow = { advertiserId, campaignId, goal: goalId, conversionId };
    changes.push({ kind: 'index', txnHash: txnIndexHash(txnId), row: found });
  }
  return changes;
}
