import { deliveryId, hasEnded } from './delivery.ts';
import type { Attempt, AttemptError, Delivery } from './delivery.ts';
import type { Detours } from './detours.ts';
import { endpointOf, isAlive } from './endpoints.ts';
import type { Admission, BreakerNews, CallResult, Endpoints } from './endpoints.ts';
import type { Postback } from './entities.ts';
import { buildRequest } from './postback-call.ts';
import type { PostbackNews, PostbackWatch } from './postback-health.ts';
import type {
  Clock,
  DeliveryHints,
  DeliveryStore,
  OutboundResponse,
  PostbackCaller,
  PostbackCatalog,
} from './ports.ts';
import { StorageUnavailable } from './ports.ts';
import { jittered, waitAfterFailure, waitBetween } from './retry-schedule.ts';
import type { RetrySchedule } from './retry-schedule.ts';
import { checkPostbackUrl } from './url-rules.ts';
import type { PostbackRules } from './url-rules.ts';

/** As long as an invocation of the delivery function may take, so that a lease ends only with a crash. */
const LEASE = 30_000;
/** The longest wait that a queue message can carry. */
const LONGEST_DELAY = 15 * 60_000;
/** How long a message may be late before the sweeper takes it for lost. */
const MESSAGE_GRACE = 90_000;
/** How often a delivery is looked at whose postback is paused or disabled; to activate the postback lets it go at once. */
const HELD_LOOK = 6 * 60 * 60_000;
/**
 * A delivery that has waited for long for a slow endpoint asks for it again after so much of that time, at most so long:
 * thousands that ask every few seconds would leave the workers no time for others.
 */
const SLOW_WAIT = { part: 0.25, most: 5 * 60_000 };
/** Seconds after which a delivery is looked at again that storage kept us from. */
const STORAGE_WAIT = { least: 20, most: 40 };

export interface DeliverDeps {
  readonly deliveries: DeliveryStore;
  readonly postbacks: Pick<PostbackCatalog, 'postback'>;
  readonly endpoints: Endpoints;
  readonly watch: PostbackWatch;
  /** Of the execution environment, for all its invocations. */
  readonly detours: Detours;
  readonly caller: PostbackCaller;
  readonly hints: Pick<DeliveryHints, 'send'>;
  readonly schedule: RetrySchedule;
  readonly rules: PostbackRules;
  /** `Flowback/<version>`. */
  readonly userAgent: string;
  readonly now: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newLease: () => string;
  /** Hears what somebody may have to know besides the outcome. */
  readonly tell: (news: DeliveryNews) => void;
}

/** What became of one look at a delivery. */
export type DeliverOutcome =
  /** Unknown, ended, leased by another, moved by another, or its time has not come. */
  | { readonly kind: 'nothing_to_do' }
  /** Its postback is paused or disabled. */
  | { readonly kind: 'held'; readonly delivery: Delivery }
  /** Put off without an attempt: its endpoint may not be called now. */
  | { readonly kind: 'deferred'; readonly delivery: Delivery }
  /** Its news was taken back while somebody sent it who came to no end. */
  | { readonly kind: 'cancelled'; readonly delivery: Delivery }
  /** The lease ended during the call: another has the delivery and may call again. Nothing was written. */
  | { readonly kind: 'lease_lost'; readonly delivery: Delivery }
  | { readonly kind: 'attempted'; readonly delivery: Delivery; readonly attempt: Attempt }
  /** Nothing is known; a hint for later was sent. */
  | { readonly kind: 'storage_unavailable'; readonly error: StorageUnavailable };

export type DeliveryNews =
  | BreakerNews
  | PostbackNews
  /** Something that follows from a look was not done; the delivery itself is as it should be. */
  | {
      readonly kind: 'not_followed_up';
      readonly what: 'hint' | 'endpoint' | 'postback_health';
      readonly delivery: Delivery;
      readonly error: unknown;
    };

const NOTHING_TO_DO: DeliverOutcome = { kind: 'nothing_to_do' };

/**
 * Works on a message: {@link deliver}, and where storage is in the way, a new message for later. So an outage never fills
 * the dead-letter queue. Throws {@link StorageUnavailable} only if the queue does not take that either.
 */
export async function deliverHinted(
  hint: { readonly deliveryId: string; readonly postbackId: string },
  deps: DeliverDeps,
): Promise<DeliverOutcome> {
  const wait = deps.detours.waitOf(hint.postbackId);
  if (wait !== null) {
    // The row stays due: who comes there after the wait makes its call or moves it.
    await deps.hints.send({ ...hint, delaySeconds: Math.ceil(wait / 1_000) });
    return NOTHING_TO_DO;
  }
  try {
    return await deliver(hint.deliveryId, deps);
  } catch (error) {
    if (!(error instanceof StorageUnavailable)) throw error;
    await deps.hints.send({ ...hint, delaySeconds: waitBetween(STORAGE_WAIT, deps.random()) });
    return { kind: 'storage_unavailable', error };
  }
}

