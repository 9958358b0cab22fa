import { mapAtOnce } from './at-once.ts';
import { patchConversion } from './change-conversion.ts';
import type { ConversionPatch, Verdict } from './change-conversion.ts';
import type { ChangeDeps } from './commit-change.ts';
import { approvedDifference } from './conversion-change.ts';
import type { Conversion } from './conversion.ts';
import { txnIndexHash } from './dedupe-keys.ts';
import { MAX_OF_TXN, targetOf } from './locate-conversion.ts';
import type { ConversionFilter, FactReader, ListPage, ListPosition, ListQuery } from './management-ports.ts';
import { addMicros, ZERO } from './money.ts';
import type { Micros } from './money.ts';
import { readCampaign } from './place.ts';
import { StorageUnavailable } from './ports.ts';
import { readOnce } from './read-once.ts';
import type { BulkCode } from './reasons.ts';

/** By which of its names conversions are meant. */
export type BulkMatch = 'id' | 'txn_id' | 'click_id';

export interface BulkItem {
  /** The id, `txn_id` or click ID, in the form in which they are stored. */
  readonly key: string;
  /** Of several conversions with the key those of this goal and campaign; null: any. */
  readonly goal: string | null;
  readonly campaignId: string | null;
  readonly patch: ConversionPatch;
}

/** An advertiser's list of what became of its conversions, by an operator's hand. */
export interface BulkOrder {
  readonly match: BulkMatch;
  readonly items: readonly BulkItem[];
  /** Whose conversions may be meant; null: anybody's. */
  readonly advertiserId: string | null;
  /** What becomes of the advertiser's conversions that no item may mean; null: nothing. */
  readonly unmatched: Unmatched | null;
  /** Decides, and writes nothing. */
  readonly dryRun: boolean;
  /** `key:<id>`. */
  readonly by: string;
}

export interface Unmatched {
  readonly advertiserId: string;
  readonly status: 'approved' | 'rejected';
  /** Of those received from here on, before there; milliseconds. */
  readonly from: number;
  readonly to: number;
}

export interface BulkResult {
  readonly conversionId: string | null;
  readonly code: BulkCode;
  /** Null: nothing was decided. */
  readonly decided: { readonly before: Conversion; readonly after: Conversion } | null;
}

export interface BulkOutcome {
  /** One an item, in their order. */
  readonly results: readonly BulkResult[];
  /** Of the conversions that no item may mean: those that were changed, and those that could not be. */
  readonly unmatched: readonly BulkResult[];
  /** By currency, by how much this call changes what is paid. */
  readonly totals: ReadonlyMap<string, { readonly payout: Micros; readonly revenue: Micros }>;
  /** False: time was up, or storage failed. The same call goes on: what is done is found done. */
  readonly complete: boolean;
}

interface BulkDeps extends ChangeDeps {
  readonly facts: Pick<FactReader, 'conversions'>;
}

/** How many conversions are read or changed at once; never two changes of one. */
const AT_ONCE = 10;
/** So many items are looked up, then changed: a call that ends early has done what it could. */
const CHUNK = 100;
const PAGE = 200;

/** Ids in the form in which they are stored; nothing else is looked for. */
const ID = /^[a-z2-7]{24}$/;
const CLICK_ID = /^[a-z2-7]{32}$/;

/** Changes conversions as a list says. Begins nothing after `deadline`, milliseconds. Does not throw for storage. */
export async function changeInBulk(order: BulkOrder, deadline: number, deps: BulkDeps): Promise<BulkOutcome> {
  const { items, unmatched } = order;
  // By what campaigns and postbacks say when it begins: reading them for each item would take longer than changing it.
  const catalog = readOnce(deps.catalog);
  const work: Work = { order, deadline, deps: { ...deps, catalog }, isNarrowedTo: narrowing(catalog) };
  const results: BulkResult[] = [];
  const taken = new Set<string>();
  for (let start = 0; start < items.length; start += CHUNK) {
    results.push(...(await changeItems(items.slice(start, start + CHUNK), taken, work)));
  }
  const isDone = results.every(({ code }) => code !== 'TEMPORARILY_UNAVAILABLE');
  const rest =
    isDone && unmatched !== null ? await changeUnmatched(unmatched, work) : { results: [], complete: isDone };
  return {
    results,
    unmatched: rest.results,
    totals: totalsOf([...results, ...rest.results]),
    complete: rest.complete,
  };
}

