import type { Breaker, Clock, EndpointState, EndpointStore, OutboundResponse } from './ports.ts';
import { waitBetween } from './retry-schedule.ts';

/**
 * Longer than an invocation of the delivery function may take, so that a slot is free before its lease ends unless its
 * worker died.
 */
const SLOT_LEASE = 30_000;
/** A slot that was taken less than so long ago is worth waiting for: healthy endpoints give it back at once. */
const PATIENCE = 1_000;
/**
 * Milliseconds between two tries, for each slot and bounded: with four workers a slot that wait, some 400 tries a second.
 * A refusal is a write too, and an item takes 1,000 of them a second before it is throttled, those who leave included.
 */
const TRY = { perSlot: 10, least: 50, most: 500 };
const BUSY_WAIT = { least: 1_000, most: 5_000 };
/** Those whom an open breaker sent away come back spread over so long. */
const OPEN_SPREAD = 30_000;

const BUCKET = 30_000;
const WINDOW = 5 * 60_000;
const LEAST_CALLS = 10;
const FAILED_PART = 0.7;
const FIRST_OPENING = 30_000;
const LONGEST_OPENING = 15 * 60_000;
const CLOSED: Breaker = { openings: 0, openUntil: null };

/** How a call of an endpoint went, for its breaker. */
export type CallResult = 'alive' | 'failed' | 'not_called';

export type BreakerNews =
  | {
      readonly kind: 'breaker_opened';
      readonly endpoint: string;
      readonly openings: number;
      readonly milliseconds: number;
    }
  | { readonly kind: 'breaker_closed'; readonly endpoint: string };

export type Admission =
  /** `leave` must be called once, whatever comes of the call. */
  | { readonly admitted: true; readonly leave: (result: CallResult) => Promise<void> }
  /** `wait`: milliseconds after which to come again. `slow`: nobody came in for a second, so it may take long. */
  | { readonly admitted: false; readonly why: 'busy' | 'slow' | 'open'; readonly wait: number };

/** Asks for every call whether it may be made now, so that no endpoint takes more than its share of the workers. */
export interface Endpoints {
  enter(endpoint: string): Promise<Admission>;
}

interface EndpointsDeps {
  readonly store: EndpointStore;
  /** How many workers may call one endpoint at a time. */
  readonly slots: number;
  readonly now: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
  readonly tell: (news: BreakerNews) => void;
}

/** A worker's place at an endpoint, and how that stands since it was taken: with an open breaker, this is its probe. */
interface Place {
  readonly slot: number;
  readonly leaseUntil: number;
  readonly state: EndpointState;
}
type Refusal = { readonly why: 'busy' | 'slow' } | { readonly why: 'open'; readonly until: number };

/** A place with those calls of a batch that share it. */
interface Visit {
  readonly entry: Promise<Place | Refusal>;
  inside: number;
  made: number;
  failed: number;
}

/** Scheme, host and port of a postback's URL; macros stand in none of them. */
export function endpointOf(url: string): string {
  return new URL(url).origin;
}

/** The bucket of time in which a call that ended then is counted. */
export function bucketOf(at: number): number {
  return Math.floor(at / BUCKET);
}

/**
 * Whether an answer shows that the receiver works. A 4xx does: in a chain a refusal by the next network must not cut off
 * its good notifications.
 */
export function isAlive({ status }: Pick<OutboundResponse, 'status'>): boolean {
  if (status === null || status === 408 || status === 425 || status === 429) return false;
  return (status >= 200 && status < 300) || (status >= 400 && status < 500);
}

/**
 * One for each batch of messages: the calls of a batch to one endpoint share a slot, which is given back with the last
 * of them. Everything throws StorageUnavailable.
 */
export function createEndpoints(deps: EndpointsDeps): Endpoints {
  const visits = new Map<string, Visit>();

  const leave = async (endpoint: string, visit: Visit, result: CallResult): Promise<void> => {
    visit.inside--;
    if (result !== 'not_called') visit.made++;
    if (result === 'failed') visit.failed++;
    if (visit.inside > 0) return;
    visits.delete(endpoint);
    const entry = await visit.entry;
    if (isPlace(entry)) await settle(endpoint, entry, visit, deps);
  };

  return {
    async enter(endpoint) {
      const current = visits.get(endpoint);
      const visit = current ?? { entry: findPlace(endpoint, deps), inside: 0, made: 0, failed: 0 };
      visits.set(endpoint, visit);
      visit.inside++;
      const entry = await visit.entry.catch((error: unknown) => {
        visits.delete(endpoint);
        throw error;
      });
      const refusal = isPlace(entry) ? refusalOfSharing(entry, current !== undefined) : entry;
      if (refusal === null) return { admitted: true, leave: (result) => leave(endpoint, visit, result) };
      await leave(endpoint, visit, 'not_called');
      return { admitted: false, why: refusal.why, wait: waitAfter(refusal, deps) };
    },
  };
}

