import { verifyClickId } from './click-id.ts';
import type { MacKeyRing } from './click-id.ts';
import type { Hit } from './hit.ts';
import { newSortableId } from './ids.ts';
import { hitOf, queryOfHit, recordOrPark, refusedCall, storeHit } from './judgement.ts';
import type { Judgement, ReceiveDeps } from './judgement.ts';
import type { Within } from './ports.ts';
import { parsePostback } from './postback-request.ts';
import type { ReceivedCall } from './received-call.ts';
import type { Outcome } from './record-conversion.ts';
import type { Report } from './report.ts';
import type { Reporter } from './senders.ts';

export interface BatchDeps extends ReceiveDeps {
  readonly within: Within;
  /** Tells why an item is to be tried again. */
  readonly itemFailed: (error: unknown) => void;
}

/** Who reports by an API key. */
export interface KeyHolder {
  /** `batch:<id>` of the key. */
  readonly by: string;
  /** The key itself, to keep it out of the hits. */
  readonly secret: string;
  /** Whose conversions alone the key may report; null: everybody's. */
  readonly advertiserId: string | null;
}

/** Less than API Gateway waits for an answer. */
const ANSWER_WITHIN_MS = 20_000;

/**
 * What becomes of each of the calls, judged like a postback whose sender is known. One after the other: a sale and its
 * change may be in one batch. What fails, or is not done in time, is `TEMPORARILY_UNAVAILABLE` alone; a repeat of the batch
 * finds the others done. `route`: method and route, for the hits.
 */
export async function receiveBatch(
  calls: readonly ReceivedCall[],
  holder: KeyHolder,
  route: string,
  deps: BatchDeps,
): Promise<readonly Outcome[]> {
  const end = deps.now() + ANSWER_WITHIN_MS;
  const outcomes: Outcome[] = [];
  let at = 0;
  for (const call of calls) {
    // Parked calls run in the order of their ids, which is that of their times.
    at = Math.max(deps.now(), at + 1);
    outcomes.push(await receiveWithin(end - deps.now(), { call, at, route }, holder, deps));
  }
  return outcomes;
}

interface Item {
  readonly call: ReceivedCall;
  /** When it was received, in milliseconds; each has a time of its own. */
  readonly at: number;
  readonly route: string;
}

async function receiveWithin(milliseconds: number, item: Item, holder: KeyHolder, deps: BatchDeps): Promise<Outcome> {
  if (milliseconds > 0) {
    try {
      return await deps.within(milliseconds, receive(item, holder, deps));
    } catch (error) {
      deps.itemFailed(error);
    }
  }
  return refusedCall('TEMPORARILY_UNAVAILABLE').outcome;
}

async function receive(item: Item, holder: KeyHolder, deps: ReceiveDeps): Promise<Outcome> {
  const { call, at, route } = item;
  const ring = await deps.catalog.macKeys();
  const hit = {
    id: newSortableId(at, deps.random),
    at,
    route,
    senderId: null,
    query: queryOfHit(call, holder.secret, ring),
  };
  const toHit = (judgement: Judgement): Hit => {
    const made = hitOf(hit, judgement);
    return { ...made, advertiserId: made.advertiserId ?? holder.advertiserId };
  };
  const judgement = await judge(item, holder, { ring, toHit }, deps);
  await storeHit(toHit(judgement), judgement.outcome, deps);
  return judgement.outcome;
}

/** The contract's table from line 1 on. */
async function judge(
  { call, at }: Item,
  { by, advertiserId }: KeyHolder,
  { ring, toHit }: { readonly ring: MacKeyRing; readonly toHit: (judgement: Judgement) => Hit },
  deps: ReceiveDeps,
): Promise<Judgement> {
  const request = parsePostback(call, null);
  if ('code' in request) return refusedCall(request.code, request.message);
  const click = request.clickId === null ? null : verifyClickId(request.clickId, ring);
  if (request.clickId !== null && click === null) return refusedCall('INVALID_CLICK_ID');

  const sender: Reporter = {
    id: null,
    advertiserIds: advertiserId === null ? 'all' : [advertiserId],
    decimals: 'currency',
  };
  const report: Report = {
    request,
    sender,
    addressAllowed: true,
    click,
    attribution: null,
    receivedAt: at,
    conversionId: newSortableId(at, deps.random),
    by,
  };
  return recordOrPark(report, toHit, deps);
}
