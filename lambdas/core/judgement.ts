import { verifyClickId } from './click-id.ts';
import type { MacKeyRing, VerifiedClickId } from './click-id.ts';
import type { Hit } from './hit.ts';
import type { RandomBytes } from './ids.ts';
import type { HitWriter } from './ports.ts';
import { reasonOf } from './postback-answer.ts';
import { BUILT_IN_NAMES } from './postback-request.ts';
import type { ConversionCode } from './reasons.ts';
import type { ReceivedCall } from './received-call.ts';
import { recordConversion } from './record-conversion.ts';
import type { Outcome, RecordDeps } from './record-conversion.ts';
import { redactCall } from './redact.ts';
import type { Report } from './report.ts';
import { refuse } from './ruling.ts';
import { parkConversion } from './run-parked.ts';

/** What receiving a call needs, whatever way it came in. */
export interface ReceiveDeps extends RecordDeps {
  readonly hits: HitWriter;
  readonly random: RandomBytes;
  /** Tells of the hit of an accepted call that was not stored. */
  readonly hitLost: (hit: Hit, error: unknown) => void;
}

/** What becomes of a call, and the click that it is about, as far as it is one of ours. */
export interface Judgement {
  readonly outcome: Outcome;
  readonly click: VerifiedClickId | null;
}

/** A call that is refused before anybody looks whose click it is. */
export function refusedCall(code: ConversionCode, message?: string, click: VerifiedClickId | null = null): Judgement {
  return { outcome: { ...refuse(code, { warnings: [] }, message), advertiserId: null }, click };
}

/**
 * Records what a call reports, or parks it until its click is stored, with the hit that it then has.
 *
 * @throws StorageUnavailable - it may have happened or not; a repeat of the call finds out
 */
export async function recordOrPark(
  report: Report,
  toHit: (judgement: Judgement) => Hit,
  deps: RecordDeps,
): Promise<Judgement> {
  const { click } = report;
  const outcome = await recordConversion(report, deps);
  if (outcome.code === 'CLICK_PENDING' && click !== null) {
    await parkConversion({ ...report, click }, toHit({ outcome, click }), deps);
  }
  return { outcome, click };
}

/**
 * The parameters of a call that has no sender, as its hit keeps them. `secret`: with what the caller was let in; null: it
 * had nothing.
 */
export function queryOfHit(call: ReceivedCall, secret: string | null, ring: MacKeyRing): Hit['query'] {
  // What was taken for a click id may be somebody's token.
  const mayHideToken = (name: string, value: string): boolean =>
    name === 'click_id' && verifyClickId(value, ring) === null;
  return redactCall(call, BUILT_IN_NAMES, secret, mayHideToken);
}

/** What a hit tells of its call however the call ends. */
type HitOfCall = Pick<Hit, 'id' | 'at' | 'route' | 'senderId' | 'query'>;

/** The hit of a judged call. `status`: the HTTP status that it is answered. */
export function hitOf(call: HitOfCall, { outcome, click }: Judgement, status: number = reasonOf(outcome).http): Hit {
  return {
    ...call,
    advertiserId: outcome.advertiserId,
    clickId: click?.id ?? null,
    conversionId: outcome.conversion?.id ?? null,
    code: outcome.code,
    status,
  };
}

/** Stores the hit before the call is answered. Throws only for a refusal: the hit of an accepted call is best effort. */
export async function storeHit(
  hit: Hit,
  outcome: Outcome,
  { hits, hitLost }: Pick<ReceiveDeps, 'hits' | 'hitLost'>,
): Promise<void> {
  try {
    await hits.putUntried(hit);
  } catch (error) {
    if (reasonOf(outcome).result === 'rejected') throw error;
    hitLost(hit, error);
  }
}
