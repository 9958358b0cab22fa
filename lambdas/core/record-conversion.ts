import { readTerms } from './choose-terms.ts';
import type { VerifiedClickId } from './click-id.ts';
import { clickMacroValues, ownerMacroValues } from './click-macros.ts';
import { commitChange, untilCommitted } from './commit-change.ts';
import type { ChangeDeps } from './commit-change.ts';
import type { StoredCounter } from './counters.ts';
import { publisherOfCoupon } from './coupons.ts';
import { decideExisting } from './decide-existing.ts';
import { decideNew } from './decide-new.ts';
import type { Campaign, Settings } from './entities.ts';
import { ENTITY_ID } from './ids.ts';
import { findByEarlierKey, findByTxn, keysOfNew, locate, readConversion, targetOf } from './locate-conversion.ts';
import type { Located, Target } from './locate-conversion.ts';
import { DAY_MS } from './periods.ts';
import { readCampaign, readPlace } from './place.ts';
import type { Place } from './place.ts';
import type { ClickReader, CommitResult, ConversionCatalog, ConversionStore, DedupeKey } from './ports.ts';
import type { PostbackRequest } from './postback-request.ts';
import type { ConversionCode } from './reasons.ts';
import type { Report } from './report.ts';
import { refuse } from './ruling.ts';
import type { Ruling, Subject } from './ruling.ts';
import { sceneOf } from './scene.ts';
import { mayReportFor } from './senders.ts';
import type { Reporter } from './senders.ts';
import { findSubject, subjectOf } from './subject.ts';

export interface Outcome extends Omit<Ruling, 'change'> {
  /** Whose click or conversion it is, as far as it was found. */
  readonly advertiserId: string | null;
}

export interface RecordDeps extends ChangeDeps {
  readonly catalog: ConversionCatalog;
  readonly clicks: ClickReader;
}

/**
 * Lines 3 (the click's advertiser) to 13 of the contract's table. `CLICK_PENDING` records nothing: the caller parks the
 * call.
 *
 * @throws StorageUnavailable - what was decided may have been committed or not; a repeat of the call finds out
 */
export async function recordConversion(report: Report, deps: RecordDeps): Promise<Outcome> {
  return untilCommitted(
    `conversion ${report.conversionId}`,
    async (full) => {
      const { ruling, advertiserId, within, remember } = await decide(report, full, deps);
      const { change, ...told } = ruling;
      const outcome = { ...told, advertiserId };
      if (remember !== undefined) return { outcome, commit: () => rememberRejection(remember, deps) };
      if (change === null || within === null) return { outcome, commit: null };
      return { outcome, commit: () => commitChange(change, within, deps) };
    },
    deps,
  );
}

/** What an earlier try of a report recorded, even if its answer was lost. Null: nothing. Throws StorageUnavailable. */
export async function readRecorded(
  conversionId: string,
  { store }: Pick<RecordDeps, 'store'>,
): Promise<Outcome | null> {
  const conversion = await store.conversion(conversionId);
  if (conversion === null) return null;
  return { code: conversion.code, warnings: [], conversion, advertiserId: conversion.advertiserId };
}

interface Plan {
  readonly ruling: Ruling;
  readonly advertiserId: string | null;
  /** Where the change happens, if there is one. */
  readonly within: Place | null;
  /** A rejection to remember until its conversion comes. */
  readonly remember?: DedupeKey;
}

async function rememberRejection(key: DedupeKey, { store }: RecordDeps): Promise<CommitResult> {
  return (await store.remember(key)) ? { committed: true } : { committed: false, lost: 'key' };
}

async function decide(report: Report, full: readonly StoredCounter[], deps: RecordDeps): Promise<Plan> {
  const said = report.sender === null ? { ...report, request: asPixel(report.request) } : report;
  return said.click === null ? decideWithoutClick(said, full, deps) : decideByClick(said, said.click, full, deps);
}

/** Anybody may load a pixel: it says neither what becomes of a conversion nor what it pays. */
function asPixel(request: PostbackRequest): PostbackRequest {
  return { ...request, status: null, action: 'add', payout: null, revenue: null, campaignId: null };
}

