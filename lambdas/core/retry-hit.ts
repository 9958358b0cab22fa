import { callOfHit, hiddenParameters } from './call-of-hit.ts';
import type { CorrectedParameters } from './call-of-hit.ts';
import { verifyClickId } from './click-id.ts';
import type { Sender } from './entities.ts';
import type { Hit, HitRetry } from './hit.ts';
import { queryOfHit } from './judgement.ts';
import { isPixelRoute } from './pixel-hit.ts';
import { StorageUnavailable } from './ports.ts';
import type { HitStore } from './ports.ts';
import { reasonOf } from './postback-answer.ts';
import { parsePostback } from './postback-request.ts';
import { CONVERSION_REASONS } from './reasons.ts';
import type { ConversionCode } from './reasons.ts';
import { readRecorded, recordConversion } from './record-conversion.ts';
import type { Outcome, RecordDeps } from './record-conversion.ts';
import { callWith } from './received-call.ts';
import type { Attribution, Report } from './report.ts';
import { refuse } from './ruling.ts';
import { parkConversion } from './run-parked.ts';

export interface RetryDeps extends RecordDeps {
  readonly hits: HitStore;
}

/** What an operator says of a call that was refused; the rest is as it was received. */
export interface Retry {
  readonly corrected: CorrectedParameters;
  /** Null: the sender that was found then, or none: a browser's call stays one. */
  readonly senderId: string | null;
  /** Whose conversion it is, should its click not be stored. */
  readonly attribution: Attribution | null;
  /** `key:<id>`. */
  readonly by: string;
}

/** Why a call cannot even be judged; `field` is a parameter's main name, `sender_id` or `pub_id`. */
interface WrongRetry {
  readonly field: string;
  readonly code: 'REQUIRED' | 'NOT_FOUND';
  readonly message: string;
}

type Retried =
  | { readonly kind: 'missing' }
  | { readonly kind: 'not_rejected'; readonly hit: Hit }
  | { readonly kind: 'wrong'; readonly errors: readonly WrongRetry[] }
  | { readonly kind: 'done'; readonly hit: Hit; readonly outcome: Outcome };

const MAX_TRIES = 8;

/**
 * Judges a refused call again, as of the time when it was received, by the word of an operator instead of a token. A
 * conversion that comes of it has the hit's id: however often a hit is tried, whatever is corrected, it makes one.
 *
 * @throws StorageUnavailable - it may have happened or not; a repeat finds out
 */
export async function retryHit(id: string, retry: Retry, deps: RetryDeps): Promise<Retried> {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const hit = await deps.hits.hit(id);
    if (hit === null) return { kind: 'missing' };
    const own = await readRecorded(hit.id, deps);
    const told = own !== null && hit.conversionId === hit.id;
    if (told && hit.retries !== undefined) return { kind: 'done', hit, outcome: own };
    // What a browser reports has its hit's id from the start.
    if (told || (own === null && !wasRejected(hit))) return { kind: 'not_rejected', hit };
    const judgement = own === null ? await judge(hit, retry, deps) : { outcome: own, report: null };
    if ('errors' in judgement) return { kind: 'wrong', errors: judgement.errors };

    const { outcome, report } = judgement;
    const corrected = queryOfHit(callWith(retry.corrected), null, await deps.catalog.macKeys());
    const next = judgedHit(hit, judgement, {
      ...{ at: deps.now(), by: retry.by, was: hit.code, code: outcome.code },
      ...(corrected.length > 0 && { corrected }),
    });
    if (outcome.code === 'CLICK_PENDING' && report !== null && report.click !== null) {
      await parkConversion({ ...report, click: report.click }, next, deps);
    }
    if (await deps.hits.replace(next, hit)) return { kind: 'done', hit: next, outcome };
    await deps.pause(tries);
  }
  throw new StorageUnavailable(`hit ${id}: lost against others ${MAX_TRIES} times`);
}

/** Whether nothing came of the call. */
function wasRejected({ code, conversionId }: Hit): boolean {
  if (!isConversionCode(code) || CONVERSION_REASONS[code].result !== 'rejected') return false;
  // An unknown goal is recorded where the campaign wants it.
  return code !== 'UNKNOWN_GOAL' || conversionId === null;
}

function isConversionCode(code: string): code is ConversionCode {
  return Object.hasOwn(CONVERSION_REASONS, code);
}

interface Judgement {
  readonly outcome: Outcome;
  /** Null: the call never came so far, or needs it no more. */
  readonly report: Report | null;
}