function isPlace(entry: Place | Refusal): entry is Place {
  return 'slot' in entry;
}

/** A probe is one call. */
function refusalOfSharing({ state, leaseUntil }: Place, isShared: boolean): Refusal | null {
  return isShared && state.breaker.openUntil !== null ? { why: 'open', until: leaseUntil } : null;
}

function waitAfter(refusal: Refusal, { now, random }: EndpointsDeps): number {
  if (refusal.why === 'open') {
    return Math.min(refusal.until - now() + Math.round(OPEN_SPREAD * random()), LONGEST_OPENING);
  }
  return waitBetween(BUSY_WAIT, random());
}

/** Takes a slot. What stands at the endpoint is learnt from refusals, so that a free one costs one write and no read. */
async function findPlace(endpoint: string, deps: EndpointsDeps): Promise<Place | Refusal> {
  const { store, now, random, sleep } = deps;
  const until = now() + PATIENCE;
  const between = Math.min(Math.max(TRY.perSlot * deps.slots, TRY.least), TRY.most);
  let slot = Math.floor(random() * deps.slots);
  let breaker = CLOSED;
  do {
    const at = now();
    const leaseUntil = at + SLOT_LEASE;
    const { taken, state } = await store.take(endpoint, { slot, now: at, leaseUntil, breaker });
    if (taken) return { slot, leaseUntil, state };
    if (state.breaker.openUntil !== null && state.breaker.openUntil > at) {
      return { why: 'open', until: state.breaker.openUntil };
    }
    ({ breaker } = state);
    const free = freeSlots(state, deps.slots, at);
    if (free.length > 0) slot = free[Math.floor(random() * free.length)] ?? slot;
    else if (isLivelyAt(state, at)) await sleep(between * (0.4 + 1.2 * random()));
    else return { why: 'slow' };
  } while (now() < until);
  return { why: 'busy' };
}

function freeSlots({ slots }: EndpointState, count: number, at: number): number[] {
  return Array.from({ length: count }, (_, slot) => slot).filter((slot) => (slots.get(slot) ?? 0) <= at);
}

/** Whether a slot was taken only just now. */
function isLivelyAt({ slots }: EndpointState, at: number): boolean {
  return [...slots.values()].some((leaseUntil) => leaseUntil - SLOT_LEASE > at - PATIENCE);
}

/** Gives the slot back, with what became of the calls, and turns the breaker if that is what they say. */
async function settle(
  endpoint: string,
  { slot, leaseUntil, state: before }: Place,
  { made, failed }: Visit,
  { store, now, tell }: EndpointsDeps,
): Promise<void> {
  const at = now();
  const forget = [...before.calls.keys()].filter((bucket) => !isRecent(bucket, at));
  const counted = { slot, leaseUntil, bucket: bucketOf(at), made, failed, forget };
  const state = await store.settle(endpoint, counted);
  const { breaker } = before;
  const to = breaker.openUntil === null ? afterCalls(state, at) : afterProbe(breaker, { made, failed }, at);
  if (to === null) return;
  const calls = to.openUntil === null ? [...state.calls.keys()] : [];
  if (!(await store.turn(endpoint, breaker, to, calls))) return;
  if (to.openUntil === null) tell({ kind: 'breaker_closed', endpoint });
  else if (to.openUntil > at) {
    tell({ kind: 'breaker_opened', endpoint, openings: to.openings, milliseconds: to.openUntil - at });
  }
}

function isRecent(bucket: number, at: number): boolean {
  return bucket * BUCKET >= at - WINDOW;
}

/** What a closed breaker becomes; null: it stays closed, or somebody else has opened it. */
function afterCalls({ breaker, calls }: EndpointState, at: number): Breaker | null {
  const recent = [...calls].filter(([bucket]) => isRecent(bucket, at)).map(([, counts]) => counts);
  const made = recent.reduce((sum, counts) => sum + counts.made, 0);
  const failed = recent.reduce((sum, counts) => sum + counts.failed, 0);
  return breaker.openUntil === null && made >= LEAST_CALLS && failed >= FAILED_PART * made ? opened(1, at) : null;
}

/** What an open breaker becomes. A probe that was not made after all leaves the next one to others, at once. */
function afterProbe({ openings }: Breaker, probe: { made: number; failed: number }, at: number): Breaker {
  if (probe.made === 0) return { openings, openUntil: at };
  return probe.failed > 0 ? opened(openings + 1, at) : CLOSED;
}

function opened(openings: number, at: number): Breaker {
  return { openings, openUntil: at + Math.min(FIRST_OPENING * 2 ** (openings - 1), LONGEST_OPENING) };
}