async function decideByClick(
  report: Report,
  clickId: VerifiedClickId,
  full: readonly StoredCounter[],
  deps: RecordDeps,
): Promise<Plan> {
  const { request, sender, attribution } = report;
  const [click, rows, settings] = await Promise.all([
    deps.clicks.click(clickId.id),
    deps.store.clickGoals(clickId.id),
    deps.catalog.settings(),
  ]);
  const subject = click === null ? await findSubject(clickId, rows, attribution, deps) : subjectOf(click);
  const advertiserId = subject?.advertiserId ?? null;
  const refused = (code: ConversionCode): Plan => refusedPlan(request, advertiserId, code);

  if (isForeign(advertiserId, sender)) return refused('INVALID_SECURITY_TOKEN');
  if (!report.addressAllowed) return refused('IP_NOT_ALLOWED');
  if (subject === null) {
    if (attribution !== null) return refused('CONVERSION_NOT_FOUND');
    return refused(deps.now() < retentionEnd(clickId, settings) ? 'CLICK_PENDING' : 'CLICK_PURGED');
  }

  const campaign = await readCampaign(subject.campaignId, deps.catalog);
  const target = targetOf(request, campaign);
  const located = await locate(request, subject, target, rows, deps.store);
  const place = { campaign, settings };
  if (located.conversionId !== null) return decideFound(report, located.conversionId, located, place, deps);
  const earlier = await findByEarlierKey(request, subject, target, campaign, deps.store);
  if (earlier !== null) return decideFound(report, earlier, NAMED_BY_TXN, place, deps);
  if (click === null && attribution === null) return refused('CLICK_PURGED');
  const clickValues =
    click === null
      ? { click_id: clickId.id, ...ownerMacroValues(subject, campaign) }
      : clickMacroValues(click, campaign);
  return decideFirst(report, { subject, clickValues, target, located }, place, full, deps);
}

/**
 * No click: an existing conversion by its `txn_id`, and by the goal if it is given. If there is none, the campaign's
 * coupon says whose it is, or an operator.
 */
async function decideWithoutClick(report: Report, full: readonly StoredCounter[], deps: RecordDeps): Promise<Plan> {
  const { request, sender, attribution } = report;
  const { coupon } = request.values;
  const campaignId = attribution?.campaignId ?? (coupon === undefined ? null : request.campaignId);
  const campaign = campaignId !== null && ENTITY_ID.test(campaignId) ? await deps.catalog.campaign(campaignId) : null;
  const advertiserId = campaign?.advertiserId ?? null;
  const refused = (code: ConversionCode, message?: string): Plan => refusedPlan(request, advertiserId, code, message);

  if (isForeign(advertiserId, sender)) return refused('INVALID_SECURITY_TOKEN');
  if (!report.addressAllowed) return refused('IP_NOT_ALLOWED');

  const [settings, named, found] = await Promise.all([
    deps.catalog.settings(),
    campaign && locateInCampaign(request, campaign, deps.store),
    findByTxn(report, campaign, deps),
  ]);
  const place = campaign && { campaign, settings };
  if (named !== null && named.located.conversionId !== null) {
    return decideFound(report, named.located.conversionId, named.located, place, deps);
  }
  const [existing, ...more] = found;
  if (more.length > 0) {
    return refused('MISSING_PARAMETER', 'Several conversions have this txn_id; click_id or goal is missing');
  }
  if (existing !== undefined) return decideFound(report, existing.conversionId, NAMED_BY_TXN, place, deps);
  if (place === null || named === null) {
    return refused('CONVERSION_NOT_FOUND', campaignId === null ? undefined : 'There is no such campaign');
  }
  const publisherId = attribution?.publisherId ?? publisherOfCoupon(coupon ?? '', place.campaign);
  if (publisherId === null) return refused('CONVERSION_NOT_FOUND', 'The campaign has no such coupon');
  const subject: Subject = { ...named.whose, clickAt: null, publisherId };
  const clickValues = ownerMacroValues(subject, place.campaign);
  return decideFirst(report, { ...named, subject, clickValues }, place, full, deps);
}

