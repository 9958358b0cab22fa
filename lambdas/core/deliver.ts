import { deliveryId, hasEnded } from './delivery.ts';
import type { Attempt, Delivery, DeliveryState } from './delivery.ts';
import type { Postback } from './entities.ts';
import { compileTemplate, expandTemplate, POSTBACK_MACROS } from './macros.ts';
import { parseParameters } from './parameters.ts';
import type {
  Clock,
  DeliveryHints,
  DeliveryStore,
  OutboundRequest,
  OutboundResponse,
  PostbackCaller,
  PostbackReader,
} from './ports.ts';
import { StorageUnavailable } from './ports.ts';
import { waitAfterFailure } from './retry-schedule.ts';
import type { RetrySchedule } from './retry-schedule.ts';
import { checkPostbackUrl } from './url-rules.ts';
import type { PostbackRules } from './url-rules.ts';

/** Longer than the 10 s a call may take and what storage may take after it, so that a lease ends only with a crash. */
const LEASE = 30_000;
/** The longest wait that a queue message can carry. */
const LONGEST_DELAY = 15 * 60_000;
/** How long a message may be late before the sweeper takes it for lost. */
const MESSAGE_GRACE = 90_000;
/** How often a delivery to a paused postback is looked at. */
const PAUSED_WAIT = 15 * 60_000;

export interface DeliverDeps {
  readonly deliveries: DeliveryStore;
  readonly postbacks: PostbackReader;
  readonly caller: PostbackCaller;
  readonly hints: DeliveryHints;
  readonly schedule: RetrySchedule;
  readonly rules: PostbackRules;
  /** `Flowback/<version>`. */
  readonly userAgent: string;
  readonly now: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newLease: () => string;
}

/** What became of one look at a delivery, for the log. */
export type DeliverOutcome =
  /** Unknown, ended, leased by another, or its time has not come. */
  | { readonly kind: 'nothing_to_do' }
  | { readonly kind: 'paused'; readonly delivery: Delivery }
  /** The lease ended during the call: another has the delivery and may call again. Nothing was written. */
  | { readonly kind: 'lease_lost'; readonly delivery: Delivery }
  | {
      readonly kind: 'attempted';
      readonly delivery: Delivery;
      readonly attempt: Attempt;
      /** Hints that could not be sent; the sweeper finds those deliveries. */
      readonly hintsLost: number;
    };

/**
 * Makes one attempt at a delivery, if it is due. Whatever the receiver does is an outcome; throws only
 * {@link StorageUnavailable}, after which the lease runs out and the sweeper finds the row.
 */
export async function deliver(id: string, deps: DeliverDeps): Promise<DeliverOutcome> {
  const { deliveries, postbacks, now } = deps;
  if (await waitForFirst(id, deps)) return { kind: 'nothing_to_do' };
  const lease = deps.newLease();
  const claimedAt = now();
  const delivery = await deliveries.claim(id, claimedAt, lease, claimedAt + LEASE);
  if (delivery === null) return { kind: 'nothing_to_do' };

  const postback = await postbacks.postback(delivery.postbackId);
  if (postback?.status === 'paused') {
    const at = now() + PAUSED_WAIT;
    const paused: Delivery = { ...delivery, state: 'waiting', nextAttemptAt: at, dueAt: at };
    const stored = await deliveries.finish(paused, lease, null, now());
    return stored === null ? { kind: 'lease_lost', delivery } : { kind: 'paused', delivery: stored };
  }

  const at = now();
  const answer = await attemptCall(delivery, postback, at, deps);
  const attempt: Attempt = {
    number: delivery.attempts + 1,
    at,
    durationMs: answer.durationMs,
    status: answer.status,
    error: answer.error,
    body: answer.body,
  };
  const stored = await deliveries.finish(afterAttempt(delivery, postback, answer, deps), lease, attempt, now());
  if (stored === null) return { kind: 'lease_lost', delivery };
  return { kind: 'attempted', delivery: stored, attempt, hintsLost: await sendHints(stored, deps) };
}

/** Whether the schedule makes the first attempt wait and its time has not come. Only one of the local run ever does. */
async function waitForFirst(id: string, deps: DeliverDeps): Promise<boolean> {
  const wait = deps.schedule.waits[0] ?? 0;
  const delivery = wait > 0 ? await deps.deliveries.delivery(id) : null;
  if (delivery === null || delivery.attempts > 0) return false;
  const left = delivery.createdAt + wait - deps.now();
  if (left <= 0) return false;
  await deps.hints.send({ deliveryId: id, postbackId: delivery.postbackId, delaySeconds: Math.ceil(left / 1_000) });
  return true;
}

