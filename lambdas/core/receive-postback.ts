import { verifyClickId } from './click-id.ts';
import type { MacKeyRing, VerifiedClickId } from './click-id.ts';
import { refuse } from './ruling.ts';
import type { Sender } from './entities.ts';
import type { Hit } from './hit.ts';
import { ENTITY_ID, newSortableId, SECRET } from './ids.ts';
import type { RandomBytes } from './ids.ts';
import type { HitWriter } from './ports.ts';
import { answerOutcome, answerTransport, reasonOf } from './postback-answer.ts';
import type { PostbackAnswer } from './postback-answer.ts';
import { knownNames, namesOf, parsePostback, readToken, tokenNames } from './postback-request.ts';
import type { ConversionCode } from './reasons.ts';
import { readCall } from './received-call.ts';
import type { InboundCall, ReceivedCall } from './received-call.ts';
import { recordConversion } from './record-conversion.ts';
import type { Outcome, RecordDeps } from './record-conversion.ts';
import type { Report } from './report.ts';
import { redactCall } from './redact.ts';
import { parkConversion } from './run-parked.ts';
import { hashToken, holdsToken, mayCallFrom } from './senders.ts';

export interface PostbackDeps extends RecordDeps {
  readonly hits: HitWriter;
  readonly random: RandomBytes;
  /** Tells of the hit of an accepted call that was not stored. */
  readonly hitLost: (hit: Hit, error: unknown) => void;
}

/**
 * One inbound conversion call, from the request to the answer. A refusal is answered after its hit is stored; the hit
 * of an accepted call is best effort. Whatever it throws is to be answered as `answerUnavailable` has it: nothing is known
 * to be recorded, and a repeat of the call finds out.
 */
export async function receivePostback(call: InboundCall, deps: PostbackDeps): Promise<PostbackAnswer> {
  const received = readCall(call);
  return typeof received === 'string' ? answerTransport(received) : receive(call, received, deps);
}

async function receive(call: InboundCall, received: ReceivedCall, deps: PostbackDeps): Promise<PostbackAnswer> {
  const now = deps.now();
  const id = newSortableId(now, deps.random);
  const [caller, ring] = await Promise.all([identify(call, received, now, deps), deps.catalog.macKeys()]);
  const { sender, token, authentic } = caller;
  const known = knownNames(sender);
  const clickNames = namesOf('click_id', sender);
  const names = { tokens: tokenNames(sender), addresses: namesOf('ip', sender), known };
  // Who shows no valid token may have it under a name that is not mapped, or may have taken one for the other; a click id
  // is no secret.
  const mayHideToken = (name: string, value: string): boolean =>
    (known.has(name) ? !authentic && clickNames.includes(name) : token === null || !authentic) &&
    verifyClickId(value, ring) === null;

  const toHit = (outcome: Outcome, click: VerifiedClickId | null): Hit => ({
    id,
    at: now,
    route: `${call.method} ${call.route}`,
    senderId: sender?.id ?? null,
    advertiserId: outcome.advertiserId,
    clickId: click?.id ?? null,
    conversionId: outcome.conversion?.id ?? null,
    code: outcome.code,
    status: answerOutcome(outcome, sender).status,
    query: redactCall(received, names, token, mayHideToken),
  });

  const { outcome, click } = await judge(call, received, caller, { now, ring, toHit }, deps);
  const hit = toHit(outcome, click);
  try {
    await deps.hits.put(hit);
  } catch (error) {
    if (reasonOf(outcome).result === 'rejected') throw error;
    deps.hitLost(hit, error);
  }
  return answerOutcome(outcome, sender);
}

interface Caller {
  readonly sender: Sender | null;
  readonly token: string | null;
  /** The sender is who it says; without a token only where it needs none. */
  readonly authentic: boolean;
}

/** The sender by the path, else by its token. Read each time: a revoked token is dead at once. */
async function identify(call: InboundCall, received: ReceivedCall, now: number, deps: PostbackDeps): Promise<Caller> {
  const sender = await findSender(call, received, deps);
  const token = readToken(received, call.senderId === null ? null : sender);
  if (sender === null) return { sender, token, authentic: false };
  const tokenless = token === null && call.senderId !== null && !sender.tokenRequired && sender.status === 'active';
  return { sender, token, authentic: tokenless || (token !== null && holdsToken(sender, hashToken(token), now)) };
}

async function findSender(call: InboundCall, received: ReceivedCall, deps: PostbackDeps): Promise<Sender | null> {
  if (call.senderId !== null) return ENTITY_ID.test(call.senderId) ? deps.catalog.sender(call.senderId) : null;
  const token = readToken(received, null);
  if (token === null || !SECRET.test(token)) return null;
  const id = await deps.catalog.senderIdOfToken(hashToken(token));
  return id === null ? null : deps.catalog.sender(id);
}

interface Judgement {
  readonly outcome: Outcome;
  readonly click: VerifiedClickId | null;
}

interface Circumstances {
  readonly now: number;
  readonly ring: MacKeyRing;
  readonly toHit: (outcome: Outcome, click: VerifiedClickId | null) => Hit;
}

/** The contract's table from line 1 on. */
async function judge(
  call: InboundCall,
  received: ReceivedCall,
  { sender, token, authentic }: Caller,
  { now, ring, toHit }: Circumstances,
  deps: PostbackDeps,
): Promise<Judgement> {
  const refused = (code: ConversionCode, message?: string, click: VerifiedClickId | null = null): Judgement => ({
    outcome: { ...refuse(code, { warnings: [] }, message), advertiserId: null },
    click,
  });

  const request = parsePostback(received, sender, token !== null);
  if ('code' in request) return refused(request.code, request.message);
  const click = request.clickId === null ? null : verifyClickId(request.clickId, ring);
  if (request.clickId !== null && click === null) return refused('INVALID_CLICK_ID');
  if (sender === null || !authentic) return refused('INVALID_SECURITY_TOKEN', undefined, click);

  const conversionId = newSortableId(now, deps.random);
  const addressAllowed = mayCallFrom(sender, call.sourceIp);
  const report: Report = {
    request,
    sender,
    addressAllowed,
    click,
    attribution: null,
    receivedAt: now,
    conversionId,
    by: `sender:${sender.id}`,
  };
  const outcome = await recordConversion(report, deps);
  if (outcome.code === 'CLICK_PENDING' && click !== null) {
    await parkConversion({ ...report, click }, toHit(outcome, click), deps);
  }
  return { outcome, click };
}