async function locateInCampaign(
  request: PostbackRequest,
  campaign: Campaign,
  store: ConversionStore,
): Promise<Pick<First, 'target' | 'located'> & { readonly whose: Omit<Subject, 'clickAt' | 'publisherId'> }> {
  const target = targetOf(request, campaign);
  const whose = { clickId: null, campaignId: campaign.id, advertiserId: campaign.advertiserId };
  return { target, whose, located: await locate(request, whose, target, [], store) };
}

/** What the transaction id alone says of the conversion that it names. */
const NAMED_BY_TXN = { remembered: false, ambiguous: false, adoption: null };

/** Lines 8 to 10. `place`: where the call says that it happened; whatever it says, the conversion knows better. */
async function decideFound(
  report: Report,
  id: string,
  { remembered, ambiguous, adoption }: Pick<Located, 'remembered' | 'ambiguous' | 'adoption'>,
  place: Place | null,
  deps: RecordDeps,
): Promise<Plan> {
  const { request, sender, click } = report;
  const conversion = await readConversion(id, deps.store);
  const { advertiserId, campaignId } = conversion;
  if (isForeign(advertiserId, sender)) return refusedPlan(request, advertiserId, 'INVALID_SECURITY_TOKEN');

  // A transaction may be that of another click: what is told of it, and to whom, goes by the conversion.
  const within = place?.campaign.id === campaignId ? place : await readPlace(campaignId, deps.catalog);
  const goal = within.campaign.goals.find((candidate) => candidate.id === conversion.goal) ?? null;
  const scene = sceneOf(report, within, goal, deps.now());
  if (id === report.conversionId) {
    // Our own: the commit happened, only its answer was lost.
    const { warnings } = scene === 'INVALID_AMOUNT' ? request : scene.request;
    return { ruling: { code: conversion.code, warnings, conversion, change: null }, advertiserId, within: null };
  }
  if (scene === 'INVALID_AMOUNT') return refusedPlan(request, advertiserId, scene);
  const existing = { conversion, clickId: click?.id ?? null, ambiguous, remembered, adoption };
  return { ruling: decideExisting(scene, existing), advertiserId, within };
}

/** What a conversion is made of that is the first of its key. */
interface First {
  readonly subject: Subject;
  readonly clickValues: Readonly<Record<string, string>>;
  readonly target: Target;
  readonly located: Located;
}

/** Lines 6 (as far as there is a click), 7 and 11 to 13. */
async function decideFirst(
  report: Report,
  { subject, clickValues, target, located }: First,
  place: Place,
  full: readonly StoredCounter[],
  deps: RecordDeps,
): Promise<Plan> {
  const { request, receivedAt, conversionId: id } = report;
  const { advertiserId } = subject;
  if (request.status === 'rejected') {
    return { ...refusedPlan(request, advertiserId, 'STATUS_REMEMBERED'), remember: located.key };
  }
  if (request.action === 'change') return refusedPlan(request, advertiserId, 'CONVERSION_NOT_FOUND');
  const { goal, goalId } = target;
  const scene = sceneOf(report, place, goal, deps.now());
  if (scene === 'INVALID_AMOUNT') return refusedPlan(request, advertiserId, scene);
  const ruling = decideNew(scene, {
    id,
    receivedAt,
    subject,
    goalId,
    clickValues,
    termsInForce: await readTerms(place.campaign, { clickAt: subject.clickAt, receivedAt }, deps.catalog),
    remembered: located.remembered,
    keys: keysOfNew(request, id, subject, target, located),
    full,
  });
  return { ruling, advertiserId, within: place };
}

/** Whether an advertiser, as far as one is known, is none of the sender's. A pixel reports for whose the click is. */
function isForeign(advertiserId: string | null, sender: Reporter | null): boolean {
  return sender !== null && advertiserId !== null && !mayReportFor(sender, advertiserId);
}

function refusedPlan(
  request: PostbackRequest,
  advertiserId: string | null,
  code: ConversionCode,
  message?: string,
): Plan {
  return { ruling: refuse(code, request, message), advertiserId, within: null };
}

/** When the click's retention ends and with it the waiting for it, in milliseconds. */
export function retentionEnd(click: VerifiedClickId, settings: Settings): number {
  return click.time + settings.clickRetentionDays * DAY_MS;
}