/** The contract's table of codes from line 1 on, but for token and address: an operator vouches for the call. */
async function judge(
  hit: Hit,
  { corrected, senderId, attribution, by }: Retry,
  deps: RetryDeps,
): Promise<Judgement | { readonly errors: readonly WrongRetry[] }> {
  const sender = await findSender(senderId ?? hit.senderId, hit, deps);
  if (sender !== null && 'field' in sender) return { errors: [sender] };
  const hidden = hiddenParameters(hit, corrected, sender).map(hiddenError);
  const errors = [...hidden, ...(attribution === null ? [] : await findMissing(attribution, deps))];
  if (errors.length > 0) return { errors };

  const refused = (code: ConversionCode, message?: string): Judgement => ({
    outcome: { ...refuse(code, { warnings: [] }, message), advertiserId: null },
    report: null,
  });
  const naming = sender === null ? 'click_or_campaign' : 'click_or_txn';
  const request = parsePostback(callOfHit(hit, corrected, sender), sender, naming);
  if ('code' in request) return refused(request.code, request.message);
  // Without a sender it is the click of the cookie.
  const clickId = request.clickId ?? (sender === null ? hit.clickId : null);
  if (clickId === null && sender === null) return refused('NO_CLICK');
  const click = clickId === null ? null : verifyClickId(clickId, await deps.catalog.macKeys());
  if (clickId !== null && click === null) return refused('INVALID_CLICK_ID');
  const report: Report = {
    request,
    sender,
    addressAllowed: true,
    click,
    attribution,
    receivedAt: hit.at,
    conversionId: hit.id,
    by,
  };
  const outcome = await recordOnce(report, deps);
  // Whoever has waited for a click until its retention ended knows that it never came.
  const neverCame = outcome.code === 'CLICK_PURGED' && hit.code === 'CLICK_NOT_RECEIVED';
  return { outcome: neverCame ? { ...outcome, code: 'CLICK_NOT_RECEIVED' } : outcome, report };
}

/**
 * Another try of the same hit may be faster with other corrections, and so under another key: then the conversion's id
 * is taken, and ours can never be committed.
 */
async function recordOnce(report: Report, deps: RetryDeps): Promise<Outcome> {
  try {
    return await recordConversion(report, deps);
  } catch (error) {
    const own = error instanceof StorageUnavailable ? await readRecorded(report.conversionId, deps) : null;
    if (own === null) throw error;
    return own;
  }
}

/** Null: a pixel has none. */
async function findSender(
  id: string | null,
  { route }: Hit,
  { catalog }: RetryDeps,
): Promise<Sender | WrongRetry | null> {
  const field = 'sender_id';
  if (id === null && isPixelRoute(route)) return null;
  if (id === null) return { field, code: 'REQUIRED', message: 'nobody knows whose call it was: name the sender' };
  return (await catalog.sender(id)) ?? { field, code: 'NOT_FOUND', message: `there is no sender "${id}"` };
}

async function findMissing(
  { campaignId, publisherId }: Attribution,
  { catalog }: RetryDeps,
): Promise<readonly WrongRetry[]> {
  const [campaign, publisher] = await Promise.all([catalog.campaign(campaignId), catalog.publisher(publisherId)]);
  const missing = (field: string, what: string) =>
    ({ field, code: 'NOT_FOUND', message: `there is no such ${what}` }) as const;
  return [
    ...(campaign === null ? [missing('campaign_id', 'campaign')] : []),
    ...(publisher === null ? [missing('pub_id', 'publisher')] : []),
  ];
}

function hiddenError(field: string): WrongRetry {
  return {
    field,
    code: 'REQUIRED',
    message: 'its value was not kept, because a token may have been in it: give it, or null',
  };
}

/** Corrections of so many tries are kept, each up to 47 kB: a hit is a row, and so is the parked call that has it in it. */
const CORRECTIONS_KEPT = 5;

/** All tries of a hit with one more. */
function withTry(tries: readonly HitRetry[], last: HitRetry): readonly HitRetry[] {
  const forgotten = tries.slice(0, 1 - CORRECTIONS_KEPT).map(({ at, by, was, code }) => ({ at, by, was, code }));
  return [...forgotten, ...tries.slice(forgotten.length), last];
}

function judgedHit(hit: Hit, { outcome, report }: Judgement, retry: HitRetry): Hit {
  return {
    ...hit,
    senderId: hit.senderId ?? report?.sender?.id ?? null,
    advertiserId: outcome.advertiserId ?? hit.advertiserId,
    clickId: report?.click?.id ?? hit.clickId,
    conversionId: outcome.conversion?.id ?? null,
    code: outcome.code,
    status: reasonOf(outcome).http,
    retries: withTry(hit.retries ?? [], retry),
  };
}