interface Work {
  readonly order: BulkOrder;
  readonly deadline: number;
  readonly deps: BulkDeps;
  readonly isNarrowedTo: (conversion: Conversion, item: BulkItem) => Promise<boolean>;
}

/** What an item comes to. */
interface PlannedChange {
  readonly conversionId: string;
  readonly patch: ConversionPatch;
}

/** `taken`: the conversions that the items before these name. */
async function changeItems(items: readonly BulkItem[], taken: Set<string>, work: Work): Promise<BulkResult[]> {
  const planned = await mapAtOnce(items, AT_ONCE, (item) => attempt(null, () => plan(item, work), work));
  // In the order of the list, not in that in which they were found: of two the same one counts each time.
  const distinct = planned.map((change) => {
    if ('code' in change) return change;
    if (taken.has(change.conversionId)) return undecided('DUPLICATE_ITEM', change.conversionId);
    taken.add(change.conversionId);
    return change;
  });
  return mapAtOnce(distinct, AT_ONCE, async (change) => ('code' in change ? change : apply(change, () => true, work)));
}

/** The change of the one conversion that an item means, or why there is none. */
async function plan(item: BulkItem, { order, deps, isNarrowedTo }: Work): Promise<PlannedChange | BulkResult> {
  const candidates = await candidatesOf(item, order, deps.store);
  if (candidates === null) return undecided('AMBIGUOUS', null);
  const meant: Candidate[] = [];
  for (const candidate of candidates) {
    const conversion = await deps.store.conversion(candidate.conversionId);
    if (conversion === null || conversion.test) continue;
    if ((order.advertiserId ?? conversion.advertiserId) !== conversion.advertiserId) continue;
    if (await isNarrowedTo(conversion, item)) meant.push(candidate);
  }
  const [one, ...others] = meant;
  if (one === undefined) return undecided('CONVERSION_NOT_FOUND', null);
  if (one.several || others.length > 0) return undecided('AMBIGUOUS', null);
  return { conversionId: one.conversionId, patch: item.patch };
}

interface Candidate {
  readonly conversionId: string;
  /** Whether it stands for more of the same click and goal. */
  readonly several: boolean;
}

/** Conversions with the item's key; null: too many to look at. */
async function candidatesOf(
  { key }: BulkItem,
  { match, advertiserId }: BulkOrder,
  store: BulkDeps['store'],
): Promise<readonly Candidate[] | null> {
  switch (match) {
    case 'id':
      return ID.test(key) ? [{ conversionId: key, several: false }] : [];
    case 'txn_id': {
      const rows = await store.conversionsOfTxn(txnIndexHash(key), advertiserId);
      return rows.length < MAX_OF_TXN ? rows.map(({ conversionId }) => ({ conversionId, several: false })) : null;
    }
    case 'click_id': {
      const rows = CLICK_ID.test(key) ? await store.clickGoals(key) : [];
      return rows.flatMap(({ conversionId, several }) => (conversionId === null ? [] : [{ conversionId, several }]));
    }
  }
}

/** Tells whether a conversion with the key of an item is of the goal and campaign that the item names. */
function narrowing(catalog: BulkDeps['catalog']): Work['isNarrowedTo'] {
  return async (conversion, { goal, campaignId }) => {
    if (campaignId !== null && campaignId !== conversion.campaignId) return false;
    if (goal === null || goal === conversion.goal) return true;
    return targetOf({ goal }, await readCampaign(conversion.campaignId, catalog)).goalId === conversion.goal;
  };
}

