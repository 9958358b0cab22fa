import { verifyClickId } from './click-id.ts';
import type { MacKeyRing } from './click-id.ts';
import type { Hit } from './hit.ts';
import { hitOf, queryOfHit, recordOrPark, refusedCall, storeHit } from './judgement.ts';
import type { Judgement, ReceiveDeps } from './judgement.ts';
import type { PixelHit } from './pixel-hit.ts';
import type { PixelSpool, Within } from './ports.ts';
import { parsePostback, readClickId } from './postback-request.ts';
import { readRecorded } from './record-conversion.ts';
import type { Outcome } from './record-conversion.ts';

type JudgePixelDeps = Omit<ReceiveDeps, 'random'>;

export interface PixelDeps extends JudgePixelDeps {
  readonly spool: PixelSpool;
  readonly within: Within;
  /** Tells why a call was not judged at once. */
  readonly notJudged: (error: unknown) => void;
  /** Has to keep a call that neither storage nor the spool took. */
  readonly pixelNotStored: (pixel: PixelHit, error: unknown) => void;
}

/** Together less than API Gateway, the function and a page's patience allow. */
const JUDGE_WITHIN_MS = 3_000;
const SPOOL_WITHIN_MS = 3_000;

/**
 * Judges a browser's call, or keeps it until storage is back, because a browser does not try again. Never throws. Of what
 * is answered other than `TEMPORARILY_UNAVAILABLE` nothing is lost (invariant 3).
 */
export async function receivePixel(pixel: PixelHit, deps: PixelDeps): Promise<Outcome> {
  try {
    return await deps.within(JUDGE_WITHIN_MS, judgePixel(pixel, deps));
  } catch (error) {
    deps.notJudged(error);
  }
  try {
    await deps.within(SPOOL_WITHIN_MS, deps.spool.send(pixel));
    return refusedCall('QUEUED').outcome;
  } catch (error) {
    deps.pixelNotStored(pixel, error);
    return refusedCall('TEMPORARILY_UNAVAILABLE').outcome;
  }
}

/**
 * The contract's table of codes for a call that has no sender. Idempotent: judged twice, also at once, a call makes one
 * conversion and one hit (invariant 4).
 *
 * @throws StorageUnavailable - what was decided may have been committed or not; the next try finds out
 */
export async function judgePixel(pixel: PixelHit, deps: JudgePixelDeps): Promise<Outcome> {
  const ring = await deps.catalog.macKeys();
  const hit = {
    id: pixel.id,
    at: pixel.receivedAt,
    route: pixel.route,
    senderId: null,
    query: queryOfHit(pixel.call, null, ring),
  };
  const toHit = (judgement: Judgement): Hit => hitOf(hit, judgement);
  const judgement = await judge(pixel, { ring, toHit }, deps);
  await storeHit(toHit(judgement), judgement.outcome, deps);
  return judgement.outcome;
}

async function judge(
  pixel: PixelHit,
  { ring, toHit }: { readonly ring: MacKeyRing; readonly toHit: (judgement: Judgement) => Hit },
  deps: JudgePixelDeps,
): Promise<Judgement> {
  const clickId = readClickId(pixel.call) ?? pixel.cookieClickId;
  const click = clickId === null ? null : verifyClickId(clickId, ring);
  const request = parsePostback(pixel.call, null, 'click_or_campaign');
  // An operator who tries the call again has no cookie: its hit has to name the click.
  if ('code' in request) return refusedCall(request.code, request.message, click);
  if (clickId === null) return refusedCall('NO_CLICK');
  if (click === null) return refusedCall('INVALID_CLICK_ID');

  // What an earlier try recorded may have got another key since.
  const recorded = await readRecorded(pixel.id, deps);
  if (recorded !== null) return { outcome: recorded, click };
  const report = {
    request,
    sender: null,
    addressAllowed: true,
    click,
    attribution: null,
    receivedAt: pixel.receivedAt,
    conversionId: pixel.id,
    by: 'pixel',
  };
  return recordOrPark(report, toHit, deps);
}