/**
 * Makes one attempt at a delivery, if it is due and its endpoint may be called now. Whatever the receiver does is an
 * outcome; throws only {@link StorageUnavailable}, after which the sweeper finds the row when its time or its lease is over.
 */
export async function deliver(id: string, deps: DeliverDeps): Promise<DeliverOutcome> {
  const { deliveries, postbacks, endpoints, watch, caller, schedule, userAgent, now } = deps;
  const row = await deliveries.delivery(id);
  if (row === null || !isDue(row, now())) return NOTHING_TO_DO;
  const firstAt = row.attempts === 0 ? row.createdAt + (schedule.waits[0] ?? 0) : 0;
  if (firstAt > now()) return putOff(row, firstAt, deps);

  const [postback] = await Promise.all([postbacks.postback(row.postbackId), watch.look(row.postbackId)]);
  // One that was taken back is not held: it ends with its claim, and what waits behind it comes next.
  if (!row.recalled && (postback?.status === 'paused' || postback?.status === 'disabled')) return hold(row, deps);
  const obstacle = obstacleTo(postback, deps.rules);
  if (postback === null || obstacle !== null) {
    const answer = { status: null, error: obstacle, body: null, retryAfterSeconds: null, durationMs: 0 };
    return followUp(await attemptWith(async () => answer, row, postback, deps), postback, deps);
  }

  const endpoint = endpointOf(postback.url);
  const admission = await endpoints.enter(endpoint);
  deps.detours.note(postback.id, endpoint, admission);
  if (!admission.admitted) return putOff(row, now() + waitFor(admission, row, deps), deps);
  let result: CallResult = 'not_called';
  const call = async (delivery: Delivery, at: number): Promise<OutboundResponse> => {
    const answer = await caller.call(buildRequest(delivery, postback, { at, userAgent }));
    result = resultOf(answer);
    return answer;
  };
  const outcome = await attemptWith(call, row, postback, deps).finally(() =>
    bestEffort('endpoint', row, () => admission.leave(result), deps),
  );
  return followUp(outcome, postback, deps);
}

/** Whether a call may be made: it waits and its time has come, or it was being sent by somebody whose lease has ended. */
function isDue({ state, nextAttemptAt }: Delivery, at: number): boolean {
  return !hasEnded(state) && nextAttemptAt !== null && nextAttemptAt <= at;
}

/** Why nobody can be called; null: the postback can. */
function obstacleTo(postback: Postback | null, rules: PostbackRules): AttemptError | null {
  if (postback === null || postback.status === 'archived') return 'postback_missing';
  // Checked on save too, but since then the network's own domains may have changed.
  return checkPostbackUrl(postback.url, rules) === null ? null : 'blocked_address';
}

function resultOf(answer: OutboundResponse): CallResult {
  if (answer.error === 'blocked_address') return 'not_called';
  return isAlive(answer) ? 'alive' : 'failed';
}

/** Milliseconds after which a delivery asks for its endpoint again. */
function waitFor(
  { why, wait }: Extract<Admission, { readonly admitted: false }>,
  { stuckAt, createdAt }: Delivery,
  { now, random }: DeliverDeps,
): number {
  if (why !== 'slow') return wait;
  const waited = now() - (stuckAt ?? createdAt);
  return Math.max(wait, jittered(Math.min(SLOW_WAIT.part * waited, SLOW_WAIT.most), random()));
}

/** Leaves a delivery as it is, to be looked at rarely. */
async function hold(row: Delivery, deps: DeliverDeps): Promise<DeliverOutcome> {
  const { deliveries, postbacks, now, random } = deps;
  const at = now();
  const dueAt = at + jittered(HELD_LOOK, random());
  const to = { nextAttemptAt: row.nextAttemptAt, dueAt, stuckAt: row.stuckAt ?? at };
  if (!(await deliveries.defer(row, to))) return NOTHING_TO_DO;
  // Whoever activated the postback meanwhile may have looked for what is held before this was.
  const postback = await postbacks.postback(row.postbackId);
  if (postback?.status === 'active') await sendHint(row, row.id, 0, deps);
  return { kind: 'held', delivery: { ...row, ...to } };
}

/** Moves a delivery to then. Only who moves it sends a message, so of many for one delivery one goes on. */
async function putOff(row: Delivery, until: number, deps: DeliverDeps): Promise<DeliverOutcome> {
  const to = { ...waitingUntil(until, deps.now()), stuckAt: row.stuckAt };
  if (!(await deps.deliveries.defer(row, to))) return NOTHING_TO_DO;
  const delivery = { ...row, ...to };
  await hintAtNext(delivery, deps);
  return { kind: 'deferred', delivery };
}