/** Changes those of the advertiser's conversions that no item may mean. */
async function changeUnmatched(
  { advertiserId, status, from, to }: Unmatched,
  work: Work,
): Promise<{ results: readonly BulkResult[]; complete: boolean }> {
  const { facts, now } = work.deps;
  const isNamed = naming(work);
  const isLeft = async (conversion: Conversion) => isOpenTo(status, conversion) && !(await isNamed(conversion));
  const filters = { advertiser_id: advertiserId, ...(status === 'approved' && { status: 'pending' }) };
  const isDone = ({ code }: BulkResult) => code !== 'TEMPORARILY_UNAVAILABLE';
  const results: BulkResult[] = [];
  let complete = true;
  let position: ListPosition | null = null;
  do {
    const query: ListQuery<ConversionFilter> = { filters, from, to, limit: PAGE, position, now: now() };
    const page: ListPage<Conversion> | BulkResult = await attempt(null, () => facts.conversions(query), work);
    if ('code' in page) return { results, complete: false };
    // What is listed may be of a moment ago: each is looked at again when it is changed.
    const open = page.items.filter((conversion) => isOpenTo(status, conversion));
    const change = ({ id }: Conversion) => apply({ conversionId: id, patch: { status } }, isLeft, work);
    const tried = await mapAtOnce(open, AT_ONCE, change);
    const done = tried.filter(isDone);
    complete &&= done.length === tried.length;
    results.push(...done.filter(({ code }) => code !== 'CONVERSION_NOT_FOUND'));
    position = page.next;
  } while (position !== null);
  return { results, complete };
}

/** Whether it is for this to decide: tests are nobody's money, and what an operator decided stands. */
function isOpenTo(status: Unmatched['status'], { test, locked, status: before }: Conversion): boolean {
  return !test && !locked && (status === 'approved' ? before === 'pending' : before !== 'rejected');
}

/** Tells whether an item may mean a conversion, done or not. */
function naming({ order: { items, match }, isNarrowedTo }: Work): (conversion: Conversion) => Promise<boolean> {
  const byKey = new Map<string, BulkItem[]>();
  for (const item of items) {
    const same = byKey.get(item.key);
    if (same === undefined) byKey.set(item.key, [item]);
    else same.push(item);
  }
  return async (conversion) => {
    const key = { id: conversion.id, txn_id: conversion.txnId, click_id: conversion.clickId }[match];
    if (key === null) return false;
    for (const item of byKey.get(key) ?? []) if (await isNarrowedTo(conversion, item)) return true;
    return false;
  };
}

/** Changes a conversion if it is meant as it is at that moment; else it is not found. */
async function apply(
  { conversionId, patch }: PlannedChange,
  isMeant: (conversion: Conversion) => boolean | Promise<boolean>,
  work: Work,
): Promise<BulkResult> {
  const { by, dryRun } = work.order;
  const run = async () => {
    const patched = await patchConversion(conversionId, patch, { by, isMeant, dryRun }, work.deps);
    return patched === null
      ? undecided('CONVERSION_NOT_FOUND', conversionId)
      : resultOf(patched.before, patched.verdict);
  };
  return attempt(conversionId, run, work);
}

function resultOf(before: Conversion, verdict: Verdict): BulkResult {
  const { id: conversionId } = before;
  switch (verdict.kind) {
    case 'refused':
      return undecided(verdict.code, conversionId);
    case 'unchanged':
      return { conversionId, code: 'UNCHANGED', decided: { before, after: before } };
    case 'changed': {
      const { code, after } = verdict.change;
      const isSeen = code === 'STATUS_CHANGED' || code === 'AMOUNT_CHANGED';
      return { conversionId, code: isSeen ? code : 'UNCHANGED', decided: { before, after } };
    }
  }
}

function undecided(code: BulkCode, conversionId: string | null): BulkResult {
  return { conversionId, code, decided: null };
}

/** Does something if there is time and storage answers. */
async function attempt<T>(
  conversionId: string | null,
  run: () => Promise<T>,
  { deadline, deps }: Work,
): Promise<T | BulkResult> {
  if (deps.now() >= deadline) return undecided('TEMPORARILY_UNAVAILABLE', conversionId);
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof StorageUnavailable)) throw error;
    return undecided('TEMPORARILY_UNAVAILABLE', conversionId);
  }
}

function totalsOf(results: readonly BulkResult[]): BulkOutcome['totals'] {
  const totals = new Map<string, { payout: Micros; revenue: Micros }>();
  for (const { decided } of results) {
    if (decided === null) continue;
    const { payout, revenue } = approvedDifference(decided.before, decided.after);
    if (payout === ZERO && revenue === ZERO) continue;
    const { currency } = decided.after;
    const total = totals.get(currency) ?? { payout: ZERO, revenue: ZERO };
    totals.set(currency, { payout: addMicros(total.payout, payout), revenue: addMicros(total.revenue, revenue) });
  }
  return totals;
}
