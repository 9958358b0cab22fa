import { hasEnded } from './delivery.ts';
import type { Delivery } from './delivery.ts';
import type { PostbackStatus } from './entities.ts';
import type { ReplayStore } from './management-ports.ts';
import { StorageUnavailable } from './ports.ts';
import type { Clock, ConversionStore, DeliveryHints } from './ports.ts';

/** When the sweeper looks at a delivery that was made due, should its message be lost. */
const SWEEP_AFTER = 60_000;
/** So many of one call, give or take a page, get a message at once; the sweeper feeds the others in, as fast as they are taken. */
const MAX_HINTS = 200;
/** Those others are due one after the other, so that retries of other postbacks stand between them and not behind. */
const SPREAD = 15;
const AT_ONCE = 25;
const MAX_TRIES = 5;

export interface ReplayDeps {
  readonly replays: ReplayStore;
  readonly store: Pick<ConversionStore, 'conversion' | 'deliveriesOf'>;
  /** Null: there is no such postback. */
  readonly postbackStatus: (id: string) => Promise<PostbackStatus | null>;
  readonly hints: DeliveryHints;
  /** Tells of a hint that was not sent; the sweeper finds its delivery. */
  readonly hintLost: (deliveryId: string, error: unknown) => void;
  readonly now: Clock;
}

export type Replay =
  | { readonly kind: 'missing' }
  /** It is due, or is being sent, or waits for the delivery before it. */
  | { readonly kind: 'replayed' }
  | { readonly kind: 'refused'; readonly because: 'cancelled' | 'rejected' | 'archived' };

/**
 * Sends a delivery again under its id, from the beginning of its schedule; one that waits does so no longer. Whoever
 * repeats it while it is under way changes nothing.
 *
 * A rejection that is committed at the very moment may be overtaken by the news that it takes back, as by an attempt that
 * began just before it.
 *
 * @throws StorageUnavailable - it may be due or not; a repeat finds out
 */
export async function replayDelivery(id: string, deps: ReplayDeps): Promise<Replay> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const delivery = await deps.replays.delivery(id);
    if (delivery === null) return { kind: 'missing' };
    const status = await deps.postbackStatus(delivery.postbackId);
    if (status === null || status === 'archived') return { kind: 'refused', because: 'archived' };
    if (delivery.state === 'cancelled') return { kind: 'refused', because: 'cancelled' };
    if (await isTakenBack(delivery, deps)) return { kind: 'refused', because: 'rejected' };
    if (!canBeMadeDue(delivery) || (await makeDue(delivery, null, deps))) return { kind: 'replayed' };
  }
  throw new StorageUnavailable(`delivery ${id} kept changing`);
}

/** Which of a postback's stuck deliveries: since a time, up to one (milliseconds, inclusive), after a position. */
interface StuckRange {
  readonly since: number;
  /** What gets stuck later is not meant: else a receiver that is down would be called for as long as somebody asks. */
  readonly until: number;
  readonly after: string | null;
}

interface ReplayedPage {
  readonly replayed: number;
  /** Left as they are: there is newer news, a rejection took it back, or it is being sent. */
  readonly skipped: number;
  /** Where to go on; null: that was all. */
  readonly next: string | null;
}

/**
 * Makes everything of a postback due that is exhausted or has failed and waits; of one conversion only the newest news.
 * Begins no page after `deadline`, milliseconds. What a crash leaves out the same call finds again.
 *
 * @throws StorageUnavailable - some are due, the others as they were
 */
export function replayStuck(
  postbackId: string,
  range: StuckRange,
  deadline: number,
  deps: ReplayDeps,
): Promise<ReplayedPage> {
  return makeStuckDue(postbackId, range, deadline, deps, async (delivery) => {
    if (!canBeMadeDue(delivery) || delivery.state === 'cancelled') return false;
    // What waits is told anyhow, in its order; only when.
    if (delivery.state === 'waiting') return true;
    return !(await isOvertaken(delivery, deps)) && !(await isTakenBack(delivery, deps));
  });
}

/** Makes what was held while the postback was paused or disabled due; what has a time to come keeps it. */
export function letGo(postbackId: string, deadline: number, deps: ReplayDeps): Promise<ReplayedPage> {
  const until = deps.now();
  // One whose worker died is held as `sending`; what was taken back from it ends by itself.
  const isHeld = async ({ state, recalled, nextAttemptAt }: Delivery) =>
    !hasEnded(state) && !recalled && nextAttemptAt !== null && nextAttemptAt <= until;
  return makeStuckDue(postbackId, { since: 0, until, after: null }, deadline, deps, isHeld);
}

async function makeStuckDue(
  postbackId: string,
  { since, until, after }: StuckRange,
  deadline: number,
  deps: ReplayDeps,
  isMeant: (delivery: Delivery) => Promise<boolean>,
): Promise<ReplayedPage> {
  let [next, replayed, skipped] = [after, 0, 0];
  let look = deps.now();
  const nextLook = () => (look += SPREAD);
  do {
    const page = await deps.replays.stuck(postbackId, { since, after: next, limit: AT_ONCE });
    const found = page.deliveries.filter(({ stuckAt }) => stuckAt !== null && stuckAt <= until);
    const hinted = replayed < MAX_HINTS;
    const done = await Promise.all(
      found.map(async (delivery) => (await isMeant(delivery)) && makeDue(delivery, hinted ? null : nextLook(), deps)),
    );
    replayed += done.filter(Boolean).length;
    skipped += done.filter((made) => !made).length;
    next = found.length < page.deliveries.length ? null : page.next;
  } while (next !== null && deps.now() < deadline);
  return { replayed, skipped, next };
}

/** Not what is being sent at the moment, nor what waits for another one to end. */
function canBeMadeDue({ state, nextAttemptAt }: Delivery): boolean {
  return state !== 'sending' && !(state === 'waiting' && nextAttemptAt === null);
}

/** Whether the postback has newer news of the same. */
async function isOvertaken({ subjectId, postbackId, number }: Delivery, { store }: ReplayDeps): Promise<boolean> {
  const all = await store.deliveriesOf(subjectId);
  return all.some((other) => other.postbackId === postbackId && other.number > number && other.state !== 'cancelled');
}

/** Whether its conversion was rejected since, and it would tell of one that is not. */
async function isTakenBack({ subjectId, event, values }: Delivery, { store }: ReplayDeps): Promise<boolean> {
  if (event === 'click_payout' || values['status'] === 'rejected') return false;
  return (await store.conversion(subjectId))?.status === 'rejected';
}

/** `sweptAt`: when the sweeper sends its hint; null: it goes out at once. False: the delivery changed meanwhile. */
async function makeDue(delivery: Delivery, sweptAt: number | null, deps: ReplayDeps): Promise<boolean> {
  const { id, postbackId } = delivery;
  const now = deps.now();
  if (!(await deps.replays.revive(delivery, now, sweptAt ?? now + SWEEP_AFTER))) return false;
  if (sweptAt !== null) return true;
  try {
    await deps.hints.send({ deliveryId: id, postbackId, delaySeconds: 0 });
  } catch (error) {
    deps.hintLost(id, error);
  }
  return true;
}