async function attemptCall(
  delivery: Delivery,
  postback: Postback | null,
  at: number,
  deps: DeliverDeps,
): Promise<OutboundResponse> {
  const notCalled = { status: null, body: null, retryAfterSeconds: null, durationMs: 0 };
  if (postback === null || postback.status === 'archived') return { ...notCalled, error: 'postback_missing' };
  // Checked on save too, but since then the network's own domains may have changed.
  if (checkPostbackUrl(postback.url, deps.rules) !== null) return { ...notCalled, error: 'blocked_address' };
  return deps.caller.call(buildRequest(delivery, postback, { at, userAgent: deps.userAgent }));
}

/**
 * The call that tells a publisher of a delivery. The URL is expanded in full whatever the method is, so that a receiver
 * that routes by its query keeps working; a POST carries the query's parameters as form or JSON fields besides.
 */
export function buildRequest(
  delivery: Delivery,
  postback: Postback,
  { at, userAgent }: { at: number; userAgent: string },
): OutboundRequest {
  const values: Record<string, string | undefined> = { ...delivery.values, event: delivery.event };
  values['status'] = translate(values['status'], postback.statusWords);
  values['goal'] = translate(values['goal'], postback.goalWords);
  const url = new URL(expandTemplate(compileTemplate(postback.url, POSTBACK_MACROS), (macro) => values[macro]));
  url.hash = '';
  const headers = {
    'User-Agent': userAgent,
    'Webhook-Id': delivery.id,
    'Webhook-Timestamp': String(Math.floor(at / 1_000)),
  };
  const query = url.search.slice(1);
  switch (postback.method) {
    case 'GET':
      return { method: 'GET', url: url.href, headers, body: null };
    case 'POST_FORM':
      return {
        method: 'POST',
        url: url.href,
        headers: { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' },
        body: query,
      };
    case 'POST_JSON':
      return {
        method: 'POST',
        url: url.href,
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(Object.fromEntries(parseParameters(query))),
      };
  }
}

function translate(word: string | undefined, words: Readonly<Record<string, string>>): string | undefined {
  return word !== undefined && Object.hasOwn(words, word) ? words[word] : word;
}

/** The delivery as it stands after an attempt. */
function afterAttempt(
  delivery: Delivery,
  postback: Postback | null,
  answer: OutboundResponse,
  deps: DeliverDeps,
): Delivery {
  const attempts = delivery.attempts + 1;
  const end = (state: DeliveryState): Delivery => ({ ...delivery, attempts, state, nextAttemptAt: null, dueAt: null });
  if (postback === null) return end('exhausted');
  if (postback.status === 'archived') return end('cancelled');
  if (answer.status !== null && answer.status >= 200 && answer.status < 300) return end('delivered');
  // 410 Gone: the receiver says that it is over.
  if (answer.status === 410) return end('exhausted');
  const wait = waitAfterFailure(deps.schedule, delivery.scheduleStep, answer, deps.random());
  if (wait === null) return end('exhausted');
  const nextAttemptAt = deps.now() + wait;
  return {
    ...delivery,
    attempts,
    scheduleStep: delivery.scheduleStep + 1,
    state: 'waiting',
    nextAttemptAt,
    // Long waits ride on the due-time index; short ones on a message, which the sweeper replaces if it is lost.
    dueAt: wait <= LONGEST_DELAY ? nextAttemptAt + MESSAGE_GRACE : nextAttemptAt,
  };
}

/** Sends the hints that follow from a delivery's new state; answers how many could not be sent. */
async function sendHints(delivery: Delivery, deps: DeliverDeps): Promise<number> {
  const { postbackId, nextAttemptAt } = delivery;
  const hints = [];
  if (hasEnded(delivery.state) && delivery.successor !== null) {
    hints.push({ deliveryId: deliveryId(delivery.subjectId, delivery.successor), postbackId, delaySeconds: 0 });
  }
  const wait = nextAttemptAt === null ? Infinity : Math.max(nextAttemptAt - deps.now(), 0);
  if (wait <= LONGEST_DELAY) {
    hints.push({ deliveryId: delivery.id, postbackId, delaySeconds: Math.ceil(wait / 1_000) });
  }
  let lost = 0;
  for (const hint of hints) {
    try {
      await deps.hints.send(hint);
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
      lost++;
    }
  }
  return lost;
}