/** Takes the lease, makes the call, and writes down what came of it. */
async function attemptWith(
  call: (delivery: Delivery, at: number) => Promise<OutboundResponse>,
  row: Delivery,
  postback: Postback | null,
  deps: DeliverDeps,
): Promise<DeliverOutcome> {
  const { deliveries, now } = deps;
  const lease = deps.newLease();
  const claimedAt = now();
  const delivery = await deliveries.claim(row.id, claimedAt, lease, claimedAt + LEASE);
  if (delivery === null) return NOTHING_TO_DO;
  if (delivery.recalled) {
    const cancelled = await deliveries.finish(
      { ...delivery, ...ended('cancelled'), stuckAt: null },
      lease,
      null,
      now(),
    );
    return cancelled === null ? { kind: 'lease_lost', delivery } : { kind: 'cancelled', delivery: cancelled };
  }

  const at = now();
  const answer = await call(delivery, at);
  const next = afterAttempt(delivery, postback, answer, { at, deps });
  const attempt: Attempt = {
    number: next.attempts,
    at,
    durationMs: answer.durationMs,
    status: answer.status,
    error: answer.error,
    body: answer.body,
    nextAttemptAt: next.nextAttemptAt,
  };
  const stored = await deliveries.finish(next, lease, attempt, now());
  return stored === null ? { kind: 'lease_lost', delivery } : { kind: 'attempted', delivery: stored, attempt };
}

/** The delivery as it stands after an attempt that was made `at`. */
function afterAttempt(
  delivery: Delivery,
  postback: Postback | null,
  answer: OutboundResponse,
  { at, deps }: { readonly at: number; readonly deps: DeliverDeps },
): Delivery {
  const attempted = { ...delivery, attempts: delivery.attempts + 1 };
  if (postback?.status === 'archived') return { ...attempted, ...ended('cancelled'), stuckAt: null };
  const { status } = answer;
  if (status !== null && status >= 200 && status < 300) return { ...attempted, ...ended('delivered'), stuckAt: null };
  // 410 Gone: the receiver says that it is over.
  const isOver = postback === null || status === 410;
  const wait = isOver ? null : waitAfterFailure(deps.schedule, delivery.scheduleStep, answer, deps.random());
  if (wait === null) return { ...attempted, ...ended('exhausted'), stuckAt: at };
  const now = deps.now();
  const scheduleStep = delivery.scheduleStep + 1;
  return { ...attempted, scheduleStep, state: 'waiting', ...waitingUntil(now + wait, now), stuckAt: at };
}

function ended(state: 'delivered' | 'exhausted' | 'cancelled') {
  return { state, nextAttemptAt: null, dueAt: null };
}

/** Long waits ride on the due-time index; short ones on a message, which the sweeper replaces if it is lost. */
function waitingUntil(nextAttemptAt: number, now: number) {
  const dueAt = nextAttemptAt - now <= LONGEST_DELAY ? nextAttemptAt + MESSAGE_GRACE : nextAttemptAt;
  return { nextAttemptAt, dueAt };
}

/** What follows from an outcome for others than the delivery. */
async function followUp(
  outcome: DeliverOutcome,
  postback: Postback | null,
  deps: DeliverDeps,
): Promise<DeliverOutcome> {
  if (outcome.kind !== 'attempted' && outcome.kind !== 'cancelled') return outcome;
  const { delivery } = outcome;
  if (outcome.kind === 'attempted' && postback !== null && outcome.attempt.error !== 'postback_missing') {
    const { attempt } = outcome;
    await bestEffort('postback_health', delivery, () => deps.watch.note(postback, attempt, deps.now()), deps);
  }
  if (hasEnded(delivery.state) && delivery.successor !== null) {
    await sendHint(delivery, deliveryId(delivery.subjectId, delivery.successor), 0, deps);
  }
  await hintAtNext(delivery, deps);
  return outcome;
}

/** Sends the message on which a delivery's wait rides, if it is a short one. */
async function hintAtNext(delivery: Delivery, deps: DeliverDeps): Promise<void> {
  if (delivery.nextAttemptAt === null) return;
  const wait = Math.max(delivery.nextAttemptAt - deps.now(), 0);
  if (wait <= LONGEST_DELAY) await sendHint(delivery, delivery.id, Math.ceil(wait / 1_000), deps);
}

/** A hint that is lost costs time: the sweeper finds its delivery. */
function sendHint(of: Delivery, id: string, delaySeconds: number, deps: DeliverDeps): Promise<void> {
  const hint = { deliveryId: id, postbackId: of.postbackId, delaySeconds };
  return bestEffort('hint', of, () => deps.hints.send(hint), deps);
}

/** The result is stored: what fails now must not make the message come again. */
async function bestEffort(
  what: 'hint' | 'endpoint' | 'postback_health',
  delivery: Delivery,
  work: () => Promise<void>,
  { tell }: DeliverDeps,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    tell({ kind: 'not_followed_up', what, delivery, error });
  }
}
