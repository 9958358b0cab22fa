import type { VerifiedClickId } from './click-id.ts';
import { refuse } from './ruling.ts';
import type { Hit } from './hit.ts';
import type { HitWriter, ParkedConversion } from './ports.ts';
import { reasonOf } from './postback-answer.ts';
import type { PostbackRequest } from './postback-request.ts';
import type { ConversionCode } from './reasons.ts';
import { readRecorded, recordConversion, retentionEnd } from './record-conversion.ts';
import type { Outcome, RecordDeps } from './record-conversion.ts';
import type { Report } from './report.ts';
import type { Reporter } from './senders.ts';

/** When a parked conversion is first looked at. */
const FIRST_LOOK_MS = 30_000;
const LAST_LOOK_MS = 60 * 60 * 1_000;

/** What a parked conversion's row keeps, as JSON: the call without its token, and its hit. */
interface Parked {
  readonly report: ParkedReport;
  /** Read again when the call is run: what a sender may is what an operator says of it then. Null: it was none. */
  readonly senderId: string | null;
  /** The holder of an API key, as he was; null: a sender, or a pixel. */
  readonly holder: Reporter | null;
  readonly hit: Hit;
}

type ParkedReport = Omit<Report, 'sender' | 'addressAllowed' | 'click'> & { readonly click: VerifiedClickId };

/** Calls wait for months: rows from before there was more to say do not say it. */
interface StoredParked extends Omit<Parked, 'report' | 'holder'> {
  readonly holder?: Reporter | null;
  readonly report: Optional<Omit<ParkedReport, 'request'>, 'attribution' | 'by'> & {
    readonly request: Optional<PostbackRequest, 'payout' | 'revenue' | 'campaignId'>;
  };
}

type Optional<T, Key extends keyof T> = Omit<T, Key> & Partial<Pick<T, Key>>;

function readParked(json: string): Parked {
  const { report, senderId, holder = null, hit } = JSON.parse(json) as StoredParked;
  const request = { payout: null, revenue: null, campaignId: null, ...report.request };
  return { report: { attribution: null, by: `sender:${senderId}`, ...report, request }, senderId, holder, hit };
}

/** Keeps a call whose click is not stored yet. To be awaited before the call is answered. */
export async function parkConversion(
  report: Report & { readonly click: VerifiedClickId },
  hit: Hit,
  deps: RecordDeps,
): Promise<void> {
  const { sender, request, click, attribution, receivedAt, conversionId, by } = report;
  const kept = { request, click, attribution, receivedAt, conversionId, by };
  const senderId = sender?.id ?? null;
  const parked: Parked = { report: kept, senderId, holder: senderId === null ? sender : null, hit };
  await deps.store.park({
    clickId: click.id,
    hitId: hit.id,
    request: JSON.stringify(parked),
    dueAt: deps.now() + FIRST_LOOK_MS,
    endsAt: retentionEnd(click, await deps.catalog.settings()),
  });
}

/**
 * Runs a parked conversion again, from line 3 on, as of the time when it was received. Its hit gets the code in which it
 * ends. Null: somebody else has it at the moment; `CLICK_PENDING`: it waits on, as it does for older calls of its click.
 * Throws StorageUnavailable: it is looked at again later.
 */
export async function runParked(
  parked: ParkedConversion,
  deps: RecordDeps & { readonly hits: HitWriter },
): Promise<ConversionCode | null> {
  const { hit, ...call } = readParked(parked.request);
  const { report } = call;
  const now = deps.now();
  const age = now - report.receivedAt;
  const nextLook = now + Math.min(Math.max(age, FIRST_LOOK_MS), LAST_LOOK_MS);
  if (!(await deps.store.postponeParked(parked, nextLook))) return null;
  // A change must not overtake its sale, which is older and therefore looked at less often.
  if ((await deps.store.oldestParked(parked.clickId)) !== parked.hitId) return 'CLICK_PENDING';

  // Of a hit that was tried again another try may have made the conversion, of another click.
  const outcome = (await readRecorded(report.conversionId, deps)) ?? (await rerun(call, deps));
  if (outcome.code === 'CLICK_PENDING') return outcome.code;
  const code = outcome.code === 'CLICK_PURGED' ? 'CLICK_NOT_RECEIVED' : outcome.code;
  const { http } = reasonOf({ ...outcome, code });
  await deps.hits.put({
    ...hit,
    code,
    status: http,
    advertiserId: outcome.advertiserId,
    conversionId: outcome.conversion?.id ?? null,
  });
  await deps.store.unpark(parked);
  return code;
}

async function rerun({ report, senderId, holder }: Omit<Parked, 'hit'>, deps: RecordDeps): Promise<Outcome> {
  const sender = senderId === null ? holder : await deps.catalog.sender(senderId);
  if (sender === null && senderId !== null)
    return { ...refuse('INVALID_SECURITY_TOKEN', report.request), advertiserId: null };
  // Token and address were good when the call was received; it was answered "kept".
  return recordConversion({ ...report, sender, addressAllowed: true }, deps);
}
