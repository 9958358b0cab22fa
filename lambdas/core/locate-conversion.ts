import type { ChangeDeps } from './commit-change.ts';
import type { Conversion } from './conversion.ts';
import { txnIndexHash, txnKeyHash } from './dedupe-keys.ts';
import type { Campaign, Goal } from './entities.ts';
import { defaultGoal, findGoal, unknownGoalId } from './goals.ts';
import { readCampaign } from './place.ts';
import type { ClickGoalRow, ConversionStore, DedupeKey, KeyChange, KeyRow, TxnIndexRow } from './ports.ts';
import type { PostbackRequest } from './postback-request.ts';
import type { Report } from './report.ts';
import type { Subject } from './ruling.ts';

/** So many conversions of one transaction id are read at most. */
export const MAX_OF_TXN = 25;

export interface Target {
  /** Null: the campaign does not know it. */
  readonly goal: Goal | null;
  readonly goalId: string;
}

/** The goal that a call means. */
export function targetOf({ goal: word }: Pick<PostbackRequest, 'goal'>, campaign: Campaign): Target {
  const known = word === null ? defaultGoal(campaign) : findGoal(campaign, word);
  const goal = known ?? (campaign.unknownGoal === 'default' ? defaultGoal(campaign) : null);
  return { goal, goalId: goal?.id ?? unknownGoalId(word ?? '') };
}

export interface Located {
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

/**
 * Which conversion a call is about: the one with its key, or an open one of its click and goal, which it adopts. Where
 * there is no click, only a transaction can be the key.
 */
export async function locate(
  { txnId }: PostbackRequest,
  { clickId, campaignId, advertiserId }: Pick<Subject, 'clickId' | 'campaignId' | 'advertiserId'>,
  { goal, goalId }: Target,
  rows: readonly ClickGoalRow[],
  store: Pick<ConversionStore, 'txn'>,
): Promise<Located> {
  const row = rows.find((candidate) => candidate.goal === goalId) ?? null;
  const rowRemembered = row !== null && row.conversionId === null;
  const open = row !== null && row.open ? row.conversionId : null;
  const adopt = (txn: string, conversionId: string, click: string): KeyChange[] => [
    { kind: 'close', clickId: click, goal: goalId, conversionId },
    { kind: 'index', txnHash: txnIndexHash(txn), row: { advertiserId, campaignId, goal: goalId, conversionId } },
  ];

  if (clickId !== null && (txnId === null || goal?.dedupe === 'click')) {
    return {
      key: { kind: 'clickGoal', clickId, goal: goalId },
      keyRow: row,
      row,
      conversionId: row?.conversionId ?? null,
      adoption: txnId === null || open === null ? null : adopt(txnId, open, clickId),
      ambiguous: txnId === null && row?.several === true,
      remembered: rowRemembered,
    };
  }
  if (txnId === null) throw new TypeError('a call that names neither click nor transaction');

  const hash = txnKeyHash(goal?.dedupeScope ?? 'goal', { advertiserId, campaignId, goal: goalId, txnId });
  const key: DedupeKey = { kind: 'txn', hash };
  const keyRow = await store.txn(hash);
  const located = { key, keyRow, row, ambiguous: false };
  if (keyRow !== null && keyRow.conversionId !== null) {
    return { ...located, conversionId: keyRow.conversionId, adoption: null, remembered: false };
  }
  const remembered = keyRow !== null;
  if (open === null || clickId === null) {
    return { ...located, conversionId: null, adoption: null, remembered: remembered || rowRemembered };
  }
  const put: KeyChange = {
    kind: 'put',
    key,
    conversionId: open,
    open: false,
    over: remembered ? 'remembered' : 'nothing',
  };
  return { ...located, conversionId: open, adoption: [put, ...adopt(txnId, open, clickId)], remembered };
}

/**
 * The one conversion of a transaction and goal that has the key of other terms: the goal's `dedupe` was changed, or the
 * goal is gone. Reads nothing where the terms are those of the click's time.
 */
export async function findByEarlierKey(
  { txnId }: PostbackRequest,
  { clickAt, campaignId, advertiserId }: Subject,
  { goal, goalId }: Target,
  { termsSince }: Campaign,
  store: Pick<ConversionStore, 'conversionsOfTxn'>,
): Promise<string | null> {
  if (txnId === null || goal?.dedupe === 'click' || clickAt === null || clickAt >= termsSince) return null;
  const rows = await store.conversionsOfTxn(txnIndexHash(txnId), advertiserId);
  const [found, ...more] = rows.filter((row) => row.campaignId === campaignId && row.goal === goalId);
  return found === undefined || more.length > 0 ? null : found.conversionId;
}

/**
 * Conversions with the call's transaction id: of the campaign's advertiser, or else of all of the sender's. A call that
 * names a campaign means one goal, if only the default one.
 */
export async function findByTxn(
  { request, sender }: Pick<Report, 'request' | 'sender'>,
  campaign: Campaign | null,
  { store, catalog }: Pick<ChangeDeps, 'store' | 'catalog'>,
): Promise<readonly TxnIndexRow[]> {
  const { txnId, goal: word } = request;
  if (txnId === null || sender === null) return [];
  const ofSender = sender.advertiserIds === 'all' ? [null] : sender.advertiserIds;
  const advertisers = campaign === null ? ofSender : [campaign.advertiserId];
  const hash = txnIndexHash(txnId);
  const found = await Promise.all(advertisers.map((id) => store.conversionsOfTxn(hash, id)));
  const rows = found.flat();
  // Among those that were not read may be more of the goal.
  const isCut = found.some(({ length }) => length >= MAX_OF_TXN);
  if ((word === null && campaign === null) || rows.length === 0 || isCut) return rows;
  const ids = [...new Set(rows.map(({ campaignId }) => campaignId))];
  const campaigns = await Promise.all(ids.map((id) => readCampaign(id, catalog)));
  return rows.filter(({ campaignId, goal }) => {
    const its = campaigns.find(({ id }) => id === campaignId);
    // The id also names a goal that the campaign does not have any more.
    return its !== undefined && (goal === word || goal === targetOf(request, its).goalId);
  });
}

/** The conversion that a key names. */
export async function readConversion(id: string, store: Pick<ConversionStore, 'conversion'>): Promise<Conversion> {
  const conversion = await store.conversion(id);
  if (conversion === null) throw new Error(`conversion ${id} is named by a key and not stored`);
  return conversion;
}

/** What names a new conversion. */
export function keysOfNew(
  { txnId }: PostbackRequest,
  conversionId: string,
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
  if (key.kind === 'txn' && clickId !== null) {
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
